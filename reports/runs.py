"""Runs to report on: the records of one grid each, with what was planned and what went wrong."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sampler_bench.kit.names import LONGEST_RUN, RUN
from sampler_bench.kit.text import one_line
from sampler_bench.kit.toml import parse
from sampler_bench.results import Store, load
from sampler_bench.results.schema import PlanFile


@dataclass(frozen=True)
class Run:
    """The records of one grid, from one folder or from several that hold parts of it.

    name     the grid's name (the folder's, where there is no grid)
    stores   its folders
    records  the table of results.load; never empty
    """

    name: str
    stores: tuple[Store, ...]
    records: pd.DataFrame

    def samples(self, work_key: str) -> Mapping[str, np.ndarray] | None:
        """The kept samples of a cell, None if there are none."""
        found = (store.samples(work_key) for store in self.stores)
        return next((arrays for arrays in found if arrays is not None), None)

    @property
    def grids(self) -> list[str]:
        """The texts of its grids, each one once."""
        texts = (_text(store.root / "grid.toml").strip() for store in self.stores)
        return list(dict.fromkeys(text for text in texts if text))

    @property
    def skipped(self) -> list[dict[str, str]]:
        """Combinations that were not run, as entry, combination and reason."""
        found = [one for plan in self.plans for one in plan.skipped]
        return [one.model_dump() for one in dict.fromkeys(found)]

    @property
    def remarks(self) -> list[str]:
        """What is done otherwise than asked, and else should be known."""
        return list(dict.fromkeys(one for plan in self.plans for one in plan.remarks))

    @property
    def plans(self) -> list[PlanFile]:
        """What was planned in its folders, where it is known."""
        return [plan for store in self.stores if (plan := store.plan()) is not None]

    @property
    def missing(self) -> str:
        """One line on the planned cells that have no record; "" if none is missing."""
        if not (listed := self.missing_by_label):
            return ""
        gone = len(self._planned - self._measured)
        return f"{gone} of {len(self._planned)} planned cells are missing ({listed})"

    @property
    def partial(self) -> str:
        """How many of the planned cells are there, "3 of 19 cells"; "" if all of them are."""
        planned = len(self._planned)
        there = len(self._planned & self._measured)
        return f"{there} of {planned} cells" if there < planned else ""

    @property
    def missing_by_label(self) -> str:
        """The planned cells that have no record, counted: "Heun: 2, RK45: 1"."""
        gone = Counter(label for label, _ in self._planned - self._measured)
        return ", ".join(f"{one_line(label)}: {gone[label]}" for label in sorted(gone))

    @property
    def _planned(self) -> set[tuple[str, str]]:
        return {(line.label, line.key) for plan in self.plans for line in plan.lines}

    @property
    def _measured(self) -> set[tuple[str, str]]:
        keys = self._keys
        return {(label, key) for label, key in self._planned if key in keys}

    @property
    def _keys(self) -> set[str]:
        return set(self.records["key"])


def alone(path: str | Path) -> Run:
    """The run of one folder, called as the folder is.

    Raises ValueError, in one line, if it is no run, or holds no finished records.
    """
    store = Store(Path(path))
    return Run(store.root.resolve().name, (store,), _reported(store))


def gather(paths: Iterable[str | Path]) -> list[Run]:
    """The runs in these folders, ordered by name; folders of one grid are one run.

    Raises ValueError, in one line, if a path is no run, holds no finished records or is given
    twice, and Conflict (a ValueError) if two records of one cell disagree, whatever their runs.
    """
    stores = [Store(Path(path)) for path in paths]
    check_once(stores)
    stores.sort(key=lambda store: (_name(store), str(store.root)))
    for store in stores:
        _reported(store)
    load([store.root for store in stores])  # says where records of several runs disagree
    names = dict.fromkeys(_name(store) for store in stores)
    return [_run(name, [store for store in stores if _name(store) == name]) for name in names]


def merged(runs: Iterable[Run]) -> Run:
    """Several runs as one, its records together and its name made of theirs."""
    runs = list(runs)
    name = " + ".join(run.name for run in runs)
    return _run(name, [store for run in runs for store in run.stores])


def _run(name: str, stores: list[Store]) -> Run:
    return Run(name, tuple(stores), load([store.root for store in stores]))


def _reported(store: Store) -> pd.DataFrame:
    records = load(store.root)
    if records.empty:
        raise ValueError(f"{store.root}: no finished records to report on; run its grid first")
    return records


def check_once(stores: Iterable[Store]) -> None:
    """Raise ValueError, in one line, if two folders are the same one."""
    stores = list(stores)
    seen = Counter(store.root.resolve() for store in stores)
    for store in stores:
        if seen[store.root.resolve()] > 1:
            raise ValueError(f"{store.root}: given twice; name each run once")


def _name(store: Store) -> str:
    try:
        name = parse(_text(store.root / "grid.toml"), "grid.toml").get("name")
    except ValueError:
        name = None
    # Files are called so: what no grid's name could be, a path among others, is none.
    fits = isinstance(name, str) and re.fullmatch(RUN, name) and len(name) <= LONGEST_RUN
    return str(name) if fits else store.root.resolve().name


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""
