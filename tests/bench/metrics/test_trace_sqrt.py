import numpy as np
import pytest
from scipy.linalg import sqrtm

from sampler_bench.bench.features.trace_sqrt import Spectrum, determinant, factor, newton


def trace_sqrt(matrix: np.ndarray) -> float:
    return float(np.sqrt(np.clip(np.linalg.eigvalsh(matrix), 0, None)).sum())


def scatter(n: int, d: int, seed: int) -> np.ndarray:
    f = np.random.default_rng(seed).standard_normal((n, d)) * np.arange(1, d + 1) ** -0.7
    return f.T @ f


def test_factor_reproduces_a_matrix_of_low_rank():
    part = scatter(7, 30, seed=0)
    found = factor(part, 7)
    assert found.shape == (30, 7)
    np.testing.assert_allclose(found @ found.T, part, atol=1e-13)


@pytest.mark.parametrize("taken", [1, 5, 40, 100])
def test_determinant_is_the_exact_difference(taken):
    rng = np.random.default_rng(taken)
    f = rng.standard_normal((120, 30)) * np.geomspace(1, 1e-3, 30)
    values, vectors = np.linalg.eigh(f.T @ f)
    change = vectors.T @ f[:taken].T
    expected = trace_sqrt(f.T @ f) - trace_sqrt(f[taken:].T @ f[taken:])
    assert determinant(np.sqrt(values), change) == pytest.approx(expected, rel=3e-4)


def test_determinant_when_the_rank_falls():
    rng = np.random.default_rng(3)
    f = rng.standard_normal((30, 30))
    values, vectors = np.linalg.eigh(f.T @ f)
    expected = trace_sqrt(f.T @ f) - trace_sqrt(f[6:].T @ f[6:])
    assert determinant(np.sqrt(values), vectors.T @ f[:6].T) == pytest.approx(expected, rel=3e-4)


def test_nothing_taken_away_changes_nothing():
    assert determinant(np.ones(3), np.zeros((3, 0))) == 0
    assert newton(np.array([1.0, 2.0, 3.0]), np.zeros((3, 3))) == pytest.approx(6)


def test_newtons_error_falls_like_the_fourth_power():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((20, 20))
    part = noise + noise.T
    roots = np.linspace(3, 8, 20)

    def error(size: float) -> float:
        return abs(newton(roots, size * part) - trace_sqrt(np.diag(roots**2) - size * part))

    assert error(0.4) < 1e-3
    assert 10 < error(0.4) / error(0.2) < 26


def test_newton_is_exact_for_a_multiple_however_large():
    roots = np.array([1.0, 2.0, 5.0])
    assert newton(roots, 0.75 * np.diag(roots**2)) == pytest.approx(4.0, rel=1e-14)


@pytest.mark.parametrize(("n", "tolerance"), [(12, 1e-4), (300, 1e-4), (2000, 1e-4)])
def test_spectrum_without_a_group(n, tolerance):
    root = np.real(sqrtm(scatter(100, 25, seed=1)))
    f = np.random.default_rng(2).standard_normal((n, 25))
    group = max(1, n // 20)
    spectrum = Spectrum.of(f.T @ f, root)
    whole = spectrum.roots.sum()
    rest = trace_sqrt(root @ f[group:].T @ f[group:] @ root)
    found = spectrum.without(f[:group].T @ f[:group], n, group)
    assert whole - found == pytest.approx(whole - rest, rel=20 * tolerance)
    assert found == pytest.approx(rest, rel=tolerance)


def test_spectrum_leaves_out_the_null_space():
    spectrum = Spectrum.of(scatter(5, 25, seed=1), np.eye(25))
    assert spectrum.roots.shape == (5,) and spectrum.basis.shape == (25, 5)


@pytest.mark.parametrize("size", [1.5, 40.0])
def test_newton_of_a_change_that_is_not_small(size):
    roots = np.array([3e-11, 2e-9, 4e-7])
    part = size * np.diag([0.0, 0.0, 1.0]) * roots**2
    left = np.sqrt(np.clip(roots**2 - np.diag(part), 0, None)).sum()
    assert newton(roots, part) == pytest.approx(left, rel=0.05)
