"""The code of a job: what its numbers are made by, from the objects that make them."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from sampler_bench.bench.measure.profiles.measured import measure_profile
from sampler_bench.bench.measure.profiles.probe import Probe, profile
from sampler_bench.bench.measure.registry import METRICS
from sampler_bench.bench.measure.samples import measure
from sampler_bench.bench.measure.trajectory import Trajectories
from sampler_bench.bench.measure.work import Work
from sampler_bench.kit.code import Code, Reader
from sampler_bench.models import MODELS
from sampler_bench.solvers import DISCRETIZATIONS, SCALINGS, SCHEDULES, SOLVERS, Sampler
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
    """Return the code of a job: of its sampler's parts, its measurement and its model.

    What the weights of a model, the features of an extractor and true data *are* their digests in
    the key say; here is what computes with them.

    Args:
        work: The job.
        reader: What lists it; it remembers modules that it read.
    """
    kinds = (work.sampler, work.model, work.condition, *_judged_by(work))
    parts = (*_measured_by(work), *_sampled_by(work.sampler), *_made_by(work))
    return reader.code(*parts, kinds=kinds, settings=_named(work.sampler))


def _measured_by(work: Work) -> Iterator[Any]:
    """Yield what cuts a job into shards, takes numbers from each and merges them."""
    yield Work
    if isinstance(work.sampler, Probe):
        yield from (measure_profile, profile)
        return
    yield measure
    yield from (METRICS[cell.metric] for cell in work.cells)
    if "errors" in work.needs:
        yield Trajectories


def _judged_by(work: Work) -> Iterator[Any]:
    """Yield features, reference and true data, where there are any."""
    if work.extractor is not None and work.needs & {"moments", "features"}:
        yield from (work.extractor, work.source)
    if work.clean is not None:
        yield work.clean


def _made_by(work: Work) -> Iterator[Any]:
    """Yield the function that makes an exact model that ships: its digest may be a name."""
    name = work.cell.model
    if name in MODELS and not MODELS.is_own(name):
        yield MODELS[name]


def _sampled_by(sampler: Any) -> Iterator[Any]:
    """Yield the parts behind a sampler's names, as their registries have them."""
    about = getattr(sampler, "sampler", sampler) if isinstance(sampler, Probe) else sampler
    if not isinstance(about, Sampler):
        return  # a probe of a model alone; or whole, and its row is one of its fields
    yield from (SOLVERS[about.solver], SCHEDULES[about.schedule], SCALINGS[about.scaling])
    if about.listed is None:
        yield DISCRETIZATIONS[about.discretization]
    path = base_path(about.solver, about.path)
    if path is not None:
        yield path
    yield from (type(about.configured_path()), type(about.configured_solver()))


def _named(sampler: Any) -> Iterator[str]:
    """Yield the texts in a sampler's and a probe's settings; some are names of parts."""
    if isinstance(sampler, Probe):
        own = (getattr(sampler, f.name) for f in fields(sampler))
        yield from (value for value in own if isinstance(value, str))
        sampler = getattr(sampler, "sampler", None)
    parameters = getattr(sampler, "parameters", {})
    yield from (value for value in parameters.values() if isinstance(value, str))
