"""Tables of explicit Runge–Kutta methods, by the names of their authors.

Rows a_21; a_31 a_32; …; b_1 … b_s. skrample has these as orders 3 to 6, by which it counts stages;
they converge with order 2, 2, 4 and 5.
"""

import math
from collections.abc import Sequence

from sampler_bench.solvers.rules.runge_kutta import Table


def ees_25(x: float) -> Table:
    """Return EES(2, 5; x): 3 stages of order 2, which its reverse undoes to order 5.

    Shmelev, Ebrahimi-Fard, Tapia and Salvi 2025.
    """
    a31 = (4 * x - 1) ** 2 / (4 * (x - 1) * (1 - 4 * x**2))
    return (
        ((1 + 2 * x) / (4 * (1 - x)),),
        (a31, (1 - x) / (1 - 4 * x**2)),
        (x, 1 / 2, 1 / 2 - x),
    )


def ees_27(x: float) -> Table:
    """Return EES(2, 7; x): 4 stages of order 2, which its reverse undoes to order 7.

    a_42 is twice what the paper's formula says, as in its Eq. 8.6.
    """
    r = math.sqrt(2)
    A = (2 * x + r) / ((2 * x - 1) * (-2 * x - r + 1))
    B = 1 / ((2 * x - 1) * (1 - r - 2 * x) * (2 - r - 2 * x))
    quartic = (
        -40 * x**4 + (80 - 40 * r) * x**3 - (88 - 60 * r) * x**2 + (48 - 34 * r) * x + 7 * r - 10
    )
    return (
        ((-2 + r * (1 - 2 * x)) / (4 * (x - 1)),),
        ((2 * x + r - 2) * (4 * x + r - 2) / (4 * r * (x - 1)) * A, (r - 1) / 2 * A),
        (
            (2 * x - r) * quartic / (4 * (x - 1) * (2 * x**2 - 1)) * B,
            (2 - r) * x * (x - 1) * (4 * x + r - 2) * B,
            (2 - r)
            * (2 * x - r)
            * (2 + r - 2 * x)
            * (x - 1)
            * (2 * x - 1)
            / (4 * (2 * x**2 - 1) * (2 * x**2 - 4 * x + 1)),
        ),
        (x, (2 - r) / 2 - (1 - r) * x, (1 - r) * (x - 1), (2 - r) / 2 - x),
    )


def shu_osher(alpha: Sequence[Sequence[float]], beta: Sequence[Sequence[float]]) -> Table:
    """Return the table of stages given as x_i = Σ_j α_ij·x_j + β_ij·h·k_j."""
    rows: list[list[float]] = [[]]
    for shares, lengths in zip(alpha, beta, strict=True):
        row = [0.0] * len(shares)
        for j, (share, length) in enumerate(zip(shares, lengths, strict=True)):
            row[j] += length
            for i, a in enumerate(rows[j]):
                row[i] += share * a
        rows.append(row)
    return tuple(tuple(row) for row in rows[1:])


SSP_54: Table = shu_osher(
    [
        [1],
        [0.444370493651235, 0.555629506348765],
        [0.620101851488403, 0, 0.379898148511597],
        [0.178079954393132, 0, 0, 0.821920045606868],
        [0, 0, 0.517231671970585, 0.096059710526147, 0.386708617503269],
    ],
    [
        [0.391752226571890],
        [0, 0.368410593050371],
        [0, 0, 0.251891774271694],
        [0, 0, 0, 0.544974750228521],
        [0, 0, 0, 0.063692468666290, 0.226007483236906],
    ],
)
"""Spiteri and Ruuth's strong-stability-preserving method of order 4 in 5 stages (2002)."""
CASH_KARP: Table = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (3 / 10, -9 / 10, 6 / 5),
    (-11 / 54, 5 / 2, -70 / 27, 35 / 27),
    (1631 / 55296, 175 / 512, 575 / 13824, 44275 / 110592, 253 / 4096),
    (37 / 378, 0, 250 / 621, 125 / 594, 0, 512 / 1771),
)
"""Cash and Karp's method of order 5 in 6 stages (1990)."""
EES_25 = ees_25(1 / 10)
EES_27 = ees_27((5 - 3 * math.sqrt(2)) / 14)
