"""What the readers of the original releases share: tensors taken by name, and options."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from sampler_bench.kit.names import unknown
from sampler_bench.models.checkpoints.checkpoint import CheckpointError

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


Parser = Callable[[Any], Any]


def parsed_options(
    options: Mapping[str, Any], allowed: Mapping[str, Parser], where: str
) -> dict[str, Any]:
    """Return ``options`` checked and of the right type, their names with underscores.

    Raises:
        CheckpointError: If one is unknown or has an impossible value.
    """
    found: dict[str, Any] = {}
    for given, value in options.items():
        name = str(given).replace("-", "_")
        if name not in allowed:
            raise problem(where, unknown(given, allowed, "option"))
        try:
            found[name] = allowed[name](value)
        except (TypeError, ValueError, OverflowError) as error:
            raise problem(where, f"option {name} = {value!r:.80}: {error}") from None
    return found


def whole(most: int) -> Parser:
    """Return a parser of whole numbers from 1 to ``most``."""

    def parse(value: Any) -> int:
        text = str(value)  # True is "True", no number
        if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= most):
            raise ValueError(f"must be a whole number from 1 to {most:,}")
        return int(text)

    return parse


def positive(value: Any) -> float:
    """Return a positive finite number."""
    number = float("nan") if isinstance(value, bool) else float(value)
    if not 0 < number < 1e9:
        raise ValueError("must be a positive number")
    return number


def flag(value: Any) -> bool:
    """Return a truth value, given as such or as a word."""
    words = {"true": True, "yes": True, "false": False, "no": False}
    if str(value).lower() not in words:
        raise ValueError("must be true or false")
    return words[str(value).lower()]


def choice(words: Iterable[str]) -> Parser:
    """Return a parser that accepts these words alone."""
    allowed = list(words)

    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return parse
