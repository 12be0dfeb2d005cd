"""How many candidates are compared on how many samples, and what that costs."""

from dataclasses import dataclass

from sampler_bench.bench.plan.grid import check_seeds

KEEP = 3
"""One candidate in three goes on to three times the samples (Hyperband's η: Li et al. 2018)."""


@dataclass(frozen=True)
class Rung:
    """Samples that candidates are compared on: seeds ``first_seed`` … + ``samples`` − 1."""

    first_seed: int
    samples: int


@dataclass(frozen=True)
class Ladder:
    """The seed ranges of a search: disjoint, so that no candidate keeps what was luck.

    Attributes:
        final: The last measurement, of the candidate chosen and of the deterministic sampler. Its
            seeds come first: they are those that grids begin with.
        rungs: What candidates climb, each with KEEP times the samples of the one before.
    """

    final: Rung
    rungs: tuple[Rung, ...]

    @classmethod
    def of(cls, first_seed: int, samples: int, first_samples: int) -> "Ladder":
        """Return the ladder up to half the samples of the last measurement.

        Raises:
            ValueError: If it has fewer than two rungs, or there are not so many seeds.
        """
        check_seeds(first_seed, 1, samples)
        rungs, seed, size = [], first_seed + samples, first_samples
        while 2 * size <= samples:
            rungs.append(Rung(seed, size))
            seed, size = seed + size, KEEP * size
        if len(rungs) < 2:
            raise ValueError(
                f"samples = {samples}, first_samples = {first_samples}: a search needs samples "
                f"of at least {2 * KEEP} times first_samples, {2 * KEEP * first_samples}"
            )
        check_seeds(first_seed, 1, seed - first_seed)
        return cls(Rung(first_seed, samples), tuple(rungs))

    @property
    def few(self) -> int:
        """How many candidates must start for one to be left at the top."""
        return KEEP ** (len(self.rungs) - 1)

    @property
    def reference(self) -> int:
        """Samples of the deterministic sampler on all rungs, and of both last measurements."""
        return sum(rung.samples for rung in self.rungs) + 2 * self.final.samples

    def samples(self, candidates: int) -> int:
        """Return the samples that so many candidates cost until one is left at the top."""
        total = 0
        for rung in self.rungs:
            total += candidates * rung.samples
            candidates = going_on(candidates)
        return total

    def most(self, samples: int, limit: int) -> int:
        """Return the most candidates, up to ``limit``, that cost no more than ``samples``."""
        count = min(limit, samples // self.rungs[0].samples)
        while count and self.samples(count) > samples:
            count -= 1
        return count

    def drawn(self, samples: int, limit: int) -> int:
        """Return how many candidates to draw from the whole space: half of what is affordable."""
        return self.most(max(samples // 2, self.samples(self.few)), limit)


def going_on(candidates: int) -> int:
    """Return how many of so many candidates go on to the next rung; at least one of any."""
    return max(candidates // KEEP, min(candidates, 1))
