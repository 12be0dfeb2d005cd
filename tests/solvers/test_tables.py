"""Runge–Kutta tables: the conditions of their orders, and what a step back undoes."""

import math

import numpy as np
import pytest

from sampler_bench.solvers import SOLVERS
from sampler_bench.solvers.rules.runge_kutta import KUTTA_3, KUTTA_4

NAMED = {name: SOLVERS[name] for name in ("ees-2-5", "ees-2-7", "ssp-54", "cash-karp")}
TABLES = {"kutta-3": KUTTA_3, "kutta-4": KUTTA_4} | {n: own.table for n, own in NAMED.items()}
ORDERS = {"kutta-3": 3, "kutta-4": 4} | {n: own.order for n, own in NAMED.items()}


def matrices(table):
    """Return A [s, s], b [s] and c [s]."""
    A = np.zeros((len(table), len(table)))
    for i, row in enumerate(table[:-1], 1):
        A[i, : len(row)] = row
    return A, np.array(table[-1]), A.sum(1)


def conditions(table):
    """Yield (order, b·Φ(tree), 1/γ(tree)) of the seventeen rooted trees up to order 5."""
    A, b, c = matrices(table)
    Ac, Ac2 = A @ c, A @ c**2
    yield 1, b.sum(), 1
    yield 2, b @ c, 1 / 2
    yield from ((3, b @ c**2, 1 / 3), (3, b @ Ac, 1 / 6))
    yield from ((4, b @ c**3, 1 / 4), (4, b @ (c * Ac), 1 / 8))
    yield from ((4, b @ Ac2, 1 / 12), (4, b @ A @ Ac, 1 / 24))
    yield from ((5, b @ c**4, 1 / 5), (5, b @ (c**2 * Ac), 1 / 10), (5, b @ Ac**2, 1 / 20))
    yield from ((5, b @ (c * Ac2), 1 / 15), (5, b @ A @ c**3, 1 / 20))
    yield from ((5, b @ (c * (A @ Ac)), 1 / 30), (5, b @ A @ (c * Ac), 1 / 40))
    yield from ((5, b @ A @ Ac2, 1 / 60), (5, b @ A @ A @ Ac, 1 / 120))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_meets_the_conditions_of_its_order_and_not_of_the_next(name):
    needed = conditions(TABLES[name])
    missed = {order for order, found, wanted in needed if abs(found - wanted) > 1e-14}
    assert min(missed, default=6) == ORDERS[name] + 1


def moved(table, y, h):
    """Return a step of y′ = sin y + ½."""
    k = []
    for row in ((), *table):
        y_stage = y + h * sum(a * one for a, one in zip(row, k, strict=False))
        k.append(math.sin(y_stage) + 0.5)
    return y_stage


@pytest.mark.parametrize(("name", "order"), [("ees-2-5", 5), ("ees-2-7", 7), ("kutta-3", 3)])
def test_a_step_back_undoes_a_step_to_the_order_that_the_name_says(name, order):
    table = TABLES[name]
    off = [abs(moved(table, moved(table, 0.3, h), -h) - 0.3) for h in (0.2, 0.1)]
    assert math.log2(off[0] / off[1]) == pytest.approx(order + 1, abs=0.6)
