"""The parts of a sampler, by name. Each is imported when it is first used.

A new row is tested by existing; ``bench list`` reads what it says of itself from its source.
"""

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sampler_bench.kit.registry import Registry
from sampler_bench.solvers import forms

if TYPE_CHECKING:
    from sampler_bench.solvers.any_sampler import Row
    from sampler_bench.solvers.discretizations import Discretization
    from sampler_bench.solvers.original.whole import Original
    from sampler_bench.solvers.paths.path import Path
    from sampler_bench.solvers.schedules import Schedule
    from sampler_bench.solvers.solver import Solver

SOLVERS: Registry["Solver"] = Registry(
    "solver",
    {
        "euler": "sampler_bench.solvers.rules.runge_kutta:Euler",
        "heun": "sampler_bench.solvers.rules.runge_kutta:Heun",
        "rk2": "sampler_bench.solvers.rules.runge_kutta:RK2",
        "rk3": "sampler_bench.solvers.rules.runge_kutta:RK3",
        "rk4": "sampler_bench.solvers.rules.runge_kutta:RK4",
        "ees-2-5": "sampler_bench.solvers.rules.named:ees_2_5",
        "ees-2-7": "sampler_bench.solvers.rules.named:ees_2_7",
        "ssp-54": "sampler_bench.solvers.rules.named:ssp_54",
        "cash-karp": "sampler_bench.solvers.rules.named:cash_karp",
        "dpm-2": "sampler_bench.solvers.rules.named:dpm_2",
        "dpm-solver-1": "sampler_bench.solvers.rules.named:dpm_solver_1",
        "dpm-solver-2": "sampler_bench.solvers.rules.named:dpm_solver_2",
        "dpm-solver-3": "sampler_bench.solvers.rules.named:dpm_solver_3",
        "dpmpp-2s": "sampler_bench.solvers.rules.named:dpmpp_2s",
        "dpmpp-3s": "sampler_bench.solvers.rules.named:dpmpp_3s",
        "dpmpp-2m": "sampler_bench.solvers.rules.named:dpmpp_2m",
        "dpmpp-3m": "sampler_bench.solvers.rules.named:dpmpp_3m",
        "dpmpp-3m-released": "sampler_bench.solvers.rules.named:dpmpp_3m_released",
        "res-2m": "sampler_bench.solvers.rules.named:res_2m",
        "dpmpp-2m-sde": "sampler_bench.solvers.rules.named:dpmpp_2m_sde",
        "dpmpp-3m-sde": "sampler_bench.solvers.rules.named:dpmpp_3m_sde",
        "dpmpp-3m-sde-released": "sampler_bench.solvers.rules.named:dpmpp_3m_sde_released",
        "dpm-fast": "sampler_bench.solvers.rules.named:dpm_fast",
        "dpm-adaptive": "sampler_bench.solvers.rules.named:dpm_adaptive",
        "dpmpp-sde": "sampler_bench.solvers.rules.named:dpmpp_sde",
        "lms": "sampler_bench.solvers.rules.named:lms",
        "ipndm": "sampler_bench.solvers.rules.named:ipndm",
        "ipndm-v": "sampler_bench.solvers.rules.named:ipndm_v",
        "ipndm-v-released": "sampler_bench.solvers.rules.named:ipndm_v_released",
        "pndm": "sampler_bench.solvers.rules.named:pndm",
        "deis": "sampler_bench.solvers.rules.named:deis",
        "deis-released": "sampler_bench.solvers.rules.named:deis_released",
        "gradient": "sampler_bench.solvers.rules.named:gradient",
        "unipc-1": "sampler_bench.solvers.rules.named:unipc_1",
        "unipc-2": "sampler_bench.solvers.rules.named:unipc_2",
        "unipc-3": "sampler_bench.solvers.rules.named:unipc_3",
        "sa": "sampler_bench.solvers.rules.named:sa",
        "er-sde-1": "sampler_bench.solvers.rules.named:er_sde_1",
        "er-sde-2": "sampler_bench.solvers.rules.named:er_sde_2",
        "er-sde-2-released": "sampler_bench.solvers.rules.named:er_sde_2_released",
        "er-sde-3": "sampler_bench.solvers.rules.named:er_sde_3",
        "er-sde-3-released": "sampler_bench.solvers.rules.named:er_sde_3_released",
        "rk45": "sampler_bench.solvers.rk45:RK45",
    },
    wrap="sampler_bench.solvers.fixed_step:FixedStep",
    group="solvers",
    forms=forms.SOLVER,
)

PATHS: Registry[Callable[..., "Path"]] = Registry(
    "path",
    {
        "churn": "sampler_bench.solvers.churn:Churn",
        "ancestral": "sampler_bench.solvers.paths.stochastic:Ancestral",
        "sde": "sampler_bench.solvers.paths.stochastic:SDE",
        "tau": "sampler_bench.solvers.paths.tau:TauSDE",
        "euler-maruyama": "sampler_bench.solvers.paths.tau:EulerMaruyama",
        "er-sde": "sampler_bench.solvers.paths.er_sde:ERSDE",
        "restart": "sampler_bench.solvers.paths.restart:Restart",
        "repeated-churn": "sampler_bench.solvers.paths.restart:Repeated",
        "edm-sde": "sampler_bench.solvers.paths.generalised:edm_sde",
        "edm-sde-split": "sampler_bench.solvers.paths.generalised:edm_sde_split",
    },
    group="paths",
    forms=forms.PATH,
)
"""Where noise takes a sampler up again; no path is the solver's own, or churn by S_churn."""

ORIGINALS: Registry["Original"] = Registry(
    "solver",
    {
        "song-vp": "sampler_bench.solvers.original.song:SONG_VP",
        "song-ve": "sampler_bench.solvers.original.song:SONG_VE",
        "adaptive-vp": "sampler_bench.solvers.original.adaptive:ADAPTIVE_VP",
        "adaptive-ve": "sampler_bench.solvers.original.adaptive:ADAPTIVE_VE",
        "ddim": "sampler_bench.solvers.original.ddim:DDIM",
        "ddpm": "sampler_bench.solvers.original.ddpm:DDPM",
        "churned": "sampler_bench.solvers.original.churned:CHURNED",
    },
    wrap="sampler_bench.solvers.original.whole:Original",
)
"""The authors' own samplers, whole: they share names with SOLVERS' rows nowhere."""

EVERY_SOLVER: Mapping[str, "Row"] = ChainMap[str, Any](ORIGINALS, SOLVERS)
"""All that a sampler's solver may be; rows of both say ``takes_parts`` and make their sampler."""

SCHEDULES: Registry[type["Schedule"]] = Registry(
    "schedule",
    {
        "linear": "sampler_bench.solvers.schedules:Linear",
        "ve": "sampler_bench.solvers.schedules:VE",
        "vp": "sampler_bench.solvers.schedules:VP",
        "cosine": "sampler_bench.solvers.schedules:Cosine",
        "geometric": "sampler_bench.solvers.schedules:Geometric",
        "flow": "sampler_bench.solvers.schedules:RectifiedFlow",
    },
    method="fit",
    group="schedules",
    forms=forms.SCHEDULE,
)

SCALINGS: Registry[Callable[["Schedule"], "Schedule"]] = Registry(
    "scaling",
    {
        "none": "sampler_bench.solvers.schedules:unscaled",
        "unit-variance": "sampler_bench.solvers.schedules:UnitVariance",
    },
    group="scalings",
    forms=forms.SCALING,
)

DISCRETIZATIONS: Registry["Discretization"] = Registry(
    "discretization",
    {
        "edm": "sampler_bench.solvers.discretizations:edm",
        "vp": "sampler_bench.solvers.discretizations:vp",
        "ve": "sampler_bench.solvers.discretizations:ve",
        "iddpm": "sampler_bench.solvers.discretizations:iddpm",
        "log-snr": "sampler_bench.solvers.discretizations:log_snr",
        "karras": "sampler_bench.solvers.discretizations:karras",
        "exponential": "sampler_bench.solvers.discretizations:exponential",
        "polyexponential": "sampler_bench.solvers.discretizations:polyexponential",
        "uniform-t": "sampler_bench.solvers.discretizations:uniform_t",
        "time-quadratic": "sampler_bench.solvers.spacings:time_quadratic",
        "kl-optimal": "sampler_bench.solvers.spacings:kl_optimal",
        "laplace": "sampler_bench.solvers.spacings:laplace",
        "linear-quadratic": "sampler_bench.solvers.spacings:linear_quadratic",
        "beta": "sampler_bench.solvers.spacings:beta",
        "ays-sd15": "sampler_bench.solvers.spacings:ays_sd15",
        "ays-sdxl": "sampler_bench.solvers.spacings:ays_sdxl",
        "ays-svd": "sampler_bench.solvers.spacings:ays_svd",
        "leading": "sampler_bench.solvers.spacings:leading",
        "trailing": "sampler_bench.solvers.spacings:trailing",
        "linspace": "sampler_bench.solvers.spacings:linspace",
    },
    wrap="sampler_bench.solvers.discretizations:Discretization",
    group="discretizations",
    forms=forms.DISCRETIZATION,
)
