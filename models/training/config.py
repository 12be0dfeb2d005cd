"""What is trained and how: a TOML file whose tables can be chosen one by one (EDM, Table 2)."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)
from torch import nn

from sampler_bench.kit.names import lookup
from sampler_bench.kit.paths import expanded
from sampler_bench.kit.toml import parse, text_of, toml_files, validated
from sampler_bench.models.data.loading import placed
from sampler_bench.models.network import Execution, NetworkDenoiser
from sampler_bench.models.networks import NETWORKS, build
from sampler_bench.models.preconditioning import Preconditioning, precondition
from sampler_bench.models.training import CONFIGURATIONS
from sampler_bench.models.training.augment import LABELS, Augmentation
from sampler_bench.models.training.loss import WEIGHTINGS, Weighting
from sampler_bench.models.training.noise import NOISE, Noise
from sampler_bench.models.training.parts import made

FROM_DATA = {"img_resolution", "img_channels", "label_dim", "augment_dim"}
"""Arguments of networks that follow from the rest of the configuration."""

_DEEPEST = 32

Count = Annotated[StrictInt, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(BaseModel):
    """A row of a registry: its ``name``; every other key is one of its constants."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: StrictStr

    @property
    def constants(self) -> dict[str, Any]:
        """Every key but the name."""
        return dict(self.__pydantic_extra__ or {})


class Augmenting(_Table):
    """``[augmentation]``; none if absent.

    Attributes:
        probability: A_prob of Table 6, of each transform.
        flips: Whether images are flipped, too.
    """

    probability: Annotated[float, Field(ge=0, le=1, strict=True)]
    flips: StrictBool = True


class Optimizer(_Table):
    """``[optimizer]``: Adam, without weight decay.

    Attributes:
        lr: Learning rate after the ramp.
        betas, eps: Adam's.
        ramp_images: Images over which the rate grows from 0; 0 for none.
        cooldown_images: Images over which it falls to 0, up to the end; 0 for none (the paper's).
        clip_norm: Largest norm of the gradient; 0 for any.
    """

    lr: Positive
    betas: Annotated[tuple[NotNegative, NotNegative], Field(strict=False)] = (0.9, 0.999)
    eps: Positive = 1e-8
    ramp_images: Annotated[StrictInt, Field(ge=0)] = 10_000_000
    cooldown_images: Annotated[StrictInt, Field(ge=0)] = 0
    clip_norm: NotNegative = 0.0


class Average(_Table):
    """``[ema]``: what is sampled from.

    Attributes:
        half_life_images: Of the exponential moving average.
        ramp_up: The half-life is at most this fraction of the images seen; 0 for no such limit.
    """

    half_life_images: Count = 500_000
    ramp_up: NotNegative = 0.05


class Length(_Table):
    """``[training]``.

    Attributes:
        images: When to stop, in training images (repetitions counted).
        batch: Images per step, over all processes.
        accumulate: Into how many passes each process divides its part of a batch.
        seed: Of initial weights, order of the data, noise, augmentation and dropout.
        precision: ``"float32"``, or ``"bfloat16"`` or ``"float16"`` where autocast allows.
        log_images: A line is logged each time so many images have passed.
        snapshot_images: Averaged weights are kept each time so many have passed; 0 for never.
    """

    images: Count
    batch: Count = 512
    accumulate: Count = 1
    seed: Annotated[StrictInt, Field(ge=0, lt=2**63)] = 0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    log_images: Count = 50_000
    snapshot_images: Annotated[StrictInt, Field(ge=0)] = 0


class Source(_Table):
    """``[data]``.

    Attributes:
        source: See :func:`models.data.loading.load`; paths belong to the folder of the file that
            names them, in configurations that ship to the current one.
        labels: Whether the network is told the classes.
        pad, resize: To images of so many pixels, in this order, if given.
        xflip: Whether mirror images are added to the data (the network is not told which).
    """

    source: StrictStr
    labels: StrictBool = False
    pad: Count | None = None
    resize: Count | None = None
    xflip: StrictBool = False


class Configuration(_Table):
    """A training run: every table is a choice of its own.

    Attributes:
        name: Of the network trained, in files and records.
        network: F_θ, without what follows from the data.
        preconditioning: c_skip, c_out, c_in, c_noise.
        noise: The distribution of σ.
        loss: λ(σ).
        augmentation, optimizer, ema, training, data: See there.
    """

    name: Annotated[StrictStr, Field(pattern=r"^[\w][\w.-]*$", max_length=100)]
    network: Part
    preconditioning: Part
    noise: Part
    loss: Part
    augmentation: Augmenting | None = None
    optimizer: Optimizer
    ema: Average = Average()
    training: Length
    data: Source

    @model_validator(mode="after")
    def _ends_after_ramp(self) -> "Configuration":
        slow = self.optimizer.ramp_images + self.optimizer.cooldown_images
        if self.optimizer.cooldown_images and slow > self.training.images:
            raise ValueError(
                f"optimizer.cooldown_images = {self.optimizer.cooldown_images:,} and ramp_images "
                f"together must be at most training.images = {self.training.images:,}"
            )
        return self

    @property
    def identity(self) -> dict[str, Any]:
        """All that decides the weights after a number of images."""
        everything = self.model_dump(mode="json")
        for key in ("log_images", "snapshot_images"):
            del everything["training"][key]
        if not self.optimizer.cooldown_images:  # the end then decides nothing before it
            del everything["training"]["images"]
            del everything["optimizer"]["cooldown_images"]
        del everything["data"]["source"]  # where they lie; the content's digest is kept beside
        return everything

    @property
    def digest(self) -> str:
        """SHA-256 of the identity."""
        text = json.dumps(self.identity, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


class Parts:
    """What a configuration names, made.

    Args:
        configuration: The declared choices.
        shape: Channels, height and width of images.
        classes: Number of classes in the data; 0 if there are no labels.

    Attributes:
        arguments: All of the network's.
        preconditioning, noise, weighting, augmentation: The rest.

    Raises:
        ValueError: If something is unknown or impossible; one line that names table and key.
    """

    def __init__(
        self, configuration: Configuration, shape: tuple[int, int, int], classes: int = 0
    ) -> None:
        self.configuration = configuration
        self.arguments = self._arguments(shape, classes)
        with _within("preconditioning"):
            self.preconditioning: Preconditioning = precondition(
                configuration.preconditioning.name, configuration.preconditioning.constants
            )
        self.noise: Noise = _made(NOISE, configuration.noise, "noise")
        self.weighting: Weighting = _made(WEIGHTINGS, configuration.loss, "loss")
        given = configuration.augmentation
        self.augmentation = Augmentation(given.probability, given.flips) if given else None
        with _within("network"):
            build(configuration.network.name, self.arguments)  # without weights: is it possible?

    def _arguments(self, shape: tuple[int, int, int], classes: int) -> dict[str, Any]:
        network, augmented = self.configuration.network, self.configuration.augmentation
        given = network.constants
        for key in FROM_DATA & given.keys():
            raise ValueError(f"network.{key}: follows from the data and is not to be given")
        follows = {"img_resolution": shape[1], "img_channels": shape[0], "label_dim": classes}
        if augmented is not None and augmented.probability > 0:
            follows["augment_dim"] = LABELS
        return {**follows, **given}

    def denoiser(self, execution: Execution | None = None) -> NetworkDenoiser:
        """Return D(x; σ) with fresh weights, drawn from the configuration's seed, on the CPU."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.configuration.training.seed)
            network: nn.Module = lookup(NETWORKS, self.configuration.network.name, "network")(
                **self.arguments
            )
        return NetworkDenoiser(network, self.preconditioning, execution=execution)


def _made(registry: dict[str, Any], part: Part, what: str) -> Any:
    with _within(what):
        return made(registry, part.name, part.constants, what)


@contextmanager
def _within(table: str) -> Iterator[None]:
    """Put a table's name in front of an error's message."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"[{table}]: {error}") from None


def shipped() -> list[str]:
    """Return the names of the configurations that ship."""
    return list(toml_files(CONFIGURATIONS))


def read(name_or_path: str) -> Configuration:
    """Return a configuration, shipped (by name) or from a file.

    A file may begin with ``extends = "…"``, a shipped one's name or a path from its own folder; it
    then says only what differs. A table with another ``name`` replaces the whole table.

    Raises:
        ValueError: If there is none, or it is not valid; one line that names file, key and value.
    """
    where, values = _extended(name_or_path, ())
    return validated(values, Configuration, where)


def _extended(name_or_path: str, before: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """Return what a file is called, and its values on top of those it extends."""
    where, text = text_of(name_or_path, toml_files(CONFIGURATIONS), "configuration")
    # By its real place: a link, or one folder down and up again, is another text each time.
    place = where if name_or_path in shipped() else os.path.realpath(expanded(name_or_path))
    if place in before:
        way = ", ".join(before[before.index(place) :])
        raise ValueError(f"{where}: extends itself, by way of {way}")
    if len(before) == _DEEPEST:
        raise ValueError(f"{where}: extends is followed through {_DEEPEST} files at most")
    values = parse(text, where)
    if name_or_path not in shipped():
        _place(values, expanded(name_or_path).parent)
    base = values.pop("extends", None)
    if base is None:
        return where, values
    if not isinstance(base, str):
        raise ValueError(f"{where}: extends = {base!r} must be a configuration's name or a path")
    if base not in shipped():
        base = str(expanded(name_or_path).parent / expanded(base))
    return where, _on_top(_extended(base, (*before, place))[1], values)


def _place(values: dict[str, Any], folder: Path) -> None:
    """Have the path of data no longer depend on where the file stands that names it."""
    data = values.get("data")
    if isinstance(data, dict) and isinstance(data.get("source"), str):
        data["source"] = placed(data["source"], folder)


def _on_top(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in values.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            same = value.get("name", old.get("name")) == old.get("name")
            merged[key] = {**old, **value} if same else value
        else:
            merged[key] = value
    return merged
