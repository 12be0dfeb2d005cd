"""What jobs are called: by their label, and by whatever else tells one from the others."""

from collections import defaultdict
from collections.abc import Iterable

from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.curves import AXES


class Names:
    """Names of a plan's jobs: a model where there are several, a repeat where some are repeated.

    Args:
        works: All jobs of the plan.
    """

    def __init__(self, works: Iterable[Work]) -> None:
        works = list(works)
        self._several = len({work.name for work in works}) > 1
        self._seeds: dict[tuple[object, ...], set[int]] = defaultdict(set)
        self._kinds: dict[tuple[str, ...], set[tuple[str, ...]]] = defaultdict(set)
        self._along: dict[tuple[str, str], dict[str, set[float]]] = defaultdict(
            lambda: defaultdict(set)
        )
        for work in works:
            self._seeds[(*_sampler(work), _metrics(work))].add(work.cell.seed_start)
            self._kinds[_sampler(work)].add(_metrics(work))
            for name, value in _along(work):
                self._along[work.label, work.name][name].add(value)

    def __call__(self, work: Work) -> str:
        """Return the name of whatever a job makes: ``Heun, fashion-vp, repeat 2``."""
        return ", ".join([work.label, *self._apart(work)])

    def of_job(self, work: Work) -> str:
        """Return the name of a job: with its steps or tolerance, and what it measures, if others
        differ in that.
        """
        count = work.measurement.steps
        steps = self._tolerances(work) if count is None else [f"{count} steps"]
        several = len(self._kinds[_sampler(work)]) > 1
        measured = [" and ".join(_metrics(work))] if several else []
        return ", ".join([work.label, *steps, *self._apart(work), *measured])

    def _tolerances(self, work: Work) -> list[str]:
        """Return what differs along a curve without steps."""
        known = self._along[work.label, work.name]
        return [f"{name} = {value:g}" for name, value in _along(work) if len(known[name]) > 1]

    def _apart(self, work: Work) -> list[str]:
        seeds = sorted(self._seeds[(*_sampler(work), _metrics(work))])
        repeat = [f"repeat {seeds.index(work.cell.seed_start) + 1}"] if len(seeds) > 1 else []
        return [*([work.name] if self._several else []), *repeat]


def _along(work: Work) -> list[tuple[str, float]]:
    told = work.settings.get("sampler", {})
    return [(name, told[name]) for name in AXES if isinstance(told.get(name), float)]


def _sampler(work: Work) -> tuple[str, str, str]:
    return work.label, work.name, repr(work.settings)


def _metrics(work: Work) -> tuple[str, ...]:
    return tuple(cell.metric for cell in work.cells)
