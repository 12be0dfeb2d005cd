"""Statements 19 and 22 to 24: what better training does (EDM, Figure 5b and c, Table 2)."""

import math
from collections.abc import Sequence
from itertools import pairwise

from sampler_bench.reports.statements.estimate import among
from sampler_bench.reports.statements.families import CHURNED, DETERMINISTIC, edm_trained, is_exact
from sampler_bench.reports.statements.families import on_simple_data as simple
from sampler_bench.reports.statements.panel import Panel, Point
from sampler_bench.reports.statements.verdict import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Answer,
    Case,
    Verdict,
    all_of,
    case,
    helps,
    opposite,
    percent,
    raises,
    together,
)
from sampler_bench.results.estimate import EQUAL, Estimate, relative

ONE_EACH = "one training each: errors are of sampling alone"
PAPER_IMAGES = 200_000_000
"""So many the paper's networks saw (EDM, Table 7; ImageNet's more)."""
_LETTERS = "abcdef"
_SUFFIXES = ("-vp", "-ve", "-adm")
_EQUAL_ANSWER: dict[str, Answer] = {"equal": HOLDS, "unclear": UNDECIDED}


def shrinks(panels: Sequence[Panel]) -> Verdict:
    """Statement 19: the best gain of churn, of networks trained by EDM's recipe and of others.

    The best of many is not taken as measured: bounds hold for all churn settings together
    (Bonferroni), and so for the best of them.
    """
    cases = []
    for new in (one for one in panels if one.metric == "fid" and edm_trained(one.model)):
        for old in panels:
            if not _pair(old, new):
                continue
            for steps in _shared_steps(old, new):
                before, after = gain(old, steps), gain(new, steps)
                parts = [_less(after, before)]
                if simple(new.model):
                    parts.append(_none(after))
                told = f"{steps:g} steps: {_span(after)}, {old.model} {_span(before)} ({ONE_EACH})"
                why = f"{old.model} gains nothing to shrink" if before[1] <= EQUAL else _short(new)
                cases.append(case(new, all_of(parts), told, why))
    return together(cases, "FID over S_churn of networks trained by EDM's recipe and of baselines")


def gain(panel: Panel, steps: float) -> tuple[float, float]:
    """Bounds of the largest relative gain of any churn over none at so many steps, at least 0.

    Infinitely far apart where an error is unknown.
    """
    still = panel.where(**DETERMINISTIC, steps=steps)[0]
    gaps = [relative(p.value, still.value) * -1.0 for p in panel.where(**CHURNED, steps=steps)]
    level = among(len(gaps))
    if any(math.isnan(gap.se) for gap in gaps):
        return 0.0, math.inf
    low = max(gap.value - level * gap.se for gap in gaps)
    return max(0.0, low), max(0.0, *(gap.value + level * gap.se for gap in gaps))


def every_step(panels: Sequence[Panel]) -> Verdict:
    """Statement 22: configurations A to F, each against the one before, at equal steps."""
    cases = []
    for kind in ("vp", "ve"):
        for column in _columns(panels, kind):
            gaps = {b: relative(q.value, p.value) for (_, p), (b, q) in _steps(column)}
            if not gaps:
                continue
            parts = [opposite(raises(list(gaps.values())))]
            if "d" in gaps:
                parts.append(_EQUAL_ANSWER.get(gaps["d"].word(), FAILS))
            if kind == "ve" and "e" in gaps:
                parts.append(_most(gaps))
            if len(gaps) < len(_LETTERS) - 1:
                parts.append(UNDECIDED)
            told = ", ".join(f"{letter.upper()} {percent(gap)}" for letter, gap in gaps.items())
            why = _why_not(gaps, _short(next(iter(column.values()))[0]))
            cases.append(_told_of(column, all_of(parts), f"{told} ({ONE_EACH})", why, kind))
    return together(cases, "table2-a to table2-f at equal NFE", ("VP", "VE"))


def equally_good(panels: Sequence[Panel]) -> Verdict:
    """Statement 23."""
    cases = []
    for vp in (one for one in panels if one.metric == "fid" and _final(one.model)):
        twin = vp.model.removesuffix("-vp") + "-ve"
        others = [p for p in panels if p.model == twin and _alike(p, vp)]
        for ve in others:
            for steps in sorted(_still_steps(vp) & _still_steps(ve)):
                one = vp.where(**DETERMINISTIC, steps=steps)[0]
                other = ve.where(**DETERMINISTIC, steps=steps)[0]
                gap = relative(one.value, other.value)
                answer = _EQUAL_ANSWER.get(gap.word(), FAILS)
                told = f"{percent(gap)} against {twin} at NFE {one.nfe:g} ({ONE_EACH})"
                cases.append(case(vp, answer, told, _short(vp)))
    return together(cases, "VP and VE networks of configuration F at equal NFE")


def augmented(panels: Sequence[Panel]) -> Verdict:
    """Statement 24, as far as FID goes: whether augmentation leaks, no record says."""
    cases = []
    for kind in ("vp", "ve"):
        for column in _columns(panels, kind):
            if "e" not in column or "f" not in column:
                continue
            gap = relative(column["f"][1].value, column["e"][1].value)
            told = f"F against E {percent(gap)} ({ONE_EACH}; of leaking there are no records)"
            why = _short(column["f"][0])
            why += ", too few to overfit: augmentation only makes the task harder" if why else ""
            cases.append(_told_of(column, helps([gap]), told, why, kind))
    return together(cases, "table2-e and table2-f at equal NFE")


_Column = dict[str, tuple[Panel, Point]]


def _columns(panels: Sequence[Panel], kind: str) -> list[_Column]:
    """Configurations of Table 2 by letter, for each number of steps that any share."""
    found: dict[str, _Column] = {}
    for panel in (one for one in panels if one.metric == "fid"):
        for letter in _LETTERS:
            if panel.model != f"table2-{letter}-{kind}":
                continue
            for point in panel.where(**DETERMINISTIC):
                key = repr((point.steps, panel.comparable))
                found.setdefault(key, {})[letter] = (panel, point)
    return [column for _, column in sorted(found.items())]


def _steps(column: _Column) -> list[tuple[tuple[str, Point], tuple[str, Point]]]:
    pairs = pairwise(_LETTERS)
    return [((a, column[a][1]), (b, column[b][1])) for a, b in pairs if a in column and b in column]


def _told_of(column: _Column, answer: Answer, told: str, why: str, kind: str) -> Case:
    panel, point = next(iter(column.values()))
    found = case(panel, answer, f"NFE {point.nfe:g}: {told}", why, kind.upper())
    return Case(f"table2, {kind.upper()}", *_rest(found))


def _rest(found: Case) -> tuple[str, Answer, str, str, str]:
    return found.what, found.answer, found.numbers, found.reason, found.family


def _most(gaps: dict[str, Estimate]) -> Answer:
    """Whether E lowers FID more than any other step."""
    others = [gaps["e"] - gap for letter, gap in gaps.items() if letter != "e"]
    words = [one.word(margin=0.0, level=among(len(others))) for one in others]
    if "higher" in words:
        return FAILS
    return HOLDS if words and all(one == "lower" for one in words) else UNDECIDED


def _why_not(gaps: dict[str, Estimate], short: str) -> str:
    worse = [letter.upper() for letter, gap in gaps.items() if gap.word() == "higher"]
    parts = [f"{' and '.join(worse)} raise it"] if worse else []
    if "d" in gaps and gaps["d"].word() == "lower":
        parts.append("D alone already lowers it")
    told = ", ".join(parts)
    return ": ".join(part for part in (told, short) if part)


def _short(panel: Panel) -> str:
    """Says so where a network saw far fewer images than the paper's."""
    try:
        images = float(panel.points[0].row.get("prov_checkpoint_images", math.nan))
    except (TypeError, ValueError):
        return ""
    few = images < PAPER_IMAGES / 2
    return f"trained on {images:,.0f} images (the paper's: {PAPER_IMAGES:,})" if few else ""


def _pair(old: Panel, new: Panel) -> bool:
    """Whether `old` is a network not trained by EDM's recipe, of the same kind and data."""
    same = any(old.model.endswith(s) and new.model.endswith(s) for s in _SUFFIXES)
    other = not edm_trained(old.model) and not is_exact(old.model)
    return same and other and _alike(old, new)


def _alike(one: Panel, other: Panel) -> bool:
    return one.metric == other.metric and one.comparable == other.comparable


def _final(model: str) -> bool:
    return model.endswith("-vp") and edm_trained(model) and not model.startswith("table2-e")


def _still_steps(panel: Panel) -> set[float]:
    return {point.steps for point in panel.where(**DETERMINISTIC) if point.steps > 0}


def _shared_steps(*both: Panel) -> list[float]:
    """Numbers of steps at which each has records with churn and without."""
    each = [{p.steps for p in one.where(**CHURNED)} & _still_steps(one) for one in both]
    return sorted(set.intersection(*each))


def _less(after: tuple[float, float], before: tuple[float, float]) -> Answer:
    if after[1] < before[0]:
        return HOLDS
    no_more = before[1] <= after[0] or before[1] <= EQUAL
    return FAILS if no_more else UNDECIDED


def _none(after: tuple[float, float]) -> Answer:
    if after[1] <= EQUAL:
        return HOLDS
    return FAILS if after[0] > EQUAL else UNDECIDED


def _span(bounds: tuple[float, float]) -> str:
    return f"gain {100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"
