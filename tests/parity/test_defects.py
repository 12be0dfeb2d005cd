"""Which is right, where a released program and ours differ: by the order that each has.

``run.Defect`` proves that a fault is the fault, by its numbers; here is why it is one. Churn after
the call (diffusers) and steps told one σ from a state at another (DDIM, PNDM) are faults against
the algorithms that they implement: EDM's Algorithm 2, and a state z = s·x₀ + b·n.
"""

import pytest
import torch

from sampler_bench.solvers.past import Past
from sampler_bench.solvers.paths.stochastic import SDE
from sampler_bench.solvers.process import Process, refuse
from sampler_bench.solvers.rules.exponential import Multistep
from sampler_bench.solvers.rules.predictor_corrector import PredictorCorrector
from sampler_bench.solvers.schedules import Linear
from sampler_bench.solvers.step import Evaluation
from tests.parity.diffusers.released import WrongSign
from tests.parity.skrample import ReleasedDPM3
from tests.parity.unipc import VaryCoeff
from tests.solvers.loop.exact import bent, slope
from tests.solvers.loop.weak import weak_order


@pytest.mark.parametrize(("form", "k"), [("data", 2), ("noise", 2), ("data", 4)])
def test_unipcs_vary_coeff_loses_all_but_its_first_order(form, k):
    parts = {"k": k, "form": form, "half": "exact", "end": "never"}
    assert slope(VaryCoeff(**parts), bent) == pytest.approx(1, abs=0.1)
    assert slope(PredictorCorrector(**parts), bent) > k + 0.85


@pytest.mark.parametrize("second", ["midpoint", "exact"])
def test_diffusers_wrong_sign_costs_the_sde_rule_an_order(second):
    parts = {"k": 3, "second": second, "third": "released"}
    assert weak_order(WrongSign(**parts), SDE()) < 1.1
    assert weak_order(Multistep(**parts), SDE()) > 1.9


@pytest.mark.parametrize(("rule", "exact"), [(Multistep, True), (ReleasedDPM3, False)])
def test_skramples_third_order_does_not_follow_a_line_on_the_sde(rule, exact):
    """With D linear in ln σ what interpolates it has no error; weights of the flow have."""
    levels = [Linear().level(8.0 * 0.5**i) for i in range(4)]
    data = [torch.full((1,), float(i), dtype=torch.float64) for i in range(3)]
    past = Past()
    for at, D in zip(levels[:2], data, strict=False):
        past.append(Evaluation(at, torch.zeros(1, dtype=torch.float64), D))
    step = list(SDE().steps(levels, Linear()))[2]
    process = Process(lambda z, at: data[2], Linear(), refuse)
    made = rule(k=3, third="exact", end="never")(process, torch.zeros(1).double(), step, past)
    # D = 2 + u on the step, u its share: ∫ 2h·e^{−2h(1−u)}·(2 + u) du, h = ln 2
    whole = 1 - 0.25
    wanted = 2 * whole + 1 - whole / (2 * 0.6931471805599453)
    assert (abs(float(made) - wanted) < 1e-12) == exact
