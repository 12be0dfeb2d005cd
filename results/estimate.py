"""A number with its jackknife: differences on the same seeds lose the noise that both share."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

LEVEL = 2.0
"""Standard errors at which a difference counts."""
EQUAL = 0.03
"""Relative difference that is none: the paper's own rule for its dots."""
FLOAT_NOISE = 1e-6
"""What another machine's rounding may change in a value, relative; never called a difference."""

Values = tuple[float, ...] | np.ndarray
Word = Literal["lower", "higher", "equal", "unclear"]


class _Unpaired:
    """What stands for the seeds of a number that is not known shard by shard."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A measured number, or a linear combination of some.

    value
    left_out  for each range of seeds, what the number is with one shard left out, [shards], up to
              what all have in common; NaN where that is unknown. Numbers of one range of seeds
              are paired, shard by shard; the errors of several are added.
    """

    value: float
    left_out: Mapping[Hashable, Values] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        value: float,
        loo: Sequence[float] | np.ndarray = (),
        seeds: Hashable = None,
        se: float = math.nan,
    ) -> "Estimate":
        """The estimate of one measurement.

        loo    the value with one shard left out, [shards]; may be empty
        seeds  identifies the range of seeds; only as many shards of it pair. None: no other's
        se     its standard error, used where `loo` has less than two values
        """
        if len(loo) < 2:
            return cls(value, {_Unpaired(): (se, -se)})
        place = object() if seeds is None else (seeds, len(loo))
        return cls(value, {place: tuple(map(float, loo))})

    @property
    def se(self) -> float:
        """Jackknife standard error (Efron & Stein 1981); NaN where it is unknown."""
        errors = self._errors
        return errors[0] if len(errors) == 1 else math.hypot(*errors)

    @property
    def loo(self) -> tuple[float, ...]:
        """The left-out values of one measurement; () where there are none."""
        found = [x for place, x in self.left_out.items() if not isinstance(place, _Unpaired)]
        return tuple(map(float, found[0])) if len(found) == 1 else ()

    @property
    def freedom(self) -> float:
        """Degrees of freedom of `se`: of several ranges of seeds Welch's and Satterthwaite's.

        Infinitely many where the error is none, or unknown.
        """
        se = self.se
        if not 0 < se < math.inf:
            return math.inf
        own = [len(values) - 1 for values in self.left_out.values()]
        if len(own) == 1:
            return own[0]
        shares = [(error / se) ** 2 for error in self._errors]
        return 1 / math.fsum(share**2 / n for share, n in zip(shares, own, strict=True))

    @property
    def is_paired(self) -> bool:
        """Whether all of it was measured on one range of seeds."""
        return len(self.left_out) == 1

    @cached_property
    def _errors(self) -> list[float]:
        return [_jackknife(values) for values in self.left_out.values()]

    def __add__(self, other: "Estimate") -> "Estimate":
        parts = dict(self.left_out)
        for seeds, values in other.left_out.items():
            parts[seeds] = np.add(parts[seeds], values) if seeds in parts else values
        return Estimate(self.value + other.value, parts)

    def __mul__(self, factor: float) -> "Estimate":
        parts = {k: np.multiply(x, factor) for k, x in self.left_out.items()}
        return Estimate(self.value * factor, parts)

    def __sub__(self, other: "Estimate") -> "Estimate":
        return self + other * -1.0

    def log(self) -> "Estimate":
        """Its logarithm, of a positive number, to first order in the deviations."""
        parts = {k: np.divide(x, self.value) for k, x in self.left_out.items()}
        return Estimate(math.log(self.value), parts)

    def word(self, margin: float = EQUAL, level: float = LEVEL) -> Word:
        """What it shows, as a difference.

        "equal" if it lies within ± `margin` by `level` standard errors, else "lower" or "higher" if
        it is beyond `level` standard errors, else "unclear"; so is one whose error is unknown.
        """
        reach = level * self.se
        if abs(self.value) + reach <= margin:
            return "equal"
        if self.value < -reach:
            return "lower"
        return "higher" if self.value > reach else "unclear"


def mean(estimates: Sequence[Estimate]) -> Estimate:
    """The mean of at least one estimate."""
    total = estimates[0]
    for one in estimates[1:]:
        total = total + one
    return total * (1 / len(estimates))


def relative(one: Estimate, other: Estimate) -> Estimate:
    """(one − other)/other, the scale taken as exact; NaN if it is zero."""
    scale = 1 / abs(other.value) if other.value else math.nan
    return (one - other) * scale


def _jackknife(left_out: Values) -> float:
    """√((g − 1)/g · Σ (x − mean)²) of g left-out values.

    Squares are taken in units of a power of two, which changes no digit and overflows nowhere. A
    record's own values are summed exactly, combinations by NumPy: so their last digits stay what
    they were in tables that are already printed.
    """
    largest = max(map(abs, left_out))
    if not 0 < largest < math.inf:
        return 0.0 if largest == 0 else math.nan
    _, exponent = math.frexp(largest)
    scaled = np.ldexp(left_out, -exponent)
    groups = len(scaled)
    if isinstance(left_out, tuple):
        middle = math.fsum(scaled) / groups
        square = (groups - 1) / groups * math.fsum((x - middle) ** 2 for x in scaled.tolist())
    else:
        square = (groups - 1) * float(np.var(scaled))
    return float(np.ldexp(math.sqrt(square), exponent))
