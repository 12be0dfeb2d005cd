"""How long the rest of a run takes, told from what its first jobs took and not from NFE alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sampler_bench.bench.measure.work import Work

UNSURE = 0.25
"""Largest share of a time left that may rest on the first job of a kind alone, which has paid what
is paid once: the extractor, the reference's statistics, its exact trajectories."""


@dataclass(frozen=True)
class Left:
    """A time left.

    Attributes:
        seconds: What is counted of it.
        sure: Whether that is an estimate; if not, it is a lower bound.
        uncounted: Labels of which nothing is counted: how much they evaluate is not known yet.
    """

    seconds: float
    sure: bool
    uncounted: tuple[str, ...] = ()


@dataclass
class _Sum:
    """Seconds spent on so many of something."""

    seconds: float = 0.0
    of: float = 0.0
    times: int = 0

    def add(self, seconds: float, of: float) -> None:
        self.seconds += seconds
        self.of += of
        self.times += 1

    @property
    def each(self) -> float:
        return self.seconds / self.of if self.of else 0.0


@dataclass
class _Beside:
    """Seconds that jobs of one kind took beside their samples, the first of them apart."""

    first: float | None = None
    rest: _Sum = field(default_factory=_Sum)

    def add(self, seconds: float) -> None:
        if self.first is None:
            self.first = seconds
        else:
            self.rest.add(seconds, 1)


class Pace:
    """What jobs take: seconds per evaluation, by label and model, and seconds beside, per job.

    An adaptive sampler's evaluations are learned from the first batch under its label, and not
    guessed before that. What is beside samples (features, distances, reference trajectories,
    records) is learned by kind: same model, metrics and reference.

    Args:
        works: All jobs, of which each is left until it is settled.
    """

    def __init__(self, works: Iterable[Work]) -> None:
        self._left = {work.key: work for work in works}
        self._samples = {key: work.cell.samples for key, work in self._left.items()}
        self._sampling: dict[tuple[str, str], _Sum] = {}
        self._asked: dict[tuple[str, str], _Sum] = {}  # evaluations of so many samples
        self._beside: dict[tuple[object, ...], _Beside] = {}
        self._here: dict[str, float] = {}  # seconds beside, of jobs that are at work
        self._batches: dict[str, int] = {}  # evaluations since the last group, by job
        self._begun: dict[tuple[str, str], _Sum] = {}  # the group that is being sampled
        self._made: dict[str, int] = {}  # samples made here, by job

    def sampled(self, work: Work, samples: int, evaluations: int, seconds: float) -> None:
        """Count a batch, and the seconds since its group was begun."""
        self._samples[work.key] = max(0, self._samples.get(work.key, 0) - samples)
        if evaluations > 0:  # shards that were there already took none
            self._asked.setdefault(_curve(work), _Sum()).add(evaluations, samples)
            self._batches[work.key] = self._batches.get(work.key, 0) + evaluations
            self._made[work.key] = self._made.get(work.key, 0) + samples
            self._begun = {_curve(work): _Sum(seconds, self._batches[work.key])}

    def measured(self, work: Work, seconds: float, beside: float) -> None:
        """Count a group of shards: the seconds on its samples, and those beside them."""
        evaluations = self._batches.pop(work.key, 0)
        if evaluations > 0:
            self._sampling.setdefault(_curve(work), _Sum()).add(seconds, evaluations)
        self._here[work.key] = self._here.get(work.key, 0.0) + beside

    def settled(self, work: Work, beside: float | None) -> None:
        """Count a job as done; its seconds beside end with these, and None of a failed one.

        They tell something of its kind if all of it was measured here.
        """
        self._left.pop(work.key, None)
        spent, made = self._here.pop(work.key, 0.0), self._made.pop(work.key, 0)
        if beside is not None and made >= work.cell.samples:
            self._beside.setdefault(_kind(work), _Beside()).add(spent + beside)

    def samples_left(self, work: Work) -> int:
        """Return how many samples of a job are still to be made."""
        return self._samples.get(work.key, 0) if work.key in self._left else 0

    @property
    def evaluations_left(self) -> float:
        """Return the denoiser evaluations still to be made, as far as they are known."""
        return sum(
            (self._per_sample(work) or 0.0) * self._samples[work.key]
            for work in self._left.values()
        )

    @property
    def left(self) -> Left | None:
        """Return what is left to do, by one process; None while nothing was learned."""
        if not (self._sampling or self._begun):
            return None
        counted, once, sure = 0.0, 0.0, True
        uncounted: dict[str, None] = {}
        for work in self._left.values():
            per_sample = self._per_sample(work)
            if per_sample is None:
                uncounted[work.label] = None
                continue
            counted += per_sample * self._samples[work.key] * self._rate(work)
            known = self._beside.get(_kind(work), _Beside())
            if known.rest.times:
                counted += known.rest.each
            elif known.first is not None:
                once += known.first
            else:
                sure = False
        sure &= once <= UNSURE * (counted + once)
        return Left(counted + once if sure else counted, sure, tuple(uncounted))

    def _per_sample(self, work: Work) -> float | None:
        if work.nfe is not None:
            return float(work.nfe)
        asked = self._asked.get(_curve(work))
        return asked.each if asked else None

    def _rate(self, work: Work) -> float:
        """Return seconds per evaluation: of this curve, or this model, or any."""
        known = self._begun | self._sampling
        if _curve(work) in known:
            return known[_curve(work)].each
        every = list(known.items())
        same = [one for (_, model), one in every if model == work.name]
        sums = same or [one for _, one in every]
        return sum(one.seconds for one in sums) / sum(one.of for one in sums)


def _curve(work: Work) -> tuple[str, str]:
    return work.label, work.name


def _kind(work: Work) -> tuple[object, ...]:
    metrics = tuple(cell.metric for cell in work.cells)
    return work.name, metrics, work.cell.reference_digest, work.cell.samples
