"""What training gets from each noise level: EDM's Section 5, beside Figure 5a."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sampler_bench.reports import notes
from sampler_bench.reports.curves import finish, line_handle
from sampler_bench.reports.points import labels, ordered
from sampler_bench.reports.style import (
    GREY,
    Look,
    NothingToDrawError,
    looks,
    panels,
    sigma_axis,
    styled,
    value_axis,
)
from sampler_bench.reports.swept import base_label

_WEIGHTS = "measurement.weights"
_DASHES: dict[str, Any] = {"initial": (0, (4, 2)), "trained": "-"}
_DECADES = 1e-4  # of the largest value: smaller ones are nothing beside it


@styled
def gradients_over_sigma(records: pd.DataFrame) -> Figure:
    """Three panels over σ: size of the loss's gradient; p_train(ln σ); each σ's share of both.

    The share is the product of the two over its integral: an optimiser like Adam does not see a
    factor that is the same at every σ. A line per label; dashed with initial weights. Band: ± 1
    standard deviation over images. Raises NothingToDrawError without such records.
    """
    found = ordered(records[records["metric"] == "gradient-size"])
    found = found[found["profile"].map(_has_share)]
    if found.empty:
        raise NothingToDrawError("no records of gradient-size")
    found = found.assign(base=[base_label(label, _WEIGHTS) for label in found["label"]])
    names = labels(found.assign(label=found["base"]))
    look = looks(names)
    figure, (size, density, share) = panels(3)
    for place, name in enumerate(names):  # marks stand apart where lines lie on each other
        marks = (place, len(names))
        _draw(size, density, share, found[found["base"] == name], look[name], marks)
    largest = max(max(profile["mean"]) for profile in found["profile"])
    smallest = min(min(profile["mean"]) for profile in found["profile"])
    size.set_ylim(max(smallest / 1.5, _DECADES * largest), 2 * largest)
    value_axis(size)
    size.set(title="Size of the gradient, by λ(σ)", ylabel="‖∇ λ(σ)·‖D − y‖²/dim‖, one image")
    density.set(title="How often training draws σ", ylabel="p_train(ln σ)")
    share.set(title="Each σ's share of the gradient", ylabel="p_train · size / ∫ p_train · size")
    for axes in (size, density, share):
        sigma_axis(axes, [sigma for profile in found["profile"] for sigma in profile["sigma"]])
    for axes in (density, share):
        axes.set_ylim(bottom=0)
    handles: list[Artist] = [
        line_handle(name, replace(one, dash="-")) for name, one in look.items()
    ]
    told = {"trained": "trained weights", "initial": "initial weights"}
    handles += [
        Line2D([], [], color=GREY, linestyle=_DASHES[one], label=text)
        for one, text in told.items()
        if one in set(found[_WEIGHTS])
    ]
    band = "± 1 standard deviation over images"
    handles.append(Patch(facecolor=GREY, alpha=0.3, linewidth=0, label=band))
    counts = " and ".join(f"{count:,}" for count in sorted(set(found["samples"])))
    finish(figure, handles, "; ".join(filter(None, [f"{counts} images", notes.for_figure(found)])))
    return figure


def _has_share(profile: Mapping[str, Sequence[float]]) -> bool:
    """Whether a record says p_train, and there is a gradient where that is."""
    often = profile.get("density", [])
    return any(one * other > 0 for one, other in zip(often, profile.get("mean", []), strict=False))


def _draw(
    size: Axes, density: Axes, share: Axes, rows: pd.DataFrame, one: Look, marks: tuple[int, int]
) -> None:
    """Draw the lines of one label, with initial and with trained weights."""
    for weights, profile in zip(rows[_WEIGHTS], rows["profile"], strict=True):
        sigma, mean, std, often = (
            np.asarray(profile[column]) for column in ("sigma", "mean", "std", "density")
        )
        own: dict[str, Any] = {"color": one.color, "linestyle": _DASHES.get(weights, "-")}
        if weights == "trained":
            own |= {"marker": one.marker, "markersize": 4, "markevery": marks}
        low = np.maximum(mean - std, _DECADES**2 * mean.max())  # off the logarithmic axis
        size.fill_between(sigma, low, mean + std, color=one.color, alpha=0.14, linewidth=0)
        size.plot(sigma, mean, **own)
        product = mean * often
        share.plot(sigma, product / np.trapezoid(product, np.log(sigma)), **own)
    plain: Any = {"color": one.color, "marker": one.marker, "markersize": 4, "markevery": marks}
    density.plot(sigma, often, **plain)
