"""What a grid needs that may not be on this machine: published checkpoints and statistics."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from sampler_bench import models
from sampler_bench.bench.features.extractors import (
    Extractor,
    build_extractor,
    described_extractor,
    is_here,
)
from sampler_bench.bench.features.references import OWN
from sampler_bench.models import fetch
from sampler_bench.models.fetch import NotHere
from sampler_bench.models.ideal import IDEAL, described_ideal, ideal
from sampler_bench.models.loading import described, is_address
from sampler_bench.models.model import Model
from sampler_bench.models.network import Execution
from sampler_bench.models.published import REFERENCES

T = TypeVar("T")


@dataclass
class Inventory:
    """Gets a grid's models and extractor, and notes what is missing.

    Attributes:
        device: Where models are put.
        execution: How networks are evaluated.
        missing: What is not here, and what to do about it.
        options: What the models' files do not say.
    """

    device: str | torch.device
    execution: Execution | None = None
    missing: dict[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] | None = None

    def model(self, spec: str, dry: bool = False) -> Model | None:
        """Return a model, or the description of one that is not here: published, or, if ``dry``,
        the ideal denoiser of data that are not; ``None``, if ``dry``, for an address that was not
        fetched, of which nothing is known.
        """
        if dry and is_address(spec) and fetch.path_of(spec) is None:
            self.missing[spec] = f"type: bench fetch {spec}; its cells are planned when it is here"
            return None
        if dry and spec.startswith(IDEAL):
            try:
                return ideal(spec, self.device)
            except ValueError as error:
                self.missing[spec] = str(error)
                if (known := described_ideal(spec)) is None:
                    raise
                return known
        return self._wanted(
            lambda: models.load(spec, self.device, self.execution, self.options),
            lambda: described(spec),
        )

    def look_for_references(self, reference: str, loaded: Iterable[Model]) -> None:
        """Note which published statistics a grid's ``reference`` stands for and are not here."""
        own = [model.card.reference for model in loaded]
        for name in own if reference == OWN else [reference]:
            if name in REFERENCES:
                self._wanted(partial(fetch.verified, name), Path)

    def check(self) -> None:
        """Raise ValueError if something has to be fetched first; one line with what to type."""
        if self.missing:
            files = "1 file is" if len(self.missing) == 1 else f"{len(self.missing)} files are"
            raise ValueError(
                f"{files} not on this machine ({', '.join(self.missing)}); type: "
                + " && ".join(f"bench fetch {name}" for name in self.missing)
            )

    def extractor(self, name: str, weights: Path | None, dry: bool) -> Extractor:
        """Return an extractor; if ``dry``, a description of one whose weights are not here."""
        if not dry or is_here(name, weights):
            return build_extractor(name, self.device, weights)
        self.missing["the Inception weights"] = (
            "the run downloads them, or give their path as extractor_weights"
        )
        return described_extractor(name)

    def _wanted(self, get: Callable[[], T], instead: Callable[[], T]) -> T:
        try:
            return get()
        except NotHere as error:
            self.missing[error.name] = f"type: {error.command}"
            return instead()
