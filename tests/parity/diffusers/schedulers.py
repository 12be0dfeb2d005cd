"""Which rule and path each scheduler is: levels are its ``.sigmas``, VP states are scaled back."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.paths.ode import Deterministic
from sampler_bench.solvers.paths.path import Path, exactly
from sampler_bench.solvers.paths.stochastic import SDE, Ancestral
from sampler_bench.solvers.paths.tau import EulerMaruyama, Tau, TauSDE
from sampler_bench.solvers.point import Point
from sampler_bench.solvers.rules.adams import LMS
from sampler_bench.solvers.rules.ddim import DDIM
from sampler_bench.solvers.rules.exponential import End, Multistep, allowed_order
from sampler_bench.solvers.rules.pndm import PNDM
from sampler_bench.solvers.rules.predictor_corrector import PredictorCorrector
from sampler_bench.solvers.rules.runge_kutta import RK2, Euler
from sampler_bench.solvers.rules.singlestep import Singlestep
from sampler_bench.solvers.rules.staged import Staged
from sampler_bench.solvers.schedules import Linear, RectifiedFlow, Schedule, UnitVariance
from sampler_bench.solvers.step import Step
from tests.parity.case import Case
from tests.parity.diffusers.released import LateChurn, ReleasedPNDM, Told, WrongSign
from tests.parity.diffusers.singlestep import NoisyOnGrid, plan
from tests.parity.diffusers.trained import Trained
from tests.parity.run import Defect, NotMapped, Setup

Mapped = Setup | NotMapped | Defect
Config = Mapping[str, Any]
FEW = 15
"""Below so many steps the order falls at the end (``lower_order_final``)."""
GRIDS = {
    *("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "timestep_spacing"),
    *("steps_offset", "interpolation_type", "final_sigmas_type", "lambda_min_clipped"),
    *("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas"),
    *("use_flow_sigmas", "flow_shift", "shift", "shift_terminal", "use_dynamic_shifting"),
    *("time_shift_type", "sigma_min", "sigma_max", "sigma_schedule", "rho", "prediction_type"),
}
"""Options that choose levels, which are given, or what the network says, which is D here."""
OPTIONS = {
    *("algorithm_type", "solver_order", "solver_type", "lower_order_final", "euler_at_final"),
    *("predict_x0", "disable_corrector", "predictor_order", "corrector_order", "tau_func"),
    *("skip_prk_steps", "set_alpha_to_one", "clip_sample", "clip_sample_range", "sigma_data"),
    *("stochastic_sampling", "order", "eta", "s_churn", "s_tmin", "s_tmax", "s_noise"),
}


def mapped(case: Case) -> Mapped:
    """Return what a scheduler is here."""
    config, step = case.args["config"], case.args["step"]
    name = case.function.removesuffix("Scheduler")
    unknown = {key for key in {**config, **step} if key not in GRIDS | OPTIONS}
    if name not in SCHEDULERS or unknown:
        return NotMapped(", ".join(sorted(unknown)) or name)
    if step.get("s_churn") and name not in {"EulerDiscrete", "EDMEuler"}:
        return NotMapped(f"churn of {name}")
    return SCHEDULERS[name](case, config)


def _setup(case: Case, levels: Sequence[float], **parts: Any) -> Setup:
    """Return a case on its levels: a flow's in t, else in σ, from a state x₀ + σn."""
    if case.given["call_kind"] == "flow":
        flow = RectifiedFlow()
        return Setup(grid=[flow.at(t) for t in levels], z=case.x, schedule=flow, flow=True, **parts)
    grid = [Linear().level(sigma) for sigma in levels]
    up, down = math.hypot(1, levels[0]), 1 / math.hypot(1, levels[-1])
    if case.given["state"] == "ve":
        up = down = 1.0
    return Setup(grid=grid, z=case.x * up, scale=down, **parts)


def _sigmas(case: Case) -> list[float]:
    """Return the levels: one more than steps, as a grid may have an entry that is never reached."""
    assert case.grid is not None
    return [float(value) for value in case.grid]


def _staged(case: Case) -> list[float]:
    """Return the levels of schedulers that repeat them for their stages."""
    return list(dict.fromkeys(_sigmas(case)))


def _end(config: Config, levels: Sequence[float]) -> End:
    if config.get("lower_order_final", True) and len(levels) - 1 < FEW:
        return "falls"
    if config.get("euler_at_final"):
        return "last"
    return "never" if levels[-1] else "zero"


# One step


def _euler(case: Case, config: Config) -> Mapped:
    levels = _sigmas(case)[: len(case.asked) + 1]
    given = case.args["step"]
    ours = _setup(case, levels, rule=Euler())
    if not given.get("s_churn"):
        return ours
    churn = Churn(
        S_churn=given["s_churn"],
        S_min=given.get("s_tmin", 0.0),
        S_max=given.get("s_tmax", math.inf),
        S_noise=given.get("s_noise", 1.0),
    )
    if not any(churn.gamma(sigma, len(levels) - 1) for sigma in levels[:-1]):
        return ours
    edm = case.function.startswith("EDM")
    late = LateChurn(churn, config.get("sigma_data", 0.5) if edm else math.inf)
    return Defect(
        "churn is added after the model call: D is taken at σ, not at σ̂",
        replace(ours, path=churn),
        replace(ours, sampler=late),
    )


def _flow_euler(case: Case, config: Config) -> Mapped:
    ours = _setup(case, _sigmas(case), rule=Euler())
    if not config.get("stochastic_sampling"):
        return ours
    by = replace(ours, path=Renoised(), unused=(0, _last(case)))
    return NotMapped("each fall goes to σ = 0 and all noise is new: no path of a diffusion", by)


@dataclass(frozen=True, kw_only=True)
class Renoised(Path):
    """Each fall goes to σ = 0, and all noise is new (``stochastic_sampling``).

    For models that map to data at once; of a diffusion it does not keep the variance, however fine
    the steps, so it is no path of the package.
    """

    def steps(
        self,
        grid: Sequence[Point],
        schedule: Schedule,
        round_sigma: Callable[[float], float] = exactly,
    ) -> Iterator[Step]:
        """Yield the steps."""
        n, zero = len(grid) - 1, schedule.level(0.0)
        for i, (here, end) in enumerate(pairwise(grid)):
            yield Step(i, n, here, here, zero, end, (), (end.sigma,) if end.sigma else ())


def _last(case: Case) -> int:
    """Return 1 where the last step goes to σ = 0: the program draws there, and we do not."""
    return int(_sigmas(case)[-1] == 0)


def _ancestral(case: Case, config: Config) -> Mapped:
    levels = _sigmas(case)
    return _setup(case, levels, rule=Euler(), path=Ancestral(), unused=(0, _last(case)))


def _heun(case: Case, config: Config) -> Mapped:
    return _setup(case, _staged(case), rule=RK2())


def _lms(case: Case, config: Config) -> Mapped:
    return _setup(case, _sigmas(case), rule=LMS(k=case.args["step"].get("order", 4)))


def _kdpm2(case: Case, config: Config) -> Mapped:
    path = Ancestral() if "Ancestral" in case.function else Deterministic()
    return _setup(case, _staged(case), rule=Singlestep(k=2, form="noise"), path=path)


# DPM-Solver


def _multistep(case: Case, config: Config) -> Mapped:
    kind = config.get("algorithm_type", "dpmsolver++")
    levels = _sigmas(case)
    parts: dict[str, Any] = {
        "k": config.get("solver_order", 2),
        "form": "data" if kind.endswith("++") else "noise",
        "second": "exact" if config.get("solver_type") == "heun" else "midpoint",
        "third": "released",
        "end": _end(config, levels),
    }
    ours = _setup(case, levels, rule=Multistep(**parts))
    if not kind.startswith("sde"):
        return ours
    path = SDE() if kind.endswith("++") else EulerMaruyama()
    ours = replace(ours, path=path, unused=(0, _last(case)))
    if kind.endswith("++") and _reached(ours) == 3:
        return Defect(
            "sde-dpmsolver++ 3: −½ where +½ belongs, in the weight of D₂",
            ours,
            replace(ours, rule=WrongSign(**parts)),
        )
    return ours


def _reached(setup: Setup) -> int:
    """Return the highest order of any step."""
    rule, steps = setup.rule, setup.path.steps(setup.grid, setup.schedule)
    assert isinstance(rule, Multistep)
    orders = (
        min(allowed_order(rule.k, rule.end, step), step.i + 1) if step.down.sigma else 1
        for step in steps
    )
    return max(orders)


def _deis(case: Case, config: Config) -> Mapped:
    levels = _sigmas(case)
    rule = Multistep(k=config.get("solver_order", 2), form="noise", end=_end(config, levels))
    return _setup(case, levels, rule=rule)


def _singlestep(case: Case, config: Config) -> Mapped:
    kind = config.get("algorithm_type", "dpmsolver++")
    order, exact = config.get("solver_order", 2), config.get("solver_type") == "heun"
    sigmas = _sigmas(case)
    n = len(sigmas) - 1
    lowered = config.get("lower_order_final", False) or n % order > 0 or sigmas[-1] == 0
    orders = plan(n, order, lowered=lowered)
    if sigmas[-1] == 0 and orders[-1] > 1:  # the last level alone, whatever is left
        orders[-1:] = [orders[-1] - 1, 1]
    starts = list(accumulate(orders, initial=0))
    inner = tuple(tuple(sigmas[a + 1 : b]) for a, b in pairwise(starts))
    levels = [sigmas[i] for i in starts]
    if kind.startswith("sde"):
        if exact and order == 3:
            return NotMapped("singlestep sde-dpmsolver++ 3, heun")
        noisy = NoisyOnGrid(inner=inner, second="exact" if exact else "midpoint")
        by = _setup(case, levels, rule=noisy, path=SDE(), unused=(0, _last(case)))
        return NotMapped("singlestep on the SDE with each stage's noise its own", by)
    rule = Staged(
        form="data" if kind.endswith("++") else "noise",
        solver_type="taylor" if exact else "dpmsolver",
        inner=inner,
    )
    return _setup(case, levels, rule=rule)


# Predictor–corrector


def _unipc(case: Case, config: Config) -> Mapped:
    rule = PredictorCorrector(
        k=config.get("solver_order", 2),
        form="data" if config.get("predict_x0", True) else "noise",
        half=config.get("solver_type", "bh2"),
        end="falls" if config.get("lower_order_final", True) else "never",
        unmended=tuple(config.get("disable_corrector", ())),
    )
    return _setup(case, _sigmas(case), rule=rule)


def _sa(case: Case, config: Config) -> Mapped:
    data = config.get("algorithm_type", "data_prediction") == "data_prediction"
    rule = PredictorCorrector(
        k=config.get("predictor_order", 2),
        corrector=config.get("corrector_order", 2),
        form="data" if data else "noise",
        half="bh1" if data else "exact",
        end="falls" if config.get("lower_order_final", True) else "never",
    )
    low, high, tau = 0.0, math.inf, config.get("tau_func")
    if tau is None:  # 1 where 200 ≤ t ≤ 800, t whole
        trained = Trained.of(config)
        low, high, tau = trained.sigma(199.5), trained.sigma(800.5), 1.0
    kind: type[Tau] = TauSDE if data else EulerMaruyama
    path = kind(tau=tau, S_min=low, S_max=high)
    return _setup(
        case, _sigmas(case), rule=rule, path=path, unused=(0, 0 if path.draws else case.draws)
    )


# DDIM and PNDM


def _ddim(case: Case, config: Config) -> Mapped:
    trained = Trained.of(config)
    times = [int(t) for t in case.given["timesteps"]]
    stride = len(trained.sigmas) // len(times)
    told = [trained.sigmas[t] for t in times]
    lands = [trained.after(t - stride, one=config.get("set_alpha_to_one", True)) for t in times]
    clip = config.get("clip_sample_range", 1.0) if config.get("clip_sample", True) else math.inf
    ours = _setup(case, [*told, lands[-1]], rule=DDIM(clip=clip))
    eta = case.args["step"].get("eta", 0.0)
    if eta:
        ours = replace(ours, path=Ancestral(eta=eta), unused=(0, int(lands[-1] == 0)))
    if told[1:] == lands[:-1]:
        return ours
    path = Told(pairs=tuple(zip(told, lands, strict=True)))
    unit = UnitVariance(Linear())
    return Defect(
        f"timesteps are not {stride} apart: the state lies at one σ, D is taken at another",
        ours,
        None if eta else replace(ours, schedule=unit, path=path, z=case.x, scale=1.0),
    )


def _pndm(case: Case, config: Config) -> Mapped:
    trained = Trained.of(config)
    times = tuple(int(t) for t in case.given["timesteps"])
    runge = not config.get("skip_prk_steps", False)
    main = [*times[:12:4], *times[12:]] if runge else list(dict.fromkeys(times))
    stride = len(trained.sigmas) // len(main)
    last = trained.after(main[-1] - stride, one=config.get("set_alpha_to_one", False))
    levels = [*(trained.sigmas[t] for t in main), last]
    ours = _setup(case, levels, rule=PNDM(start="prk" if runge else "plms"))
    if runge:  # half a step is half of its time
        grid = [trained.level(sigma) for sigma in levels]
        ours = replace(ours, schedule=trained, grid=grid)
    uneven = any(a - b != stride for a, b in pairwise(main))
    if not uneven and not runge:
        return ours
    if not uneven and stride % 2 == 0:
        return NotMapped("half steps of the training schedule, a table of σ", ours)
    what = f"timesteps are not {stride} apart" if uneven else f"half of {stride} is no timestep"
    sampler = ReleasedPNDM(trained, times, stride, 12 if runge else 0, last)
    return Defect(
        f"{what}: the state lies at one σ, D is taken at another",
        ours,
        replace(ours, schedule=UnitVariance(Linear()), z=case.x, scale=1.0, sampler=sampler),
    )


SCHEDULERS: dict[str, Callable[[Case, Config], Mapped]] = {
    "EulerDiscrete": _euler,
    "EulerAncestralDiscrete": _ancestral,
    "HeunDiscrete": _heun,
    "LMSDiscrete": _lms,
    "KDPM2Discrete": _kdpm2,
    "KDPM2AncestralDiscrete": _kdpm2,
    "DPMSolverMultistep": _multistep,
    "DPMSolverSinglestep": _singlestep,
    "UniPCMultistep": _unipc,
    "DEISMultistep": _deis,
    "EDMDPMSolverMultistep": _multistep,
    "EDMEuler": _euler,
    "FlowMatchEulerDiscrete": _flow_euler,
    "FlowMatchHeunDiscrete": _heun,
    "SASolver": _sa,
    "DDIM": _ddim,
    "PNDM": _pndm,
}
