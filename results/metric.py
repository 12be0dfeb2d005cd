"""Metrics: what each is called, which way is better and what it is taken of, said once."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

from pydantic import Field

from sampler_bench.kit.parameters import check_fields

Better = Literal["lower", "higher"]
TakenOf = Literal["samples", "trajectory", "levels", "truth"]

FLOOR = "-floor"
"""What the name of a metric's floor ends with: the same metric, taken of the true data."""

_TRUE_FID_SAMPLES = 50_000
_SPACES = {"inception": "Inception features", "pixels": "pixel values"}
_MEASURE = "sampler_bench.bench.measure"


@dataclass(frozen=True)
class Metric:
    """A metric, as everything that tells of it reads it: pages, gate, search, lists, errors.

    Attributes:
        name: What grids and records call it; ``file:NAME`` from a user's own file.
        long: What figures and tables call it, before how it was taken: "Kernel distance".
        short: The same, taken as everybody takes it (Inception, 50,000 samples): "KID".
        better: Which values are better.
        taken_of: Samples; the trajectories that led to them; a model at noise levels, or its true
            data, which are measurements of their own. Metrics of the first two share their samples.
        needs: What a shard must hold: ``"moments"`` or ``"features"`` of samples, ``"errors"`` of
            trajectories, ``"profile"``; of other measurements the name of one of their arrays.
        function: Where it is computed, ``"module:name"``; empty where it does not ship.

    Raises:
        ValueError: If a name is empty, or a word none of these.
    """

    name: Annotated[str, Field(min_length=1)]
    long: Annotated[str, Field(min_length=1)]
    short: str = ""
    better: Better = "lower"
    taken_of: TakenOf = "samples"
    needs: Annotated[str, Field(min_length=1)] = "moments"
    function: str = ""

    def __post_init__(self) -> None:
        check_fields(self, f"metric {self.name}: ")

    @classmethod
    def of(cls, name: str) -> "Metric":
        """Return the row of that name; of a metric that does not ship one that knows its name."""
        return SHIPPED.get(name) or cls(name=name, long=name.removeprefix("file:"))

    @classmethod
    def said_by(cls, part: Any, name: str, **known: Any) -> "Metric":
        """Return the row of a part of somebody's own, as its attributes tell.

        Args:
            part: A function or class; its attributes ``long``, ``short``, ``better``, ``taken_of``
                and ``needs`` are those of the row.
            name: What cells call it.
            known: What it need not say.
        """
        told = (f.name for f in fields(cls) if f.name not in {"name", "function"})
        said = {field: getattr(part, field) for field in told if hasattr(part, field)}
        usual = name.removeprefix("file:").replace("_", " ").replace("-", " ")
        return cls(**{"name": name, "long": usual[:1].upper() + usual[1:], **said, **known})

    @property
    def ships(self) -> bool:
        """Whether it is one of ours."""
        return SHIPPED.get(self.name) == self

    @property
    def sign(self) -> int:
        """1 where lower values are better, −1 where higher ones are."""
        return -1 if self.better == "higher" else 1

    def called(self, extractor: str, samples: int) -> str:
        """Return what figures and tables call it, taken so; only the true FID is called FID.

        Args:
            extractor: The features it is taken of; ``"none"`` if of none.
            samples: How many samples.
        """
        if self.short and extractor == "inception" and samples >= _TRUE_FID_SAMPLES:
            return self.short
        seen_as = _SPACES.get(extractor, f"{extractor.removeprefix('file:')} features")
        space = "" if extractor == "none" else f", {seen_as}"
        return f"{self.long}{space}, {samples:,} samples"

    def to_json(self) -> dict[str, Any]:
        """Return what a record keeps of it."""
        return {name: value for name, value in asdict(self).items() if name != "function"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Metric":
        """Undo ``to_json``.

        Raises:
            ValueError: If fields are missing or unknown, or a value is none of what it may be.
        """
        try:
            return cls(**data)
        except TypeError as error:
            raise ValueError(f"metric: {error}") from None


_ROWS = (
    Metric(
        name="fid",
        long="Fréchet distance",
        short="FID",
        function=f"{_MEASURE}.metrics:fid",
    ),
    Metric(
        name="kid",
        long="Kernel distance",
        short="KID",
        needs="features",
        function=f"{_MEASURE}.metrics:kid",
    ),
    Metric(
        name="precision",
        long="Precision",
        short="Precision",
        better="higher",
        needs="features",
        function=f"{_MEASURE}.metrics:precision",
    ),
    Metric(
        name="recall",
        long="Recall",
        short="Recall",
        better="higher",
        needs="features",
        function=f"{_MEASURE}.metrics:recall",
    ),
    Metric(
        name="truncation-error",
        long="RMS truncation error",
        taken_of="trajectory",
        needs="errors",
        function=f"{_MEASURE}.metrics:truncation_error",
    ),
    Metric(
        name="local-error",
        long="RMS local error, largest mean over steps",
        taken_of="levels",
        needs="profile",
        function=f"{_MEASURE}.profiles.local_error:LocalError",
    ),
    Metric(
        name="curvature",
        long="Curvature per e-fold of σ, mean over ln σ",
        taken_of="levels",
        needs="profile",
        function=f"{_MEASURE}.profiles.curvature:Curvature",
    ),
    Metric(
        name="denoising-loss",
        long="Weighted denoising loss, mean over training noise",
        taken_of="levels",
        needs="profile",
        function=f"{_MEASURE}.profiles.denoising_loss:DenoisingLoss",
    ),
    Metric(
        name=f"fid{FLOOR}",
        long="Fréchet distance of a perfect sampler",
        taken_of="truth",
        needs="distance",
    ),
)
SHIPPED: Mapping[str, Metric] = {row.name: row for row in _ROWS}
"""The metrics that ship, in the order in which the first of several decides."""


def shipped_of(*taken_of: TakenOf) -> dict[str, str]:
    """Return where the metrics that are taken of this are computed, by name."""
    return {row.name: row.function for row in _ROWS if row.taken_of in taken_of}
