"""One function per figure or table, drawing from results.

A figure is a function (DataFrame of records) → matplotlib Figure. To add one, write the
function and add its row to FIGURES; `reports.write` then draws it for every run that it fits.
"""

from sampler_bench.reports import backend as backend  # before anything imports Matplotlib
from sampler_bench.reports.everything import write_everything
from sampler_bench.reports.figures import FIGURES, TABLES, FigureRow, TableRow
from sampler_bench.reports.formats import FORMATS, USUAL, FormatRow
from sampler_bench.reports.report import write, write_together

__all__ = [
    "FIGURES",
    "FORMATS",
    "TABLES",
    "USUAL",
    "FigureRow",
    "FormatRow",
    "TableRow",
    "write",
    "write_everything",
    "write_together",
]
