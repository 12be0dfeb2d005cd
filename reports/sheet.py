"""Sheets of samples in rows and columns: over σ, over churns, over NFE (EDM, Figures 1, 12, 14)."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sampler_bench.reports.contact import Samples
from sampler_bench.reports.metrics import taken_of
from sampler_bench.reports.points import labels, ordered
from sampler_bench.reports.style import GREY, NothingToDrawError, styled

_SIDE = 2  # images along a side of a tile
_WIDTH = 8.6  # inches
_HEAD = 1.5  # inches, for the text left of a row
_GAP = 0.06  # inches between tiles
_CAPTION = 0.2  # inches between rows whose tiles have texts above them
_TITLE = 0.46  # inches, for a part's title and the columns' texts
_LINE = 20  # letters of a row's text
_MOST_COLUMNS = 8
_LARGEST = 0.95  # inches, a tile's side


@dataclass(frozen=True)
class Part:
    """A part of a sheet.

    title     what stands above it
    records   the record at each row and column that was measured
    captions  the text above each of these tiles, where columns have none in common
    """

    title: str
    records: Mapping[tuple[str, str], pd.Series]
    captions: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def rows(self) -> list[str]:
        """The rows' texts, in order."""
        return list(dict.fromkeys(row for row, _ in self.records))

    @property
    def columns(self) -> list[str]:
        """The columns' texts, in order."""
        return list(dict.fromkeys(column for _, column in self.records))

    @property
    def gap(self) -> float:
        """Inches between rows."""
        return _CAPTION if self.captions else _GAP

    def above(self, row: str, column: str) -> str:
        """The text above a tile."""
        if self.captions:
            return self.captions.get((row, column), "")
        return column if row == self.rows[0] else ""


@styled
def noise_levels(records: pd.DataFrame, samples: Samples) -> Figure:
    """Noisy images over σ and what the denoiser sees in them: rows of one label, columns of σ.

    Of records of the sampler "churned" without churns. Raises NothingToDrawError if there are none
    or no images were kept.
    """
    found = _churned(records)
    found = found[found["sampler.steps"] == 0].sort_values(
        ["sampler.denoised", "sampler.sigma"], kind="stable"
    )
    found = found[found.groupby("sampler.denoised")["sampler.sigma"].transform("nunique") > 2]
    parts = [
        _part(str(model), rows, "sampler.denoised", _denoised, "sampler.sigma", "σ = {:g}".format)
        for model, rows in found.groupby("model", sort=True)
    ]
    return _drawn(parts, samples)


@styled
def churn_sheet(records: pd.DataFrame, samples: Samples) -> Figure:
    """The same images after more and more churn: a row per σ, a column per number of churns.

    A part per model and S_noise. Raises NothingToDrawError without such records or images.
    """
    found = _churned(records)
    found = found[(found["sampler.denoised"] == "yes")].sort_values(
        ["sampler.sigma", "sampler.steps"], kind="stable"
    )
    found = found[found.groupby("sampler.sigma")["sampler.steps"].transform("nunique") > 1]
    parts = [
        _part(
            f"{model}, S_noise = {s:g}",
            rows,
            "sampler.sigma",
            "σ = {:g}".format,
            "sampler.steps",
            _churns,
        )
        for (model, s), rows in found.groupby(["model", "sampler.S_noise"], sort=True)
    ]
    return _drawn(parts, samples)


@styled
def samples_over_nfe(records: pd.DataFrame, samples: Samples) -> Figure:
    """The same latents at more and more evaluations: a row per label, each with NFE of its own.

    A part per model. Raises NothingToDrawError where no label has images at two NFE.
    """
    found = ordered(records[taken_of(records, "samples")])
    if "sampler.solver" in found:
        found = found[found["sampler.solver"] != "churned"]
    found = found[found.groupby(["model", "label"])["nfe"].transform("nunique") > 1]
    if found.empty:
        raise NothingToDrawError("no label was measured at two NFE")
    parts = []
    for model, rows in found.groupby("model", sort=True):
        chosen: dict[tuple[str, str], pd.Series] = {}
        for label in labels(rows):
            line = rows[rows["label"] == label].drop_duplicates("nfe").sort_values("nfe")
            for place, at in enumerate(_evenly(len(line))):
                chosen[label, str(place)] = line.iloc[at]
        captions = {at: f"NFE {record['nfe']:.4g}" for at, record in chosen.items()}
        parts.append(Part(str(model), chosen, captions))
    return _drawn(parts, samples)


def _evenly(count: int) -> list[int]:
    """At most eight of so many places, the first and the last among them."""
    return [round(i) for i in np.linspace(0, count - 1, min(count, _MOST_COLUMNS))]


def _churned(records: pd.DataFrame) -> pd.DataFrame:
    found = ordered(records)
    found = found[
        found.get("sampler.solver", pd.Series(index=found.index, dtype=object)) == "churned"
    ]
    if found.empty:
        raise NothingToDrawError("no records of churn at one noise level")
    return found


def _denoised(value: str) -> str:
    return {"no": "x ~ p(x; σ)", "yes": "D(x; σ)"}[value]


def _churns(value: float) -> str:
    return f"{value:,.0f} {'churn' if value == 1 else 'churns'}"


def _part(
    title: str,
    rows: pd.DataFrame,
    down: str,
    down_text: Callable[..., str],
    across: str,
    across_text: Callable[..., str],
) -> Part:
    """A part with the first record at each place."""
    found: dict[tuple[str, str], pd.Series] = {}
    for _, record in rows.iterrows():
        found.setdefault((down_text(record[down]), across_text(record[across])), record)
    return Part(title, found)


def _drawn(parts: Sequence[Part], samples: Samples) -> Figure:
    tiles = [{at: _tile(samples(r["work_key"])) for at, r in p.records.items()} for p in parts]
    if not any(tile is not None for of_part in tiles for tile in of_part.values()):
        raise NothingToDrawError("no images were kept")
    columns = max(len(part.columns) for part in parts)
    side = min(_LARGEST, (_WIDTH - _HEAD) / columns - _GAP)
    heights = [_TITLE + len(part.rows) * (side + part.gap) for part in parts]
    figure = Figure(figsize=(_HEAD + columns * (side + _GAP) + 0.1, sum(heights)))
    FigureCanvasAgg(figure)
    subfigures = np.ravel(figure.subfigures(len(parts), 1, height_ratios=heights, squeeze=False))
    for subfigure, part, of_part, height in zip(subfigures, parts, tiles, heights, strict=True):
        _draw_part(subfigure, part, of_part, side, height)
    return figure


def _tile(arrays: Mapping[str, np.ndarray] | None) -> np.ndarray | None:
    """The first four images as a square, [H, W] or [H, W, 3]; None if there are none."""
    if not arrays or "images" not in arrays:
        return None
    images = arrays["images"][: _SIDE**2].transpose(0, 2, 3, 1)
    blank = np.full_like(images[:1], 255)
    images = np.concatenate([images, *[blank] * (_SIDE**2 - len(images))])
    lines = [np.concatenate(list(images[i : i + _SIDE]), 1) for i in range(0, _SIDE**2, _SIDE)]
    square = np.concatenate(lines)
    return square[..., 0] if square.shape[2] == 1 else square[..., :3]


def _draw_part(
    subfigure: Figure,
    part: Part,
    tiles: Mapping[tuple[str, str], np.ndarray | None],
    side: float,
    height: float,
) -> None:
    whole = subfigure.bbox.width / subfigure.figure.dpi
    middle = (_HEAD + len(part.columns) * (side + _GAP) / 2) / whole
    subfigure.suptitle(part.title, fontsize=10, x=middle, y=0.99, va="top")
    for i, row in enumerate(part.rows):
        bottom = height - _TITLE + 0.04 - side - i * (side + part.gap)
        middle = (bottom + side / 2) / height
        text = textwrap.fill(row, _LINE)
        subfigure.text((_HEAD - 0.1) / whole, middle, text, fontsize=8, ha="right", va="center")
        for j, column in enumerate(part.columns):
            if part.captions and (row, column) not in part.captions:
                continue  # rows of their own length end where they end
            left = _HEAD + j * (side + _GAP)
            place = (left / whole, bottom / height, side / whole, side / height)
            _draw_tile(subfigure.add_axes(place), tiles.get((row, column)))
            at, top = (left + side / 2) / whole, (bottom + side + 0.03) / height
            subfigure.text(at, top, part.above(row, column), fontsize=7.5, ha="center", va="bottom")


def _draw_tile(axes: Axes, tile: np.ndarray | None) -> None:
    """Draw a tile; where nothing was measured, an empty frame."""
    axes.set_axis_off()
    if tile is None:
        frame = Rectangle((0, 0), 1, 1, fill=False, color=GREY, linestyle=":")
        axes.add_patch(frame)
        return
    axes.imshow(tile, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
