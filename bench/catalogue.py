"""What there is to name, with a line on each, for ``bench list``."""

import inspect
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

from sampler_bench import models, reports, solvers
from sampler_bench.bench import baselines
from sampler_bench.bench import grid as grids
from sampler_bench.bench.measures import METRICS
from sampler_bench.bench.metrics.extractors import EXTRACTORS
from sampler_bench.bench.profiles import PROBES
from sampler_bench.bench.search import declared as searches
from sampler_bench.bench.statistics import SHIPPED
from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import keywords
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


def _first_line(thing: Any) -> str:
    """Return a docstring's first sentence, as a description."""
    text = inspect.getdoc(thing) or ""
    line = text.split("\n\n")[0].replace("\n", " ").removeprefix("Return ").removesuffix(".")
    return line[:1].upper() + line[1:]


def _with_parameters(description: str, parameters: dict[str, Any]) -> str:
    listed = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    return f"{description} [{listed}]" if listed else description


def _solvers() -> Rows:
    return [
        (name, _with_parameters(_first_line(getattr(s, "step", s)), s.defaults()))
        for name, s in solvers.SOLVERS.items()
    ] + [
        (name, _with_parameters(_first_line(row.sample), row.defaults()))
        for name, row in solvers.ORIGINALS.items()
    ]


def _discretizations() -> Rows:
    found = []
    for name, row in solvers.DISCRETIZATIONS.items():
        description = _with_parameters(_first_line(row.levels), keywords(row.levels))
        found.append((name, f"{description}; σ from {row.sigma_max:g} to {row.sigma_min:g}"))
    return found


def _documented(registry: dict[str, Any]) -> Callable[[], Rows]:
    return lambda: [(name, _first_line(row)) for name, row in registry.items()]


def _commented(folder: Path) -> Callable[[], Rows]:
    """Return names and the first sentence of the comment above each TOML file's keys."""

    def found(text: str) -> str:
        comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
        joined = " ".join(line.removeprefix("#").strip() for line in comment)
        return joined.split(". ")[0].removesuffix(".")

    return lambda: [
        (name, found(path.read_text("utf-8"))) for name, path in toml_files(folder).items()
    ]


_EXTRACTOR_TEXT = {
    "inception": "torch-fidelity's Inception, 2048 features; downloaded unless weights are given",
    "fashion": "a small CNN trained on Fashion-MNIST; ships",
    "pixels": "no network: values as they are",
}

_REFERENCE_TEXT = {
    "model": "the model's own true data; a published checkpoint's: its data set's statistics",
    **dict.fromkeys(SHIPPED, "of Fashion-MNIST's training images; ships"),
    "FILE": "statistics by bench reference, or EDM's or clean-fid's .npz, torch-fidelity's .pt",
}

CATALOGUE: dict[str, Callable[[], Rows]] = {
    "models": lambda: [
        *_documented(models.MODELS)(),
        *((name, trained.description(name)) for name in trained.TRAINED),
        ("ideal:DATA", "the ideal denoiser of a data set: what bench train --data reads"),
    ],
    "references": lambda: list(_REFERENCE_TEXT.items()),
    "solvers": _solvers,
    "schedules": _documented(solvers.SCHEDULES),
    "scalings": _documented(solvers.SCALINGS),
    "discretizations": _discretizations,
    "grids": _commented(grids.SHIPPED),
    "searches": _commented(searches.SHIPPED),
    "configurations": _commented(configurations.SHIPPED),
    "figures": lambda: [(name, row.caption) for name, row in reports.FIGURES.items()],
    "metrics": lambda: [
        *((name, row.description) for name, row in METRICS.items()),
        *((name, f"{probe.description}; a [[profile]]") for name, probe in PROBES.items()),
    ],
    "extractors": lambda: [(name, _EXTRACTOR_TEXT.get(name, "")) for name in EXTRACTORS],
    "baselines": lambda: [(name, "a committed run of the grid") for name in baselines.shipped()],
}
