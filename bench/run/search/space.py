"""The candidates of a search: settings of churn that make different samplers."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sampler_bench.bench.run.search.declared import Candidates
from sampler_bench.solvers import Denoiser, Sampler
from sampler_bench.solvers.churn import Churn


@dataclass(frozen=True)
class Candidate:
    """One setting of churn.

    Attributes:
        place: Where its four values stand in the declared lists.
        churn: The four numbers.
    """

    place: tuple[int, ...]
    churn: Churn

    @property
    def setting(self) -> Churn:
        """What makes its job."""
        return self.churn

    def distance(self, other: "Candidate") -> int:
        """Return the number of steps from value to next value that lead from here to ``other``."""
        return sum(abs(a - b) for a, b in zip(self.place, other.place, strict=True))


def different(values: Candidates, sampler: Sampler, denoiser: Denoiser) -> list[Candidate]:
    """Return the settings that churn, one for each way of churning.

    Settings that add the same noise at the same steps are one sampler under several names: all
    S_churn/N above √2 − 1, and all windows with the same noise levels inside. The first stands
    for all of them; to measure more than one would buy nothing.
    """
    levels = [float(sigma) for sigma in sampler.levels(denoiser)[:-1]]
    steps = len(levels)
    lists = (values.S_churn, values.S_min, values.S_max)
    kept: dict[tuple[float, ...], list[Candidate]] = {}
    for place in itertools.product(*(range(len(one)) for one in lists)):
        S_churn, S_min, S_max = _chosen(lists, place)
        if S_min > S_max:
            continue
        window = Churn(S_churn=S_churn, S_min=S_min, S_max=S_max)
        gammas = tuple(window.gamma(sigma, steps) for sigma in levels)
        if any(gammas) and gammas not in kept:
            kept[gammas] = [
                Candidate((*place, i), replace(window, S_noise=S_noise))
                for i, S_noise in enumerate(values.S_noise)
            ]
    return [candidate for of_window in kept.values() for candidate in of_window]


def _chosen(lists: Sequence[Sequence[float]], place: Sequence[int]) -> list[float]:
    return [values[i] for values, i in zip(lists, place, strict=True)]
