"""Figures and report formats, ours or of a user's own: what is made of a function."""

import inspect
from typing import Any

from sampler_bench.kit import description
from sampler_bench.reports.figures import FigureRow
from sampler_bench.reports.formats import FormatRow
from sampler_bench.reports.forms import FIGURE, FORMAT, OF_TABLE, WITH_SAMPLES


def figure(name: str, found: Any) -> FigureRow:
    """A row of FIGURES: a function of records, whose docstring's beginning is the caption.

    Raises ValueError, in one line, if `found` can be none.
    """
    if isinstance(found, FigureRow):
        return found
    form = FIGURE.of_function(found) if inspect.isroutine(found) else None
    if form is None:
        raise FIGURE.refused("figure", name, found)
    caption = description.of(found).summary
    said = f"{caption}." if caption else ""
    return FigureRow(found, said, grid="", needs_samples=form == WITH_SAMPLES)


def report_format(name: str, found: Any) -> FormatRow:
    """A row of FORMATS; what its files end in is the function's name, or its `suffix`.

    Raises ValueError, in one line, if `found` can be none.
    """
    if isinstance(found, FormatRow):
        return found
    form = FORMAT.of_function(found) if inspect.isroutine(found) else None
    if form is None:
        raise FORMAT.refused("report format", name, found)
    suffix = getattr(found, "suffix", name.removeprefix("file:"))
    about = description.of(found).summary
    if form == OF_TABLE:
        return FormatRow(suffix, about, table=found)
    return FormatRow(suffix, about, page=found)
