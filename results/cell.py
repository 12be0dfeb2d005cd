"""A cell: the declared inputs of one measurement."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Annotated, Any

from pydantic import Field

from sampler_bench.kit.canonical import hash_of, plain, restored
from sampler_bench.kit.names import unknown
from sampler_bench.kit.parameters import check_fields
from sampler_bench.results.metric import Metric

FORMAT = 2
PRECISIONS = ("float32", "float64", "bfloat16", "float16")
QUANTIZERS = ("uint8", "none")
_NEUTRAL: Mapping[str, Any] = {
    "quantizer": "none",
    "extractor": "none",
    "extractor_digest": "",
    "reference": "none",
    "reference_digest": "",
    "condition": {},
}
"""Fields that say nothing at these values, and are then in no key."""
_METRIC_FIELDS = ("metric", "reference", "reference_digest")

Setting = str | int | float | None
Part = Mapping[str, Any]
PARTS = ("rule", "whole", "grid", "path", "schedule", "scaling", "options", "measurement")
"""What a cell's sampler is told in: see :class:`solvers.declared.Declared`."""


@dataclass(frozen=True)
class Cell:
    """A point of the design space and how it is measured: names and numbers only.

    Two cells are the same measurement exactly if their `key` is the same. What may change
    without changing the result (code, machine, batch size, paths, names of models) is no part of
    it, and neither is a number at its neutral value: so that an option that is added changes no
    key.

    `sampler` holds the parts (PARTS), each with its name and numbers; `condition` is empty for
    unconditional models, and says which labels and guidance otherwise; seeds run from `seed_start`
    to `seed_start + samples - 1`. Raises ValueError on values that cannot be written down exactly
    and on unknown parts, precisions and quantizers; a metric may be one that is not installed here.
    """

    model_digest: str
    sampler: Mapping[str, Part]
    seed_start: Annotated[int, Field(ge=0)]
    samples: Annotated[int, Field(ge=1)]
    precision: str
    metric: Annotated[str, Field(min_length=1)]
    quantizer: str = "none"
    extractor: str = "none"
    extractor_digest: str = ""
    reference: str = "none"
    reference_digest: str = ""
    shards: Annotated[int, Field(ge=1)] = 20
    condition: Mapping[str, Setting] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_word("precision", self.precision, PRECISIONS)
        _check_word("quantizer", self.quantizer, QUANTIZERS)
        check_fields(self, "cell: ", without=("sampler", "condition"))
        parts = plain(self.sampler, "cell: sampler")
        for name, told in parts.items():
            _check_word("sampler", name, PARTS)
            if not isinstance(told, dict) or not told:
                raise ValueError(f"cell: sampler.{name} must be a table, got {told!r}")
        condition = plain(self.condition, "cell: condition")
        for name, value in condition.items():
            if isinstance(value, dict | list | bool):
                raise ValueError(
                    f"cell: condition.{name} must be a name or a number, got {value!r}"
                )
        object.__setattr__(self, "sampler", restored(parts))
        object.__setattr__(self, "condition", restored(condition))

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        """16 hex digits that identify the measurement."""
        return hash_of(self._told)

    @cached_property
    def work_key(self) -> str:
        """16 hex digits that identify the contents of the shards.

        Where several metrics are taken from the same shards, all but metric and reference; a
        profile (of a user's own, too: it says which version of a probe) is taken alone.
        """
        if "measurement" in self.sampler:  # whose shards hold nothing for other metrics
            return self.key
        return hash_of(_without(self._told, _METRIC_FIELDS))

    @cached_property
    def point(self) -> str:
        """16 hex digits that are the same for the repeats of one measurement (other seeds)."""
        return hash_of(_without(self._told, ("seed_start",)))

    @cached_property
    def _told(self) -> dict[str, Any]:
        return self.to_json()

    @property
    def metric_name(self) -> str:
        """What figures and tables call the metric; only the true FID is called FID."""
        return Metric.of(self.metric).called(self.extractor, self.samples)

    def explain(self, other: "Cell") -> list[str]:
        """The fields in which two cells differ, as lines `field: mine != theirs`."""
        mine, theirs = _flat(self), _flat(other)
        names = list(mine) + [name for name in theirs if name not in mine]
        return [
            f"{name}: {mine.get(name, 'absent')} != {theirs.get(name, 'absent')}"
            for name in names
            if mine.get(name, "absent") != theirs.get(name, "absent")
        ]

    def to_json(self) -> dict[str, Any]:
        """The fields as a dict that JSON can hold, less neutral ones, with the format's number."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        told = {name: value for name, value in own.items() if value != _NEUTRAL.get(name)}
        return {"format": FORMAT, **plain(told, "cell")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Cell":
        """Undo `to_json`. Raises ValueError on another format, missing or unknown fields."""
        if data.get("format") != FORMAT:
            raise ValueError(f"cell: format {data.get('format')!r} is unknown, expected {FORMAT}")
        given = _without(data, ("format",))
        names = {field.name for field in fields(cls)}
        if wrong := sorted((names ^ set(given)) - (set(_NEUTRAL) & names)):
            raise ValueError(f"cell: missing or unknown fields: {', '.join(wrong)}")
        return cls(**given)


def _flat(cell: Cell) -> dict[str, Any]:
    own = {field.name: getattr(cell, field.name) for field in fields(cell)}
    sampler, condition = own.pop("sampler"), own.pop("condition")
    nested = {**{f"sampler.{name}": told for name, told in sampler.items()}, "condition": condition}
    return own | {
        f"{part}.{name}": value for part, named in nested.items() for name, value in named.items()
    }


def _without(data: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def _check_word(field: str, word: str, allowed: Collection[str]) -> None:
    if word not in allowed:
        raise ValueError(f"cell: {unknown(word, allowed, field)}")
