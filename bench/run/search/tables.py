"""A search over any keys of sampler tables: its settings are the cells that a grid of them has."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.run.search.ladder import Ladder, Rung


@dataclass(frozen=True, order=True)
class Setting:
    """One setting of a table's keys.

    Attributes:
        place: Its number among all settings of the search; the baseline's is 0.
        at: Where each of its values stands among those that the search has, by key.
    """

    place: int
    at: Mapping[str, int] = field(compare=False)

    @property
    def setting(self) -> int:
        """What makes its job."""
        return self.place

    def distance(self, other: "Setting") -> int:
        """Return the number of steps from value to next value that lead from here to ``other``."""
        return sum(abs(self.at[key] - other.at[key]) for key in self.at)


@dataclass(frozen=True)
class Tables:
    """The search of one model over sampler tables.

    Attributes:
        works: The last measurement of each setting, the baseline's first.
        space: All settings but the baseline.
        ladder: The rungs.
        samples: How many samples candidates may cost together.
        finalists: How many of the best are measured on fresh seeds.
    """

    works: Sequence[Work]
    space: Sequence[Setting]
    ladder: Ladder
    samples: int
    finalists: int

    over: ClassVar[Literal["samplers"]] = "samplers"
    baseline = 0
    called = "the first setting"

    @classmethod
    def of(
        cls, works: Sequence[Work], ladder: Ladder, budget: int | None, finalists: int
    ) -> "Tables":
        """Return the search of the settings of one model.

        Args:
            works: Their last measurements, the baseline's first.
            ladder: The rungs.
            budget: Evaluations that it may cost; what a single climb of all costs, if ``None``.
            finalists: How many of the best are measured on fresh seeds.

        Raises:
            ValueError: If one says no number of evaluations, there is nothing to compare, or the
                budget is too small.
        """
        works = _told_apart(works)
        nfe = max(declared(work) for work in works)
        if len(works) < 2:
            raise ValueError(
                f"model {works[0].name}: the search has one setting: give a key several values"
            )
        space = [Setting(i, at) for i, at in enumerate(_places(works))][1:]
        last = max(finalists - 1, 0) * ladder.final.samples
        all_once = ladder.samples(len(space))
        if budget is None:
            return cls(works, space, ladder, all_once, finalists)
        affordable = budget // nfe - ladder.reference - last
        least = ladder.samples(min(ladder.few, len(space)))
        if affordable < least:
            needed = (least + ladder.reference + last) * nfe
            raise ValueError(
                f"budget = {budget:,}: the smallest search of {works[0].name} needs {needed:,} "
                f"evaluations (NFE {nfe})"
            )
        return cls(works, space, ladder, affordable, finalists)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.works[0].name

    @property
    def nfe(self) -> int:
        """The most evaluations per sample of any setting."""
        return max(declared(work) for work in self.works)

    @property
    def drawn(self) -> int:
        """How many settings are compared before the best one's neighbours."""
        if self.ladder.samples(len(self.space)) <= self.samples:
            return len(self.space)
        return self.ladder.drawn(self.samples, len(self.space))

    def like(self, label: str) -> Work:
        """Return a job of the same code as those of a label."""
        return next((work for work in self.works if work.label == label), self.works[0])

    def work(self, place: int, rung: Rung) -> Work:
        """Return the job of one setting on the seeds of one rung."""
        last = self.works[place]
        cell = replace(last.cell, seed_start=rung.first_seed, samples=rung.samples)
        return replace(last, cells=[cell])


def declared(work: Work) -> int:
    """Return the evaluations per sample that a budget is divided by.

    Raises:
        ValueError: If they are not known before anything runs.
    """
    if work.nfe is None:
        raise ValueError(
            f"solver {work.settings['sampler']['solver']!r} does not say how many evaluations a "
            "sample takes, and a budget needs that: give its function one more, "
            "evaluations = lambda n: …"
        )
    return work.nfe


def _told_apart(works: Sequence[Work]) -> list[Work]:
    """Return works of which no two have one label: what varies along curves is in it, too."""
    labels = [work.label for work in works]
    return [
        replace(work, label=f"{work.label}, steps = {work.settings['sampler'].get('steps')}")
        if labels.count(work.label) > 1
        else work
        for work in works
    ]


def _places(works: Sequence[Work]) -> list[dict[str, int]]:
    """Return where each value of each setting stands: numbers by size, others as they come."""
    settings = [work.settings["sampler"] for work in works]
    keys = dict.fromkeys(key for one in settings for key in one)
    found: list[dict[str, int]] = [{} for _ in works]
    for key in keys:
        order = {value: i for i, value in enumerate(_ordered([one.get(key) for one in settings]))}
        for at, one in zip(found, settings, strict=True):
            at[key] = order[one.get(key)]
    return found


def _ordered(values: Sequence[Any]) -> list[Hashable]:
    once = list(dict.fromkeys(values))
    numbers = all(isinstance(value, int | float) for value in once)
    return sorted(once) if numbers else once
