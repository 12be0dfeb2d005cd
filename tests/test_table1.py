"""Table 1 says what the code computes: each formula, evaluated, against the code."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from sampler_bench import solvers
from sampler_bench.models import preconditioning
from sampler_bench.models.training import loss, noise
from sampler_bench.reports.table1 import ABAR, COLUMNS, CONSTANTS, EXPRESSIONS, RECURSION, table1
from sampler_bench.solvers import schedules
from sampler_bench.solvers.levels import iddpm_levels
from tests.solvers.combinations import each, float64

SIGMA = torch.tensor([0.02, 0.1, 0.7, 3.0, 50.0], dtype=torch.float64)
T = torch.tensor([0.01, 0.1, 0.4, 0.9, 1.0], dtype=torch.float64)
U = torch.tensor([0.05, 0.3, 0.5, 0.77, 0.99], dtype=torch.float64)
N = 12
NAMES = {"iDDPM + DDIM": "iddpm"}


def evaluated(part, column, **values):
    """The table's formula at each of some values of its one variable."""
    number = COLUMNS.index(column)
    known = {
        **{"sqrt": math.sqrt, "exp": math.exp, "ln": math.log, "floor": math.floor, "abs": abs},
        **{"probit": NormalDist().inv_cdf, "argmin": np.argmin, "N": N, **CONSTANTS[number]},
        "u": iddpm_levels().numpy(),
    }
    ((name, some),) = values.items()
    formula = EXPRESSIONS[part][number]
    found = [eval(formula, {"__builtins__": {}}, {**known, name: float(one)}) for one in some]
    return torch.tensor(found, dtype=torch.float64)


def close(a, b, rtol=1e-9):
    torch.testing.assert_close(a, b.double(), rtol=rtol, atol=0)


def schedule(column):
    return {"VP": schedules.VP(), "VE": schedules.VE()}.get(column, schedules.Linear())


@pytest.mark.parametrize("column", COLUMNS)
def test_schedule_and_scaling(column):
    close(evaluated("Schedule σ(t)", column, t=T), each(schedule(column).sigma, T))
    s = schedules.UnitVariance(schedules.VP()) if column == "VP" else schedule(column)
    close(evaluated("Scaling s(t)", column, t=T), each(s.s, T))


@pytest.mark.parametrize("column", COLUMNS)
def test_time_steps(column):
    t = evaluated("Time steps t_i, i < N", column, i=range(N))
    name = NAMES.get(column, column.lower())
    declared = solvers.DISCRETIZATIONS[name]
    levels = float64(*declared.levels(N, declared.sigma_min, declared.sigma_max))
    # VP's range in the code is σ(ε_s) … σ(1) rounded to six digits.
    close(each(schedule(column).sigma, t), levels, rtol=1e-4 if column == "VP" else 1e-9)


@pytest.mark.parametrize("column", COLUMNS)
def test_preconditioning(column):
    made = preconditioning.PRECONDITIONINGS[NAMES.get(column, column.lower())]()
    if column == "iDDPM + DDIM":
        sigma = iddpm_levels()[[3, 100, 500, 900, 990]]
    else:
        sigma = SIGMA
    found = made.coefficients(sigma)
    for part, value in zip(("c_skip", "c_out", "c_in", "c_noise"), found, strict=True):
        close(evaluated(f"{part}(σ)", column, sigma=sigma), value)


@pytest.mark.parametrize("column", COLUMNS)
def test_training(column):
    made = {"VP": noise.VP, "VE": noise.VE, "EDM": noise.EDM}.get(column, noise.IDDPM)()
    part = "Training's σ, U uniform in (0, 1)"
    # iDDPM's levels are float32 in networks.
    close(evaluated(part, column, U=U), made.quantile(U), 3e-5 if "iDDPM" in column else 1e-9)
    weighting = loss.EDM() if column == "EDM" else loss.Inverse()
    close(evaluated("Weight λ(σ)", column, sigma=SIGMA), weighting.weight(SIGMA))


def test_constants_are_the_codes():
    assert CONSTANTS[0]["M"] == preconditioning.VP().M
    assert preconditioning.VP().epsilon_t == CONSTANTS[0]["epsilon_t"]
    assert (preconditioning.VE().sigma_min, preconditioning.VE().sigma_max) == (0.02, 100)
    edm = solvers.DISCRETIZATIONS["edm"]
    assert (edm.sigma_min, edm.sigma_max) == (CONSTANTS[3]["sigma_min"], CONSTANTS[3]["sigma_max"])


def test_it_is_a_table_of_texts():
    table = table1()
    assert list(table.columns) == ["Model", "Metric", "Part", *COLUMNS]
    parts = list(table["Part"])
    assert len(parts) == len(EXPRESSIONS) + 4
    assert parts[:3] == ["ODE solver", "Time steps t_i, i < N; t_N = 0", "Levels u_j"]
    cells = table.set_index("Part")
    assert cells.loc["Schedule σ(t)", "VP"] == "√(exp(β_d·t²/2 + β_min·t) − 1)"
    assert cells.loc["ODE solver", "EDM"] == "Heun (second order)"
    assert cells.loc["Architecture", "VE"] == "NCSN++"
    assert "√((u_j² + 1)/max(ᾱ[j − 1]/ᾱ[j], C_1) − 1)" in cells.loc["Levels u_j", "iDDPM + DDIM"]
    assert "L_vlb" in cells.loc["Weight λ(σ)", "iDDPM + DDIM"]


def test_the_levels_follow_from_their_recursion():
    constants = CONSTANTS[2]
    known = {"sqrt": math.sqrt, "max": max, "sin": math.sin, "pi": math.pi, **constants}
    m = int(constants["M"])
    bare = {"__builtins__": {}}
    abar = [eval(ABAR, bare, {**known, "j": j}) for j in range(m + 1)]
    u = [0.0]
    for j in range(m, 0, -1):
        u.append(eval(RECURSION, bare, {**known, "u_j": u[-1], "abar": abar, "j": j}))
    # The code's ᾱ are float32, as EDM's: 5e-4 at the lowest level.
    close(torch.tensor(u[:0:-1], dtype=torch.float64), iddpm_levels()[:m], rtol=5e-4)
