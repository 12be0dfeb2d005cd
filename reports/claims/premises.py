"""What must be so before a number is judged; each says in one sentence that it is not."""

import math

from sampler_bench.reports.claims.claim import Asked, Premise, Selector
from sampler_bench.reports.claims.decide import alone
from sampler_bench.reports.claims.quantities import churns as churns_of
from sampler_bench.reports.claims.quantities import is_searched, line, log_excess
from sampler_bench.results.estimate import Estimate, mean

PER_FEATURE = 5
"""Samples for each feature, below which a covariance is too poor (ours)."""
FEATURES = {"fashion": 96, "inception": 2048}
IMAGES = {"fashion": 5.0}
"""A tenth of what noise has (about 50), by extractor: a network below it makes images (ours)."""
TRAININGS, SEEN = 3, 100_000_000
"""So many trainings of so many images each; the paper's saw 200 million (Table 7)."""
CHURNS = 1000
"""From about 2,000 on the paper's Figure 14 shows losses."""
EXACT_SAMPLES = 5000


def _samples(asked: Asked) -> str:
    panel = asked.panel
    if panel.printed:
        return ""
    if panel.extractor not in FEATURES:
        return f"how many samples are enough is not known for the extractor {panel.extractor}"
    needed = PER_FEATURE * FEATURES[panel.extractor]
    if panel.samples >= needed:
        return ""
    return f"{panel.samples:,.0f} samples are too few: {needed:,} are needed (5 per feature)"


def _images(asked: Asked) -> str:
    limit = IMAGES.get(asked.panel.extractor, math.inf)
    best = asked.subject.lowest.get(asked.panel.extractor, 0.0)
    if asked.panel.printed or best <= limit:
        return ""
    return f"the network makes no images: by any sampler {best:.3g} at best, noise has about 50"


def finished(side: str) -> Premise:
    """A side's curve is level where it ends."""

    def why_not(asked: Asked) -> str:
        chosen: Selector = getattr(asked.comparison, side)
        found = line(asked, chosen)
        if found is None or found.finished:
            return ""
        last = found.points[-1].nfe
        return f"{chosen.words} is not level yet at NFE {last:.4g}, its last: more NFE would decide"

    return Premise("finished", why_not)


def low(side: str) -> Premise:
    """A side was measured at NFE so low that it is surely not yet near its end."""

    def why_not(asked: Asked) -> str:
        chosen: Selector = getattr(asked.comparison, side)
        found = line(asked, chosen)
        if found is None or found.low or not found.finished:
            return ""
        first = found.points[0].nfe
        return f"{chosen.words} was not measured at low NFE: level from NFE {first:.4g}, its first"

    return Premise("low", why_not)


def _search(asked: Asked) -> str:
    ones = asked.points(asked.comparison.one)
    if any(is_searched(asked, point) for point in ones):
        return ""
    return "its settings are no search's winner on this network: a search would decide"


def _churns(asked: Asked) -> str:
    most = churns_of(asked)
    return "" if most >= CHURNS else f"{most:,.0f} churns at most, {CHURNS:,} are needed"


def _exact_samples(asked: Asked) -> str:
    few = asked.panel.samples < EXACT_SAMPLES
    told = f"{asked.panel.samples:,.0f} samples are too few: {EXACT_SAMPLES:,} are needed"
    return told if few else ""


def _better(asked: Asked) -> str:
    """The new training must have the lower value without churn, beyond error."""
    if asked.panel.printed:
        return ""
    still = {"S_churn": 0}
    pairs = [
        (new, old)
        for new in asked.panel.where(**still, training="new")
        for old in asked.panel.where(**still, training="old")
        if new.steps == old.steps
    ]
    if not pairs:
        return "both trainings were not measured without churn at equal steps"
    gap = mean([log_excess(asked, new) - log_excess(asked, old) for new, old in pairs])
    if gap.value + alone(gap) * gap.se < 0:
        return ""
    return f"the network is not measured to be better trained ({_percent(gap)} without churn)"


def _trainings(asked: Asked) -> str:
    if asked.panel.printed:
        return ""
    sides = (asked.comparison.one, asked.comparison.other)
    points = [point for side in sides for point in asked.points(side)]
    count = min((int(point.row.get("trainings", 1)) for point in points), default=0)
    seen = min((float(point.row.get("images", math.nan)) for point in points), default=math.nan)
    if count >= TRAININGS and seen >= SEEN:
        return ""
    each = "" if math.isnan(seen) else f" of {seen:,.0f} images"
    return f"{count} training{'s' * (count > 1)}{each}: {TRAININGS} of {SEEN:,} would be needed"


def _percent(gap: Estimate) -> str:
    return f"{100 * math.expm1(gap.value):+.0f} %".replace("-", "−")


samples = Premise("samples", _samples)
images = Premise("images", _images)
search = Premise("searched", _search)
churns = Premise("churns", _churns)
exact_samples = Premise("samples", _exact_samples)
better = Premise("better trained", _better)
trainings = Premise("trainings", _trainings)
