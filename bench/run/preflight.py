"""A look at a network's first samples before hours are spent on it."""

import torch

from sampler_bench import solvers
from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.measure.samples import InParts, quantize
from sampler_bench.bench.measure.work import Work
from sampler_bench.models.model import Model
from sampler_bench.solvers import SeedNoise

SAMPLES = 16
STEPS = 6
FARTHEST = 0.4
"""Largest ‖μ − μ_ref‖²/tr Σ_ref. Real images have 1/SAMPLES on average; Fashion-MNIST moved to
[0, 1], inverted or replaced by noise 0.5 to 0.8 (fashion features)."""
BEYOND = 0.05
"""Largest share of values outside [−1.5, 1.5]; images have none."""


def check(work: Work, batch: int) -> None:
    """See that a network works and fits what its samples will be compared with.

    A few samples of few steps are enough to tell weights that are broken, and data in another range
    or of another kind than the reference's, from a model that is merely not good.

    Raises:
        ValueError: If values are not finite, or the samples are nothing like the reference.
    """
    model, name = work.model, work.name
    if model.card.network is None:
        return
    with torch.inference_mode():
        try:
            samples = _samples(work, model, batch)
        except Exception as error:  # a compiler's, CUDA's, …: whatever it is, it would come again
            reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            raise ValueError(f"model {name}: cannot be evaluated: {reason}") from error
        if not torch.isfinite(samples).all():
            raise ValueError(
                f"model {name}: its outputs are not finite at {STEPS} Heun steps from "
                f"sigma = {min(80.0, model.sigma_max):g}, precision {work.cell.precision}"
            )
        _check_range(name, samples)
        source = work.measurement.against
        if source is None or source.extractor is None:
            return
        seen = quantize(samples) if work.cell.quantizer == "uint8" else samples
        found = Moments.from_features(source.extractor(seen).numpy())
    reference = source.statistics()
    distance = float(((found.mean - reference.mu) ** 2).sum() / reference.sigma.trace())
    if not distance <= FARTHEST:
        raise ValueError(
            f"model {name}: its first samples are nothing like the reference {source.name!r} "
            f"(the mean of their features lies {distance:.2g} of the data's variance away, "
            f"{FARTHEST:g} is allowed; {_range(samples)}): another data set, another data range, "
            "or a broken checkpoint; --unchecked runs it all the same"
        )


def _check_range(name: str, samples: torch.Tensor) -> None:
    beyond = float((samples.abs() > 1.5).double().mean())
    if beyond > BEYOND:
        raise ValueError(
            f"model {name}: {beyond:.0%} of the values of its first samples are outside "
            f"[-1.5, 1.5] ({_range(samples)}): images in another range than [-1, 1], or a broken "
            "checkpoint; --unchecked runs it all the same"
        )


def _range(samples: torch.Tensor) -> str:
    return f"values from {float(samples.min()):.3g} to {float(samples.max()):.3g}"


def _samples(work: Work, model: Model, batch: int) -> torch.Tensor:
    noise = SeedNoise(range(SAMPLES), model.card.device)
    latents = noise.latents(model.shape)
    denoiser = InParts(model, min(batch, SAMPLES))
    bound = work.condition.bind(denoiser, model.card.classes, noise.labels, range(SAMPLES))
    return solvers.build(solver="heun", steps=STEPS)(bound, latents, noise)
