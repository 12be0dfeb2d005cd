"""A network as it was before training: the same architecture with initial weights."""

import torch

from sampler_bench.kit.names import lookup
from sampler_bench.models.network import NetworkDenoiser
from sampler_bench.models.networks import NETWORKS


def untrained(model: NetworkDenoiser, seed: int) -> NetworkDenoiser:
    """Return a denoiser like ``model`` with initial weights drawn from a seed, on its device.

    Training draws them the same way: they are those of a network trained from this seed here.

    Raises:
        ValueError: If its architecture is not one of this project's own; one line.
    """
    network, arguments = model.recipe
    kind = lookup(NETWORKS, network, "network with known initial weights")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = kind(**arguments)
    fresh.requires_grad_(False).eval()
    made = NetworkDenoiser(fresh, model.preconditioning, execution=model.execution)
    return made.eval().to(model.device)
