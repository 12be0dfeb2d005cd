"""What a model says of itself, all in one place: its card."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from sampler_bench.models.network import NetworkDenoiser


class Draws(Protocol):
    """A source of random numbers, one stream per seed (``solvers.SeedNoise``)."""

    def labels(self, classes: int) -> Tensor:
        """Return whole numbers below ``classes``, int64 [n]."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """Return standard normal numbers shaped like ``x`` [n, …]."""
        ...


@dataclass(frozen=True)
class Data:
    """The true distribution of a model whose data are known, and what is known of it.

    Attributes:
        images: Returns all of a finite data set, uint8 [n, C, H, W].
        moments: Returns the mean [d] and covariance [d, d] of data in [−1, 1], float64.
        draw: ``(draws, n)`` returns one draw per seed, float64 [n, *shape].
    """

    images: Callable[[], Tensor] | None = None
    moments: Callable[[], tuple[np.ndarray, np.ndarray]] | None = None
    draw: Callable[[Draws, int], Tensor] | None = None


@dataclass(frozen=True)
class Card:
    """What a model is, apart from D(x; σ): a new field is known through every wrapper at once.

    A name is not among it: one model may go by several.

    Attributes:
        digest: What identifies it: a hash of what it is made of.
        classes: Number of classes; 0 if unconditional.
        precision: The dtype it computes in, by name; a network's matrix products.
        device: Where it computes.
        data: Its true data, where they are known exactly.
        reference: The statistics of its training data, by name, where there are any.
        variance: Whether it has learned a variance: iDDPM's networks.
        notes: Where it came from: what its file said of itself.
        files: SHA-256 by path of the user's own files that it was made of.
        no_class: Whether it knows D(x; σ) without a class: ``"trained"``; ``"untrained"``, if no
            label was left out in its training; ``"impossible"``, if it can be asked for none; or
            ``"unknown"``.
        null_class: Which of its classes means no class, if one does.
        network: The network that it evaluates, if it does: what can be timed, looked at, and
            begun anew.
    """

    digest: str = ""
    classes: int = 0
    precision: str = "float32"
    device: torch.device = field(default=torch.device("cpu"))
    data: Data | None = None
    reference: str | None = None
    variance: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    no_class: Literal["trained", "untrained", "impossible", "unknown"] = "unknown"
    null_class: int | None = None
    network: "NetworkDenoiser | None" = None


TOLD = {
    **{name: name for name in ("digest", "precision", "device", "reference")},
    **{"label_dim": "classes", "dtype": "precision", "with_variance": "variance"},
    **{"data_images": "data", "true_moments": "data"},
}
"""Attributes that a denoiser which is no ``Model`` may have, and the card's fields they fill."""


def card_of(denoiser: Any) -> Card:
    """Return the card of any denoiser, by those of :data:`TOLD` that it has.

    Raises:
        ValueError: If one of them is impossible; one line.
    """
    told = _told(denoiser)
    images, moments = (_function(told, name) for name in ("data_images", "true_moments"))
    dtype = str(told.get("dtype", torch.float32)).removeprefix("torch.")
    return Card(
        digest=_text(told, "digest") or "",
        classes=_classes(told.get("label_dim", 0)),
        precision=str(told.get("precision", dtype)),
        device=_device(told.get("device", "cpu")),
        data=Data(images, moments) if images or moments else None,
        reference=_text(told, "reference"),
        variance="with_variance" in told,
    )


def check_card(model: Any, card: Card) -> None:
    """See that what a model's attributes say is on its card, where it has one.

    Raises:
        ValueError: If one is not: it would have no effect.
    """
    said = card_of(model)
    for name in _told(model):
        field = TOLD[name]
        found, given = getattr(card, field), getattr(said, field)
        if field != "variance" and (found is None if field == "data" else found != given):
            raise ValueError(
                f"{name} is not what its card says, {field} = {found!r}: "
                f"its card must be replace(super().card, {field}=…)"
            )


def _told(denoiser: Any) -> dict[str, Any]:
    return {name: getattr(denoiser, name) for name in TOLD if hasattr(denoiser, name)}


def _text(told: Mapping[str, Any], name: str) -> str | None:
    return None if told.get(name) is None else str(told[name])


def _function(told: Mapping[str, Any], name: str) -> Callable[[], Any] | None:
    found = told.get(name)
    if found is not None and not callable(found):
        raise ValueError(f"{name} is a {type(found).__name__}; it must be a function: {name}()")
    return found


def _classes(label_dim: Any) -> int:
    try:
        classes = operator.index(label_dim)
    except TypeError:
        classes = -1
    if classes < 0:
        raise ValueError(f"label_dim = {label_dim!r}: must be a number of classes, 0 for none")
    return classes


def _device(device: Any) -> torch.device:
    try:
        return torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(f"device = {device!r}: must be a device, as 'cpu' or 'cuda'") from None
