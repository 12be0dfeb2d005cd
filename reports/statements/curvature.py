"""Statement 13: how straight trajectories are (EDM, Section 3, Figure 3)."""

from collections.abc import Sequence

import numpy as np

from sampler_bench.reports.statements.estimate import among
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
    percent,
    together,
)
from sampler_bench.results.estimate import LEVEL, relative

STRAIGHT = {"schedule": "linear", "scaling": "none"}
OTHERS = {
    "VP": {"schedule": "vp", "scaling": "unit-variance"},
    "VE": {"schedule": "ve", "scaling": "none"},
}
BAND = 1 / 3
"""A narrow band is a third of the range of ln σ …"""
MOST = 2 / 3
"""… that holds two thirds of the curvature; were it spread evenly, it would hold one third."""


def straighter(panels: Sequence[Panel]) -> Verdict:
    """Statement 13: the mean curvature over ln σ under each schedule, and where it sits."""
    cases = []
    for panel in (one for one in panels if one.metric == "curvature"):
        own = panel.where(**STRAIGHT)[:1]
        others = {n: p[0] for n, wanted in OTHERS.items() if (p := panel.where(**wanted))}
        if not own or not others:
            continue
        gaps = {n: relative(own[0].value, other.value) for n, other in others.items()}
        parts = [_lower(gap.word(level=among(len(gaps)))) for gap in gaps.values()]
        told = ", ".join(f"than {name} {percent(gap)}" for name, gap in gaps.items())
        if len(gaps) < len(OTHERS):
            parts.append(UNDECIDED)
        found = profile(own[0])
        answer, sits = band(found) if found else (UNDECIDED, "no profile over σ")
        why = "its curvature is spread over σ" if answer == FAILS else ""
        cases.append(case(panel, all_of([*parts, answer]), f"curvature {told}; {sits}", why))
    return together(cases, "curvature under σ = t, VP and VE")


def band(found: Profile) -> tuple[Answer, str]:
    """Whether the best third of ln σ holds two thirds of the curvature.

    Levels share their samples: their errors are added as if they went together.
    """
    x = np.log(found.sigma)
    weights = np.gradient(x)
    total = float(weights @ found.mean)
    width = BAND * float(x[-1] - x[0])
    inside = [(x >= start) & (x <= start + width * 1.001) for start in x]
    shares = [float((weights * at) @ found.mean) / total for at in inside]
    best = int(np.argmax(shares))
    share = shares[best]
    error = float(np.abs(weights * (inside[best] - share)) @ found.error) / total
    low, high = found.sigma[inside[best]][[0, -1]]
    told = f"σ from {low:.2g} to {high:.2g} holds {100 * share:.0f} ± {100 * error:.1g} % of it"
    if share - LEVEL * error >= MOST:
        return HOLDS, told
    return (FAILS if share + LEVEL * error < MOST else UNDECIDED), told


def _lower(found: str) -> Answer:
    return {"lower": HOLDS, "unclear": UNDECIDED}.get(found, FAILS)
