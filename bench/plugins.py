"""Rows that other packages add to the registries, through entry points of the registries' names."""

from functools import cache
from importlib.metadata import entry_points
from typing import Any

from sampler_bench import models, solvers


@cache
def load_plugins(figures: bool = False) -> None:
    """Add the rows of entry points ``sampler_bench.solvers``, ``sampler_bench.models``, ….

    Args:
        figures: Also those of figures, which need Matplotlib, half a second to import.

    Raises:
        ValueError: If one cannot be loaded, or would replace a row that is there.
    """
    registries: dict[str, dict[str, Any]] = {
        "solvers": solvers.SOLVERS,
        "schedules": solvers.SCHEDULES,
        "discretizations": solvers.DISCRETIZATIONS,
        "models": models.MODELS,
    }
    if figures:
        from sampler_bench import reports

        registries = {"figures": reports.FIGURES}
    for group, registry in registries.items():
        for point in entry_points(group=f"sampler_bench.{group}"):
            if point.name in registry:
                raise ValueError(f"plugin {point.value}: {group} already has a {point.name!r}")
            try:
                registry[point.name] = point.load()
            except Exception as error:
                raise ValueError(f"plugin {point.value} cannot be loaded: {error}") from error
