"""What perfect samples reach, as figures show it: a grey band."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from sampler_bench.reports.style import GREY
from sampler_bench.results.floor import Floor, floor_of

_LOOK: Any = {"facecolor": "#e2e2e2", "edgecolor": "#a8a8a8", "hatch": "////", "linewidth": 0}
_DISTANCE = "fid"
UNKNOWN = "floor not known: no draws of the true data in these records"


def floors(records: pd.DataFrame, shown: pd.DataFrame) -> list[Floor]:
    """The floors of the rows of one panel, each once, from the lowest; [] where none is known."""
    first = shown[shown["metric"] == _DISTANCE].sort_values("key")
    first = first.drop_duplicates(["extractor", "reference", "reference_digest", "samples"])
    found = [floor_of(records, row) for _, row in first.iterrows()]
    told = {(one.mean.value, one.spread): one for one in found if one is not None}
    return [told[key] for key in sorted(told)]


def reach(floors_: Iterable[Floor]) -> list[float]:
    """The numbers that an axis should reach to show them."""
    return [one.mean.value + side * one.spread for one in floors_ for side in (-1, 0, 1)]


def means(floors_: Iterable[Floor]) -> list[float]:
    """What an axis shows of them however far below it all is."""
    return [one.mean.value for one in floors_]


def draw_floor(axes: Axes, floors_: Iterable[Floor]) -> None:
    """Draw each as mean ± spread, below everything else; on the axis as it is."""
    bottom, _ = axes.get_ylim()
    for one in floors_:
        low, high = one.mean.value - one.spread, one.mean.value + one.spread
        axes.axhspan(max(low, bottom), high, zorder=0, **_LOOK)
        axes.axhline(one.mean.value, color=GREY, linewidth=0.8, zorder=0.5)


def floor_handle(floors_: Iterable[Floor]) -> Patch:
    """The legend's entry of them."""
    sets = " or ".join(str(n) for n in sorted({one.sets for one in floors_}))
    return Patch(label=f"perfect samples, as many:\nmean ± spread of {sets} sets", **_LOOK)


def is_distance(shown: pd.DataFrame) -> bool:
    """Whether there is a Fréchet distance among the records."""
    return bool((shown["metric"] == _DISTANCE).any())
