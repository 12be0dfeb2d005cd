"""A measurement: what is taken of a model on seeds, and what that amounts to."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.kit.parameters import parameters
from sampler_bench.models.labels import Condition
from sampler_bench.models.model import Model
from sampler_bench.results import Shard
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.metric import Metric
from sampler_bench.solvers import AnySampler
from sampler_bench.solvers.declared import Declared

NAMED_SEEDS = 5

Tell = Callable[[int, int], None]
"""Called after each batch with the numbers of samples and evaluations it made."""


@dataclass(frozen=True)
class Subject:
    """Whom a measurement is taken of.

    Attributes:
        model: The denoiser.
        condition: The labels asked of it.
        seeds: All seeds of the job, of which shards have consecutive parts.
    """

    model: Model
    condition: Condition
    seeds: range


@dataclass
class Measured:
    """What one shard gave.

    Attributes:
        arrays: What counts; ``nfe`` among them, the evaluations of each seed [n].
        seconds: Time spent on the model.
        shown: A few samples to look at, of the first shard: ``images`` uint8 [k, C, H, W],
            ``points`` float [k, 2], or whatever a figure draws.
        reference_error: RMS error of the reference trajectory itself, where there is one.
    """

    arrays: dict[str, np.ndarray]
    seconds: float
    shown: dict[str, np.ndarray] = field(default_factory=dict)
    reference_error: float | None = None


class Measurement(ABC):
    """One kind of measurement; sampling and profiles over σ are two, and there may be others.

    It holds names and numbers, and what they stand for: a pure function from a model and seeds to
    arrays, and another from those of all shards to values.
    """

    @property
    @abstractmethod
    def metrics(self) -> Mapping[str, Metric]:
        """What comes of it, by the names that cells have."""

    @abstractmethod
    def declared(self, model: Model) -> Declared | Mapping[str, Any]:
        """Return every number and name that decides the result; one table, if it has no parts."""

    @abstractmethod
    def evaluations(self, model: Model) -> int | None:
        """Return the denoiser evaluations per sample; ``None`` if they are known only afterwards.

        Guidance, which doubles them, is not in it.
        """

    @abstractmethod
    def take(
        self, subject: Subject, parts: Sequence[range], batch: int, tell: Tell
    ) -> list[Measured]:
        """Return what each of some shards gives, the same whatever others are taken with it.

        Args:
            subject: Whom it is taken of.
            parts: The seeds of each shard.
            batch: Most samples in one call of the denoiser.
            tell: Called after each batch.

        Raises:
            FloatingPointError: If something is not finite.
        """

    @abstractmethod
    def merge(self, shards: Sequence[Shard]) -> Mapping[str, Estimate]:
        """Return what all shards of a job amount to, by metric, with each shard left out."""

    def table(self, settings: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
        """Return which table of a grid asks for it, and the keys of that, every number resolved.

        Args:
            settings: What it declares of the model that it is taken of.

        Raises:
            ValueError: If it does not keep what it was made of; one line.
        """
        kept, names = vars(self), parameters(type(self))
        if lost := [name for name in names if name not in kept]:
            raise ValueError(f"{type(self).__name__} keeps no {', '.join(lost)} as an attribute")
        return "measurement", {name: kept[name] for name in names}

    def profile(self, shards: Sequence[Shard]) -> Mapping[str, list[float]]:
        """Return equally long columns that a record keeps; none of most kinds."""
        return {}

    @property
    def needs(self) -> frozenset[str]:
        """The arrays that a shard must hold."""
        return frozenset({"nfe"})

    @property
    def steps(self) -> int | None:
        """The number of steps; ``None`` where there are none, or it is chosen on the way."""
        return None

    @property
    def is_adaptive(self) -> bool:
        """Whether the number of evaluations is known only afterwards."""
        return False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of how its parts go together."""
        return ()

    def departures(self, model: Model, samples: int) -> tuple[str, ...]:
        """Return what is done otherwise than asked, or cannot be known, with so many samples."""
        return ()

    @property
    def made_of(self) -> tuple[object, ...]:
        """The objects that compute it: what they run is the code of its records."""
        return (self,)

    @property
    def about(self) -> AnySampler | None:
        """The sampler that it is about; ``None`` if it is about a model alone."""
        return None

    @property
    def quantizer(self) -> str:
        """How samples are rounded before anything looks at them."""
        return "none"

    @property
    def against(self) -> ReferenceSource | None:
        """What samples' features are compared with, where there are some."""
        return None

    @property
    def reference(self) -> tuple[str, str]:
        """What values are measured against, as a cell has it: name and digest."""
        return "none", ""

    @property
    def files(self) -> Mapping[str, str]:
        """The SHA-256 of each of a user's own files that it is made of, by path."""
        return {}


def check_finite(values: Tensor, seeds: Sequence[int], what: str) -> None:
    """Raise FloatingPointError, naming the seeds, where values [n, …] of n seeds are not finite."""
    sound = values.flatten(1).isfinite().all(1).tolist()
    wrong = [seed for seed, is_sound in zip(seeds, sound, strict=True) if not is_sound]
    if not wrong:
        return
    named = ", ".join(map(str, wrong[:NAMED_SEEDS]))
    more = f" and {len(wrong) - NAMED_SEEDS} more" if len(wrong) > NAMED_SEEDS else ""
    several = "s" if len(wrong) > 1 else ""
    raise FloatingPointError(f"{what} of seed{several} {named}{more} not finite")
