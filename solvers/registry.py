"""The parts of a sampler, by name. Each is imported when it is first used.

A new row is tested by existing; ``bench list`` reads what it says of itself from its source.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sampler_bench.kit.registry import Registry

if TYPE_CHECKING:
    from sampler_bench.solvers.discretizations import Discretization
    from sampler_bench.solvers.original.whole import Original
    from sampler_bench.solvers.schedules import Schedule
    from sampler_bench.solvers.solver import Solver

SOLVERS: Registry["Solver"] = Registry(
    "solver",
    {
        "euler": "sampler_bench.solvers.rules.runge_kutta:Euler",
        "heun": "sampler_bench.solvers.rules.runge_kutta:Heun",
        "rk2": "sampler_bench.solvers.rules.runge_kutta:RK2",
        "rk4": "sampler_bench.solvers.rules.runge_kutta:RK4",
        "rk45": "sampler_bench.solvers.rk45:RK45",
    },
    wrap="sampler_bench.solvers.fixed_step:FixedStep",
    group="solvers",
)

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

SCHEDULES: Registry[type["Schedule"]] = Registry(
    "schedule",
    {
        "linear": "sampler_bench.solvers.schedules:Linear",
        "ve": "sampler_bench.solvers.schedules:VE",
        "vp": "sampler_bench.solvers.schedules:VP",
        "geometric": "sampler_bench.solvers.schedules:Geometric",
    },
    method="fit",
    group="schedules",
)

SCALINGS: Registry[Callable[["Schedule"], "Schedule"]] = Registry(
    "scaling",
    {
        "none": "sampler_bench.solvers.schedules:unscaled",
        "unit-variance": "sampler_bench.solvers.schedules:UnitVariance",
    },
    group="scalings",
)

DISCRETIZATIONS: Registry["Discretization"] = Registry(
    "discretization",
    {
        "edm": "sampler_bench.solvers.discretizations:edm",
        "vp": "sampler_bench.solvers.discretizations:vp",
        "ve": "sampler_bench.solvers.discretizations:ve",
        "iddpm": "sampler_bench.solvers.discretizations:iddpm",
        "log-snr": "sampler_bench.solvers.discretizations:log_snr",
    },
    wrap="sampler_bench.solvers.discretizations:Discretization",
    group="discretizations",
)
