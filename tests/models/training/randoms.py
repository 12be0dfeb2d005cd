"""Draws by a generator of PyTorch's; the trainer's own come of the images' numbers (draws.py)."""

import torch


def random_levels(noise, n, generator=None):
    """Return ``n`` independent σ, float32 [n]."""
    u = torch.rand(n, generator=generator, dtype=torch.float64)
    return noise.quantile(u.clamp(min=2.0**-54)).float()


def random_parameters(augmentation, n, generator):
    """Return the parameters of ``n`` images."""
    return augmentation.parameters(torch.rand(n, 14, generator=generator, dtype=torch.float64))


def augmented(augmentation, images, generator):
    """Return images, transformed, and their labels."""
    parameters = random_parameters(augmentation, len(images), generator)
    return parameters.apply(images), parameters.labels()
