"""Putting a sampler together from names and numbers: what Python and grid files call."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from sampler_bench.kit.names import unknown
from sampler_bench.kit.parameters import Count, check, keywords
from sampler_bench.solvers.any_sampler import AnySampler
from sampler_bench.solvers.listed import Listed
from sampler_bench.solvers.original.whole import TAKES
from sampler_bench.solvers.registry import EVERY_SOLVER


def build(
    *,
    solver: str = "heun",
    discretization: str = "edm",
    schedule: str = "linear",
    scaling: str = "none",
    steps: Count | None = None,
    sigma_min: float | None = None,
    sigma_max: Annotated[float, Field(gt=0, allow_inf_nan=True)] | None = None,
    end: str = "zero",
    S_churn: float = 0.0,
    S_min: float = 0.0,
    S_max: float = math.inf,
    S_noise: float = 1.0,
    path: str = "",
    levels: Sequence[float] | str | Path | Listed | None = None,
    first_step: str = "evaluated",
    threshold: float | None = None,
    threshold_limit: float = 1.0,
    initial: str = "marginal",
    state: str = "float64",
    **own: Any,
) -> AnySampler:
    """Put a sampler together; names and defaults are the paper's, and those of grid files.

    Args:
        solver: One of ``SOLVERS``; or of ``ORIGINALS``, which take ``steps`` and their own
            parameters alone.
        discretization: One of ``DISCRETIZATIONS``: where the steps are.
        schedule: One of ``SCHEDULES``: σ(t).
        scaling: One of ``SCALINGS``: s(t).
        steps: Number of steps N ≥ 1 (``churned``: ≥ 0); 18 unless given. Not for solvers that
            choose their own.
        sigma_min, sigma_max: σ range; the discretization's own unless given. ``inf`` is a flow's
            t = 1, for models with an answer there.
        end: ``"zero"``, ``"sigma-min"``, or ``"denoise"``: D at σ_min, one evaluation more.
        S_churn, S_min, S_max, S_noise: Algorithm 2's churn; 0 for none. Other paths that add noise
            take ``S_noise``, too, and those with a window ``S_min`` and ``S_max``.
        path: One of ``PATHS``; unless given the solver's own, if its name has one.
        levels: The noise levels themselves, the highest first, or a file of them (``.txt``,
            ``.json``, ``.npy``), instead of discretization, steps and σ range. A last level of 0 is
            what ``end = "zero"`` means, and may be left out.
        first_step, threshold, threshold_limit, initial, state: See
            :class:`~sampler_bench.solvers.options.Options`.
        own: The parts' own: ``rho`` (edm), ``epsilon_s`` (vp), ``M``, ``C_1``, ``C_2``,
            ``j_0`` (iddpm), ``alpha`` (rk2), ``rtol``, ``atol``, ``group`` (rk45).

    Raises:
        ValueError: For an unknown name, a number out of range, or parts that do not fit together.
    """
    given = dict(locals())
    del given["own"]
    if not isinstance(solver, str) or solver not in EVERY_SOLVER:
        raise ValueError(unknown(solver, list(EVERY_SOLVER), "solver"))
    row = EVERY_SOLVER[solver]
    if row.takes_parts:
        check(build, {name: given[name] for name in NUMBERS})
    return row.sampler(solver, given, own, DEFAULTS)


DEFAULTS = keywords(build)
BUILD_KEYS = tuple(DEFAULTS)
NUMBERS = ("steps", "sigma_min", "sigma_max")
"""The arguments of ``build`` that are numbers of no part."""


def keys_of(solver: str) -> tuple[str, ...]:
    """Return the arguments of ``build`` that a solver's sampler takes."""
    return BUILD_KEYS if EVERY_SOLVER[solver].takes_parts else TAKES
