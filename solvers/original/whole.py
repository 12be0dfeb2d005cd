"""An author's sampler as a whole: no part of it is exchangeable, but its own numbers can be set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor

from sampler_bench.kit.names import unknown
from sampler_bench.kit.parameters import Parameter, check, keywords
from sampler_bench.solvers.any_sampler import AnySampler
from sampler_bench.solvers.declared import Declared, part, settings
from sampler_bench.solvers.denoiser import Denoiser, complete
from sampler_bench.solvers.incompatible import Incompatible
from sampler_bench.solvers.noise import Noise, no_noise

TAKES = ("solver", "steps")
"""The arguments of ``solvers.build`` that such a sampler takes besides its own parameters."""


@dataclass(frozen=True)
class Original:
    """A row of ``ORIGINALS``.

    Attributes:
        sample: ``(denoiser, latents, noise, steps, *, …)``; keyword-only arguments are parameters.
        ends: Returns the lowest and highest σ it evaluates, given its parameters.
        check: Raises ValueError for steps and parameters that cannot be.
        evaluations: Returns the evaluations per sample with a denoiser, of so many steps and with
            these parameters; ``None`` where they depend on the samples.
        group: Returns how many samples parameters couple; ``None`` for none.
        takes_steps: Whether the number of steps is the user's choice.
        least_steps: The fewest there can be.
        visible: Returns what results are multiplied by to be looked at as images in [−1, 1].
        suits: Raises ValueError for a denoiser that parameters ask too much of.
    """

    takes_parts: ClassVar[bool] = False
    sample: Callable[..., Tensor]
    ends: Callable[[dict[str, Any]], tuple[float, float]]
    check: Callable[[Any, dict[str, Any]], None]
    evaluations: Callable[[Denoiser, Any, dict[str, Any]], int | None]
    group: Callable[[dict[str, Any]], int | None] = lambda given: None
    takes_steps: bool = True
    least_steps: int = 1
    visible: Callable[[dict[str, Any]], float] = lambda given: 1.0
    suits: Callable[[Denoiser, dict[str, Any]], object] = lambda denoiser, given: None

    @property
    def declares(self) -> Callable[..., Any]:
        """What says which parameters there are, and what each may be."""
        return self.sample

    def defaults(self) -> dict[str, Any]:
        """Return its parameters and their values."""
        return keywords(self.sample)

    def sampler(
        self,
        name: str,
        given: Mapping[str, Any],
        own: Mapping[str, Any],
        neutral: Mapping[str, Any],
    ) -> AnySampler:
        """Return the sampler, of which nothing but its own parameters can be chosen.

        Args:
            name: Its name.
            given: Arguments of :func:`solvers.build`, all of them.
            own: Its own parameters.
            neutral: What those arguments are where nothing is asked for.

        Raises:
            ValueError: For anything else that was given, or a number out of range.
        """
        known = self.defaults()
        chosen = {k: v for k, v in given.items() if k in known and v is not None} | dict(own)
        unused = [k for k in given if given[k] != neutral[k] and k not in {*known, *TAKES}]
        for key in [*unused, *chosen]:
            if key not in known:
                raise ValueError(unknown(key, [*known, *TAKES], f"key of solver {name}"))
        check(self.sample, chosen)
        steps = given["steps"]
        if steps is not None and not self.takes_steps:
            raise Incompatible(f"{name} chooses its own steps: leave out 'steps'")
        if steps is None and self.takes_steps:
            raise ValueError(f"solver {name}: 'steps' is missing")
        count = Annotated[int, Field(ge=self.least_steps, le=1_000_000)] | None
        Parameter("steps", count, None).check(steps)
        sampler = OriginalSampler(name, self, {**known, **chosen}, steps)
        sampler.check()
        return sampler


@dataclass(frozen=True)
class OriginalSampler(AnySampler):
    """An author's sampler with its numbers.

    Attributes:
        solver: Its name in ``ORIGINALS``.
        row: What is behind the name.
        parameters: Its own parameters; all of them.
        steps: Number of steps; ``None`` where it chooses its own.
    """

    solver: str
    row: Original
    parameters: dict[str, Any]
    steps: int | None

    @property
    def deterministic(self) -> bool:
        """``False``: it follows no trajectory that another sampler's could be compared with."""
        return False

    @property
    def group(self) -> int | None:
        """How many consecutive samples it couples; ``None`` if it couples none."""
        return self.row.group(self.parameters)

    @property
    def visible(self) -> float:
        """What samples are multiplied by to be looked at; measured they are as they come."""
        return self.row.visible(self.parameters)

    def with_steps(self, steps: int) -> "OriginalSampler":
        """Return the same with another number of steps."""
        return replace(self, steps=steps)

    def check(self) -> None:
        """Raise ValueError for steps and parameters that cannot be."""
        self.row.check(self.steps, self.parameters)

    def _fit(self, denoiser: Denoiser) -> int | None:
        self.sigma_range(denoiser)
        self.row.suits(denoiser, self.parameters)
        return self.evaluations(denoiser)

    def sigma_range(self, denoiser: Denoiser) -> tuple[float, float]:
        """Return the lowest and highest σ that are evaluated.

        Raises:
            ValueError: If the denoiser does not support them.
        """
        low, high = self.row.ends(self.parameters)
        # The ends are rounded in the networks' own tables: VP's σ(1) is 152.166… or 152.167.
        if low < denoiser.sigma_min * (1 - 1e-3) or high > denoiser.sigma_max * (1 + 1e-3):
            raise ValueError(
                f"{self.solver} evaluates σ from {low:g} to {high:g}, and the model supports "
                f"[{denoiser.sigma_min:g}, {denoiser.sigma_max:g}]"
            )
        return low, high

    def evaluations(self, denoiser: Denoiser) -> int | None:
        """Return the evaluations per sample; ``None`` where they depend on the samples."""
        return self.row.evaluations(denoiser, self.steps, self.parameters)

    def declared(self, denoiser: Denoiser) -> Declared:
        """Return every number and name that decides the samples: see :class:`Declared`."""
        low, high = self.sigma_range(denoiser)
        steps = {} if self.steps is None else {"steps": self.steps}
        parts = {"whole": {**part(self.solver, self.parameters, self.row.defaults()), **steps}}
        told = {"solver": self.solver, "steps": self.steps, "sigma_min": low, "sigma_max": high}
        return Declared(parts, {"sampler": settings(told | self.parameters)})

    def __call__(self, denoiser: Denoiser, latents: Tensor, noise: Noise = no_noise) -> Tensor:
        """Sample; see :meth:`solvers.any_sampler.AnySampler.__call__`."""
        complete(denoiser).begin(len(latents))
        return self.row.sample(denoiser, latents, noise, self.steps, **self.parameters)
