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

FORMAT = 1
PRECISIONS = ("float32", "float64", "bfloat16", "float16")
QUANTIZERS = ("uint8", "none")
OWN_FILES = tuple(
    f"{part}_file"
    for part in ("solver", "path", "schedule", "scaling", "discretization", "measurement")
)
"""Settings of a sampler that say which text a part of a user's own has: its digest."""
_OPTIONAL = ("condition", "metric_file")
_METRIC_FIELDS = ("metric", "metric_file", "reference", "reference_digest")

Setting = str | int | float | None


@dataclass(frozen=True)
class Cell:
    """A point of the design space and how it is measured: names and numbers only.

    Two cells are the same measurement exactly if their `key` is the same. What may change
    without changing the result (code, machine, batch size, paths) is no part of it.

    `sampler` is flat and fully resolved (each part's name, version and parameters);
    `condition` is empty for unconditional models, and says which labels and guidance otherwise;
    seeds run from `seed_start` to `seed_start + samples - 1`. Raises ValueError on values
    that cannot be written down exactly and on unknown precisions and quantizers; a metric may be
    one that is not installed here. `metric_file` is the digest of the text of a user's own.
    """

    model: str
    model_digest: str
    sampler: Mapping[str, Setting]
    seed_start: Annotated[int, Field(ge=0)]
    samples: Annotated[int, Field(ge=1)]
    precision: str
    quantizer: str
    extractor: str
    extractor_digest: str
    metric: Annotated[str, Field(min_length=1)]
    reference: str
    reference_digest: str
    shards: Annotated[int, Field(ge=1)] = 20
    condition: Mapping[str, Setting] = field(default_factory=dict)
    metric_file: str = ""

    def __post_init__(self) -> None:
        _check_word("precision", self.precision, PRECISIONS)
        _check_word("quantizer", self.quantizer, QUANTIZERS)
        check_fields(self, "cell: ", without=("sampler", "condition"))
        for part in ("sampler", "condition"):
            settings = plain(getattr(self, part), f"cell: {part}")
            for name, value in settings.items():
                if isinstance(value, dict | list | bool):
                    raise ValueError(
                        f"cell: {part}.{name} must be a name or a number, got {value!r}"
                    )
            object.__setattr__(self, part, restored(settings))

    def __hash__(self) -> int:
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        """16 hex digits that identify the measurement."""
        return hash_of(self.to_json())

    @cached_property
    def work_key(self) -> str:
        """16 hex digits that identify the contents of the shards.

        Where several metrics are taken from the same shards, all but metric and reference; a
        profile (of a user's own, too: it says which version of a probe) is taken alone.
        """
        of_levels = Metric.of(self.metric).taken_of == "levels" or "probe_version" in self.sampler
        return hash_of(_without(self.to_json(), () if of_levels else _METRIC_FIELDS))

    @cached_property
    def point(self) -> str:
        """16 hex digits that are the same for the repeats of one measurement (other seeds)."""
        return hash_of(_without(self.to_json(), ("seed_start",)))

    @cached_property
    def but_for_files(self) -> str:
        """16 hex digits that are the same whatever a user's own files hold: what a gate compares.

        The key itself, where no part is from such a file.
        """
        told = _without(self.to_json(), ("metric_file",))
        return hash_of(told | {"sampler": _without(told["sampler"], OWN_FILES)})

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
        """The fields as a dict that JSON can hold, with the format's number."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in _OPTIONAL:  # cells without are older than the field
            if not own[name]:
                del own[name]
        return {"format": FORMAT, **plain(own, "cell")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Cell":
        """Undo `to_json`. Raises ValueError on another format, missing or unknown fields."""
        if data.get("format") != FORMAT:
            raise ValueError(f"cell: format {data.get('format')!r} is unknown, expected {FORMAT}")
        given = _without(data, ("format",))
        names = {field.name for field in fields(cls)}
        if wrong := sorted((names ^ set(given)) - {*_OPTIONAL}):
            raise ValueError(f"cell: missing or unknown fields: {', '.join(wrong)}")
        return cls(**given)


def _flat(cell: Cell) -> dict[str, Setting]:
    own = {field.name: getattr(cell, field.name) for field in fields(cell)}
    nested = {part: own.pop(part) for part in ("sampler", "condition")}
    return own | {
        f"{part}.{name}": value for part, named in nested.items() for name, value in named.items()
    }


def _without(data: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in names}


def _check_word(field: str, word: str, allowed: Collection[str]) -> None:
    if word not in allowed:
        raise ValueError(f"cell: {unknown(word, allowed, field)}")
