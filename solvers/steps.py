"""One step from t to t_next: ``(flow, x, t, t_next) -> x_next``, all of them explicit.

``order`` is the order of convergence that a step claims; the tests hold it to that.
"""

from torch import Tensor

from sampler_bench.kit.description import facts
from sampler_bench.kit.parameters import Positive
from sampler_bench.solvers.flow import Flow


@facts(order=1)
def euler(flow: Flow, x: Tensor, t: Tensor, t_next: Tensor) -> Tensor:
    """Return Euler's step: order 1, one evaluation."""
    return x + (t_next - t) * flow(x, t)


@facts(order=2)
def rk2(flow: Flow, x: Tensor, t: Tensor, t_next: Tensor, *, alpha: Positive = 1.0) -> Tensor:
    """Return a step of the second-order family (EDM, Algorithm 3): order 2, two evaluations.

    α = 1 is Heun, ½ the midpoint rule, ⅔ Ralston. For α > 1 the second slope can fall beyond the
    end of time; the step is then Euler's (Algorithm 3 tests t' ≠ 0, which a negative t' passes).
    """
    h = t_next - t
    d = flow(x, t)
    t_prime = t + alpha * h
    if not flow.schedule.sigma(t_prime) > 0:  # also catches the NaN of VP below its second root
        return x + h * d
    d_prime = flow(x + alpha * h * d, t_prime)
    return x + h * ((1 - 1 / (2 * alpha)) * d + 1 / (2 * alpha) * d_prime)


@facts(order=2)
def heun(flow: Flow, x: Tensor, t: Tensor, t_next: Tensor) -> Tensor:
    """Return Heun's step, α = 1 (EDM, Algorithm 1): order 2, two evaluations."""
    return rk2(flow, x, t, t_next, alpha=1.0)


@facts(order=4)
def rk4(flow: Flow, x: Tensor, t: Tensor, t_next: Tensor) -> Tensor:
    """Return a step of the classical Runge–Kutta method: order 4, four evaluations."""
    h = t_next - t
    k_1 = flow(x, t)
    k_2 = flow(x + h / 2 * k_1, t + h / 2)
    k_3 = flow(x + h / 2 * k_2, t + h / 2)
    k_4 = flow(x + h * k_3, t_next)
    return x + h / 6 * (k_1 + 2 * k_2 + 2 * k_3 + k_4)
