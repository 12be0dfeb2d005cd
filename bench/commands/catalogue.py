"""What there is to name, with a line on each, for ``bench list``. Nothing here needs PyTorch."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from sampler_bench.bench.commands import baselines
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.bench.features.statistics import SHIPPED as STATISTICS
from sampler_bench.bench.measure.registry import MEASUREMENTS, METRICS, PROBES
from sampler_bench.bench.plan.shipped import GRIDS, SEARCHES
from sampler_bench.kit import own_files
from sampler_bench.kit.description import Description
from sampler_bench.kit.names import lookup
from sampler_bench.kit.registry import Registry
from sampler_bench.kit.toml import toml_files
from sampler_bench.models import MODELS
from sampler_bench.models.training import CONFIGURATIONS
from sampler_bench.models.zoo import trained
from sampler_bench.results.metric import Metric
from sampler_bench.solvers import (
    DISCRETIZATIONS,
    ORIGINALS,
    PATHS,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
)

Rows = list[tuple[str, str]]


@dataclass(frozen=True)
class Kind:
    """One kind of thing that can be named.

    Attributes:
        about: One line on all of them.
        rows: Returns their names and a description of each.
        after: What to do with them, if that is not plain.
    """

    about: str
    rows: Callable[[], Rows]
    after: str = ""


def kind(name: str) -> Kind:
    """Return one kind of thing.

    Raises:
        ValueError: If there is no such kind.
    """
    return lookup(CATALOGUE, name, "list")


def own(kind_name: str, file: str) -> Rows:
    """Return the parts of a kind in a user's own file, and what each says of itself.

    Args:
        kind_name: One of ``CATALOGUE``'s.
        file: The file, or ``FILE.py:NAME`` for one of them.

    Raises:
        ValueError: If there are none of this kind, or the file cannot be read; one line.
    """
    lookup({**OWN, **dict.fromkeys(DRAWN)}, kind_name, "list of files of one's own")
    first, *others = OWN.get(kind_name) or _of_reports(kind_name)
    if own_files.parsed(file) is not None:
        return [(file, _own_line(first, file))]
    found = [(each, name) for each in (first, *others) for name in each.own_in(file)]
    if not found:
        raise ValueError(f"{file} has no {first.what}: {first.allowed}")
    return [(name, _own_line(each, name)) for each, name in found]


def _own_line(registry: Registry[Any], name: str) -> str:
    told = registry.described(name)
    form = registry.form_of(told)
    if told.takes and form is None:
        registry[name]  # says what it may be
    facts = [f"{key} = {value}" for key, value in told.facts.items() if _is_plain(value)]
    said = "; ".join(filter(None, [form, ", ".join(facts)]))
    return f"{with_parameters(told)} ({said})" if said else with_parameters(told)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""


def with_parameters(told: Description) -> str:
    """Return what a part says of itself, and its parameters with their defaults."""
    listed = ", ".join(f"{name} = {_plain(value)}" for name, value in told.defaults.items())
    return f"{told.summary} [{listed}]" if listed else told.summary


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _with_range(told: Description) -> str:
    same = f"; another name of {told.facts['same_as']}" if told.facts["same_as"] else ""
    ends = f"σ from {told.facts['sigma_max']:g} to {told.facts['sigma_min']:g}"
    if told.facts.get("needs_levels"):
        ends = "for models with noise levels of their own"
    return f"{with_parameters(told)}; {ends}{same}"


def _of_solver(told: Description) -> str:
    """Return what a solver says of itself, and what noise leaves of its order."""
    same = f"; the steps of {told.facts['same_as']}" if told.facts.get("same_as") else ""
    noisy = "; of order 1 where noise comes in" if told.facts.get("on_noise") == "first" else ""
    return f"{with_parameters(told)}{same}{noisy}"


def _summary(told: Description) -> str:
    return told.summary


def _parts(
    *registries: Registry[Any], line: Callable[[Description], str] = with_parameters
) -> Callable[[], Rows]:
    """Return names of parts and a line on each; of one that cannot be loaded, why."""

    def described(registry: Registry[Any], name: str) -> str:
        try:
            return line(registry.described(name))
        except ValueError as error:
            return str(error)

    return lambda: [(name, described(each, name)) for each in registries for name in each]


def _commented(folder: Path) -> Callable[[], Rows]:
    """Return names and the first sentence of the comment above each TOML file's keys."""

    def found(text: str) -> str:
        comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
        joined = " ".join(line.removeprefix("#").strip() for line in comment)
        return joined.split(". ")[0].removesuffix(".")

    return lambda: [
        (name, found(path.read_text("utf-8"))) for name, path in toml_files(folder).items()
    ]


def _models() -> Rows:
    from sampler_bench.bench.commands import (
        published,  # the HTTP client, which completing kinds needs not
    )

    return [
        *_parts(MODELS, line=_summary)(),
        *((name, trained.description(name)) for name in trained.TRAINED),
        ("ideal:DATA", "The ideal denoiser of a data set: what bench train --data reads"),
        *published.checkpoints(),
    ]


def _references() -> Rows:
    from sampler_bench.bench.commands import published  # the HTTP client, as above

    return [
        ("model", "The model's own true data; a published checkpoint's: its data set's statistics"),
        *((name, "Of Fashion-MNIST's training images; ships") for name in STATISTICS),
        (
            "FILE",
            "Statistics by bench reference, or EDM's or clean-fid's .npz, torch-fidelity's .pt",
        ),
        *published.references(),
    ]


def _metrics() -> Rows:
    profiles = [(name, f"{text}; a [[profile]]") for name, text in _parts(PROBES)()]
    rising = {name for name in METRICS if Metric.of(name).better == "higher"}
    of_samples = _parts(METRICS, line=_summary)()
    higher = [(n, f"{text}; higher is better" if n in rising else text) for n, text in of_samples]
    return [*higher, *profiles]


def _figures() -> Rows:
    from sampler_bench.reports import FIGURES  # Matplotlib and pandas: half a second

    return [(name, row.caption) for name, row in FIGURES.items()]


def _formats() -> Rows:
    from sampler_bench.reports import FORMATS  # pandas, as above

    return [(name, row.about) for name, row in FORMATS.items()]


def _of_reports(kind_name: str) -> tuple[Registry[Any], ...]:
    from sampler_bench import reports  # Matplotlib, as above

    found: dict[str, Registry[Any]] = {"figures": reports.FIGURES, "formats": reports.FORMATS}
    return (found[kind_name],)


DRAWN = ("figures", "formats")
"""Likewise, of reports."""

OWN: dict[str, tuple[Registry[Any], ...]] = {
    "solvers": (SOLVERS,),
    "paths": (PATHS,),
    "discretizations": (DISCRETIZATIONS,),
    "schedules": (SCHEDULES,),
    "scalings": (SCALINGS,),
    "models": (MODELS,),
    "metrics": (METRICS, PROBES, MEASUREMENTS),
    "extractors": (EXTRACTORS,),
}
"""Kinds of which there may be some in a user's own file."""

_TO_FETCH = "To fetch: bench fetch NAME"

CATALOGUE: dict[str, Kind] = {
    "grids": Kind("what bench run measures", _commented(GRIDS)),
    "models": Kind(
        "exact denoisers, networks that ship, published checkpoints", _models, _TO_FETCH
    ),
    "solvers": Kind(
        "how a sampler steps; the authors' own samplers",
        _parts(SOLVERS, ORIGINALS, line=_of_solver),
    ),
    "paths": Kind("where noise takes a sampler up again", _parts(PATHS)),
    "discretizations": Kind("where its steps are", _parts(DISCRETIZATIONS, line=_with_range)),
    "schedules": Kind("σ(t)", _parts(SCHEDULES)),
    "scalings": Kind("s(t)", _parts(SCALINGS, line=_summary)),
    "metrics": Kind("what is measured of samples, and over σ", _metrics),
    "extractors": Kind(
        "what looks at images for FID and the like", _parts(EXTRACTORS, line=_summary)
    ),
    "references": Kind("what samples are compared with", _references, _TO_FETCH),
    "searches": Kind("what bench search looks for", _commented(SEARCHES)),
    "configurations": Kind("what bench train trains", _commented(CONFIGURATIONS)),
    "figures": Kind("what reports draw", _figures),
    "formats": Kind("what reports are written in", _formats),
    "baselines": Kind(
        "committed runs for bench check --baseline",
        lambda: [(name, "A committed run of the grid") for name in baselines.shipped()],
    ),
}
