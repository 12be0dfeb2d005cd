"""Rows that other packages add to the registries, through entry points of the registries' names."""

from functools import cache
from typing import Any

from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.measure.registry import MEASUREMENTS, METRICS, PROBES
from sampler_bench.kit.registry import Registry
from sampler_bench.models import MODELS
from sampler_bench.solvers import DISCRETIZATIONS, PATHS, SCALINGS, SCHEDULES, SOLVERS


@cache
def load_plugins(figures: bool = False) -> None:
    """Add the rows of entry points ``sampler_bench.solvers``, ``sampler_bench.models``, ….

    A row is imported when it is used.

    Args:
        figures: Those of figures and report formats instead, which need Matplotlib, half a second
            to import.

    Raises:
        ValueError: If one would replace a row that is there.
    """
    registries: list[Registry[Any]] = [
        SOLVERS,
        PATHS,
        SCHEDULES,
        SCALINGS,
        DISCRETIZATIONS,
        MODELS,
        EXTRACTORS,
        METRICS,
        PROBES,
        MEASUREMENTS,
    ]
    if figures:
        # With Matplotlib, which nothing else needs.
        from sampler_bench.reports import FIGURES, FORMATS

        registries = [FIGURES, FORMATS]
    for registry in registries:
        registry.add_entry_points()
