"""The paper's own numbers as subjects of the same engine: exact values, without error."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd

from sampler_bench.reports.claims.claim import Claim, Scope, Subject, Verdict
from sampler_bench.reports.claims.judge import judge
from sampler_bench.reports.claims.panel import Panel, Point
from sampler_bench.reports.claims.subjects import baselines, columns, pairs, twins
from sampler_bench.results import published
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.published.settings import sampler_settings

_KINDS = {"VP": "vp", "VE": "ve", "ADM": "adm"}
Maker = Callable[[pd.DataFrame], list[Subject]]
_SEARCHED = ("Alg. 2, Optimal settings", "EDM stochastic (Alg. 2) N=256")
"""Found by a grid search (Table 5), and the lowest of a sweep (Figure 5c)."""


def judged_as_printed(claim: Claim, rows: pd.DataFrame | None = None) -> Verdict | None:
    """The engine's answer to a claim from numbers that are printed; None if it has none.

    Of a family that has none (VP in statement 4) none are asked.

    rows  of `results.published.load`, the paper's own unless others are given
    """
    if not claim.printed:
        return None
    maker = _MAKERS[claim.scope]
    subjects = _of_paper(maker) if rows is None else maker(rows)
    asked = [one for one in subjects if any(c.concerns(one) for c in claim.printed)]
    kinds = {one.family for one in asked}
    return judge(asked, claim.printed, [one for one in claim.families if one in kinds])


def count(claim: Claim) -> int:
    """How many comparisons of a claim have printed numbers."""
    verdict = judged_as_printed(claim)
    return len(verdict.outcomes) if verdict else 0


@cache
def _of_paper(maker: Maker) -> list[Subject]:
    rows = published.load("edm").dropna(subset=["fid"])
    return maker(rows[rows["source"].str.startswith("arXiv:2206.00364")])


def _networks(rows: pd.DataFrame) -> list[Subject]:
    """Tables 3 and 4: every printed number is a curve's dot."""
    made = []
    for model, own in rows[rows["figure_or_table"].isin(["Table 3", "Table 4"])].groupby("model"):
        kind = next(kind for kind in _KINDS if kind in str(model))
        parts = [
            _panel(str(model), [_point(row, dot=True) for _, row in part.iterrows()])
            for _, part in own.groupby("figure_or_table")
        ]
        tags = frozenset({kind, "rich" if kind == "ADM" else "simple"})
        made.append(Subject(_network_name(str(model)), tuple(parts), kind, tags))
    return made


def _columns(rows: pd.DataFrame) -> list[Subject]:
    """Table 2, column by column."""
    own = rows[rows["figure_or_table"] == "Table 2"]
    made = []
    for (data, condition, model), part in own.groupby(["dataset", "conditioning", "model"]):
        kind = _kind(str(model))
        tags = {kind, _size(str(data)), kind + _size(str(data))}
        if condition == "uncond":
            tags.add(f"{kind}{_size(str(data))}u")
        points = [_point(row, config=_letter(row)) for _, row in part.iterrows()]
        name = f"{data}, {condition}, {kind}"
        made.append(Subject(name, (_panel(name, points),), kind, frozenset(tags)))
    return made


def _twins(rows: pd.DataFrame) -> list[Subject]:
    """Table 2, data set by data set: VP beside VE."""
    own = rows[rows["figure_or_table"] == "Table 2"]
    made = []
    for (data, condition), part in own.groupby(["dataset", "conditioning"]):
        points = [
            _point(row, config=_letter(row), kind=_kind(row["model"]).lower())
            for _, row in part.iterrows()
        ]
        name = f"{data}, {condition}"
        made.append(Subject(name, (_panel(name, points),), tags=frozenset({_size(str(data))})))
    return made


def _pairs(rows: pd.DataFrame) -> list[Subject]:
    """Figure 5c: churn on ImageNet, the pre-trained network and the authors' own."""
    own = rows[rows["figure_or_table"] == "Fig 5c label"]
    points = [
        _point(row, dot=True, training="new" if row["config"] else "old")
        for _, row in own.iterrows()
    ]
    name = "ImageNet 64x64, ADM"
    return [Subject(name, (_panel(name, points),), tags=frozenset({"rich"}))] if points else []


def _panel(name: str, points: Sequence[Point]) -> Panel:
    return Panel(name, "fid", "FID, printed", (), tuple(points), printed=True)


def _point(row: pd.Series, **marks: Any) -> Point:
    """A printed number with the settings of its sampler, as records have them."""
    named = sampler_settings(row) or {}
    settings: dict[str, Any] = {"end": "zero"} | {name: values[0] for name, values in named.items()}
    table_5: Mapping[str, Any] = {"searched": True} if row["sampler"] in _SEARCHED else {}
    nfe = float(row["nfe"])
    return Point(Estimate(float(row["fid"])), nfe, {**settings, **table_5, **marks}, {})


def _letter(row: pd.Series) -> str:
    return str(row["config"])[0].lower()


def _kind(model: str) -> str:
    return next(kind for kind in _KINDS if f"({kind})" in model)


def _network_name(model: str) -> str:
    return next((kind for kind in _KINDS if kind in model), model)


def _size(data: str) -> str:
    return "64" if "64x64" in data else "32"


_MAKERS: dict[Scope, Maker] = {
    baselines: _networks,
    columns: _columns,
    twins: _twins,
    pairs: _pairs,
}
"""How the paper's tables are what a claim is asked of."""
