"""How every figure looks: colours, marks, ticks and files."""

import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    LogFormatterMathtext,
    LogFormatterSciNotation,
    MaxNLocator,
    NullLocator,
)
from PIL import Image, ImageChops

from sampler_bench.kit.files import write_whole

# Okabe & Ito, "Color Universal Design" (2008), without yellow, which is lost on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.6)), (0, (1.2, 1.4)), (0, (5, 1.4, 1.2, 1.4)))
GREY = "#555555"

RC: Any = {
    # Whatever a user's matplotlibrc says.
    **{name: value for name, value in matplotlib.rcParamsDefault.items() if "backend" not in name},
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 3.0,
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a label is a name, whatever signs it holds
}
styled = matplotlib.rc_context(RC)
_DPI = 200
_PANEL, _LOWER = 3.7, 2.2  # inches: heights of a panel, and of one below another
_INVISIBLE = 12  # of 255: levels by which a colour may move for a smaller file
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class NothingToDrawError(ValueError):
    """The records hold nothing that this figure shows."""


_BLUE, _VERMILLION, _GREEN, _PURPLE, _ORANGE, _SKY, _BLACK = PALETTE
_OLIVE, _INDIGO, _BROWN = "#999933", "#332288", "#8C510A"


@dataclass(frozen=True)
class Look:
    """Colour, mark and dash of one label; any one of them tells it from its neighbours."""

    color: str
    marker: str
    dash: Any


_SOLID, _DASHED, _DOTTED, _MIXED = DASHES
_ORIGINAL = Look(_BLUE, "o", _SOLID)
_REIMPLEMENTED = Look(_ORANGE, "s", _DASHED)
_HEUN = Look(_GREEN, "^", _DOTTED)
_EDM = Look(_VERMILLION, "D", _MIXED)
_BLACK_BOX = Look(_BLACK, "v", _DASHED)
_CHURNED = Look(_PURPLE, "P", _SOLID)

KNOWN: Mapping[str, Look] = {
    "Original sampler": _ORIGINAL,
    "Reimplementation": _REIMPLEMENTED,
    "Reimplementation (VP)": _REIMPLEMENTED,
    "+ Heun & EDM's {t_i}": _HEUN,
    "+ Heun & EDM time steps": _HEUN,
    "+ EDM's σ(t) & s(t)": _EDM,
    "+ σ(t) = t, s(t) = 1": _EDM,
    "Black-box RK45": _BLACK_BOX,
    "RK45": _BLACK_BOX,
    "Deterministic": _EDM,  # the same sampler
    "S_tmin,tmax = [0, ∞] & S_noise = 1": Look(_SKY, "s", _DASHED),
    "S_tmin,tmax = [0, ∞]": Look(_OLIVE, "^", _DOTTED),
    "S_noise = 1": Look(_INDIGO, "X", _MIXED),
    "Optimal settings": _CHURNED,
    "Settings chosen by hand": _CHURNED,
    "Jolicoeur-Martineau et al.": Look(_BROWN, "v", _DOTTED),
    "fashion-vp": Look(_BLUE, "o", _SOLID),
    "fashion-ve": Look(_SKY, "s", _DASHED),
    "fashion-edm-vp": Look(_VERMILLION, "D", _SOLID),
    "fashion-edm-ve": Look(_PURPLE, "P", _DASHED),
    "VP": Look(_BLUE, "o", _SOLID),
    "VE": Look(_SKY, "s", _DASHED),
    "σ(t) = t, s(t) = 1": _EDM,
    "Initial weights": Look(_GREEN, "o", _SOLID),
    "Trained": Look(_VERMILLION, "s", _DASHED),
    "Euler": Look(_SKY, "o", _SOLID),
    "Heun": Look(_GREEN, "^", _DASHED),
}
"""One colour, one meaning: the look of lines that ship, wherever they are drawn; EDM's own colours
for those of its Figure 2. Lines that never stand together may share a look."""


def looks(labels: Sequence[str]) -> dict[str, Look]:
    """A look for each label: its own where it is known, else by place in the list.

    28 that are not known differ in mark and dash, 150 and more in one of the three.
    """
    known = {label: KNOWN[label] for label in labels if label in KNOWN}
    free = _free(list(known.values()))
    return {label: known.get(label) or next(free) for label in labels}


def _free(taken: Sequence[Look]) -> Iterator[Look]:
    """Looks in one order: of other marks and dashes, and while there are any of other colours."""
    used, marks = {one.color for one in taken}, {(one.marker, str(one.dash)) for one in taken}
    colors = [color for color in PALETTE if color not in used] or list(PALETTE)
    seen = {(one.color, one.marker, str(one.dash)) for one in taken}
    made = 0
    for i in itertools.count():
        turn, place = divmod(i, len(PALETTE))
        marker, dash = MARKERS[place], DASHES[(place + turn) % len(DASHES)]
        again = turn // len(DASHES)  # so often all marks and dashes have come before
        if not again and (marker, str(dash)) in marks:
            continue
        color = colors[made % len(colors)]
        if again:  # in another colour, while there is one
            turned = [PALETTE[(place + again + k) % len(PALETTE)] for k in range(len(PALETTE))]
            color = next((one for one in turned if (one, marker, str(dash)) not in seen), color)
        seen.add((color, marker, str(dash)))
        yield Look(color, marker, dash)
        made += 1


def gradient(names: Sequence[str]) -> dict[str, Look]:
    """A look for each name, from dark to light: for lines in an order, such as that of σ."""
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(names)))
    return {
        name: Look(to_hex(shade), MARKERS[i % len(MARKERS)], "-")
        for i, (name, shade) in enumerate(zip(names, shades, strict=True))
    }


def panels(count: int, rows: int | None = None) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels, two beside each other, or three, laid out without overlaps.

    With `rows` all of them stand beside each other, once in each row.
    """
    columns = count if rows or count == 3 else min(count, 2)
    count *= rows or 1
    rows = rows or math.ceil(count / columns)
    figure = _figure(columns, _PANEL * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in grid[count:]:
        spare.remove()
    return figure, list(grid[:count])


def panels_over(below: Sequence[bool]) -> tuple[Figure, list[Axes], list[Axes | None]]:
    """A figure of panels as `panels` lays them out, and lower ones below those that want one."""
    columns = 3 if len(below) == 3 else min(len(below), 2)
    rows = [below[i : i + columns] for i in range(0, len(below), columns)]
    heights = [height for row in rows for height in (_PANEL, _LOWER if any(row) else 0)]
    heights = [height for height in heights if height]
    figure = _figure(columns, sum(heights))
    spec = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    upper: list[Axes] = []
    lower: list[Axes | None] = []
    line = 0
    for row in rows:
        for column, wanted in enumerate(row):
            upper.append(figure.add_subplot(spec[line, column]))
            lower.append(figure.add_subplot(spec[line + 1, column]) if wanted else None)
        line += 2 if any(row) else 1
    return figure, upper, lower


def _figure(columns: int, height: float) -> Figure:
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    width = {1: 5.6, 2: 8.6}.get(columns, 4.13 * columns)
    figure = Figure(figsize=(round(width, 1), height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def nfe_axis(axes: Axes, nfe: Sequence[float]) -> None:
    """A logarithmic NFE axis with powers of two in plain numbers."""
    axes.set_xscale("log", base=2)
    low, high = min(nfe), max(nfe)
    axes.set_xlim(low / 2**0.25, high * 2**0.25)
    powers = [2**k for k in range(math.ceil(math.log2(low) - 0.25), 64) if 2**k <= high * 2**0.25]
    ticks = powers if len(powers) > 1 else sorted({low, high})
    _ticks(axes.xaxis, ticks[:: math.ceil(len(ticks) / 11)])
    axes.set_xlabel("NFE (denoiser evaluations per sample)")


def parameter_axis(axes: Axes, values: Sequence[float], name: str, logarithmic: bool) -> None:
    """An axis of one parameter, with ticks at its values where there is room.

    A logarithmic one has a place for 0, left of the smallest value above it.
    """
    low, high = min(values), max(values)
    above = [value for value in values if value > 0]
    if logarithmic and len(above) > 1:
        axes.set_xscale("symlog", linthresh=above[0], linscale=0.4)
        _ticks(axes.xaxis, values)
    else:
        room = min((b - a for a, b in itertools.pairwise(values)), default=0) > (high - low) / 14
        ticks = values if room else MaxNLocator(7).tick_values(low, high)
        _ticks(axes.xaxis, [tick for tick in ticks if low <= tick <= high])
    axes.set_xlabel(name)


def sigma_axis(axes: Axes, sigma: Sequence[float]) -> None:
    """A logarithmic axis of noise levels in plain numbers."""
    axes.set_xscale("log")
    low, high = min(sigma), max(sigma)
    axes.set_xlim(low / 1.15, high * 1.15)
    _ticks(axes.xaxis, log_ticks(low / 1.01, high * 1.01))
    axes.set_xlabel("σ")


def value_axis(axes: Axes) -> None:
    """A logarithmic value axis with few, readable numbers, for the limits as they are now."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    _ticks(axes.yaxis, log_ticks(low, high))
    axes.set_ylim(low, high)


_RATIOS = (
    tuple(mark * 10.0**k for k in range(-9, 10) for mark in (1, 2, 5)),
    (0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5),
    (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3),
    (0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06),
)


def ratio_axis(axes: Axes) -> None:
    """A logarithmic axis of ratios, for the limits as they are now: 1 is among its numbers."""
    low, high = axes.get_ylim()
    axes.set_yscale("log")
    ticks: list[float] = []
    for marks in _RATIOS:
        ticks = [mark for mark in marks if low <= mark <= high]
        if len(ticks) >= 3:
            break
    _ticks(axes.yaxis, [tick for tick in ticks if len(ticks) <= 8 or tick in _RATIOS[0][::3]])
    axes.set_ylim(low, high)


def share_values(grid: Sequence[Axes]) -> None:
    """Give panels of one quantity one value axis: that which shows all that each of them shows."""
    limits = [axes.get_ylim() for axes in grid]
    for axes in grid:
        axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))


def log_ticks(low: float, high: float) -> list[float]:
    """At most eight round numbers between `low` and `high`, for a logarithmic axis."""
    if high / low < 6:
        return [float(x) for x in MaxNLocator(6).tick_values(low, high) if low <= x <= high]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for marks in ((1, 2, 5), (1, 3), (1,)):
        ticks = [float(f"{mark}e{k}") for k in decades for mark in marks]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= 8:
            return ticks
    return ticks[:: math.ceil(len(ticks) / 8)]


def _ticks(axis: Any, ticks: Sequence[float]) -> None:
    plain = all(tick == 0 or 1e-3 <= tick < 1e5 for tick in ticks)
    texts = [f"{tick:.4g}" if plain else _power(tick) for tick in ticks]
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_major_formatter(FixedFormatter(texts))
    axis.set_minor_locator(NullLocator())


def _power(tick: float) -> str:
    exponent = math.floor(math.log10(tick) + 1e-9)
    mark = tick / 10.0**exponent
    power = "10" + str(exponent).translate(_SUPERSCRIPT)
    return power if math.isclose(mark, 1, rel_tol=1e-6) else f"{mark:g}·{power}"


class _PlainPowers(LogFormatterSciNotation):
    """Matplotlib's labels of logarithmic axes without TeX, which is not read here: 2·10⁻³."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label of a tick; empty for those that have none."""
        text = super().__call__(x, pos).strip("$").replace(r"\mathdefault", "")
        text = text.replace(r"\times", "·").replace("\N{MINUS SIGN}", "-")
        text = re.sub(r"\^\{([-0-9]+)\}", lambda m: m[1].translate(_SUPERSCRIPT), text)
        return text.replace("{", "").replace("}", "")


def write_powers_plainly(figure: Figure) -> None:
    """Replace Matplotlib's own labels of logarithmic axes, wherever a figure kept them."""
    for axis in (each for axes in figure.axes for each in (axes.xaxis, axes.yaxis)):
        for get, put in (
            (axis.get_major_formatter, axis.set_major_formatter),
            (axis.get_minor_formatter, axis.set_minor_formatter),
        ):
            usual = get()
            if isinstance(usual, LogFormatterMathtext) and not isinstance(usual, _PlainPowers):
                base = usual._base  # type: ignore[attr-defined]  # it can be set and not be read
                put(_PlainPowers(base, usual.labelOnlyBase, usual.minor_thresholds))


def pictures(figure: Figure) -> dict[str, bytes]:
    """The figure as {"png": …, "pdf": …}, with bytes that depend on the figure alone."""
    nameless = {"CreationDate": None, "Producer": None, "Creator": None}
    png, pdf = _png(figure), io.BytesIO()
    with matplotlib.rc_context(RC):
        figure.savefig(pdf, format="pdf", metadata=nameless)
    return {"png": _compact(png), "pdf": pdf.getvalue()}


def picture(figure: Figure) -> bytes:
    """The figure as PNG alone, at a third of the time: for a page that is drawn again soon."""
    return _png(figure).getvalue()


def _png(figure: Figure) -> io.BytesIO:
    png = io.BytesIO()
    write_powers_plainly(figure)
    with matplotlib.rc_context(RC):
        figure.savefig(png, format="png", dpi=_DPI)
    return png


def _compact(png: io.BytesIO) -> bytes:
    """A PNG of a third of the size: 256 colours, where no pixel changes visibly."""
    full = Image.open(png).convert("RGB")
    few = full.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    change = ImageChops.difference(full, few.convert("RGB"))
    invisible = int(np.asarray(change).max()) <= _INVISIBLE
    file = io.BytesIO()
    (few if invisible else full).save(file, "png", optimize=True)
    return file.getvalue()


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write STEM.png and STEM.pdf, with bytes that depend on the figure alone.

    Raises ValueError, in one line, where they cannot be written.
    """
    made = {stem.with_suffix(f".{kind}"): data for kind, data in pictures(figure).items()}
    for path, data in made.items():
        write_whole(path, data)
    return list(made)
