"""What a figure's records say in a sentence: the end of its caption, read from them."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from sampler_bench.reports.metrics import first, is_upward, taken_of
from sampler_bench.reports.points import PANEL, best, estimate, ordered, points
from sampler_bench.reports.searches import searches
from sampler_bench.reports.swept import base_label, called, lines, only_swept, with_deterministic
from sampler_bench.reports.tables import with_error
from sampler_bench.reports.truncation import METRIC, fitted_order
from sampler_bench.results.estimate import LEVEL

Outcome = Callable[[pd.DataFrame], str]
_MANY_CHURNS = 1_000
_DEGRADES = 2_000  # churns from which on EDM's Figure 14 shows harm


def lowest_over_nfe(records: pd.DataFrame) -> str:
    """The best point of each model, and how many lines' best are not told apart from it."""
    measured = ordered(records[taken_of(records, "samples")])
    shown = _deciding(measured[~only_swept(measured)])
    parts = []
    for (model, _, name), found in points(shown).groupby(PANEL, sort=True):
        at = best(found)
        told = f"{at['label']}, {with_error(at['value'], at['se'])} at NFE {at['nfe']:.4g}"
        where = model if shown["metric_name"].nunique() == 1 else f"{model} ({name})"
        others = [best(line) for label, line in found.groupby("label") if label != at["label"]]
        parts.append(f"{where}: {told}{_near(at, others, 'sampler')}")
    return _listed(_word(shown), parts)


def lowest_over(parameter: str, sign: str, zero: bool = False) -> Outcome:
    """The best value of a swept parameter for each model; with `zero` also the value at 0."""

    def outcome(records: pd.DataFrame) -> str:
        fitting = ordered(records[taken_of(records, "samples", "trajectory")])
        shown = lines(fitting, parameter)
        if zero:
            shown = with_deterministic(shown, fitting)
        if shown.empty:
            return ""
        values = dict(zip(shown["point"], shown[parameter], strict=True))
        parts, still = [], {}
        for (model, _, _), found in points(shown).groupby(PANEL, sort=True):
            found = found.drop_duplicates("point")
            at = best(found)
            own = found[[values[point] == 0 for point in found["point"]]]
            if zero and not own.empty:
                still[str(model)] = own.iloc[0]
            value = values[at["point"]]
            name = f"{base_label(at['label'], parameter)}, {sign} = {value:g}"
            told = "deterministic" if zero and value == 0 else name
            near = _near(at, [row for _, row in found.iterrows()], "setting")
            parts.append(f"{model}: {told}, {with_error(at['value'], at['se'])}{near}")
        return " ".join([_listed(_word(shown), parts), *_trained_better(still)])

    return outcome


def _trained_better(still: dict[str, pd.Series]) -> Iterator[str]:
    """Whether networks trained as EDM does are the better ones without churn, pair by pair."""
    pairs = [(name, name.replace("edm-", other)) for name in still for other in ("", "baseline-")]
    for new, old in (pair for pair in pairs if "edm-" in pair[0] and pair[1] in still):
        gap = estimate(still[new]) - estimate(still[old])
        word = {"lower": "better than", "higher": "worse than"}.get(gap.word(0.0), "no better than")
        values = [with_error(still[name]["value"], still[name]["se"]) for name in (new, old)]
        yield f"Without churn {new} ({values[0]}) is {word} {old} ({values[1]})."


def most_churns(records: pd.DataFrame) -> str:
    """How many churns there were, and whether that is enough to see what the paper sees."""
    churned = records[records["sampler.solver"] == "churned"]
    most = float(churned["sampler.steps"].max())
    if most >= _MANY_CHURNS:
        return f"Up to {most:,.0f} churns."
    return (
        f"Degradation is not reached: at most {most:,.0f} churns here, and the paper's begins at"
        f" about {_DEGRADES:,}."
    )


def churns_title(title: str, records: list[pd.DataFrame]) -> str:
    """The title of Figure 14: it says where there are too few churns for what it is of."""
    counts = [
        one.loc[one["sampler.solver"] == "churned", "sampler.steps"].max()
        for one in records
        if "sampler.solver" in one
    ]
    most = max((float(n) for n in counts if pd.notna(n)), default=0.0)
    if not counts or most >= _MANY_CHURNS:
        return title
    return f"Repeated churn at one noise level; degradation not reached with {most:,.0f} churns"


def orders(records: pd.DataFrame) -> str:
    """The order that each line shows."""
    measured = ordered(records[records["metric"] == METRIC])
    parts = []
    for (model, _, _), found in points(measured[~only_swept(measured)]).groupby(PANEL, sort=True):
        fits = {label: fitted_order(line) for label, line in found.groupby("label", sort=True)}
        told = [f"{label} {fit[0]:.2f}" for label, fit in fits.items() if fit is not None]
        none = [label for label, fit in fits.items() if fit is None]
        told += [f"none that is steady: {', '.join(none)}"] if none else []
        parts.append(f"{model}: {', '.join(told)}")
    return _listed("Orders", parts)


def largest_drop(records: pd.DataFrame) -> str:
    """At which σ training lowers the loss most."""
    found = ordered(records[records["metric"] == "denoising-loss"])
    if "measurement.weights" not in found:
        return ""
    parts = []
    for model, rows in found.groupby("model", sort=True):
        by = {row["measurement.weights"]: row["profile"] for _, row in rows.iterrows()}
        if {"initial", "trained"} <= set(by) and by["initial"]["sigma"] == by["trained"]["sigma"]:
            drop = np.subtract(by["initial"]["mean"], by["trained"]["mean"])
            at = int(np.argmax(drop))
            parts.append(f"{model}: by {drop[at]:.2f} at σ = {by['initial']['sigma'][at]:.3g}")
    return _listed("Training lowers the loss most", parts)


def summaries(metric: str, word: str, most: int | None = None) -> Outcome:
    """What records over σ sum up to, as their metric does: the smallest of each model first."""

    def outcome(records: pd.DataFrame) -> str:
        found = ordered(records[records["metric"] == metric])
        parts = []
        for model, rows in found.groupby("model", sort=True):
            values = rows.groupby("label", sort=True)["value"].mean().sort_values(kind="stable")
            told = [f"{value:.3g} ({label})" for label, value in values.items()]
            parts.append(f"{model}: {', '.join(told[:most])}")
        return _listed(word, parts)

    return outcome


def found_by_search(records: pd.DataFrame) -> str:
    """What the settings that searches chose gain on fresh seeds."""
    parts = []
    for search in searches(records):
        fresh = search.fresh
        if fresh is not None and np.isfinite(fresh["difference"]):
            gain = with_error(fresh["difference"], fresh["difference_se"])
            values = ", ".join(f"{called(name)} = {fresh[name]:g}" for name in _CHURN)
            parts.append(f"{search.model}: {gain} ({values})")
    return _listed("Difference from deterministic on fresh seeds", parts)


_CHURN = ("sampler.S_churn", "sampler.S_min", "sampler.S_max", "sampler.S_noise")


def _near(at: pd.Series, others: list[pd.Series], what: str) -> str:
    """How many other points, each the best of what it is of, are not told apart from the best."""
    sign = -1 if at["metric_better"] == "higher" else 1
    gaps = [estimate(one) - estimate(at) for one in others if one["point"] != at["point"]]
    near = sum(not sign * gap.value > LEVEL * gap.se for gap in gaps)
    if not near:
        return ""
    return f" ({near} other {what}{'s' * (near > 1)} within 2 SE of it)"


def _deciding(records: pd.DataFrame) -> pd.DataFrame:
    return records[records["metric"] == first(records["metric"])] if len(records) else records


def _word(records: pd.DataFrame) -> str:
    return "Highest (± 1 SE)" if is_upward(records) else "Lowest (± 1 SE)"


def _listed(word: str, parts: list[str]) -> str:
    return f"{word}: {'; '.join(parts)}." if parts else ""
