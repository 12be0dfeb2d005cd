"""The sampling half of EDM's Table 1, as independent parts that combine freely.

sampler = solvers.build(solver="heun", discretization="edm", steps=18)
noise = solvers.SeedNoise(range(64), "cpu")
samples = sampler(denoiser, noise.latents(denoiser.shape), noise)
"""

from solvers.build import AnySampler, Incompatible, build
from solvers.churn import Churn
from solvers.denoiser import Denoiser
from solvers.discretizations import DISCRETIZATIONS, Discretization
from solvers.fixed_step import FixedStep
from solvers.flow import Flow
from solvers.noise import SeedNoise
from solvers.original.registry import ORIGINALS
from solvers.original.whole import Original, OriginalSampler
from solvers.presets import TABLE_1
from solvers.registry import SOLVERS
from solvers.rk45 import RK45
from solvers.sampler import Sampler
from solvers.schedules import SCALINGS, SCHEDULES, Schedule

__all__ = [
    "DISCRETIZATIONS",
    "ORIGINALS",
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
