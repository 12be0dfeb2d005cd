"""SA-Solver's own program: VP state, levels from its noise schedule, τ read where a step ends."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sampler_bench.solvers.past import Past
from sampler_bench.solvers.paths.tau import EulerMaruyama, Tau, TauSDE
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.process import Process
from sampler_bench.solvers.rules.predictor_corrector import PredictorCorrector
from sampler_bench.solvers.schedules import Linear
from tests.parity.case import Case
from tests.parity.run import NotMapped, Setup


def mapped(case: Case) -> Setup | NotMapped:
    """Return what ``SASolver.sample`` is here."""
    given = case.args
    assert case.grid is not None
    grid = [Linear().level(float(sigma)) for sigma in case.grid]
    few, data = given["mode"] == "few_steps", given["algorithm_type"] == "data_prediction"
    kind = PredictorCorrector if few or given["corrector_order"] else Twice
    rule = kind(
        k=given["predictor_order"],
        form="data" if data else "noise",
        half="bh1" if few and data else "exact",
        corrector=given["corrector_order"] or None,
        again=given.get("pc_mode") == "PECE",
        end="falls",
    )
    path = _path(given, data, few)
    kept = case.draws if not path.draws else 1
    setup = Setup(
        rule=rule,
        path=path,
        grid=grid,
        z=case.x * math.hypot(1, grid[0].sigma),
        denoise=not few,
        scale=1 / math.hypot(1, grid[-1].sigma) if few else 1.0,
        unused=(kept, 0),
    )
    if kind is PredictorCorrector:
        return setup
    return NotMapped("without a corrector it evaluates twice at the last level, for nothing", setup)


@dataclass(frozen=True, kw_only=True)
class Twice(PredictorCorrector):
    """Without a corrector the program still evaluates for it at the last level, and once more."""

    def finish(self, process: Process, z: Tensor, at: Point, past: Past) -> Tensor:
        """Return D at the last level, by two evaluations."""
        process.denoise(z, at)
        return super().finish(process, z, at, past)


def _path(given: Mapping[str, Any], data: bool, few: bool) -> Tau:
    tau = given["tau"]
    low, high, value = tau if isinstance(tau, list) else (0.0, math.inf, tau)
    kind: type[Tau] = TauSDE if data else EulerMaruyama
    return kind(tau=value, S_min=low, S_max=high, level="end", quiet_end=few)
