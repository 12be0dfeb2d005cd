"""Statements 1 to 7: deterministic samplers (EDM, Figure 2, Table 3)."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sampler_bench.reports.points import NEAR_BEST
from sampler_bench.reports.statements.estimate import among
from sampler_bench.reports.statements.families import (
    DETERMINISTIC,
    FAMILIES,
    RK45,
    Family,
    before,
    belongs,
)
from sampler_bench.reports.statements.panel import Panel, Point, curve
from sampler_bench.reports.statements.verdict import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Answer,
    Verdict,
    all_of,
    case,
    factor,
    helps,
    number,
    opposite,
    percent,
    raises,
    together,
)
from sampler_bench.results.estimate import LEVEL, Estimate, relative

FRACTION = 2.0
"""NFE at most 1/2 of another's is a fraction of it; the paper's are 1/7.3, 1/300 and 1/3.2."""
EQUAL_NFE = 1.15
"""Heun's NFE is odd: it is compared with another's next NFE, at most 15 % higher."""


@dataclass(frozen=True)
class Reach:
    """The lowest NFE within 3 % of a curve's best, and how sure it is.

    dot       as it was measured
    earliest  no lower NFE can be within 3 % of the best, beyond error
    latest    that NFE surely is; ∞ if the curve is not level yet where it ends
    best      the point with the lowest value
    """

    dot: float
    earliest: float
    latest: float
    best: Point

    def __str__(self) -> str:
        bounds = f"{self.earliest:g} to {_bound(self.latest)}"
        sure = "" if self.earliest == self.latest else f", between {bounds} by 2 SE"
        return f"NFE {self.dot:g}{sure}; best {number(self.best.value)} at {self.best.nfe:g}"


def reach(points: Sequence[Point]) -> Reach:
    """See Reach; of at least one point."""
    best = min(points, key=lambda point: point.value.value)
    goal = best.value * (1 + NEAR_BEST)
    over = [(point.nfe, point.value - goal) for point in points]
    last = max(nfe for nfe, _ in over)
    dot = min(nfe for nfe, e in over if e.value <= 0 or nfe == best.nfe)
    sure = among(len(over))  # the best was chosen for being low
    maybe = [nfe for nfe, e in over if not e.value > sure * e.se]
    surely = [nfe for nfe, e in over if e.value <= -LEVEL * e.se and nfe < last]
    return Reach(dot, min([*maybe, best.nfe]), min(surely, default=math.inf), best)


def fraction(family: Family, paper: str) -> Callable[[Sequence[Panel]], Verdict]:
    """Statements 1 to 3, of one family; `paper` is the fraction that the paper prints."""

    def judge(panels: Sequence[Panel]) -> Verdict:
        cases = []
        for panel in _panels_of(panels, family):
            first, name = before(panel, family)
            ours = curve(panel.where(**DETERMINISTIC))
            if len(first) < 2 or len(ours) < 2:
                continue
            old, new = reach(first), reach(ours)
            answer, ratio = _fraction(old, new)
            told = f"{new}; {name} {old}: 1/{ratio} of it (paper: {paper})"
            cases.append(case(panel, answer, told, _SMOOTH))
        wanted = f"{family.name}'s deterministic sampler and EDM's on one model, over NFE"
        return together(cases, wanted)

    return judge


def equal_nfe(panels: Sequence[Panel]) -> Verdict:
    """Statement 4."""
    return _compared(
        panels,
        lambda panel, family: (curve(panel.where(**family.own)), before(panel, family)[0]),
        helps,
        wanted="Heun on EDM's time steps and the original's sampler at like NFE",
        reason="at its lowest NFE Heun takes half as many, and so longer, steps than Euler",
    )


def sigma_is_t(panels: Sequence[Panel]) -> Verdict:
    """Statement 5; for DDIM both samplers are one and the same, by their settings."""
    return _compared(
        panels,
        lambda panel, family: (
            curve(panel.where(**DETERMINISTIC)),
            curve(panel.where(**family.own)) if family.name != "DDIM" else [],
        ),
        helps,
        wanted="Heun on EDM's time steps, with the family's own σ(t) and s(t) and with σ = t",
        families=("VP", "VE"),
    )


def reimplementation(panels: Sequence[Panel]) -> Verdict:
    """Statement 7."""
    return _compared(
        panels,
        lambda panel, family: (
            curve(panel.where(**family.reimplementation)),
            curve(panel.where(**family.original)),
        ),
        lambda gaps: opposite(raises(gaps)),
        wanted="the original sampler and its reimplementation (Euler) at equal NFE",
    )


def black_box(panels: Sequence[Panel]) -> Verdict:
    """Statement 6."""
    cases = []
    for panel in (one for one in panels if one.metric == "fid"):
        adaptive, ours = curve(panel.where(**RK45)), curve(panel.where(**DETERMINISTIC))
        if len(adaptive) < 2 or len(ours) < 2:
            continue
        theirs, own = reach(adaptive), reach(ours)
        gap = relative(theirs.best.value, own.best.value)
        like = {"equal": HOLDS, "unclear": UNDECIDED}.get(gap.word(), FAILS)
        answer = all_of([like, _more(theirs, own)])
        told = f"RK45 {theirs}; EDM's {own}: best FID {percent(gap)}"
        far = math.isfinite(theirs.latest)
        why = "" if far else "RK45 is not level yet at the finest tolerance measured"
        cases.append(case(panel, answer, told, why))
    return together(cases, "RK45 and EDM's deterministic sampler on one model")


_SMOOTH = "its own best is reached early as well, as little has to be resolved"


def _fraction(old: Reach, new: Reach) -> tuple[Answer, str]:
    low, high = old.earliest / new.latest, old.latest / new.earliest
    answer = HOLDS if low >= FRACTION else FAILS if high < FRACTION else UNDECIDED
    text = factor(old.dot / new.dot)
    return answer, text if low == high else f"{text}, {factor(low)} to {factor(high)} by 2 SE"


def _more(theirs: Reach, own: Reach) -> Answer:
    if theirs.earliest > own.latest:
        return HOLDS
    return FAILS if theirs.latest <= own.earliest else UNDECIDED


def _compared(
    panels: Sequence[Panel],
    curves: Callable[[Panel, Family], tuple[list[Point], list[Point]]],
    weigh: Callable[[Sequence[Estimate]], Answer],
    wanted: str,
    families: tuple[str, ...] = (),
    reason: str = "",
) -> Verdict:
    """Weigh the differences of two curves at equal NFE, family by family."""
    cases = []
    for family in FAMILIES:
        for panel in _panels_of(panels, family):
            gaps = at_equal_nfe(*curves(panel, family))
            if gaps:
                answer = weigh([gap for _, gap in gaps])
                told = f"{family.name}: {tally(gaps)}"
                why = reason if answer == FAILS and _only_at_first(gaps) else ""
                cases.append(case(panel, answer, told, why, family.name))
    return together(cases, wanted, families)


def at_equal_nfe(ones: Sequence[Point], others: Sequence[Point]) -> list[tuple[float, Estimate]]:
    """NFE and relative difference for each of `ones` that has an equal of `others`.

    That is the one with the lowest NFE that is not lower, and at most 15 % higher: what is left
    of a difference in NFE is in the favour of `others`.
    """
    gaps = []
    for point in ones:
        near = [o for o in others if point.nfe <= o.nfe <= EQUAL_NFE * point.nfe]
        if near:
            other = min(near, key=lambda o: o.nfe)
            gaps.append((point.nfe, relative(point.value, other.value)))
    return gaps


def tally(gaps: Sequence[tuple[float, Estimate]], of: str = "NFE") -> str:
    """Where it is lower, higher, equal or unclear, and the largest difference of each kind."""
    parts = []
    for kind in ("lower", "equal", "higher", "unclear"):
        same = [(at, gap) for at, gap in gaps if gap.word() == kind]
        if same:
            at, most = max(same, key=lambda one: abs(one[1].value))
            places = ", ".join(f"{place:g}" for place, _ in same)
            most_at = f"at most {percent(most)} at {at:g}" if len(same) > 1 else percent(most)
            parts.append(f"{kind} at {of} {places} ({most_at})")
    return ", ".join(parts)


def _only_at_first(gaps: Sequence[tuple[float, Estimate]]) -> bool:
    """Whether it is higher at the lowest NFE and at no NFE above another where it is not."""
    high = [gap.word() == "higher" for _, gap in sorted(gaps, key=lambda one: one[0])]
    return high == sorted(high, reverse=True) and not all(high)


def _panels_of(panels: Sequence[Panel], family: Family) -> Iterator[Panel]:
    return (one for one in panels if one.metric == "fid" and belongs(one.model, family))


def _bound(nfe: float) -> str:
    return f"{nfe:g}" if math.isfinite(nfe) else "beyond the last"
