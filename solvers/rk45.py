"""The black-box ODE solver of EDM's Figure 2: Dormand–Prince as SciPy ships it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from scipy.integrate import solve_ivp
from torch import Tensor

from sampler_bench.kit.parameters import Count, check_fields
from sampler_bench.solvers.churn import Churn, Noise
from sampler_bench.solvers.flow import Flow
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.steps import euler

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
        version: See :class:`~solvers.solver.Solver`.
    """

    takes_steps: ClassVar[bool] = False
    rtol: Tolerance = 1e-4
    atol: Tolerance | None = None
    group: Count = 50
    version: int = 1

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, flow: Flow, x: Tensor, levels: Tensor, churn: Churn, noise: Noise) -> Tensor:
        """Integrate ``x`` [B, *shape] from ``levels[0]`` to ``levels[-1]`` ≥ 0.

        Raises:
            RuntimeError: If the denoiser returned NaN, or SciPy gives up.
        """
        return torch.cat([self._integrate(flow, part, levels) for part in x.split(self.group)])

    def _integrate(self, flow: Flow, x: Tensor, levels: Tensor) -> Tensor:
        positive = levels[levels > 0]
        t_start, t_end = flow.schedule.time(positive[[0, -1]])

        def slope(t: float, flat: np.ndarray) -> np.ndarray:
            state = torch.from_numpy(flat).to(x.device).reshape(x.shape)
            time = torch.tensor(t, dtype=torch.float64, device=x.device)
            derivative = flow(state, time).cpu().numpy().ravel()
            if not np.isfinite(derivative).all():  # SciPy would retry for ever
                raise RuntimeError(f"RK45: dx/dt is not finite at t = {t:g}")
            return derivative

        atol = self.rtol if self.atol is None else self.atol
        solution = solve_ivp(
            slope,
            (float(t_start), float(t_end)),
            x.cpu().numpy().ravel(),
            method="RK45",
            rtol=self.rtol,
            atol=atol,
            t_eval=[float(t_end)],
        )
        if not solution.success:
            raise RuntimeError(f"RK45 (rtol={self.rtol:g}, atol={atol:g}): {solution.message}")
        x = torch.from_numpy(solution.y[:, -1].copy()).to(x.device).reshape(x.shape)
        return x if levels[-1] > 0 else euler(flow, x, t_end, torch.zeros_like(t_end))
