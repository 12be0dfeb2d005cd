"""How large the loss's gradient is, over σ, under a loss weighting (EDM, Section 5)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from sampler_bench.bench.measure.profiles.denoising_loss import SEED, WEIGHTS
from sampler_bench.bench.measure.profiles.probe import Drawn, Probe
from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import Positive, require
from sampler_bench.models.model import Model, model_of
from sampler_bench.models.training.loss import EDM, WEIGHTINGS, Weighting, denoising_loss
from sampler_bench.models.training.noise import EDM as LOG_NORMAL
from sampler_bench.models.training.noise import NOISE, Noise
from sampler_bench.models.untrained import untrained
from sampler_bench.solvers import Denoiser
from sampler_bench.solvers.declared import Declared
from sampler_bench.solvers.rows import restricted


@dataclass(frozen=True)
class GradientSize(Probe):
    """Norm of the gradient of the loss with respect to the weights, over σ.

    ‖∇_θ λ(σ)·‖D(y + σn; σ) − y‖²/dim‖₂ of one image after the other (Eq. 2), over all weights of
    the network, with a loss weighting λ of Table 1, the same n at every σ. That is what a training
    step gets from an image with noise σ; how often it meets that σ is p_train's part. A record
    keeps p_train, too, as ``density``: that of ln σ, averaged around each level.

    Attributes:
        weights: ``"trained"`` or ``"initial"``.
        loss: λ(σ): ``"edm"`` is 1/c_out² (Section 5), ``"inverse"`` 1/σ² (VP, VE and iDDPM).
        sigma_data: σ_data of EDM's λ.
        noise: p_train(σ): ``"edm"``, ``"vp"``, ``"ve"`` or ``"iddpm"``, as in Table 1.
        P_mean, P_std: ln σ ~ N(P_mean, P_std²), of ``"edm"``.

    Raises:
        ValueError: If a value is not possible, or training never comes near the levels.
    """

    weights: str = "trained"
    loss: Literal["edm", "inverse"] = "edm"
    sigma_data: Positive = 0.5
    noise: Literal["edm", "vp", "ve", "iddpm"] = "edm"
    P_mean: float = -1.2
    P_std: Positive = 1.2

    metric: ClassVar[str] = "gradient-size"
    needs_data: ClassVar[bool] = True
    needs_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        lookup(WEIGHTS, self.weights, "weights")
        shares = self._shares()
        require(bool(shares.sum() > 0), "levels", self.levels, f"some that {self.noise!r} draws")

    def check(self, model: Model) -> None:
        """Raise ValueError, one line, if it cannot be measured with this model."""
        super().check(model)
        if model.card.network is None:
            raise ValueError("gradient-size needs a network: an exact denoiser has no weights")

    def declared(self, model: Model) -> Declared:
        """Return every number and name that decides the result: see :class:`Declared`."""
        return self.told(**({"weights_seed": SEED} if self.weights == "initial" else {}))

    def model(self, model: Model) -> Model:
        """Return the model, or one of its architecture with initial weights."""
        network = model.card.network
        return untrained(network, SEED) if network and self.weights == "initial" else model

    def __call__(self, denoiser: Denoiser, drawn: Drawn) -> Tensor:
        """Return the norm for each sample at each level, float64 [n, L]."""
        levels, sizes = self.at(denoiser).to(drawn.data.device), []
        with torch.enable_grad(), _learning(_network(denoiser)) as own:
            for row in range(len(drawn.data)):
                one = torch.tensor([row])
                alone = restricted(denoiser, one)
                clean, noise = drawn.data[one], drawn.latents[one].double()
                for level in levels:
                    loss = denoising_loss(alone, clean, level[None], noise, self._weighting())
                    sizes.append(_size(loss.mean(), own))
        return torch.stack(sizes).reshape(len(drawn.data), -1)

    def summary(self, mean: np.ndarray) -> float:
        """Return the mean over training's noise levels, p_train."""
        shares = self._shares()
        return float(shares @ mean / shares.sum())

    def beside(self) -> dict[str, list[float]]:
        """Return p_train's density of ln σ, averaged around each level."""
        return {"density": (self._shares() / np.diff(self._edges())).tolist()}

    def _weighting(self) -> Weighting:
        return EDM(self.sigma_data) if self.loss == "edm" else WEIGHTINGS[self.loss]()

    def _noise(self) -> Noise:
        return LOG_NORMAL(self.P_mean, self.P_std) if self.noise == "edm" else NOISE[self.noise]()

    def _edges(self) -> np.ndarray:
        """Return the ends of intervals of ln σ around each level [L + 1].

        They meet half-way between levels; the first begins at its level, and the last ends there.
        """
        at = np.log(np.asarray(self.levels))
        return np.concatenate([at[:1], (at[1:] + at[:-1]) / 2, at[-1:]])

    def _shares(self) -> np.ndarray:
        """Return the share of training's draws in the interval around each level [L]."""
        return np.diff(_below(self._noise(), np.exp(self._edges())))


def _below(noise: Noise, sigma: np.ndarray) -> np.ndarray:
    """Return the share of draws below each σ: the quantile function inverted by bisection."""
    low, high = np.zeros(len(sigma)), np.ones(len(sigma))
    for _ in range(50):
        middle = (low + high) / 2
        under = noise.quantile(torch.from_numpy(middle)).numpy() < sigma
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return (low + high) / 2


def _network(denoiser: Denoiser) -> nn.Module:
    network = model_of(denoiser).card.network
    assert isinstance(network, nn.Module)  # see check
    return network


@contextmanager
def _learning(network: nn.Module) -> Iterator[list[nn.Parameter]]:
    """Give the weights of a network, which take gradients meanwhile."""
    own = list(network.parameters())
    before = [weight.requires_grad for weight in own]
    try:
        for weight in own:
            weight.requires_grad_(True)
        yield own
    finally:
        for weight, was in zip(own, before, strict=True):
            weight.requires_grad_(was)


def _size(loss: Tensor, weights: list[nn.Parameter]) -> Tensor:
    """Return ‖∇loss‖₂ over all weights, float64 0-d; 0 where the loss depends on none."""
    if not loss.requires_grad:
        return loss.new_zeros(())
    found = torch.autograd.grad(loss, weights, allow_unused=True)
    squares = [one.double().pow(2).sum() for one in found if one is not None]
    return torch.stack(squares).sum().sqrt()
