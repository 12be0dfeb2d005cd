"""The code of a job: what its numbers are made by, from the objects that make them."""

from collections.abc import Iterator
from typing import Any

from sampler_bench.bench.measure.precision import full_precision
from sampler_bench.bench.measure.work import Work
from sampler_bench.kit.code import Code, Reader
from sampler_bench.models import MODELS
from sampler_bench.solvers import (
    DISCRETIZATIONS,
    SCALINGS,
    SCHEDULES,
    SOLVERS,
    AnySampler,
    Sampler,
)
from sampler_bench.solvers.sampler import base_path

BOOKKEEPING = {
    "sampler_bench.kit": "names, files, checks: what they let pass stands in the key",
    "sampler_bench.models.cache": "where fetched files lie: their digests stand in the key",
    "sampler_bench.models.download": "as above",
    "sampler_bench.models.fetch": "as above",
    "sampler_bench.models.published": "as above",
    "sampler_bench.solvers.assembly": "from settings to parts: the settings stand in the key",
}
"""Modules that make no numbers, and why: a change there leaves records as they are."""

_READER = Reader(without=frozenset(BOOKKEEPING))


def code_of(work: Work, reader: Reader = _READER) -> Code:
    """Return the code of a job: of its measurement, with the sampler's parts, and of its model.

    What the weights of a model, the features of an extractor and true data *are* their digests in
    the key say; here is what computes with them.

    Args:
        work: The job.
        reader: What lists it; it remembers modules that it read.
    """
    kinds = (*work.measurement.made_of, work.model, work.condition)
    about = work.measurement.about
    parts = (Work, full_precision, type(work.measurement), *_sampled_by(about), *_made_by(work))
    return reader.code(*parts, kinds=kinds, settings=_named(work))


def _made_by(work: Work) -> Iterator[Any]:
    """Yield the function that makes an exact model that ships: its digest may be a name."""
    if work.name in MODELS and not MODELS.is_own(work.name):
        yield MODELS[work.name]


def _sampled_by(about: AnySampler | None) -> Iterator[Any]:
    """Yield the parts behind a sampler's names, as their registries have them."""
    if not isinstance(about, Sampler):
        return  # a probe of a model alone; or whole, and its row is one of its fields
    yield from (SOLVERS[about.solver], SCHEDULES[about.schedule], SCALINGS[about.scaling])
    if about.listed is None:
        yield DISCRETIZATIONS[about.discretization]
    path = base_path(about.solver, about.path)
    if path is not None:
        yield path
    yield from (type(about.configured_path()), type(about.configured_solver()))


def _named(work: Work) -> Iterator[str]:
    """Yield the texts in all settings; some are names of parts. Those of a
    user's own are objects of the job.
    """
    told = (each for part in work.settings.values() for each in part.values())
    yield from (value for value in told if isinstance(value, str) and ":" not in value)
