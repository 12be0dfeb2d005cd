"""A sampler as text to paste: a grid's table, Python, and diffusers where it has the same one."""

from collections.abc import Mapping
from typing import Any

from sampler_bench import solvers
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.run.search.panel import toml
from sampler_bench.models.preconditioning import EDM
from sampler_bench.solvers import Sampler

IN_DIFFUSERS = {
    "euler": "EDMEulerScheduler(",
    "dpmpp-2m": "EDMDPMSolverMultistepScheduler(solver_order=2, ",
}
"""Solvers that a scheduler of diffusers is, on EDM's own levels: see tests/parity/diffusers. Its
``solver_order=3`` is none of ours: see ``third`` in solvers/rules/exponential.py."""


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


def python(keys: Mapping[str, Any], model: str, classes: int = 0) -> str:
    """Return a program that draws eight samples with it, of classes that their seeds draw."""
    given = ", ".join(f"{key}={value!r}" for key, value in keys.items())
    labelled = f"denoiser = models.Labelled(denoiser, noise.labels({classes}))\n" if classes else ""
    return (
        "from sampler_bench import models, solvers\n\n"
        f"denoiser = models.load({model!r})\n"
        f"sampler = solvers.build({given})\n"
        'noise = solvers.SeedNoise(range(8), "cpu")\n'
        "latents = noise.latents(denoiser.shape)\n"
        f"{labelled}"
        "samples = sampler(denoiser, latents, noise)\n"
    )


def diffusers(keys: Mapping[str, Any], work: Work) -> str | None:
    """Return a loop over a scheduler of diffusers that makes the same samples, if one does.

    It takes ``noise`` of variance 1 and ``network``, EDM's F(c_in·x; c_noise). What the scheduler
    starts from by itself, √(σ_max² + 1)·n, is not what is measured.
    """
    scheduler = IN_DIFFUSERS.get(keys["solver"])
    sampler = work.measurement.about
    more = set(keys) - {"solver", "steps", "rho", "sigma_min", "sigma_max"}
    if scheduler is None or more or not isinstance(sampler, Sampler):
        return None
    low, high = sampler.sigma_range(work.model)
    network = work.model.card.network
    of = network.preconditioning if network else None
    sigma_data = of.sigma_data if isinstance(of, EDM) else EDM().sigma_data
    levels = f"sigma_min={low!r}, sigma_max={high!r}, rho={sampler.parameters['rho']!r}"
    made = f"{scheduler}{levels}, sigma_data={sigma_data!r})"
    return (
        f"from diffusers import {made.partition('(')[0]}\n\n"
        f"scheduler = {made}\n"
        f"scheduler.set_timesteps({sampler.steps})\n"
        "samples = noise * scheduler.sigmas[0]\n"
        "for t in scheduler.timesteps:\n"
        "    F = network(scheduler.scale_model_input(samples, t), t)\n"
        "    samples = scheduler.step(F, t, samples).prev_sample\n"
    )


def _is_same(keys: Mapping[str, Any], work: Work) -> bool:
    try:
        made = solvers.build(**keys)
        return made.declared(work.model).parts == work.cell.sampler
    except ValueError:
        return False
