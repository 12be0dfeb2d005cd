"""Which models and samplers the paper's statements speak of, told by names and settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampler_bench.reports.statements.panel import Panel, Point, above, curve

EDM: dict[str, Any] = {
    "solver": "heun",
    "discretization": "edm",
    "schedule": "linear",
    "scaling": "none",
    "rho": 7,
    "end": "zero",
}
"""Heun on EDM's time steps with σ = t and s = 1, whatever the churn."""
DETERMINISTIC = {**EDM, "S_churn": 0}
CHURNED = {**EDM, "S_churn": above(0)}
RK45 = {"solver": "rk45", "schedule": "linear", "scaling": "none", "end": "zero"}
HEUN_ALONE = {"solver": "heun", "discretization": "edm", "rho": 7, "end": "zero", "S_churn": 0}
EULER = {"solver": "euler", "end": "zero", "S_churn": 0}

_EDM_TRAINED = re.compile(r"(fashion-edm|edm-.+|table2-[ef])-(vp|ve|adm)")
_EDM_PRECONDITIONED = re.compile(r"(fashion-edm|edm-.+|table2-[def])-(vp|ve|adm)")
_SIMPLE = re.compile(r"(fashion|table2|(edm|baseline)-cifar10)-.*")


@dataclass(frozen=True)
class Family:
    """One of the three that the paper starts from.

    suffix            of the names of its models
    original          the authors' deterministic sampler
    reimplementation  the same by the paper's Table 1
    own               Heun on EDM's time steps with the family's own schedule and scaling
    """

    name: str
    suffix: str
    original: Mapping[str, Any]
    reimplementation: Mapping[str, Any]
    own: Mapping[str, Any]


def _family(
    name: str, suffix: str, original: dict[str, Any], steps: str, schedule: str, scaling: str
) -> Family:
    parts = {"schedule": schedule, "scaling": scaling}
    reimplementation = {**EULER, "discretization": steps, **parts}
    return Family(name, suffix, original, reimplementation, {**HEUN_ALONE, **parts})


_FLOW = {"process": "flow", "corrector": "none"}
FAMILIES = (
    _family(
        *("VP", "-vp", {"solver": "song-vp", "predictor": "euler-maruyama", **_FLOW}),
        *("vp", "vp", "unit-variance"),
    ),
    _family(
        *("VE", "-ve", {"solver": "song-ve", "predictor": "reverse-diffusion", **_FLOW}),
        *("ve", "ve", "none"),
    ),
    _family("DDIM", "-adm", {"solver": "ddim", "eta": 0}, "iddpm", "linear", "none"),
)


def is_exact(model: str) -> bool:
    """Whether it is an exact denoiser, without any network."""
    return model.startswith("exact-")


def edm_trained(model: str) -> bool:
    """Whether it was trained by the paper's recipe (configuration E or F)."""
    return _EDM_TRAINED.fullmatch(model) is not None


def edm_preconditioned(model: str) -> bool:
    """Whether its network is preconditioned as the paper does (configurations D to F)."""
    return _EDM_PRECONDITIONED.fullmatch(model) is not None


def on_simple_data(model: str) -> bool:
    """Whether its data are simple: all that ship, and CIFAR-10."""
    return _SIMPLE.fullmatch(model) is not None


def belongs(model: str, family: Family) -> bool:
    """Whether the paper's statements on a family are to be asked of a model.

    A network that the paper's recipe trained belongs to none, another one to the family that its
    name ends with, and to any if it names none; an exact denoiser to any.
    """
    if edm_trained(model):
        return False
    named = [one for one in FAMILIES if model.endswith(one.suffix)]
    return not named or family in named


def before(panel: Panel, family: Family) -> tuple[list[Point], str]:
    """The family's curve to start from: the original, or the paper's reimplementation of it.

    Returns its points, and what to call them.
    """
    original = curve(panel.where(**family.original))
    if original:
        return original, "the original"
    found = curve(panel.where(**family.reimplementation))
    return found, "its reimplementation (the original was not run)"
