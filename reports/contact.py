"""A contact sheet: what each sampler makes of the same latents."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sampler_bench.reports.metrics import first, taken_of
from sampler_bench.reports.points import chosen, labels, ordered, points
from sampler_bench.reports.style import PALETTE, NothingToDrawError, styled
from sampler_bench.reports.tables import with_error

Samples = Callable[[str], Mapping[str, np.ndarray] | None]  # work_key → arrays; Store.samples
Row = tuple[str, np.ndarray]

_COLUMNS = 10
_WIDTH = 7.2  # inches
_MARGIN = 0.06  # inches, right of a row
_CAPTION = 2.3  # inches, for the text left of a row
_IMAGE = (_WIDTH - _CAPTION - _MARGIN) / _COLUMNS  # inches
_RANGE = 1.2  # points beyond 1.2 of the largest usual coordinate are not shown
_LINE = 30  # letters of a caption


@styled
def contact_sheet(records: pd.DataFrame, samples: Samples) -> Figure:
    """One row per label: samples from the same latents, column by column, and the value ± SE.

    Each label shows the point at its dot (lowest NFE within 3 % of its best, first seed range).
    `samples` gives the arrays kept for a work_key: `images` uint8 [k, C, H, W], or `points`
    float [k, 2], drawn as a scatter. Raises NothingToDrawError if no samples were kept.
    """
    found = [(title, rows) for title, rows in _rows_by_model(records, samples) if rows]
    if not found:
        raise NothingToDrawError("no samples were kept")
    heights = [_height(rows) for _, rows in found]
    figure = Figure(figsize=(_WIDTH, sum(heights)))
    FigureCanvasAgg(figure)
    parts = np.ravel(figure.subfigures(len(found), 1, height_ratios=heights, squeeze=False))
    for part, (title, rows), height in zip(parts, found, heights, strict=True):
        part.suptitle(title, fontsize=10, y=1 - 0.06 / height, va="top")
        draw = _draw_strips if _are_images(rows) else _draw_scatters
        draw(part, rows, height)
    return figure


def chosen_rows(records: pd.DataFrame) -> pd.DataFrame:
    """The record at each label's dot: one row per model and label, labels in colour order.

    Of several metrics the first of fid, kid, precision, recall, truncation-error decides.
    """
    records = ordered(records[taken_of(records, "samples", "trajectory")])
    picked = []
    for _, of_model in records.groupby("model", sort=True):
        metric = first(of_model["metric"])
        curves = points(of_model[of_model["metric"] == metric])
        # Several extractors: the first by name decides, as the first panel shows it.
        curves = curves[curves["metric_name"] == min(curves["metric_name"])]
        for label in [one for one in labels(records) if one in set(curves["label"])]:
            at = chosen(curves[curves["label"] == label])
            same = of_model[of_model["point"] == at["point"]]
            picked.append(same.sort_values("seed_start").iloc[0])
    return pd.DataFrame(picked)


def _rows_by_model(records: pd.DataFrame, samples: Samples) -> list[tuple[str, list[Row]]]:
    made: dict[str, list[Row]] = {}
    for _, record in chosen_rows(records).iterrows():
        arrays = samples(record["work_key"])
        if arrays:
            content = arrays["images"] if "images" in arrays else arrays["points"]
            title = f"{record['model']}: {record['metric_name']}"
            made.setdefault(title, []).append((_caption(record), content))
    return list(made.items())


def _caption(record: pd.Series) -> str:
    steps = record.get("sampler.steps")
    label = textwrap.fill(record["label"], _LINE)
    value = with_error(record["value"], record["se"]) if record["se"] > 0 else ""
    counted = f"NFE {record['nfe']:.4g}: {value or format(record['value'], '#.3g')}"
    return f"{label}\n" + (f"{steps:.0f} steps, " if pd.notna(steps) else "") + counted


def _are_images(rows: Sequence[Row]) -> bool:
    return rows[0][1].ndim == 4


def _height(rows: Sequence[Row]) -> float:
    cell = _IMAGE if _are_images(rows) else _WIDTH / _per_line(rows)
    lines = len(rows) if _are_images(rows) else -(-len(rows) // _per_line(rows))
    return 0.42 + lines * (cell + (0.02 if _are_images(rows) else 0.35))


def _per_line(rows: Sequence[Row]) -> int:
    return max(2, min(len(rows), 4))


def _draw_strips(part: Figure, rows: Sequence[Row], height: float) -> None:
    for i, (caption, images) in enumerate(rows):
        top = height - 0.35 - i * (_IMAGE + 0.02)
        strip = _strip(images[:_COLUMNS])
        width = _IMAGE * min(len(images), _COLUMNS)
        axes = part.add_axes(
            (_CAPTION / _WIDTH, (top - _IMAGE) / height, width / _WIDTH, _IMAGE / height)
        )
        axes.imshow(strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        middle = (top - _IMAGE / 2) / height
        part.text((_CAPTION - 0.1) / _WIDTH, middle, caption, fontsize=8, ha="right", va="center")


def _strip(images: np.ndarray) -> np.ndarray:
    """Images [k, C, H, W] side by side, one white pixel between them: [H, …] or [H, …, 3]."""
    framed = np.pad(images, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)
    strip = np.concatenate(list(framed), axis=2).transpose(1, 2, 0)[:, :-1]
    return strip[..., 0] if strip.shape[2] < 3 else strip[..., :3]


def _draw_scatters(part: Figure, rows: Sequence[Row], height: float) -> None:
    reach = _RANGE * max(float(np.quantile(np.abs(cloud), 0.99)) for _, cloud in rows)
    per_line = _per_line(rows)
    side = _WIDTH / per_line
    for i, (caption, cloud) in enumerate(rows):
        line, column = divmod(i, per_line)
        bottom = height - 0.25 - (line + 1) * (side + 0.35)
        place = (column * side + 0.08, bottom + 0.05, side - 0.16, side - 0.16)
        axes = part.add_axes(
            (place[0] / _WIDTH, place[1] / height, place[2] / _WIDTH, place[3] / height)
        )
        _draw_cloud(axes, cloud, reach)
        axes.set_title(caption, fontsize=8)


def _draw_cloud(axes: Axes, cloud: np.ndarray, reach: float) -> None:
    axes.scatter(cloud[:, 0], cloud[:, 1], s=2, color=PALETTE[0], linewidths=0)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[], aspect="equal")
