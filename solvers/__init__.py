"""The sampling half of EDM's Table 1, as independent parts that combine freely.

sampler = solvers.build(solver="heun", discretization="edm", steps=18)
noise = solvers.SeedNoise(range(64), "cpu")
samples = sampler(denoiser, noise.latents(denoiser.shape), noise)
"""

from typing import TYPE_CHECKING

from sampler_bench.kit.lazy import lazily
from sampler_bench.solvers.registry import (
    DISCRETIZATIONS,
    EVERY_SOLVER,
    ORIGINALS,
    PATHS,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
)

if TYPE_CHECKING:
    from sampler_bench.solvers.any_sampler import AnySampler
    from sampler_bench.solvers.building import build
    from sampler_bench.solvers.churn import Churn
    from sampler_bench.solvers.denoiser import Denoiser
    from sampler_bench.solvers.discretizations import Discretization
    from sampler_bench.solvers.fixed_step import FixedStep
    from sampler_bench.solvers.flow import Flow
    from sampler_bench.solvers.incompatible import Incompatible
    from sampler_bench.solvers.noise import SeedNoise
    from sampler_bench.solvers.original.whole import Original, OriginalSampler
    from sampler_bench.solvers.presets import TABLE_1
    from sampler_bench.solvers.rk45 import RK45
    from sampler_bench.solvers.sampler import Sampler
    from sampler_bench.solvers.schedules import Schedule

# Not imported before they are used: names and descriptions of parts need no PyTorch.
__getattr__, __dir__ = lazily(
    __name__,
    {
        "any_sampler": ("AnySampler",),
        "building": ("build",),
        "churn": ("Churn",),
        "denoiser": ("Denoiser",),
        "discretizations": ("Discretization",),
        "fixed_step": ("FixedStep",),
        "flow": ("Flow",),
        "incompatible": ("Incompatible",),
        "noise": ("SeedNoise",),
        "original.whole": ("Original", "OriginalSampler"),
        "presets": ("TABLE_1",),
        "rk45": ("RK45",),
        "sampler": ("Sampler",),
        "schedules": ("Schedule",),
    },
)

__all__ = [
    "DISCRETIZATIONS",
    "EVERY_SOLVER",
    "ORIGINALS",
    "PATHS",
    "RK45",
    "SCALINGS",
    "SCHEDULES",
    "SOLVERS",
    "TABLE_1",
    "AnySampler",
    "Churn",
    "Denoiser",
    "Discretization",
    "FixedStep",
    "Flow",
    "Incompatible",
    "Original",
    "OriginalSampler",
    "Sampler",
    "Schedule",
    "SeedNoise",
    "build",
]
