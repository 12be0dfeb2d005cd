"""Denoisers that are exact: whatever error their samples have is the sampler's own.

They are the field's only models with zero network error and known true statistics.
"""

import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
import torch
from torch import Tensor

from sampler_bench.models.card import Card, Data, Draws
from sampler_bench.models.model import Model
from sampler_bench.solvers.denoiser import Plain

CHUNK_BYTES = 64 * 2**20
"""Upper bound for the largest temporary of one evaluation."""


class _Exact(Plain, Model):
    """What exact denoisers share: any noise level above 0, ∞ too, and float64 unless asked."""

    shape: tuple[int, ...] = ()
    sigma_min = 0.0
    sigma_max = math.inf
    from_noise = True
    digest: str
    device: torch.device
    dtype: torch.dtype

    @property
    def card(self) -> Card:
        """What it is, its true data included."""
        precision = str(self.dtype).removeprefix("torch.")
        return Card(self.digest, precision=precision, device=self.device, data=self.data)

    @property
    @abstractmethod
    def data(self) -> Data:
        """What is known of its data: all."""


class IdealDenoiser(_Exact):
    """The ideal denoiser of a finite data set (EDM, Appendix B.3, Eq. 57).

    D(x; σ) = Σ_k softmax_k(−‖x − y_k‖²/(2σ²))·y_k is the exact posterior mean when data are drawn
    uniformly from {y_k}: zero network error, and the true distribution is the set itself.

    Args:
        images: uint8 [n, C, H, W], mapped to [−1, 1] by y = p/127.5 − 1.
        digest: What identifies the data, e.g. the hash of their file.
        device: Where to evaluate.
        dtype: float64 unless speed matters more than the word exact.
    """

    def __init__(
        self,
        images: Tensor,
        digest: str,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.images = images
        self.digest = digest
        self.device = torch.device(device)
        self.dtype = dtype
        self.shape = tuple(images.shape[1:])
        data = images.to(self.device, torch.float64).flatten(1) / 127.5 - 1
        self._data = data.to(dtype)
        self._half_norm = (0.5 * (data**2).sum(1)).to(dtype)

    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """Denoise ``x`` [B, *shape] at ``sigma`` > 0 (0-d or [B]); returns ``x``'s dtype."""
        flat = x.reshape(len(x), -1).to(self.dtype)
        variance = (sigma.to(self.device, self.dtype) ** 2).reshape(-1, 1)
        rows = max(1, CHUNK_BYTES // (self._data.element_size() * len(self._data)))
        parts = _parts(flat, variance, rows)
        return torch.cat([self._denoise(*part) for part in parts]).reshape(x.shape).to(x.dtype)

    def _denoise(self, x: Tensor, variance: Tensor) -> Tensor:
        # ‖x‖² is the same for all k and cancels in the softmax; leaving it out saves digits.
        logits = torch.addmm(self._half_norm, x, self._data.T, beta=-1).div_(variance)
        weights = torch.softmax(_without_specks(logits, 1), 1)
        if weights.count_nonzero() == len(x) and (weights.amax(1) == 1).all():
            return self._data[weights.argmax(1)]  # what the product is, bit for bit, at small σ
        return weights @ self._data

    @property
    def data(self) -> Data:
        """The data set, and its moments."""
        return Data(images=self.data_images, moments=self.true_moments)

    def data_images(self) -> Tensor:
        """Return the data set itself, uint8 [n, C, H, W]: the true distribution."""
        return self.images

    def true_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the true mean [d] and covariance [d, d] of data in [−1, 1], float64."""
        data = self.images.to(torch.float64).flatten(1).numpy() / 127.5 - 1
        return data.mean(0), np.atleast_2d(np.cov(data, rowvar=False, bias=True))


class GaussianMixture(_Exact):
    """The exact denoiser of a mixture of Gaussians: zero network error, known true statistics.

    D(x; σ) = Σ_k r_k(x; σ)·(μ_k + C_k(C_k + σ²I)⁻¹(x − μ_k)) with r_k the posterior weight of
    component k under N(μ_k, C_k + σ²I).

    Args:
        means: [K, *shape].
        covariances: [K], variances of isotropic components, or [K, d, d] with d = prod(shape).
        weights: [K], positive; normalised here.
        device: Where to evaluate.
        dtype: float64 unless asked otherwise.

    Raises:
        ValueError: If shapes do not fit or a covariance is not positive definite.
    """

    def __init__(
        self,
        means: Tensor,
        covariances: Tensor,
        weights: Tensor,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.device = torch.device(device)
        self.dtype = dtype
        self.shape = tuple(means.shape[1:])
        means, covariances, weights = (v.to(torch.float64) for v in (means, covariances, weights))
        flat = means.flatten(1)
        _check_mixture(flat, covariances, weights)
        self.means, self.covariances, self.weights = flat, covariances, weights / weights.sum()
        self.digest = _digest(self.shape, flat, covariances, self.weights)
        eigenvalues, basis = _spectra(covariances, flat.shape[1])
        self._eigenvalues = eigenvalues.to(self.device, dtype)
        self._log_weights = self.weights.log().to(self.device, dtype)
        self._basis = None if basis is None else basis.to(self.device, dtype)
        self._rotated_means = self._rotate(flat.to(self.device, dtype)[:, None, :])[:, 0]

    def __call__(self, x: Tensor, sigma: Tensor, /) -> Tensor:
        """Denoise ``x`` [B, *shape] at ``sigma`` > 0 (0-d or [B]); returns ``x``'s dtype."""
        if sigma.isinf().all():  # of infinite variances there is no likelihood: all are the mean
            mean = (self.weights @ self.means).reshape(self.shape)
            return mean.to(x.device, x.dtype).expand(x.shape).clone()
        flat = x.reshape(len(x), -1).to(self.dtype)
        variance = (sigma.to(self.device, self.dtype) ** 2).reshape(-1, 1)
        row_bytes = flat.element_size() * flat.shape[1] * len(self._log_weights)
        rows = max(1, CHUNK_BYTES // row_bytes)
        parts = _parts(flat, variance, rows)
        return torch.cat([self._denoise(*part) for part in parts]).reshape(x.shape).to(x.dtype)

    def _denoise(self, x: Tensor, variance: Tensor) -> Tensor:
        # In each component's eigenbasis C_k + σ²I is diagonal: [K, rows, d] throughout.
        centred = self._rotate(x.expand(len(self._log_weights), *x.shape))
        centred = centred - self._rotated_means[:, None, :]
        total = self._eigenvalues[:, None, :] + variance
        logits = -0.5 * (centred**2 / total + total.log()).sum(2) + self._log_weights[:, None]
        shrunk = self._eigenvalues[:, None, :] / total * centred + self._rotated_means[:, None, :]
        if self._basis is not None:
            shrunk = shrunk @ self._basis.mT
        return (torch.softmax(_without_specks(logits, 0), 0)[:, :, None] * shrunk).sum(0)

    def _rotate(self, x: Tensor) -> Tensor:
        return x if self._basis is None else x @ self._basis

    @property
    def data(self) -> Data:
        """The mixture's moments and draws: there are no images."""
        return Data(moments=self.true_moments, draw=self.draw)

    def true_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the true mean [d] and covariance [d, d], float64."""
        w, mu = self.weights[:, None], self.means
        mean = (w * mu).sum(0)
        centred = mu - mean
        within = _full(self.covariances, mu.shape[1])
        covariance = (self.weights[:, None, None] * within).sum(0) + (w * centred).T @ centred
        return mean.numpy(), covariance.numpy()

    def draw(self, draws: Draws, n: int) -> Tensor:
        """Return draws, float64 [n, *shape]: a normal number chooses each one's component."""
        chosen = torch.special.ndtr(draws(torch.zeros(n, dtype=torch.float64)))
        upto = self.weights.cumsum(0)[:-1]
        k = torch.searchsorted(upto, chosen.cpu())
        z = draws(torch.zeros(n, math.prod(self.shape), dtype=torch.float64)).cpu()
        if self.covariances.ndim == 1:
            spread = self.covariances[k].sqrt()[:, None] * z
        else:
            factors = torch.linalg.cholesky(self.covariances)
            spread = (factors[k] @ z[:, :, None])[:, :, 0]
        return (self.means[k] + spread).reshape(n, *self.shape)

    @classmethod
    def isotropic(
        cls, means: Tensor, deviations: Sequence[float], weights: Sequence[float]
    ) -> Self:
        """Return a mixture of isotropic Gaussians with standard deviations ``deviations`` [K]."""
        c = torch.tensor(deviations, dtype=torch.float64)
        return cls(means, c**2, torch.tensor(weights, dtype=torch.float64))


def _parts(x: Tensor, variance: Tensor, rows: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield so many rows of ``x`` at a time, with their variances: [rows, 1], or [1, 1] for all."""
    split = x.split(rows)
    alike = len(variance) == 1
    return zip(split, [variance] * len(split) if alike else variance.split(rows), strict=True)


def _without_specks(logits: Tensor, dim: int) -> Tensor:
    """Make weights below e⁻¹⁰⁰ of the largest exactly 0.

    They change no bit of a float64 sum; as subnormal numbers they would slow the matrix product
    down ten times, which at small σ is most of them.
    """
    return torch.where(logits < logits.amax(dim, keepdim=True) - 100, -torch.inf, logits)


def _check_mixture(means: Tensor, covariances: Tensor, weights: Tensor) -> None:
    k, d = means.shape
    if covariances.shape not in {(k,), (k, d, d)}:
        raise ValueError(
            f"covariances have shape {tuple(covariances.shape)}; allowed are ({k},) for isotropic "
            f"components and ({k}, {d}, {d}) for full ones"
        )
    if weights.shape != (k,) or not (weights > 0).all():
        raise ValueError(f"weights must be {k} positive numbers, one per component")
    # eigh reads one triangle only, so it would not notice
    symmetric = covariances.ndim == 1 or torch.allclose(covariances, covariances.mT)
    if not symmetric or not (_spectra(covariances, d)[0] > 0).all():
        raise ValueError("every covariance must be symmetric and positive definite")


def _spectra(covariances: Tensor, d: int) -> tuple[Tensor, Tensor | None]:
    """Return eigenvalues [K, d] and eigenvectors [K, d, d]; none are needed if isotropic."""
    if covariances.ndim == 1:
        return covariances[:, None].expand(-1, d), None
    eigenvalues, basis = torch.linalg.eigh(covariances)
    return eigenvalues, basis


def _full(covariances: Tensor, d: int) -> Tensor:
    if covariances.ndim == 3:
        return covariances
    return covariances[:, None, None] * torch.eye(d, dtype=covariances.dtype)


def _digest(shape: tuple[int, ...], *parts: Tensor) -> str:
    """Return the SHA-256 of a mixture's numbers."""
    described = json.dumps([shape, *(part.tolist() for part in parts)])
    return hashlib.sha256(described.encode()).hexdigest()
