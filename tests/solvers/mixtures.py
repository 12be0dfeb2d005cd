"""Small exact models that the tests sample from."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sampler_bench.models import GaussianMixture

GOLDEN = Path(__file__).parents[1] / "golden"


def golden_mixture(arrays: np.lib.npyio.NpzFile) -> GaussianMixture:
    mu, c, w = (torch.from_numpy(arrays[name]) for name in ("mu", "c", "w"))
    return GaussianMixture.isotropic(mu, c.tolist(), w.tolist())


def three_components() -> GaussianMixture:
    """Return a 2-D mixture whose trajectories bend, so that methods show their true order."""
    means = torch.tensor([[0.5, -0.8], [-0.6, 0.3], [0.2, 0.9]], dtype=torch.float64)
    return GaussianMixture.isotropic(means, [0.3, 0.25, 0.4], [0.5, 0.3, 0.2])


class Recorder:
    """A denoiser with a limited range, that rounds σ to a grid and notes the σ of every call."""

    def __init__(self, denoiser, smin=0.0, smax=float("inf"), grid=None):
        self.denoiser, self.shape = denoiser, denoiser.shape
        self.sigma_min, self.sigma_max = smin, smax
        self.grid = None if grid is None else torch.tensor(grid, dtype=torch.float64)
        self.sigmas: list[float] = []

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        self.sigmas.append(float(sigma))
        return self.denoiser(x, sigma)

    def round_sigma(self, sigma: Tensor) -> Tensor:
        if self.grid is None:
            return sigma
        return self.grid[(sigma[..., None] - self.grid).abs().argmin(-1)]


def gaussian() -> GaussianMixture:
    """Return a single 2-D Gaussian: its ODE has a closed form."""
    return GaussianMixture.isotropic(torch.tensor([[0.4, -0.7]]), [0.5], [1.0])
