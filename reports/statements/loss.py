"""Statements 20 and 21: the loss over σ, before and after training (EDM, Figure 5a)."""

from collections.abc import Sequence

import numpy as np

from sampler_bench.reports.statements.estimate import among
from sampler_bench.reports.statements.families import edm_preconditioned
from sampler_bench.reports.statements.panel import Panel
from sampler_bench.reports.statements.profiles import Profile, profile
from sampler_bench.reports.statements.verdict import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Answer,
    Verdict,
    all_of,
    case,
    together,
)
from sampler_bench.results.estimate import LEVEL

ONE = 0.05
"""A loss within 1 ± 0.05 is 1."""
SIGMA_DATA = 0.5
P_MEAN, P_STD = -1.2, 1.2
"""ln σ is normal in training (EDM, Table 1)."""
REACH = (0.01, 20.0)
"""σ that a profile must reach on either side, to tell the ends from the middle."""
LITTLE = 1 / 3
"""At the ends training lowers the loss at most by this share of what it does in the middle."""


def one_at_first(panels: Sequence[Panel]) -> Verdict:
    """Statement 20: the mean loss at every σ, with initial weights."""
    cases = []
    for panel, found in _losses(panels, "initial"):
        off = np.abs(found.mean - 1)
        level = among(len(off))
        at = int(np.argmax(off))
        if np.all(off + level * found.error <= ONE):
            answer = HOLDS
        else:
            answer = FAILS if np.any(off - level * found.error > ONE) else UNDECIDED
        told = (
            f"{found.mean[at]:.3f} ± {found.error[at]:.3f} at σ = {found.sigma[at]:.2g}, where it"
            f" is furthest from 1 (median {float(np.median(found.mean)):.3f})"
        )
        square = found.mean[-1] * SIGMA_DATA**2
        why = f"the data's mean square is about {square:.2g} (loss at the largest σ), not σ_data²"
        cases.append(case(panel, answer, told, f"{why} = {SIGMA_DATA**2:g}"))
    return together(cases, "the loss with initial weights under EDM's preconditioning")


def in_the_middle(panels: Sequence[Panel]) -> Verdict:
    """Statement 21: by how much training lowers the loss at each σ, and what p_train covers."""
    cases = []
    firsts = {(p.model, p.comparable): found for p, found in _losses(panels, "initial")}
    for panel, after in _losses(panels, "trained"):
        before = firsts.get((panel.model, panel.comparable))
        if before is None or not _same_levels(before, after):
            continue
        drop = before.mean - after.mean
        error = np.hypot(before.error, after.error)  # their shared noise would only lower it
        at = int(np.argmax(drop))
        away = abs(np.log(after.sigma[at]) - P_MEAN) / P_STD
        parts = [_ends(after.sigma, drop, error, at), HOLDS if away <= LEVEL else FAILS]
        told = "lowered by " + ", ".join(
            f"{drop[i]:.3f} ± {error[i]:.3f} at σ = {after.sigma[i]:.2g}" for i in (0, at, -1)
        )
        why = _why_not(drop, away)
        told += f"; the most at {away:.1f} standard deviations of p_train's ln σ from its mean"
        cases.append(case(panel, all_of(parts), told, why))
    return together(cases, "the loss over σ with initial and with trained weights")


def _losses(panels: Sequence[Panel], weights: str) -> list[tuple[Panel, Profile]]:
    found = [
        (panel, profile(point))
        for panel in panels
        if panel.metric == "denoising-loss" and edm_preconditioned(panel.model)
        for point in panel.where(weights=weights)[:1]
    ]
    return [(panel, one) for panel, one in found if one is not None]


def _same_levels(one: Profile, other: Profile) -> bool:
    return len(one.sigma) == len(other.sigma) and bool(np.allclose(one.sigma, other.sigma))


def _ends(sigma: np.ndarray, drop: np.ndarray, error: np.ndarray, at: int) -> Answer:
    """Whether the loss falls in the middle, and at either end by at most a third of that."""
    level = among(len(drop))
    if drop[at] + level * error[at] <= 0:
        return FAILS
    over = [drop[i] - LITTLE * drop[at] for i in (0, -1)]
    errors = [float(np.hypot(error[i], LITTLE * error[at])) for i in (0, -1)]
    if any(o - LEVEL * e > 0 for o, e in zip(over, errors, strict=True)):
        return FAILS
    reaches = sigma[0] <= REACH[0] and sigma[-1] >= REACH[1]
    surely = drop[at] - level * error[at] > 0
    within = all(o + LEVEL * e <= 0 for o, e in zip(over, errors, strict=True))
    return HOLDS if reaches and surely and within else UNDECIDED


def _why_not(drop: np.ndarray, away: float) -> str:
    if drop.max() <= 0:
        return "training did not lower the loss"
    if drop[-1] > LITTLE * drop.max():
        return "at large σ the network learns the data's mean, which is not 0"
    if away > LEVEL:
        return "training was too short, or the data call for another p_train"
    return "at small σ the network learns the noise of flat backgrounds"
