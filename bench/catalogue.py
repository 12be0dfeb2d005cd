"""What there is to name, with a line on each, for ``bench list``."""

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

from sampler_bench import models, reports, solvers
from sampler_bench.bench import baselines
from sampler_bench.bench import grid as grids
from sampler_bench.bench.registry import EXTRACTORS, METRICS, PROBES
from sampler_bench.bench.search import declared as searches
from sampler_bench.bench.statistics import SHIPPED
from sampler_bench.kit.description import Description
from sampler_bench.kit.names import lookup
from sampler_bench.kit.registry import Registry
from sampler_bench.kit.toml import toml_files
from sampler_bench.models.training import config as configurations
from sampler_bench.models.zoo import trained

Rows = list[tuple[str, str]]


def rows(what: str) -> Rows:
    """Return names and descriptions of one kind of thing.

    Raises:
        ValueError: If there is no such kind.
    """
    return lookup(CATALOGUE, what, "list")()


def _with_parameters(told: Description) -> str:
    listed = ", ".join(f"{name} = {_plain(value)}" for name, value in told.defaults.items())
    return f"{told.summary} [{listed}]" if listed else told.summary


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parts(*registries: Registry[Any]) -> Callable[[], Rows]:
    """Return names of parts, what they are and their parameters."""
    return lambda: [
        (name, _with_parameters(registry.described(name)))
        for registry in registries
        for name in registry
    ]


def _named(registry: Registry[Any]) -> Callable[[], Rows]:
    """Return names of what has no parameters, and what it is."""
    return lambda: [(name, registry.described(name).summary) for name in registry]


def _discretizations() -> Rows:
    found = []
    for name in solvers.DISCRETIZATIONS:
        told = solvers.DISCRETIZATIONS.described(name)
        ends = f"σ from {told.facts['sigma_max']:g} to {told.facts['sigma_min']:g}"
        found.append((name, f"{_with_parameters(told)}; {ends}"))
    return found


def _commented(folder: Path) -> Callable[[], Rows]:
    """Return names and the first sentence of the comment above each TOML file's keys."""

    def found(text: str) -> str:
        comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
        joined = " ".join(line.removeprefix("#").strip() for line in comment)
        return joined.split(". ")[0].removesuffix(".")

    return lambda: [
        (name, found(path.read_text("utf-8"))) for name, path in toml_files(folder).items()
    ]


_REFERENCE_TEXT = {
    "model": "the model's own true data; a published checkpoint's: its data set's statistics",
    **dict.fromkeys(SHIPPED, "of Fashion-MNIST's training images; ships"),
    "FILE": "statistics by bench reference, or EDM's or clean-fid's .npz, torch-fidelity's .pt",
}

CATALOGUE: dict[str, Callable[[], Rows]] = {
    "models": lambda: [
        *_named(models.MODELS)(),
        *((name, trained.description(name)) for name in trained.TRAINED),
        ("ideal:DATA", "the ideal denoiser of a data set: what bench train --data reads"),
    ],
    "references": lambda: list(_REFERENCE_TEXT.items()),
    "solvers": _parts(solvers.SOLVERS, solvers.ORIGINALS),
    "schedules": _parts(solvers.SCHEDULES),
    "scalings": _named(solvers.SCALINGS),
    "discretizations": _discretizations,
    "grids": _commented(grids.SHIPPED),
    "searches": _commented(searches.SHIPPED),
    "configurations": _commented(configurations.SHIPPED),
    "figures": lambda: [(name, row.caption) for name, row in reports.FIGURES.items()],
    "metrics": lambda: [
        *_named(METRICS)(),
        *((name, f"{text}; a [[profile]]") for name, text in _parts(PROBES)()),
    ],
    "extractors": _named(EXTRACTORS),
    "baselines": lambda: [(name, "a committed run of the grid") for name in baselines.shipped()],
}
