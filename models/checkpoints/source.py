"""What the readers of the original releases share: tensors taken by name, and options."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from sampler_bench.kit.names import unknown
from sampler_bench.kit.parameters import Parameter
from sampler_bench.models.checkpoints.checkpoint import CheckpointError

Size = Annotated[int, Field(ge=1, le=4096)]
Steps = Annotated[int, Field(ge=1, le=100_000)]
Probability = Annotated[float, Field(ge=0, le=1)]
Level = Annotated[float, Field(gt=0, lt=1e9)]

_LONGEST = 500


def problem(where: str, text: str) -> CheckpointError:
    """Return an error about the file ``where``, in one line whatever names the file contains."""
    line = " ".join(text.split())
    return CheckpointError(f"{where}: {line[:_LONGEST]}{'…' if len(line) > _LONGEST else ''}")


def check_tensor(name: str, value: Any, where: str) -> None:
    """Check that something is a tensor of real numbers that lie in the file one by one.

    A small file can hold a tensor that repeats one number more often than memory can.

    Raises:
        CheckpointError: If it is not.
    """
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise problem(where, f"{name} is not a tensor of floating-point numbers")
    if value.layout != torch.strided:
        raise problem(where, f"{name} is a sparse tensor; only dense ones are known here")
    if not value.is_meta and value.nbytes > value.untyped_storage().nbytes():
        raise problem(where, f"{name} claims more numbers than the file holds")


class Source:
    """The tensors of one file, each to be taken once; what is left over is an error.

    Args:
        tensors: By their names in the file.
        where: The file, for messages.

    Raises:
        CheckpointError: If something else than tensors of real numbers is among them.
    """

    def __init__(self, tensors: Mapping[Any, Any], where: str) -> None:
        self.where = where
        for key, value in tensors.items():
            if not isinstance(key, str):
                raise self.error(f"a tensor's name is {key!r:.40}, not text")
            check_tensor(key, value, where)
        self._tensors = dict(tensors)
        self._left = dict.fromkeys(tensors)

    def __contains__(self, key: str) -> bool:
        return key in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def error(self, text: str) -> CheckpointError:
        """Return an error about this file."""
        return problem(self.where, text)

    def ndim(self, key: str) -> int:
        """Return how many dimensions a tensor that is there has."""
        return self._tensors[key].ndim

    def shape(self, key: str, ndim: int) -> tuple[int, ...]:
        """Return a tensor's shape.

        Raises:
            CheckpointError: If there is no such tensor, or it has not ``ndim`` dimensions.
        """
        if key not in self._tensors:
            raise self.error(f"{key} is missing")
        shape = tuple(self._tensors[key].shape)
        if len(shape) != ndim or 0 in shape:
            raise self.error(f"{key} has shape {list(shape)}; {ndim} dimensions were expected")
        return shape

    def take(self, key: str) -> Tensor:
        """Return a tensor as float32, the precision in which networks here keep their weights.

        Raises:
            CheckpointError: If there is no such tensor.
        """
        if key not in self._tensors:
            raise self.error(f"{key} is missing")
        self._left.pop(key, None)
        return self._tensors[key].detach().to(torch.float32)

    def finish(self) -> None:
        """Check that every tensor was taken.

        Raises:
            CheckpointError: If any was not; the message names the first and how many there are.
        """
        if self._left:
            first = next(iter(self._left))
            raise self.error(
                f"{first} belongs to no network known here ({len(self._left)} such tensors)"
            )


def parsed_options(
    options: Mapping[str, Any], allowed: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Return ``options`` checked and of the right type, their names with underscores.

    Args:
        options: Values, or texts that mean them, by name.
        allowed: Annotations by name; see :mod:`kit.parameters`.
        where: The file, for messages.

    Raises:
        CheckpointError: If one is unknown or has an impossible value.
    """
    found: dict[str, Any] = {}
    for given, value in options.items():
        name = str(given).replace("-", "_")
        if name not in allowed:
            raise problem(where, unknown(given, allowed, "option"))
        try:
            found[name] = Parameter(name, allowed[name], None).read(value)
        except ValueError as error:
            raise problem(where, f"option {error}") from None
    return found
