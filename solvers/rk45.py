"""The black-box ODE solver of EDM's Figure 2: Dormand–Prince as SciPy ships it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from scipy.integrate import solve_ivp
from torch import Tensor

from sampler_bench.kit.parameters import Count, check_fields
from sampler_bench.solvers.flow import Flow
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.route import Route
from sampler_bench.solvers.rules.runge_kutta import euler_step
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.step import Step

# Below about 2e-14 SciPy would use a tolerance other than the declared one.
Tolerance = Annotated[float, Field(ge=1e-13, lt=1)]


@dataclass(frozen=True)
class RK45(Solver):
    """``scipy.integrate.solve_ivp(method="RK45")`` from the first level to the last.

    ``group`` consecutive samples form one system with one error norm (Song et al. flatten a whole
    batch): its steps, and so its result, depend on who shares the group. The group is a declared
    input, so batch size and workers change nothing; ``group = 1`` integrates each sample alone.
    Only the ends of the levels matter. If the last level is 0, the step from the last positive
    level to it is Euler's, one evaluation more, as for every other solver.

    Attributes:
        rtol: SciPy's relative tolerance (in the scaled variable x(t)).
        atol: SciPy's absolute tolerance; the same as ``rtol`` unless given, as in Song et al.
        group: Samples integrated as one system.
    """

    takes_steps: ClassVar[bool] = False
    rtol: Tolerance = 1e-4
    atol: Tolerance | None = None
    group: Count = 50

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def couples(self) -> int | None:
        """How many consecutive samples share an error norm."""
        return self.group

    def sample(self, process: Process, z: Tensor, route: Route) -> Tensor:
        """Integrate ``z`` [B, *shape] from the first level to the last, σ ≥ 0.

        Raises:
            RuntimeError: If the denoiser returned NaN, or SciPy gives up.
        """
        parts = (self._integrate(process, part, route.grid) for part in z.split(self.group))
        made = torch.cat(list(parts))
        return process.denoise(made, route.grid[-1]) if route.denoise else made

    def _integrate(self, process: Process, x: Tensor, grid: Sequence[Point]) -> Tensor:
        positive = [point for point in grid if point.sigma > 0]
        start, end = positive[0], positive[-1]
        flow = Flow(process, start, end)

        def slope(t: float, flat: np.ndarray) -> np.ndarray:
            state = torch.from_numpy(flat).to(x.device).reshape(x.shape)
            derivative = flow(state, t).cpu().numpy().ravel()
            if not np.isfinite(derivative).all():  # SciPy would retry for ever
                raise RuntimeError(f"RK45: dx/dt is not finite at t = {t:g}")
            return derivative

        atol = self.rtol if self.atol is None else self.atol
        solution = solve_ivp(
            slope,
            (start.t, end.t),
            x.cpu().numpy().ravel(),
            method="RK45",
            rtol=self.rtol,
            atol=atol,
            t_eval=[end.t],
        )
        if not solution.success:
            raise RuntimeError(f"RK45 (rtol={self.rtol:g}, atol={atol:g}): {solution.message}")
        x = torch.from_numpy(solution.y[:, -1].copy()).to(x.device).reshape(x.shape)
        if grid[-1].sigma > 0:
            return x
        return euler_step(x, process.denoise(x, end), Step(0, 1, end, end, grid[-1], grid[-1]))
