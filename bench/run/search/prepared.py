"""What a search of one model is before anything runs: candidates, rungs, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch

from sampler_bench.bench.measure.samples import FromSamples
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.run.search.declared import CHURNED, Search
from sampler_bench.bench.run.search.ladder import Ladder, Rung
from sampler_bench.bench.run.search.space import Candidate, different
from sampler_bench.bench.run.search.tables import Tables, declared
from sampler_bench.kit.toml import of_file
from sampler_bench.solvers import Churn, Sampler


@dataclass(frozen=True)
class Prepared:
    """The search of one model.

    Attributes:
        deterministic: The last measurement of the deterministic sampler; every other job is a
            copy of it with another churn, or other seeds.
        measurement: What it is; its sampler is the one that is searched.
        space: The candidates.
        ladder: The rungs.
        samples: How many samples candidates may cost together.
    """

    deterministic: Work
    measurement: FromSamples
    space: Sequence[Candidate]
    ladder: Ladder
    samples: int

    over: ClassVar[Literal["churn"]] = "churn"
    finalists = 1
    baseline = Churn()
    called = "the deterministic sampler"

    @property
    def sampler(self) -> Sampler:
        """The sampler without churn."""
        assert isinstance(self.measurement.sampler, Sampler)  # others cannot churn
        return self.measurement.sampler

    @property
    def model(self) -> str:
        """The model's name."""
        return self.deterministic.name

    @property
    def nfe(self) -> int:
        """Evaluations per sample: the same for every candidate."""
        return declared(self.deterministic)

    @property
    def drawn(self) -> int:
        """How many candidates are drawn from the whole space before the best one's neighbours."""
        return self.ladder.drawn(self.samples, len(self.space))

    def like(self, label: str) -> Work:
        """Return a job of the same code as those of a label."""
        return self.deterministic

    def work(self, churn: Churn, rung: Rung) -> Work:
        """Return the job of one setting on the seeds of one rung."""
        base = self.deterministic
        sampler = replace(self.sampler, churn=churn)
        declared = sampler.declared(base.model)
        cell = replace(
            base.cell,
            sampler=declared.parts,
            seed_start=rung.first_seed,
            samples=rung.samples,
        )
        label = base.label if sampler.deterministic else CHURNED
        measurement = replace(self.measurement, sampler=sampler)
        return replace(
            base, label=label, settings=declared.settings, measurement=measurement, cells=[cell]
        )


def prepare(
    search: Search, device: torch.device, dry: bool = False
) -> tuple[list[Prepared | Tables], dict[str, str]]:
    """Return the searches of all models, and what has to be fetched before they can run.

    Args:
        search: The declared search.
        device: Where models and extractor are put.
        dry: Describe published files that are not here, instead of refusing.

    Raises:
        ValueError: If a name or number is wrong, the sampler cannot churn, or the budget is too
            small for a search that means anything.
    """
    with of_file(search.where):
        return _prepare(search, device, dry)


def _prepare(
    search: Search, device: torch.device, dry: bool
) -> tuple[list[Prepared | Tables], dict[str, str]]:
    ladder = Ladder.of(search.first_seed, search.samples, search.first_samples)
    plan = plans.make(search.grid, device, dry=dry)
    if not search.is_over_churn:
        models = dict.fromkeys(work.name for work in plan.work)
        found = [[work for work in plan.work if work.name == name] for name in models]
        each = [Tables.of(works, ladder, search.budget, search.finalists) for works in found]
        return list(each), plan.missing
    return [_prepared(search, work, ladder) for work in plan.work], plan.missing


def _prepared(search: Search, work: Work, ladder: Ladder) -> Prepared:
    measurement = work.measurement
    assert isinstance(measurement, FromSamples)  # a search has one sampler, and nothing else
    sampler = measurement.sampler
    if not (sampler.can_churn and isinstance(sampler, Sampler)):
        solver = work.settings["sampler"]["solver"]
        raise ValueError(f"solver {solver!r} cannot churn: a search needs one with fixed steps")
    space = different(search.candidates, sampler, work.model)
    if not space:
        raise ValueError(
            "candidates: none of them churns: S_churn above 0, and noise levels between S_min "
            "and S_max, are needed"
        )
    least = ladder.samples(min(ladder.few, len(space)))
    nfe = declared(work)
    assert search.budget is not None and isinstance(search.sampler, dict)
    affordable = search.budget // nfe - ladder.reference
    if affordable < least:
        raise ValueError(
            f"budget = {search.budget:,}: the smallest search of {work.name} needs "
            f"{(least + ladder.reference) * nfe:,} evaluations (NFE {nfe}; "
            f"{least:,} samples of candidates, {ladder.reference:,} of the deterministic sampler "
            "and of both last measurements)"
        )
    return Prepared(work, measurement, space, ladder, affordable)
