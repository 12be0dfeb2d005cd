"""The solvers, by name. A new row is tested by existing."""

from sampler_bench.solvers.fixed_step import FixedStep
from sampler_bench.solvers.rk45 import RK45
from sampler_bench.solvers.solver import Solver
from sampler_bench.solvers.steps import euler, heun, rk2, rk4

SOLVERS: dict[str, Solver] = {
    "euler": FixedStep(euler, order=1),
    "heun": FixedStep(heun, order=2),
    "rk2": FixedStep(rk2, order=2),
    "rk4": FixedStep(rk4, order=4),
    "rk45": RK45(),
}
