"""Statements 14 to 18: churn (EDM, Figures 4, 14 and 15, Table 4)."""

import math
from collections.abc import Callable, Iterator, Sequence

from sampler_bench.reports.statements.estimate import among, lowest
from sampler_bench.reports.statements.families import CHURNED, DETERMINISTIC, edm_trained, is_exact
from sampler_bench.reports.statements.panel import Panel, Point, above, curve, number_of
from sampler_bench.reports.statements.verdict import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Verdict,
    all_of,
    case,
    helps,
    opposite,
    percent,
    raises,
    together,
)
from sampler_bench.results.estimate import Estimate, relative

ORIGINALS = (
    {"solver": "song-vp", "process": "sde", "predictor": "euler-maruyama", "corrector": "none"},
    {"solver": "song-ve", "process": "sde", "corrector": "langevin"},
    {"solver": "ddpm"},
)
"""The authors' own stochastic samplers, of VP, VE and ADM."""
_CHURN = ("S_churn", "S_min", "S_max", "S_noise")
_PARTS = ("S_churn", "S_noise", "window")


def churn_gain(panels: Sequence[Panel]) -> Verdict:
    """Statement 14: the surest gain of any churn over none at equal steps, its choice corrected."""
    cases = []
    for panel in _imperfect(panels):
        pairs = _over_none(panel)
        if not pairs:
            continue
        at, found = lowest([gap for _, gap in pairs])
        answer = {"lower": HOLDS, "not lower": FAILS}.get(found, UNDECIDED)
        told = (
            f"the surest of {len(pairs)} differences is {percent(pairs[at][1])} at NFE"
            f" {pairs[at][0].nfe:g} with {settings(pairs[at][0])} (paper: 2.93 to 2.27)"
        )
        why = "these errors are not of a kind that fresh noise corrects: none falls with S_churn"
        cases.append(case(panel, answer, told, why))
    return together(cases, "a network (not EDM's) with and without churn at equal NFE")


def ingredients(panels: Sequence[Panel]) -> Verdict:
    """Statement 15: everything on, against each of its parts off, at equal steps."""
    cases = []
    for panel in _imperfect(panels):
        churned, still = panel.where(**CHURNED), panel.where(**DETERMINISTIC)
        full = [p for p in churned if _window(p) and p.has(S_noise=above(1))]
        answers, told = [], []
        for name in _PARTS:
            gaps = [
                relative(one.value, other.value)
                for one in full
                for other in (still if name == "S_churn" else churned)
                if _only_lacks(one, other, name)
            ]
            answers.append(helps(gaps))
            if gaps:
                at, _ = lowest(gaps)
                worst, _ = lowest([gap * -1.0 for gap in gaps])
                span = percent(gaps[at]) + (f" to {percent(gaps[worst])}" if at != worst else "")
                told.append(f"{name} {span} ({len(gaps)} pairs)")
        if told:
            harm = [n for n, a in zip(_PARTS, answers, strict=True) if a == FAILS]
            why = f"no gain of {' and '.join(harm)}: tuned for other networks"
            cases.append(case(panel, all_of(answers), ", ".join(told), why))
    return together(cases, "churn with a window and S_noise > 1, and without each, at equal steps")


def beats_originals(panels: Sequence[Panel]) -> Verdict:
    """Statement 16: any churn at fewer NFE against the best of the original's whole curve.

    The original's best is chosen among its points, which is in its favour.
    """
    cases = []
    for panel in (one for one in panels if one.metric == "fid"):
        for wanted in ORIGINALS:
            theirs = curve(panel.where(**wanted))
            if len(theirs) < 2:
                continue
            best = min(theirs, key=lambda point: point.value.value)
            ours = [p for p in panel.where(**CHURNED) if p.nfe < best.nfe]
            if not ours:
                continue
            gaps = [relative(p.value, best.value) for p in ours]
            at, found = lowest(gaps, chosen=len(theirs))
            answer = {"lower": HOLDS, "not lower": FAILS}.get(found, UNDECIDED)
            told = (
                f"{wanted['solver']}'s best at NFE {best.nfe:g}; the surest of {len(gaps)}"
                f" differences is {percent(gaps[at])} at NFE {ours[at].nfe:g}"
            )
            still = [relative(p.value, best.value) for p in panel.where(**DETERMINISTIC)]
            same = any(gap.word() == "equal" for gap in still)
            why = "the deterministic sampler ends there too: the network limits it" if same else ""
            cases.append(case(panel, answer, told, why))
    return together(cases, "Algorithm 2 and an original stochastic sampler on one model")


def degrades(panels: Sequence[Panel]) -> Verdict:
    """Statement 17: networks lose under repeated churn, and S_noise > 1 counteracts it."""
    cases = []
    for panel in _repeated(panels, lambda model: not is_exact(model)):
        pairs, told = _most_against_none(panel)
        lost = raises([gap for _, gap in pairs])
        undone = _undone(panel)
        answer = all_of([lost, helps(undone)])
        if undone:
            at, _ = lowest(undone)
            told += f"; S_noise > 1 changes that by {percent(undone[at])}"
        else:
            told += "; no records with S_noise > 1 and the same churns"
        why = (
            "nothing is lost after so many churns"
            if lost == FAILS
            else "S_noise > 1 undoes none of it"
        )
        cases.append(case(panel, answer, told, why))
    return together(cases, "a network under repeated churn (solver churned)")


def exact_does_not(panels: Sequence[Panel]) -> Verdict:
    """Statement 18."""
    cases = []
    for panel in _repeated(panels, is_exact):
        pairs, told = _most_against_none(panel)
        answer = opposite(raises([gap for _, gap in pairs]))
        why = "D is exact but Heun's step back down is not: its errors add up over the churns"
        cases.append(case(panel, answer, told, why))
    return together(cases, "an exact denoiser under repeated churn (solver churned)")


def settings(point: Point) -> str:
    """The four numbers of a point's churn."""
    return ", ".join(f"{name} = {number_of(point.row.get(name)):g}" for name in _CHURN)


def _imperfect(panels: Sequence[Panel]) -> Iterator[Panel]:
    fid = (one for one in panels if one.metric == "fid")
    return (one for one in fid if not is_exact(one.model) and not edm_trained(one.model))


def _over_none(panel: Panel) -> list[tuple[Point, Estimate]]:
    """Each churned point, and its relative difference from the deterministic one."""
    still = {point.steps: point for point in panel.where(**DETERMINISTIC)}
    churned = [point for point in panel.where(**CHURNED) if point.steps in still]
    return [(point, relative(point.value, still[point.steps].value)) for point in churned]


def _window(point: Point) -> bool:
    return point.has(S_min=above(0)) or number_of(point.row.get("S_max")) < math.inf


def _only_lacks(full: Point, other: Point, name: str) -> bool:
    """Whether `other` is `full` without one of its parts, at equal steps."""
    if full.steps != other.steps:
        return False
    if name == "S_churn":
        return True
    if name == "S_noise":
        return other.has(S_noise=1, **_same(full, "S_churn", "S_min", "S_max"))
    return not _window(other) and other.has(**_same(full, "S_churn", "S_noise"))


def _same(point: Point, *names: str) -> dict[str, float]:
    return {name: number_of(point.row.get(name)) for name in names}


def _repeated(panels: Sequence[Panel], which: Callable[[str], bool]) -> Iterator[Panel]:
    fid = (one for one in panels if one.metric == "fid" and which(one.model))
    return (one for one in fid if _most_against_none(one)[0])


def _series(panel: Panel) -> list[tuple[float, list[Point]]]:
    """σ and points over the number of churns, equal in all but that and S_noise."""
    found: dict[tuple[float, float, str], list[Point]] = {}
    for point in panel.where(solver="churned", sigma=above(0), steps=above(-1)):
        sigma, gamma = (number_of(point.row.get(name)) for name in ("sigma", "gamma"))
        found.setdefault((sigma, gamma, str(point.row.get("denoised"))), []).append(point)
    ordered = sorted(found.items(), key=lambda item: repr(item[0]))
    return [(key[0], sorted(points, key=lambda p: p.steps)) for key, points in ordered]


def _most_against_none(panel: Panel) -> tuple[list[tuple[list[Point], Estimate]], str]:
    """For each σ: most churns with S_noise = 1 against fewest; and the same in words."""
    pairs, told = [], []
    for sigma, series in _series(panel):
        plain = [p for p in series if p.has(S_noise=1)]
        if plain and plain[0].steps < plain[-1].steps:
            gap = relative(plain[-1].value, plain[0].value)
            pairs.append((series, gap))
            told.append(f"σ = {sigma:g} {percent(gap)} ({plain[-1].steps:g} churns)")
    return pairs, ", ".join(told)


def _undone(panel: Panel) -> list[Estimate]:
    """S_noise > 1 against 1 after most churns: at the σ that surely lose, or at all if none does.

    A σ is called losing for a high value with S_noise = 1, which alone makes a lower one likelier:
    of several σ, a loss must be as sure as the best of so many.
    """
    pairs, _ = _most_against_none(panel)
    level = among(len(pairs))
    losing = [series for series, gap in pairs if gap.word(level=level) == "higher"]
    gaps = []
    for series in losing or [series for series, _ in pairs]:
        plain = [p for p in series if p.has(S_noise=1)][-1]
        tuned = [p for p in series if p.steps == plain.steps and p.has(S_noise=above(1))]
        gaps += [relative(p.value, plain.value) for p in tuned]
    return gaps
