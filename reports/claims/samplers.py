"""The samplers that claims speak of, by their settings: labels are not to be trusted."""

import math
from collections.abc import Mapping
from typing import Any

from sampler_bench.reports.claims.claim import Selector
from sampler_bench.reports.claims.panel import above

_LINEAR = {"schedule": "linear", "scaling": "none"}
_HEUN: dict[str, Any] = {"solver": "heun", "discretization": "edm", "rho": 7, "end": "zero"}
_STILL = {**_HEUN, **_LINEAR, "S_churn": 0}
_ANY_CHURN = {**_HEUN, **_LINEAR, "S_churn": above(0)}
_FULL_RANGE = {"S_min": 0, "S_max": lambda high: high >= 80}
_OWN_PARTS = {
    "VP": {"schedule": "vp", "scaling": "unit-variance"},
    "VE": {"schedule": "ve", "scaling": "none"},
    "ADM": _LINEAR,
}
_STEPS = {"VP": "vp", "VE": "ve", "ADM": "iddpm"}
_FLOW = {"process": "flow", "corrector": "none"}
_ORIGINALS: dict[str, Mapping[str, Any]] = {
    "VP": {"solver": "song-vp", "predictor": "euler-maruyama", **_FLOW},
    "VE": {"solver": "song-ve", "predictor": "reverse-diffusion", **_FLOW},
    "ADM": {"solver": "ddim", "eta": 0},
}
_STOCHASTIC: dict[str, Mapping[str, Any]] = {
    "VP": {"solver": "song-vp", "process": "sde", "predictor": "euler-maruyama"},
    "VE": {"solver": "song-ve", "process": "sde", "corrector": "langevin"},
    "ADM": {"solver": "ddpm"},
}
_CHURNED = {"solver": "churned", "sigma": above(0), "steps": above(-1)}


def _reimplementation(family: str) -> Mapping[str, Any] | None:
    if family not in _STEPS:
        return None
    steps = {"solver": "euler", "discretization": _STEPS[family], "end": "zero", "S_churn": 0}
    return {**steps, **_OWN_PARTS[family]}


ORIGINAL = Selector("the original (the authors' program)", _ORIGINALS.get)
REIMPLEMENTATION = Selector("its reimplementation (Euler)", _reimplementation)
OWN = Selector(
    "Heun with EDM's steps alone",
    lambda family: {**_HEUN, "S_churn": 0, **_OWN_PARTS[family]} if family in _OWN_PARTS else None,
)
EDM = Selector("EDM's deterministic sampler", _STILL)
RK45 = Selector("RK45", {"solver": "rk45", "end": "zero", **_LINEAR})
CHURNED = Selector("Algorithm 2 with churn", _ANY_CHURN)
ADAPTIVE = Selector(
    "Jolicoeur-Martineau et al.'s sampler", {"solver": ("adaptive-vp", "adaptive-ve")}
)
STOCHASTIC = Selector("the original stochastic sampler", _STOCHASTIC.get)
NO_WINDOW = Selector("the same without a window", {**_ANY_CHURN, **_FULL_RANGE})
NO_NOISE = Selector("the same with S_noise = 1", {**_ANY_CHURN, "S_noise": 1})
RHO_3 = Selector("ρ = 3", {**_STILL, "rho": 3})
RHO_5_TO_10 = Selector("ρ from 5 to 10", {**_STILL, "rho": lambda rho: 5 <= rho <= 10})
ALPHA_1 = Selector("α = 1", {"solver": "rk2", "S_churn": 0, "alpha": 1})
OTHER_ALPHA = Selector(
    "another α",
    {"solver": "rk2", "S_churn": 0, "alpha": lambda alpha: not math.isclose(alpha, 1)},
)
REPEATED = Selector("repeated churn", {**_CHURNED, "S_noise": 1})
TUNED = Selector("repeated churn with S_noise > 1", {**_CHURNED, "S_noise": above(1)})
STRAIGHT = Selector("σ = t", _LINEAR)
UNDER_VP = Selector("VP's schedule", _OWN_PARTS["VP"])
UNDER_VE = Selector("VE's schedule", _OWN_PARTS["VE"])
EULER = Selector("Euler", {"solver": "euler", "S_churn": 0})
HEUN = Selector("Heun", {"solver": "heun", "S_churn": 0})
_ROOT = {"schedule": "ve", "scaling": "none"}
EULER_RHO_2 = Selector("Euler with ρ = 2 and σ = √t", {"solver": "euler", "rho": 2, **_ROOT})
HEUN_RHO_3 = Selector("Heun with ρ = 3 and σ = √t", {"solver": "heun", "rho": 3, **_ROOT})
INITIAL = Selector("initial weights", {"weights": "initial"})
TRAINED = Selector("trained weights", {"weights": "trained"})
_END = {"of": "end", "skew": above(0)}
START = Selector("a skewed start", {"of": "start", "skew": above(0)})
ODE_END = Selector("the ODE's end", {**_END, "S_churn": 0})
CHURN_END = Selector("churn's end, near the most of it", {**_END, "S_churn": above(0)})
_EULER = {"solver": "euler", "end": "sigma-min", "S_churn": 0, "scaling": "none"}
LINEAR_LEVELS = Selector("Euler under σ = t", {**_EULER, "schedule": "linear"})
ROOT_LEVELS = Selector("Euler under σ = √t", {**_EULER, "schedule": "ve"})


def config(letter: str, kind: str = "") -> Selector:
    """A configuration of Table 2, of one kind or of the column's."""
    kinds = {"kind": kind} if kind else {}
    return Selector(f"{letter} {kind}".upper().strip(), {**_STILL, "config": letter, **kinds})


BEFORE_F = Selector("A to E", {**_STILL, "config": tuple("abcde")})
