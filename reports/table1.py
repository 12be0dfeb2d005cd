"""EDM's Table 1: the parts of each sampler, and its network's preconditioning and training.

Formulas are kept once, as expressions in Python's notation: a test evaluates each of them and
compares it with what `solvers` and `models` compute, so that this table cannot drift from the code.
"""

import re
from collections.abc import Mapping

import pandas as pd

COLUMNS = ("VP", "VE", "iDDPM + DDIM", "EDM")
_BETA = "beta_d*t**2/2 + beta_min*t"

EXPRESSIONS: Mapping[str, tuple[str, str, str, str]] = {
    "Time steps t_i, i < N": (
        "1 + i/(N - 1)*(epsilon_s - 1)",
        "sigma_max**2*(sigma_min**2/sigma_max**2)**(i/(N - 1))",
        "u[floor(j_0 + (M - 1 - j_0)/(N - 1)*i + 1/2)]",
        "(sigma_max**(1/rho) + i/(N - 1)*(sigma_min**(1/rho) - sigma_max**(1/rho)))**rho",
    ),
    "Schedule σ(t)": (f"sqrt(exp({_BETA}) - 1)", "sqrt(t)", "t", "t"),
    "Scaling s(t)": (f"1/sqrt(exp({_BETA}))", "1", "1", "1"),
    "c_skip(σ)": ("1", "1", "1", "sigma_data**2/(sigma**2 + sigma_data**2)"),
    "c_out(σ)": (
        "-sigma",
        "sigma",
        "-sigma",
        "sigma*sigma_data/sqrt(sigma**2 + sigma_data**2)",
    ),
    "c_in(σ)": (
        "1/sqrt(sigma**2 + 1)",
        "1",
        "1/sqrt(sigma**2 + 1)",
        "1/sqrt(sigma**2 + sigma_data**2)",
    ),
    "c_noise(σ)": (
        "(M - 1)*(sqrt(beta_min**2 + 2*beta_d*ln(1 + sigma**2)) - beta_min)/beta_d",
        "ln(sigma/2)",
        "M - 1 - argmin(abs(u - sigma))",
        "ln(sigma)/4",
    ),
    "Training's σ, U uniform in (0, 1)": (
        "sqrt(exp(beta_d*(epsilon_t + (1 - epsilon_t)*U)**2/2"
        " + beta_min*(epsilon_t + (1 - epsilon_t)*U)) - 1)",
        "sigma_min*(sigma_max/sigma_min)**U",
        "u[M - 1 - floor(M*U)]",
        "exp(P_mean + P_std*probit(U))",
    ),
    "Weight λ(σ)": (
        "1/sigma**2",
        "1/sigma**2",
        "1/sigma**2",
        "(sigma**2 + sigma_data**2)/(sigma*sigma_data)**2",
    ),
}
"""By part: one expression for each column. u holds iDDPM's levels u_0 > … > u_M = 0."""

RECURSION = "sqrt((u_j**2 + 1)/max(abar[j - 1]/abar[j], C_1) - 1)"
"""iDDPM's u_(j − 1), from u_M = 0 on."""
ABAR = "sin(pi/2*j/(M*(C_2 + 1)))**2"
"""What stands for ᾱ_j in it."""

CONSTANTS: tuple[Mapping[str, float], ...] = (
    {"beta_d": 19.9, "beta_min": 0.1, "epsilon_s": 1e-3, "epsilon_t": 1e-5, "M": 1000},
    {"sigma_min": 0.02, "sigma_max": 100},
    {"M": 1000, "C_1": 0.001, "C_2": 0.008, "j_0": 8},
    {
        **{"sigma_min": 0.002, "sigma_max": 80, "sigma_data": 0.5, "rho": 7},
        **{"P_mean": -1.2, "P_std": 1.2},
    },
)
"""For each column, the defaults of the code."""

_SOLVER = ("Euler", "Euler", "Euler", "Heun (second order)")
_ARCHITECTURE = ("DDPM++", "NCSN++", "DDPM; in the paper's tests ADM", "any")
_SAID = {"Time steps t_i, i < N": "Time steps t_i, i < N; t_N = 0"}
_NOTES = {("Weight λ(σ)", "iDDPM + DDIM"): ", and a second loss L_vlb, which is not trained here"}
_GREEK = {
    "abar": "ᾱ",
    "pi": "π",
    "sigma": "σ",
    "beta": "β",
    "epsilon": "ε",
    "rho": "ρ",
    "sqrt": "√",
    "probit": "Φ⁻¹",
}


def table1() -> pd.DataFrame:
    """One row per part of a sampler or its training, in the order of the paper; all are texts.

    Columns: Model and Metric (its title), Part, and those of the paper's table.
    """
    rows = [["ODE solver", *_SOLVER], *map(_row, EXPRESSIONS)]
    levels = f"u_M = 0, u_(j − 1) = {written(RECURSION)}, ᾱ_j = {written(ABAR)}"
    rows.insert(2, ["Levels u_j", "–", "–", levels, "–"])
    rows.insert(5, ["Architecture", *_ARCHITECTURE])
    constants = [
        ", ".join(f"{written(k)} = {v:g}" for k, v in column.items()) for column in CONSTANTS
    ]
    table = pd.DataFrame([*rows, ["Constants", *constants]], columns=["Part", *COLUMNS])
    table.insert(0, "Model", "EDM's Table 1")
    table.insert(1, "Metric", "formulas and constants of this code")
    return table


def _row(part: str) -> list[str]:
    told = zip(COLUMNS, EXPRESSIONS[part], strict=True)
    cells = [written(one) + _NOTES.get((part, column), "") for column, one in told]
    return [_SAID.get(part, part), *cells]


def written(expression: str) -> str:
    """The expression as people write it.

    >>> written("sigma**2*exp(beta_d*t/2)")
    'σ²·exp(β_d·t/2)'
    """
    text = re.sub(r"[a-z]+", lambda word: _GREEK.get(word.group(), word.group()), expression)
    return text.replace("**2", "²").replace("**", "^").replace("*", "·").replace("-", "−")
