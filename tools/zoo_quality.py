"""How good the zoo's networks are: distances and classes of their samples, beside real images'.

    python -m tools.zoo_quality TRAIN.gz TEST.gz --out models/zoo/networks/quality.json

Distances are Fréchet distances of the ``fashion`` features to all 60,000 training images: FID in
all but the features. Finished parts are kept: the same command goes on after an interruption.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from sampler_bench import models, solvers
from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.fashion_extractor import load_net
from sampler_bench.bench.features.fashion_net import CLASSES
from sampler_bench.bench.features.frechet import Reference, frechet, jackknife
from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.features.reference_files import load as read_statistics
from sampler_bench.bench.features.statistics import SHIPPED
from sampler_bench.bench.measure.precision import full_precision
from sampler_bench.bench.measure.samples import InParts, quantize
from sampler_bench.bench.run.devices import choose
from sampler_bench.bench.run.provenance import collect
from sampler_bench.kit.files import write_whole
from sampler_bench.models.data.dataset import to_unit
from sampler_bench.models.data.loading import load
from sampler_bench.models.labels import Condition
from sampler_bench.models.network import Execution
from sampler_bench.models.zoo.trained import TRAINED
from sampler_bench.results.estimate import Estimate
from sampler_bench.solvers import SeedNoise

SAMPLES = 10_000
SHARDS = 20
BATCH = 250
SCALINGS = {"linear": "none", "vp": "unit-variance", "ve": "none"}
CHURNED = ", churned"
NETWORKS = [name for name in TRAINED if not name.startswith("table2")]


def main() -> None:
    """Measure what is not in the file yet, and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=18, help="of Heun's method, EDM's steps")
    parser.add_argument(
        "--schedule", default="linear", choices=SCALINGS, help="σ(t), with its s(t)"
    )
    parser.add_argument("--S-churn", type=float, default=0.0, help="of Algorithm 2; 0 for none")
    parser.add_argument("--sigma-max", type=float, default=80.0, help="where sampling begins")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, …")
    parser.add_argument("--only", nargs="*", choices=NETWORKS, default=NETWORKS, metavar="NAME")
    arguments = parser.parse_args()
    device, sampler = choose(arguments.device), _sampler(arguments)
    churned = CHURNED if arguments.S_churn else ""
    full_precision()
    found: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    jobs: dict[str, Callable[[], dict[str, Any]]] = {
        "real": partial(real, arguments.train, arguments.test),
        "gaussian": partial(gaussian, arguments.train),
        **{f"{name}{churned}": partial(network, name, sampler, device) for name in arguments.only},
    }
    for name, job in jobs.items():
        of = name.removesuffix(CHURNED)
        digest = models.load(of).card.digest if of in NETWORKS else ""
        if found.get(name, {}).get("digest") != digest:
            with threadpool_limits(1, user_api="blas"), torch.inference_mode():
                found[name] = {"digest": digest, **job()}
            write_whole(arguments.out, json.dumps(found, indent=1) + "\n")
        print(name, {key: value for key, value in found[name].items() if key != "provenance"})


def real(train: str, test: str) -> dict[str, Any]:
    """Return what real images have: the least that samples of this number can be expected to."""
    extractor = build_extractor("fashion")
    images = load(train).images
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    halves = [Moments.from_features(extractor(images[rows]).numpy()) for rows in order.chunk(2)]
    some = Moments.from_features(extractor(images[order[:SAMPLES]]).numpy())
    unseen = Moments.from_features(extractor(load(test).images).numpy())
    return {
        "between_disjoint_halves": frechet(
            halves[0], Reference.from_moments(halves[1], "the other half", "")
        ),
        "training_images": frechet(some, _reference()),
        "test_images": frechet(unseen, _reference()),
        "samples": SAMPLES,
    }


def gaussian(train: str) -> dict[str, Any]:
    """Return the distance of samples of one Gaussian with the pixels' mean and covariance."""
    pixels = to_unit(load(train).images).flatten(1).double()
    mean, root = pixels.mean(0), _root(torch.cov(pixels.T))
    noise = torch.randn(
        SAMPLES, len(mean), generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    samples = quantize((mean + noise @ root).reshape(-1, 1, 28, 28))
    return _judged(samples.split(SAMPLES // SHARDS))


def network(name: str, sampler: Any, device: torch.device) -> dict[str, Any]:
    """Return distance and classes of a network's samples of seeds 0 … 9,999."""
    model = models.load(name, device, Execution(channels_last=True))
    found = _judged(_samples(model, sampler))
    provenance = collect(device, BATCH, model)
    kept = {key: provenance[key] for key in ("torch", "commit", "device", "created")}
    how = {"schedule": sampler.schedule, "nfe": 2 * sampler.steps - 1}
    how |= {"S_churn": sampler.churn.S_churn, "sigma_max": sampler.sigma_max}
    return {**found, **how, "provenance": kept}


def _sampler(arguments: argparse.Namespace) -> Any:
    return solvers.build(
        solver="heun",
        schedule=arguments.schedule,
        scaling=SCALINGS[arguments.schedule],
        steps=arguments.steps,
        sigma_max=arguments.sigma_max,
        S_churn=arguments.S_churn,
    )


def _samples(model: models.Model, sampler: Any) -> Iterator[Tensor]:
    """Yield uint8 images, a shard at a time."""
    size, card = SAMPLES // SHARDS, model.card
    for shard in range(SHARDS):
        seeds = range(shard * size, (shard + 1) * size)
        noise = SeedNoise(seeds, card.device)
        latents = noise.latents(model.shape)
        bound = Condition().bind(InParts(model, BATCH), card.classes, noise.labels, seeds)
        yield quantize(sampler(bound, latents, noise)).cpu()


def _judged(shards: Any) -> dict[str, Any]:
    """Return distance, its error, and the classes the extractor's own classifier sees."""
    extractor, classify = build_extractor("fashion"), load_net().classify
    moments, counts = [], np.zeros(CLASSES, int)
    for images in shards:
        features = extractor(images)
        moments.append(Moments.from_features(features.numpy()))
        classes = classify(features.float()).argmax(1)
        counts += np.bincount(classes.numpy(), minlength=CLASSES)
    distance, left_out = jackknife(moments, _reference())
    error = Estimate.of(distance, left_out).se
    shares = (counts / counts.sum()).round(4).tolist()
    return {"distance": distance, "se": error, "classes": shares, "samples": int(counts.sum())}


def _reference() -> Reference:
    return read_statistics(SHIPPED["fashion-mnist-28x28"])


def _root(covariance: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


if __name__ == "__main__":
    main()
