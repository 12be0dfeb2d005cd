"""What all solvers have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

from torch import Tensor

from sampler_bench.solvers.churn import Churn, Noise
from sampler_bench.solvers.flow import Flow


class Solver(ABC):
    """Something that integrates a flow through given noise levels.

    Subclasses are frozen dataclasses; their fields, ``version`` aside, are what a grid may set.
    """

    takes_steps: ClassVar[bool] = True
    """Whether the number of steps is the user's choice, and the levels between are visited."""

    version: int
    """Raise it whenever the results change for the same input."""

    @abstractmethod
    def __call__(self, flow: Flow, x: Tensor, levels: Tensor, churn: Churn, noise: Noise) -> Tensor:
        """Return the state [B, *shape] at ``levels[-1]`` ≥ 0, given ``x`` at ``levels[0]``."""

    @property
    def declares(self) -> Callable[..., Any]:
        """What says which parameters there are, and what each may be."""
        return type(self)

    def defaults(self) -> dict[str, Any]:
        """Return the solver's own parameters and their values."""
        own = fields(self)  # type: ignore[arg-type]  # subclasses are dataclasses
        return {f.name: getattr(self, f.name) for f in own if f.name != "version"}

    def configured(self, parameters: Mapping[str, Any]) -> Self:
        """Return the same solver with other parameters."""
        return replace(self, **parameters)  # type: ignore[type-var]
