"""What of a training run is saved: tensors and numbers, from which it goes on as if never stopped.

No state of a random generator: each step begins with a seed of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from torch import Tensor, nn

from sampler_bench.models.training.progress import Progress

_MOMENTS = ("exp_avg", "exp_avg_sq")


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Counted(_Declared):
    """:class:`Progress`, as it is read from a file."""

    images: Annotated[int, Field(ge=0, lt=2**62)]
    seconds: Annotated[FiniteFloat, Field(ge=0)]
    loss_sum: FiniteFloat
    loss_images: Annotated[int, Field(ge=0, lt=2**62)]


class Scale(_Declared):
    """By what float16's losses are multiplied, and for how many steps it has been so."""

    scale: Annotated[FiniteFloat, Field(gt=0)]
    steps: Annotated[int, Field(ge=0, lt=2**31)]


class Numbers(_Declared):
    """All that is no tensor."""

    progress: Counted
    scale: Scale | None = None


class Saved:
    """The parts of a run that training changes.

    Args:
        network, average: Raw networks F_θ: in training, and with averaged weights.
        adam: The optimizer of ``network``'s parameters.
        progress: Where the run stands.
        scaler: PyTorch's ``GradScaler`` where gradients are in float16; ``None`` elsewhere.
    """

    def __init__(
        self,
        network: nn.Module,
        average: nn.Module,
        adam: torch.optim.Adam,
        progress: Progress,
        scaler: Any = None,
    ) -> None:
        self._networks = {"network": network, "average": average}
        self._parameters = list(network.named_parameters())
        self._adam, self._progress, self._scaler = adam, progress, scaler

    def numbers(self) -> dict[str, Any]:
        """Return what :class:`Numbers` reads."""
        found: dict[str, Any] = {"progress": self._progress.state_dict()}
        if self._scaler is not None:
            scaler = self._scaler.state_dict()
            found["scale"] = {"scale": scaler["scale"], "steps": scaler["_growth_tracker"]}
        return found

    def tensors(self) -> dict[str, Tensor]:
        """Return weights, averaged weights and Adam's moments on the CPU, by name."""
        found = {
            f"{part}.{name}": value
            for part, network in self._networks.items()
            for name, value in network.state_dict().items()
        }
        for name, parameter in self._parameters:
            state = self._adam.state.get(parameter, {})  # empty before the first gradient
            found |= {f"adam.{key}.{name}": value for key, value in state.items()}
        # Copies: networks may share a tensor, or lay out channels last; files hold neither.
        return {
            name: value.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, value in found.items()
        }

    @property
    def largest(self) -> int:
        """Bytes that no file of :meth:`tensors` is larger than."""
        weights = sum(value.nbytes for value in self._networks["network"].state_dict().values())
        return 4 * weights + 1024 * (1024 + 4 * len(self._parameters))

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Look whether tensors of these names and shapes are this run's.

        Raises:
            ValueError: If one is missing, strange or of another shape; one line.
        """
        needed = {
            f"{part}.{name}": tuple(value.shape)
            for part, network in self._networks.items()
            for name, value in network.state_dict().items()
        }
        moments: dict[str, tuple[int, ...]] = {}
        for name, parameter in self._parameters:
            mine = {f"adam.{key}.{name}": tuple(parameter.shape) for key in _MOMENTS}
            mine[f"adam.step.{name}"] = ()
            moments |= mine
            if not mine.keys().isdisjoint(shapes):  # all of them or, without a gradient, none
                needed |= mine
        _refuse("lacks", needed.keys() - shapes.keys())
        _refuse("has a strange", shapes.keys() - needed.keys() - moments.keys())
        _refuse("has a wrong shape of", [k for k in needed if tuple(shapes[k]) != needed[k]])

    def take(self, tensors: Mapping[str, Tensor], numbers: Numbers) -> None:
        """Go on from what :meth:`tensors` and :meth:`numbers` returned.

        Raises:
            ValueError: If the tensors are not this run's; one line. Nothing has changed then.
        """
        self.check({name: tuple(value.shape) for name, value in tensors.items()})
        _refuse("has a wrong type of", [k for k, v in tensors.items() if v.dtype != torch.float32])
        for part, network in self._networks.items():
            network.load_state_dict({k: tensors[f"{part}.{k}"] for k in network.state_dict()})
        state = {
            index: self._moments(name, parameter, tensors)
            for index, (name, parameter) in enumerate(self._parameters)
            if f"adam.step.{name}" in tensors
        }
        groups = self._adam.state_dict()["param_groups"]  # the configuration's, and the step's
        self._adam.load_state_dict({"state": state, "param_groups": groups})
        self._progress.load_state_dict(numbers.progress.model_dump())
        if self._scaler is not None and numbers.scale is not None:
            saved = {"scale": numbers.scale.scale, "_growth_tracker": numbers.scale.steps}
            self._scaler.load_state_dict({**self._scaler.state_dict(), **saved})

    def _moments(
        self, name: str, parameter: nn.Parameter, tensors: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return a parameter's moments, laid out in memory as it is."""
        laid = {
            key: torch.empty_like(parameter).copy_(tensors[f"adam.{key}.{name}"])
            for key in _MOMENTS
        }
        return {"step": tensors[f"adam.step.{name}"], **laid}


def _refuse(what: str, names: Iterable[str]) -> None:
    first = min(names, default=None)
    if first is not None:
        raise ValueError(f"{what} tensor {first[:100]!r}")
