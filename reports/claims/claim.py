"""What a claim is: data that one engine judges."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sampler_bench.reports.claims.decide import Relation
from sampler_bench.reports.claims.panel import Panel, Point
from sampler_bench.results.estimate import Estimate

Answer = Literal["holds", "fails", "undecided here"]
HOLDS: Answer = "holds"
FAILS: Answer = "fails"
UNDECIDED: Answer = "undecided here"

OURS = "ours"
"""The source of a limit that the paper does not give."""
NOTHING: frozenset[str] = frozenset()


class UndecidedError(Exception):
    """Why a number cannot be judged, in a few words."""


@dataclass(frozen=True)
class Selector:
    """Which sampler, in words and by its settings; they may depend on the family."""

    words: str
    settings: Mapping[str, Any] | Callable[[str], Mapping[str, Any] | None]

    def of(self, family: str) -> Mapping[str, Any] | None:
        """The settings, or None where a family has no such sampler."""
        return self.settings(family) if callable(self.settings) else self.settings


@dataclass(frozen=True)
class Subject:
    """What a claim is asked of: one network, a pair of them, or a column of a table.

    family    of those that a claim may name ("VP")
    tags      what comparisons are chosen by: families, data sets, solvers
    panels    its records, the one of the most samples first
    lowest    the lowest value that any sampler reached with it, by extractor
    searched  settings of churn that a search found on it
    unit      a network's excess over the floor, for what has none of its own
    """

    name: str
    panels: tuple[Panel, ...]
    family: str = ""
    tags: frozenset[str] = NOTHING
    lowest: Mapping[str, float] = field(default_factory=dict)
    searched: frozenset[tuple[float, ...]] = frozenset()
    unit: Estimate | None = None


Scope = Callable[[Sequence[Panel]], list[Subject]]


@dataclass(frozen=True)
class Theta:
    """A number to be judged: a log ratio, unless its quantity says otherwise.

    told   what it is of, beside the comparison's own words: "NFE 35"
    bound  whether it is only a lower bound: it may hold, never fail
    """

    value: Estimate
    told: str = ""
    bound: bool = False


@dataclass(frozen=True)
class Asked:
    """A comparison asked of one panel of a subject; `lifted` are names of premises not asked."""

    subject: Subject
    panel: Panel
    comparison: "Comparison"
    lifted: frozenset[str] = NOTHING
    found: dict[tuple[str, int], Any] = field(default_factory=dict, compare=False, repr=False)

    def points(self, side: Selector) -> list[Point]:
        """The points of one side, by NFE."""
        return self.once("points", side, self._points)

    def once(self, name: str, side: Selector, find: Callable[[Selector], Any]) -> Any:
        """What is found of a side, looked for once: premises and quantities ask for the same."""
        key = (name, id(side))
        if key not in self.found:
            self.found[key] = find(side)
        return self.found[key]

    def _points(self, side: Selector) -> list[Point]:
        settings = side.of(self.subject.family)
        return [] if settings is None else self.panel.where(**settings)


Quantity = Callable[[Asked], Sequence[Theta]]
"""What is compared; nothing where a side was not measured. Raises UndecidedError."""
Shown = Callable[[float], str]


@dataclass(frozen=True)
class Premise:
    """What must be so before a number is judged: `why_not` says in a sentence that it is not."""

    name: str
    why_not: Callable[[Asked], str]


@dataclass(frozen=True)
class Comparison:
    """One question to numbers.

    source     of the relation's margin, in the paper; "ours" where it has none
    over       each: all of several must; any: a setting may be chosen
    at         settings that are equal in a pair
    premises   before any number is judged; `to_fail`: before a failure
    part       tags that a subject must have, `but` tags that it must not
    unit       what numbers are printed in: percent, times, plain
    """

    words: str
    quantity: Quantity
    one: Selector
    other: Selector
    relation: Relation
    source: str
    over: Literal["each", "any"] = "each"
    at: tuple[str, ...] = ("steps",)
    premises: tuple[Premise, ...] = ()
    to_fail: tuple[Premise, ...] = ()
    part: frozenset[str] = NOTHING
    but: frozenset[str] = NOTHING
    unit: str = "percent"

    def concerns(self, subject: Subject) -> bool:
        """Whether it is asked of a subject."""
        return self.part <= subject.tags and not self.but & subject.tags


@dataclass(frozen=True)
class Claim:
    """A statement of the paper (EDM, arXiv:2206.00364).

    scope        the subjects that it is asked of
    families     those of which it must hold; none: all subjects that are asked
    comparisons  all must hold
    printed      the same, asked of the paper's own numbers; none: not in its tables
    where        in the paper
    shown        the figure or table that shows it, by its name in reports.figures
    unmeasured   what it says beside, of which there is no measure here
    """

    number: int
    text: str
    where: str
    shown: str
    scope: Scope
    comparisons: tuple[Comparison, ...]
    families: tuple[str, ...] = ()
    printed: tuple[Comparison, ...] = ()
    unmeasured: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one comparison says of one subject.

    reason  why it is undecided, and what would decide it
    theta   the number that decided, or that keeps it undecided; `of` so many
    """

    subject: str
    family: str
    comparison: Comparison
    answer: Answer
    reason: str = ""
    theta: Theta | None = None
    of: int = 0
    samples: float = math.nan


@dataclass(frozen=True)
class Verdict:
    """The answer, and every outcome that it rests on."""

    answer: Answer
    outcomes: tuple[Outcome, ...] = ()
    reason: str = ""
