"""Which definitions of ours a run executes, as the profiler sees them."""

import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sampler_bench import solvers
from sampler_bench.bench.measure.code_of import BOOKKEEPING, code_of
from sampler_bench.kit.code import Sources

ROOT = Path(solvers.__file__).parents[1]
ROOMS = ("bench", "kit", "models", "reports", "results", "solvers")
SOURCES = Sources()
NO_PART = {
    "sampler_bench.bench.run": "runs jobs, and writes what they gave",
    "sampler_bench.bench.plan": "says what there is to run",
    "sampler_bench.bench.measure.code_of": "lists the code itself",
    "sampler_bench.bench.measure.counting": "holds what was counted to the plan: no number of it",
    "sampler_bench.results.agreement": "whether two records agree",
    "sampler_bench.results.format_1": "old records",
    "sampler_bench.results.schema": "what files must look like",
    "sampler_bench.results.sealed": "the bytes of records",
    "sampler_bench.results.cell": "keys",
    "sampler_bench.results.shard": "shards: what was measured, kept",
    "sampler_bench.results.record": "records",
    "sampler_bench.results.store": "where they lie",
    "sampler_bench.bench.measure.registry": "names of rows; the rows are parts",
    "sampler_bench.solvers.registry": "as above",
}
"""Where definitions run that are no part of a job's code, beside those of ``BOOKKEEPING``."""


@contextmanager
def traced(into):
    """Add the qualified names of what runs meanwhile to a set."""
    codes = set()

    def note(frame, event, _):
        if event == "call":
            codes.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        into.update(name for code in codes for name in _names(code))


def _names(code):
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in ROOMS:
        return
    words = path.relative_to(ROOT).with_suffix("").parts
    words = words[:-1] if words[-1] == "__init__" else words
    module = ".".join(["sampler_bench", *words])
    if code.co_name != "<module>":
        for name in SOURCES.of_name(module).statement_at(code.co_firstlineno):
            yield f"{module}.{name}"


def unlisted(ran, code, bookkeeping):
    """Return what ran, is not in a job's code, and stands nowhere that explains it."""
    explained = tuple(f"{place}." for place in (*bookkeeping, *NO_PART))
    return sorted(name for name in ran - set(code.names) if not name.startswith(explained))


def of_row(job, settings, reader):
    """Return the code of a job with another sampler, and what it ran that is not in the list."""
    sampler = solvers.build(**settings)
    measurement, told = replace(job.measurement, sampler=sampler), sampler.declared(job.model)
    job, ran = replace(job, measurement=measurement, settings=told.settings), set()
    with traced(ran):
        job.measurement.take(job.subject, [job.seeds(0)], 64, lambda samples, evaluations: None)
    assert len(ran) > 20
    code = code_of(job, reader)
    return code, unlisted(ran, code, BOOKKEEPING)


def rows():
    """Yield settings with each row that ships, by what it is of."""
    for name in solvers.SOLVERS:
        steps = {} if not solvers.SOLVERS[name].takes_steps else {"steps": 5}
        end = {} if solvers.SOLVERS[name].reaches_zero else {"end": "sigma-min"}
        yield name, {"solver": name, **steps, **end}
    for name in solvers.ORIGINALS:
        steps = {} if not solvers.ORIGINALS[name].takes_steps else {"steps": 4}
        variance = {"variance": "small"} if name == "ddpm" else {}
        yield name, {"solver": name, **steps, **variance}
    for name in solvers.PATHS:
        yield f"path {name}", {"solver": "euler", "path": name, "steps": 4}
    for name in solvers.SCHEDULES:
        yield (
            f"schedule {name}",
            {"schedule": name, "scaling": "unit-variance", "end": "sigma-min", "steps": 3},
        )
    for name in solvers.DISCRETIZATIONS:
        yield f"levels {name}", {"discretization": name, "steps": 3}
    yield "options", {"first_step": "analytic", "threshold": 0.9, "steps": 3, "S_churn": 2.0}
