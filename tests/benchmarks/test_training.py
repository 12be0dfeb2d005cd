"""A training step over the least it can cost: forward, backward and Adam on one batch."""

import statistics
import time

import pytest
import torch
from accelerate.state import AcceleratorState

from sampler_bench.models.data.dataset import Dataset, to_unit
from sampler_bench.models.training.config import Configuration, read
from sampler_bench.models.training.launch import accelerator
from sampler_bench.models.training.loss import denoising_loss
from sampler_bench.models.training.trainer import Trainer
from sampler_bench.models.zoo.exact import fashion_images

AT_LEAST = 0.95
ROUNDS = 15


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other on a busy machine would be all that is measured."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=[0.0, 0.12], ids=["as it is", "augmented"])
def trainer(request, tmp_path):
    values = read("fashion-edm-vp").model_dump(mode="json")
    values["training"]["precision"] = "float32"
    values["augmentation"] = {"probability": request.param}
    if not request.config.getoption("benchmark_enable"):
        values["training"]["batch"] = 16  # that it runs is all that is looked at
    configuration = Configuration.model_validate(values)
    AcceleratorState._reset_state(reset_partial_state=True)
    data = Dataset(fashion_images()[0])
    return Trainer(configuration, data, tmp_path, accelerator(configuration, cpu=True))


def plain_step(trainer):
    """Return a step of the same network on a batch that is drawn, noisy and weighted for good."""
    batch = trainer.configuration.training.batch
    denoiser = trainer.parts.denoiser().train()
    adam = torch.optim.Adam(denoiser.parameters(), lr=trainer.configuration.optimizer.lr)
    generator = torch.Generator().manual_seed(0)
    images = to_unit(trainer.data.images[:batch])
    sigma = trainer.parts.noise.quantile(torch.rand(batch, generator=generator)).float()
    noise = torch.randn(images.shape, generator=generator)
    told = torch.zeros(batch, 9) if trainer.parts.arguments.get("augment_dim") else None

    def step():
        loss = denoising_loss(
            denoiser, images, sigma, noise, trainer.parts.weighting, augment_labels=told
        )
        (loss.sum() / batch).backward()
        adam.step()
        adam.zero_grad()

    return step


def test_steps_per_second_over_those_of_the_plain_loop(benchmark, request, trainer):
    """Turn by turn, so that what else the machine does falls on both; ratio in ``extra_info``."""
    plain, measured = plain_step(trainer), request.config.getoption("benchmark_enable")
    seconds = {"plain": [], "ours": []}

    def timed(name, step):
        began = time.process_time()
        step()
        seconds[name].append(time.process_time() - began)

    for _ in range(2 if measured else 0):  # Adam's state, oneDNN's choices
        plain()
        trainer.step()
    benchmark.pedantic(
        lambda: timed("ours", trainer.step),
        setup=lambda: timed("plain", plain),
        rounds=ROUNDS if measured else 1,
    )
    ratio = statistics.median(seconds["plain"]) / statistics.median(seconds["ours"])
    benchmark.extra_info["steps per second over the plain loop's"] = round(ratio, 3)
    assert ratio >= AT_LEAST or not measured
