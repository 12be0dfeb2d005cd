"""The solvers, by name. A new row is tested by existing."""

from solvers.fixed_step import FixedStep
from solvers.rk45 import RK45
from solvers.solver import Solver
from solvers.steps import euler, heun, rk2, rk4

SOLVERS: dict[str, Solver] = {
    "euler": FixedStep(euler, order=1),
    "heun": FixedStep(heun, order=2),
    "rk2": FixedStep(rk2, order=2),
    "rk4": FixedStep(rk4, order=4),
    "rk45": RK45(),
}
