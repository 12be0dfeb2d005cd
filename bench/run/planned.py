"""What ``plan.json`` says of a run: read without models, by whoever looks at the folder."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class Job(BaseModel):
    """One sampling job of a plan.

    Attributes:
        key: Of its shards.
        label, steps, model: What it is called.
        cells: The keys of its records.
        samples, shards, nfe: What it takes: ``nfe`` evaluations per sample, predicted.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    steps: int | None = None
    model: str = ""
    cells: tuple[str, ...]
    samples: int
    shards: int
    nfe: float

    def __str__(self) -> str:
        return self.label if self.steps is None else f"{self.label}, {self.steps} steps"


class Planned(BaseModel):
    """What a run's folder is asked for.

    Attributes:
        cells: The label of each cell, by key.
        batch: Most samples of shards that are measured together.
        jobs: What is sampled; of folders that are older than this field, nothing.
    """

    cells: dict[str, str]
    batch: int | None = None
    jobs: list[Job] = []


def read(folder: Path) -> Planned:
    """Return the plan of a run's folder. Raises ValueError, one line, if it has none."""
    path = folder / "plan.json"
    if not path.is_file():
        missing = (
            "no such run directory" if not folder.is_dir() else "not a run: no plan.json in it"
        )
        raise ValueError(f"{folder}: {missing}")
    try:
        return Planned.model_validate(json.loads(path.read_text("utf-8")))
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path}: damaged, {where}: {first['msg']}") from None
    except (ValueError, RecursionError) as wrong:
        raise ValueError(f"{path}: damaged, {wrong}") from None
