"""Samplers against one of them at equal cost: what differs beyond noise, and which may be best."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd
from scipy.stats import false_discovery_control

from sampler_bench.kit.names import unknown
from sampler_bench.reports.metrics import is_upward, taken_of
from sampler_bench.reports.points import PANEL, estimate, labels, points
from sampler_bench.reports.tables import with_error
from sampler_bench.results.best import LEVEL, are_paired, gap, may_be_best, two_sided
from sampler_bench.results.estimate import Estimate

LEAST = 0.75
"""A sampler stands for a cost if it spends more than this share of it: Heun's 7 of 8, not 4."""

_ALIKE = (
    *("model_digest", "extractor", "extractor_digest", "samples", "reference", "reference_digest"),
    *("precision", "quantizer", "class_label", "guidance"),
)
"""What two numbers of one model and metric must share as well, or they are not compared."""


@dataclass(frozen=True)
class Entry:
    """One sampler at one cost.

    label       what it is called
    nfe         evaluations per sample that it spends
    value       what was measured
    difference  its value less the compared sampler's; None of that itself
    paired      whether both were measured on the same seeds
    p, q        of "no difference": two-sided, by Student's law; q over all that is compared
    best        whether its value is the best of its column
    may_be_best whether it cannot be told from the best: see `results.best`
    """

    label: str
    nfe: float
    value: Estimate
    difference: Estimate | None = None
    paired: bool = True
    p: float = 1.0
    q: float = 1.0
    best: bool = False
    may_be_best: bool = True


@dataclass(frozen=True)
class Column:
    """All samplers at one cost: `nfe` evaluations per sample, or a little less."""

    nfe: float
    entries: tuple[Entry, ...]

    def of(self, label: str) -> Entry | None:
        """The entry of a sampler; None if it has no point at this cost."""
        return next((one for one in self.entries if one.label == label), None)


@dataclass(frozen=True)
class Block:
    """What one model and metric have to say.

    model, metric  whose samples, and the metric's name, as figures have it
    upward         whether higher values are better
    against        the sampler that others are compared with
    labels         all samplers, in the order of legends
    columns        costs, ascending
    own            those of the samplers whose solver is from a file of the user's
    """

    model: str
    metric: str
    upward: bool
    against: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    own: frozenset[str] = frozenset()


def compare(
    records: pd.DataFrame, against: str, nfe: Sequence[float] = (), metric: str | None = None
) -> list[Block]:
    """Compare samplers with one of them, model by model and metric by metric.

    records  the table of results.load
    against  the label of the sampler to compare with, or its beginning up to a comma
    nfe      evaluations per sample; unless given, those that its grid asked for, or that it spends
    metric   one metric's name, instead of all that are taken of samples

    At each cost a sampler's dearest point that costs no more stands for it, if it spends more than
    three quarters of it; repeats of other seeds are put together. Where that leaves the compared
    sampler alone at its own costs, the others' are taken as well. q is Benjamini and Hochberg's
    (1995) false-discovery rate, over all differences that are shown.

    Records of another reference, precision, network or class are not compared: a block each.

    Raises ValueError, in one line, if no sampler is called that, nothing is measured beside it, or
    two curves of one label meet at a cost.
    """
    found = records[taken_of(records, "samples")]
    if metric is not None:
        if metric not in set(found["metric"]):
            raise ValueError(unknown(metric, sorted(set(found["metric"])), "metric"))
        found = found[found["metric"] == metric]
    known = labels(found) if len(found) else []
    against = _meant(against, known)
    blocks = [
        replace(
            _block(points(alike), against, tuple(known), tuple(sorted(set(nfe))), told),
            own=_own(alike),
        )
        for alike, told in _comparable(found)
        if against in set(alike["label"])
    ]
    if not any(block.columns for block in blocks):
        raise ValueError(_nothing(found, against, nfe))
    return _discovered([block for block in blocks if block.columns])


def _comparable(records: pd.DataFrame) -> list[tuple[pd.DataFrame, str]]:
    """What can be compared, in the order of panels; where a panel is several, what tells it."""
    alike = [name for name in _ALIKE if name in records]
    made = []
    for _, panel in records.groupby(PANEL, sort=True):
        several = [name for name in alike if panel[name].nunique(dropna=False) > 1]
        for _, found in panel.groupby(alike, sort=True, dropna=False) if several else [((), panel)]:
            first = found.iloc[0]
            made.append((found, ", ".join(f"{name} {str(first[name])[:16]}" for name in several)))
    return made


def _nothing(records: pd.DataFrame, against: str, nfe: Sequence[float]) -> str:
    """Why there is nothing to compare, and at which costs there would be."""
    at = f" at {_listed(nfe)} evaluations" if nfe else ""
    told = f"nothing was measured beside {against!r}{at}: there is nothing to compare"
    spent = records.groupby(records["label"] == against)["nfe"].unique()
    if len(spent) < 2:
        return told
    return f"{told}; it spends {_listed(spent[True])}, others {_listed(spent[False])}: see --nfe"


def _listed(numbers: Iterable[float]) -> str:
    return ", ".join(f"{one:.4g}" for one in sorted(numbers))


def _own(records: pd.DataFrame) -> frozenset[str]:
    solver = records.get("sampler.solver", pd.Series("", records.index)).fillna("").astype(str)
    return frozenset(records.loc[solver.str.startswith("file:"), "label"])


def _meant(against: str, known: Sequence[str]) -> str:
    """The label that is meant: itself, or the one that goes on after it, "heun, edm steps"."""
    longer = [label for label in known if label.startswith(f"{against}, ")]
    if against not in known and len(longer) != 1:
        short = [label.split(", ")[0] for label in known]  # nearer to what is typed
        near = [one for one in short if short.count(one) == 1]
        raise ValueError(unknown(against, [*known, *near], "sampler", ", ".join(known)))
    return against if against in known else longer[0]


def _block(
    curves: pd.DataFrame,
    against: str,
    known: tuple[str, ...],
    nfe: tuple[float, ...],
    told: str,
) -> Block:
    upward = is_upward(curves)
    columns = _columns(curves, against, nfe or _costs(curves[curves["label"] == against]), upward)
    if not (nfe or columns):  # it spends 11 where others spend 12
        columns = _columns(curves, against, _costs(curves), upward)
    here = set(curves["label"])
    return Block(
        model=str(curves["model"].iloc[0]),
        metric=", ".join([str(curves["metric_name"].iloc[0]), *([told] if told else [])]),
        upward=upward,
        against=against,
        labels=tuple(label for label in known if label in here),
        columns=columns,
    )


def _columns(
    curves: pd.DataFrame, against: str, costs: Iterable[float], upward: bool
) -> tuple[Column, ...]:
    """The columns at which the compared sampler and another have a point, by cost."""
    made = (_column(curves, against, cost, -1 if upward else 1) for cost in sorted(costs))
    return tuple(one for one in made if one.of(against) and len(one.entries) > 1)


def _costs(curve: pd.DataFrame) -> set[float]:
    """What the points of a curve were asked for; of those that say nothing, what they spend."""
    points = zip(curve["nfe_asked"], curve["nfe"], strict=True)
    return {float(cost) for asked, spent in points for cost in (asked or (spent,))}


def _column(curves: pd.DataFrame, against: str, cost: float, sign: int) -> Column:
    entries = []
    for label, curve in curves.groupby("label", sort=True):
        fits = curve[(curve["nfe"] <= cost) & (curve["nfe"] > LEAST * cost)]
        if not fits.empty:
            at = _dearest(fits)
            entries.append(Entry(str(label), float(at["nfe"]), estimate(at)))
    may = may_be_best([one.value for one in entries], sign)
    top = min((sign * one.value.value for one in entries), default=math.nan)
    told = [
        replace(one, may_be_best=could, best=sign * one.value.value == top)
        for one, could in zip(entries, may, strict=True)
    ]
    column = Column(cost, tuple(told))
    base = column.of(against)
    return column if base is None else Column(cost, tuple(_beside(one, base) for one in told))


def _dearest(curve: pd.DataFrame) -> pd.Series:
    """The point of most evaluations; of a sampler that chooses its own steps any of several."""
    top = curve[curve["nfe"] == curve["nfe"].max()]
    if len(top) > 1 and top["steps"].notna().all():
        label, nfe = top["label"].iloc[0], top["nfe"].iloc[0]
        raise ValueError(
            f"{len(top)} curves of other settings are called {label!r} and spend {nfe:g} "
            "evaluations: label them apart"
        )
    return top.iloc[0]


def _beside(one: Entry, base: Entry) -> Entry:
    if one is base:
        return one
    difference = gap(one.value, base.value)
    return replace(
        one,
        difference=difference,
        paired=are_paired(one.value, base.value),
        p=two_sided(difference),
    )


def _discovered(blocks: list[Block]) -> list[Block]:
    """The blocks with q for each p, over all of them."""
    columns = [column for block in blocks for column in block.columns]
    shown = [one for column in columns for one in column.entries if one.difference is not None]
    q = iter(false_discovery_control([one.p for one in shown]).tolist())

    def told(one: Entry) -> Entry:
        return one if one.difference is None else replace(one, q=next(q))

    def found(column: Column) -> Column:
        return replace(column, entries=tuple(map(told, column.entries)))

    return [replace(block, columns=tuple(map(found, block.columns))) for block in blocks]


def answers(blocks: Sequence[Block]) -> list[str]:
    """A sentence for each column in which something is compared."""
    several = {model for model in _models(blocks) if _models(blocks).count(model) > 1}
    return [
        answer(block, column, block.model in several)
        for block in blocks
        for column in block.columns
    ]


def answer(block: Block, column: Column, named: bool = False) -> str:
    """What one column says, in a sentence: who is best, against whom, and who else may be.

    What a sampler spends is said where it is not the column's cost; a user's own one is compared,
    too, where it is not the best.

    named  whether the metric is named: where there are several
    """
    top = _leader(column, block.against)
    what = f" ({block.metric})" if named else ""
    head = f"At {column.nfe:g} evaluations on {block.model}{what}"
    if top.difference is None:
        word = "higher" if block.upward else "lower"
        body = f"nothing is {word} than {_called(top, column)}, {_number(top.value)}"
    else:
        body = _pair(top, block, column)
    mine = [one for one in column.entries if one.label in block.own and one is not top]
    told = "".join(f"; {_pair(one, block, column)}" for one in mine if one.difference is not None)
    return f"{head}, {body}; {_others(column, top)}{told}."


def _pair(one: Entry, block: Block, column: Column) -> str:
    """What one sampler is beside the compared one."""
    assert one.difference is not None
    base = column.of(block.against)
    assert base is not None
    word = "lower" if one.difference.value < 0 else "higher"
    size = _number(one.difference * math.copysign(1, one.difference.value))
    chance = ", which may be chance" if one.q > LEVEL else ""
    two = f"{_called(one, column)} is {word} than {_called(base, column)}"
    return f"{two} by {size} (q = {one.q:.1g}){chance}"


def _called(one: Entry, column: Column) -> str:
    spent = "" if one.nfe == column.nfe else f" (NFE {one.nfe:.4g})"
    return f"{_quoted(one.label)}{spent}"


_NAMED = 4
"""So many samplers are named one by one."""


def _others(column: Column, top: Entry) -> str:
    may = [one.label for one in column.entries if one.may_be_best and one is not top]
    if not may:
        return "no other may be the best"
    names = f": {', '.join(map(_quoted, may))}" if len(may) <= _NAMED else ""
    count = f"{len(may)} of {len(column.entries) - 1} others"
    return f"{count} cannot be told from it{names}"


def _models(blocks: Sequence[Block]) -> list[str]:
    return [block.model for block in blocks]


def _quoted(label: str) -> str:
    return f"“{label}”"


def _leader(column: Column, against: str) -> Entry:
    """The best entry; of several that are equally good the compared one."""
    best = [one for one in column.entries if one.best]
    return next((one for one in best if one.label == against), best[0])


def table(blocks: Sequence[Block]) -> pd.DataFrame:
    """The comparison as a tidy table: a row per block, cost and sampler, in numbers.

    Columns: Model, Metric, Sampler; NFE (the cost), Spent; Value, SE; Difference, Difference SE,
    Freedom, Paired, p, q; Best, May be best.
    """
    rows = []
    for block in blocks:
        for column in block.columns:
            order = {label: place for place, label in enumerate(block.labels)}
            for one in sorted(column.entries, key=lambda entry: order[entry.label]):
                less = one.difference
                rows.append(
                    {
                        "Model": block.model,
                        "Metric": block.metric,
                        "Sampler": one.label,
                        "NFE": column.nfe,
                        "Spent": one.nfe,
                        "Value": one.value.value,
                        "SE": one.value.se,
                        "Difference": math.nan if less is None else less.value,
                        "Difference SE": math.nan if less is None else less.se,
                        "Freedom": math.nan if less is None else less.freedom,
                        "Paired": one.paired,
                        "p": math.nan if less is None else one.p,
                        "q": math.nan if less is None else one.q,
                        "Best": one.best,
                        "May be best": one.may_be_best,
                    }
                )
    return pd.DataFrame(rows)


def _number(estimate: Estimate) -> str:
    return with_error(estimate.value, estimate.se if math.isfinite(estimate.se) else 0.0)


def cell(one: Entry | None, cost: float) -> tuple[str, str]:
    """What a table shows of an entry, and its q: "−0.90 ± 0.12", "1e-06".

    The compared sampler shows its value. "@7": it spends 7, and not what the column costs; "°": it
    cannot be told from the best; "*": not on the same seeds.
    """
    if one is None:
        return "–", ""
    marks = ("°" if one.may_be_best else "") + ("" if one.paired else "*")
    marks += "" if one.nfe == cost else f" @{one.nfe:.4g}"
    if one.difference is None:
        return f"{_number(one.value)}{marks}", ""
    size = math.copysign(1, one.difference.value)
    sign = "−" if size < 0 else "+"
    return f"{sign}{_number(one.difference * size)}{marks}", f"{one.q:.1g}"


NOTE = (
    "Differences from “{against}”, whose row shows its values, ± 1 standard error, in pairs where"
    " seeds are shared (* where not); q: false-discovery rate. Bold: best; °: cannot be told from"
    " the best (95 %, all at once); @: evaluations spent where they are less than the column's."
)
