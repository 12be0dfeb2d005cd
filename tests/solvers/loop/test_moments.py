"""The engine: moments against quadrature, weights against the linear system they solve."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from sampler_bench.solvers.moments import exponential_moments, weights


@pytest.mark.parametrize("R", [1e-9, 0.01, 0.5, 1.9, 3.9, 4.1, 10.0, 60.0, -1e-9, -0.5, -4.5, -9.0])
def test_moments_are_the_integrals(R):
    for i, moment in enumerate(exponential_moments(R, 4)):
        exact, _ = quad(lambda u, i=i: R * math.exp(-R * (1 - u)) * u**i, 0, 1, epsabs=0)
        assert moment == pytest.approx(exact, rel=1e-11)


def test_moments_do_not_jump_where_the_formula_changes():
    """The series and the recursion meet at |R| = 2 + count."""
    for count in (1, 2, 3, 4):
        below, above = (exponential_moments(2 + count + d, count) for d in (-1e-12, 1e-12))
        np.testing.assert_allclose(below, above, rtol=1e-11)


def test_at_infinity_all_of_it_is_at_the_end():
    assert exponential_moments(math.inf, 3) == [1.0] * 4


@pytest.mark.parametrize(
    "nodes", [(-1.3,), (-0.9, -2.1), (1.0, -0.7), (-1.0, -1.9, -3.2), (1, -1, -2, -3)]
)
def test_weights_solve_their_equations(nodes):
    moments = [0.7, -0.4, 0.3, 1.1][: len(nodes)]
    c = weights(nodes, moments)
    for i, moment in enumerate(moments, start=1):
        assert sum(w * u**i for w, u in zip(c, nodes, strict=True)) == pytest.approx(moment)
