"""What a cell samples with: a sampler put together from parts, or an author's own, whole."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor

from sampler_bench.kit import own_files
from sampler_bench.solvers.declared import Declared
from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.noise import Noise, no_noise


class Misdeclared(ValueError):  # noqa: N818
    """What a solver says of its evaluations is no number of them."""


class Row(Protocol):
    """What stands behind a solver's name, of parts or whole: see ``EVERY_SOLVER``."""

    @property
    def takes_parts(self) -> bool: ...  # noqa: D102
    @property
    def takes_steps(self) -> bool: ...  # noqa: D102
    @property
    def declares(self) -> Callable[..., Any]: ...  # noqa: D102

    def defaults(self) -> dict[str, Any]:
        """Return its own parameters and their values."""
        ...

    def sampler(
        self,
        name: str,
        given: Mapping[str, Any],
        own: Mapping[str, Any],
        neutral: Mapping[str, Any],
    ) -> "AnySampler":
        """Return the sampler that it makes of :func:`solvers.build`'s arguments."""
        ...


class AnySampler(ABC):
    """A sampler and what it says of itself. Make one with :func:`solvers.build`.

    Attributes:
        solver: Its solver's name.
        steps: Number of steps N; ``None`` where it chooses its own.
        parameters: The parts' own parameters; all of them.
    """

    solver: str
    steps: int | None
    parameters: Mapping[str, Any]

    @property
    @abstractmethod
    def deterministic(self) -> bool:
        """Whether it follows the probability flow: latents alone decide the samples."""

    @property
    def can_churn(self) -> bool:
        """Whether noise may be added between its steps, as much as one likes."""
        return False

    @property
    def group(self) -> int | None:
        """How many consecutive samples it couples; ``None`` if it couples none."""
        return None

    @property
    def files(self) -> Mapping[str, str]:
        """The SHA-256 of each of a user's own files that it is made of, by path."""
        return {}

    @property
    def visible(self) -> float:
        """What samples are multiplied by to be looked at; measured they are as they come."""
        return 1.0

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of its results should know of how its parts go together."""
        return ()

    def departures(self, denoiser: Denoiser) -> tuple[str, ...]:
        """Return what is done otherwise than asked with this denoiser, in words."""
        return ()

    @abstractmethod
    def with_steps(self, steps: int) -> "AnySampler":
        """Return the same with another number of steps."""

    def evaluations(self, denoiser: Denoiser) -> int | None:
        """Return the evaluations per sample; ``None`` where they depend on the samples, or are not
        declared.
        """
        return None

    @abstractmethod
    def check(self) -> None:
        """Raise the ValueError that numbers out of range would cause, before anything runs."""

    def fit(self, denoiser: Denoiser) -> int | None:
        """Return the evaluations per sample, if it can sample with this denoiser; makes none.

        What is wrong by itself was refused when it was built: what is wrong now is the pair.

        Raises:
            Incompatible: If it cannot.
            Misdeclared: If a solver of a user's own says what is no number of evaluations.
        """
        try:
            with own_files.in_one_line():
                return self._fit(denoiser)
        except (Incompatible, Misdeclared):
            raise
        except ValueError as error:
            raise Incompatible(str(error)) from None

    def _fit(self, denoiser: Denoiser) -> int | None:
        self.declared(denoiser)
        return self.evaluations(denoiser)

    @abstractmethod
    def sigma_range(self, denoiser: Denoiser) -> tuple[float, float]:
        """Return (σ_min, σ_max) as sampled with this denoiser.

        Raises:
            ValueError: If the denoiser does not support them.
        """

    @abstractmethod
    def declared(self, denoiser: Denoiser) -> Declared:
        """Return every number and name that decides the samples: see :class:`Declared`."""

    @abstractmethod
    def __call__(self, denoiser: Denoiser, latents: Tensor, noise: Noise = no_noise) -> Tensor:
        """Sample.

        Args:
            denoiser: D(x; σ).
            latents: Standard normal [B, *shape].
            noise: Source of every later draw, e.g. the ``SeedNoise`` the latents came from.

        Returns:
            Samples in data space (unscaled), float64 [B, *shape].
        """
