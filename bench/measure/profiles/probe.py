"""A probe: what is measured of a denoiser, or of one step with it, at each noise level."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from sampler_bench.kit.parameters import check_fields
from sampler_bench.models.model import Model
from sampler_bench.results import Shard
from sampler_bench.results.metric import SHIPPED, Metric
from sampler_bench.solvers import AnySampler, Denoiser
from sampler_bench.solvers.declared import Declared
from sampler_bench.solvers.noise import Noise, no_noise

SIGMA, VALUES = "sigma", "profile"
"""What shards call the noise levels [L] and the values [n, L]."""
NOT_OWN = ("levels", "sampler")
"""Fields that are no parameters of a probe's own."""


@dataclass(frozen=True)
class Drawn:
    """The samples a probe is applied to.

    Attributes:
        latents: Standard normal float32 [n, *shape], each seed's first draw.
        clean: True data float64 [n, *shape]; ``None`` for probes that need none.
        noise: Each seed's draws after these, as a sampler would get them.
    """

    latents: Tensor
    clean: Tensor | None = None
    noise: Noise = no_noise

    @property
    def data(self) -> Tensor:
        """The true data of a probe that asked for them."""
        assert self.clean is not None
        return self.clean


@dataclass(frozen=True)
class Probe(ABC):
    """A quantity over σ; the fields, ``levels`` and ``sampler`` aside, are what a grid may set.

    The first paragraph of its docstring is what ``bench list metrics`` says.

    Attributes:
        levels: The noise levels it is measured at, ascending.
        metric: What records call it, if it is not from a file of one's own: ``file:NAME``.
        needs_data: Whether it starts from true data.
        needs_gradients: Whether it takes gradients: within ``torch.enable_grad()``, then.
        sampler_keys: What a grid may say of the sampler it is about: names of its settings.
    """

    levels: tuple[float, ...]

    metric: ClassVar[str] = ""
    needs_data: ClassVar[bool] = False
    needs_gradients: ClassVar[bool] = False
    sampler_keys: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        check_fields(self, without=NOT_OWN)

    @classmethod
    def row(cls, name: str = "") -> Metric:
        """Return what its metric is: ours, or what a class of somebody's own says in attributes.

        Args:
            name: What cells call it, if not as the class does.
        """
        name = name or cls.metric
        return SHIPPED.get(name) or Metric.said_by(cls, name, taken_of="levels", needs=VALUES)

    @property
    def about(self) -> AnySampler | None:
        """The sampler it is about, if it is about one."""
        return vars(self).get("sampler")

    def declared(self, model: Model) -> Declared:
        """Return every number and name that decides the result: see :class:`Declared`."""
        own = self.told()
        if self.about is None:
            return own
        made = self.about.declared(model)
        return Declared({**made.parts, **own.parts}, {**made.settings, **own.settings})

    def evaluations(self, model: Model) -> int:
        """Return the denoiser evaluations per sample: one at each level, unless it says more."""
        return len(self.levels)

    @abstractmethod
    def __call__(self, denoiser: Denoiser, drawn: Drawn) -> Tensor:
        """Return the value of each sample at each level, float64 [n, L], L in the levels' order."""

    @abstractmethod
    def summary(self, mean: np.ndarray) -> float:
        """Return the one number that stands for the mean over samples at each level [L]."""

    def check(self, model: Model) -> None:
        """Raise ValueError, one line, if it cannot be measured with this model."""
        low, high = self.levels[0], self.levels[-1]
        if low < model.sigma_min * (1 - 1e-6) or high > model.sigma_max * (1 + 1e-6):
            raise ValueError(
                f"levels from {low:g} to {high:g} are not all within what the model supports, "
                f"[{model.sigma_min:g}, {model.sigma_max:g}]"
            )

    def model(self, model: Model) -> Model:
        """Return the denoiser that is measured: the given one, or one made from it."""
        return model

    @property
    def files(self) -> Mapping[str, str]:
        """The SHA-256 of each of a user's own files that it is made of, by path."""
        return {}

    def shown(self, denoiser: Denoiser, drawn: Drawn) -> dict[str, np.ndarray]:
        """Return what is kept of a few samples to look at; nothing of most probes."""
        return {}

    def beside(self) -> dict[str, list[float]]:
        """Return what else a record keeps of each level, by name, [L] each; of most probes nothing.

        What it says follows from the probe's own fields.
        """
        return {}

    def at(self, denoiser: Denoiser) -> Tensor:
        """Return the levels as this denoiser supports them, float64 [L]."""
        return denoiser.round_sigma(torch.tensor(self.levels, dtype=torch.float64))

    def told(self, **more: Any) -> Declared:
        """Return what every probe declares of itself: its levels, and its own fields.

        Args:
            more: What else decides the result.
        """
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in NOT_OWN}
        neutral = {f.name: f.default for f in fields(self)}
        differing = {name: value for name, value in own.items() if value != neutral[name]}
        levels = " ".join(f"{level:g}" for level in self.levels)
        return Declared(
            {"measurement": {"levels": list(self.levels), **differing, **more}},
            {"measurement": {"levels": levels, **own, **more}},
        )

    def merge(self, shards: Sequence[Shard]) -> tuple[float, list[float]]:
        """Return the value over all samples, and with each shard left out."""
        sums = np.stack([shard.arrays[VALUES].sum(0) for shard in shards])
        counts = np.array([len(shard.arrays[VALUES]) for shard in shards])[:, None]
        rest = (sums.sum(0) - sums) / (counts.sum() - counts)
        return self.summary(sums.sum(0) / counts.sum()), [self.summary(mean) for mean in rest]


def profile(shards: Sequence[Shard]) -> Mapping[str, list[float]]:
    """Return σ, and the mean and standard deviation over samples there, as a record keeps them."""
    values = np.concatenate([shard.arrays[VALUES] for shard in shards])
    return {
        "sigma": shards[0].arrays[SIGMA].tolist(),
        "mean": values.mean(0).tolist(),
        "std": values.std(0, ddof=1).tolist(),
    }


def over_log_sigma(levels: Sequence[float], density: np.ndarray) -> np.ndarray:
    """Return weights [L] that sum to 1: the trapezoidal rule in ln σ, times a density [L]."""
    weights = np.gradient(np.log(np.asarray(levels))) * density
    weights[[0, -1]] /= 2  # the gradient at an end is the whole interval
    return weights / weights.sum()
