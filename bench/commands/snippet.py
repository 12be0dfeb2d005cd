"""A sampler as text to paste: a grid's table, and Python."""

from collections.abc import Mapping
from typing import Any

from sampler_bench import solvers
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.run.search.panel import toml


def keys(work: Work) -> dict[str, Any]:
    """Return the keys that make a job's sampler, less those that say what is the case anyway."""
    _, told = work.measurement.table(work.settings)
    for name in [*told]:
        fewer = {key: value for key, value in told.items() if key != name}
        if name not in ("solver", "steps") and _is_same(fewer, work):
            told = fewer
    return told


def grid(keys: Mapping[str, Any]) -> str:
    """Return it as a table of a grid."""
    return f"[[sampler]]\n{toml(keys)}"


def python(keys: Mapping[str, Any], model: str) -> str:
    """Return a program that draws eight samples with it."""
    given = ", ".join(f"{key}={value!r}" for key, value in keys.items())
    return (
        "from sampler_bench import models, solvers\n\n"
        f"denoiser = models.load({model!r})\n"
        f"sampler = solvers.build({given})\n"
        'noise = solvers.SeedNoise(range(8), "cpu")\n'
        "samples = sampler(denoiser, noise.latents(denoiser.shape), noise)\n"
    )


def _is_same(keys: Mapping[str, Any], work: Work) -> bool:
    try:
        made = solvers.build(**keys)
        return made.declared(work.model).parts == work.cell.sampler
    except ValueError:
        return False
