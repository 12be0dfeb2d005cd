"""Draws of σ against the laws of Table 1, evaluated independently in float64."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from sampler_bench.models.training import draws
from sampler_bench.models.training.noise import NOISE

U = torch.linspace(0.001, 0.999, 201, dtype=torch.float64)
DRAWS = 20_000


def vp_sigma(t):
    return math.sqrt(math.exp(0.5 * 19.9 * t * t + 0.1 * t) - 1)


def vp_cdf(sigma):
    """P(σ(t) ≤ σ), by inverting σ(t) numerically."""
    t = optimize.brentq(lambda t: vp_sigma(t) - sigma, 1e-5, 1.0, xtol=1e-14)
    return (t - 1e-5) / (1 - 1e-5)


def ve_cdf(sigma):
    return (math.log(sigma) - math.log(0.02)) / (math.log(100) - math.log(0.02))


def edm_cdf(sigma):
    return stats.norm.cdf(math.log(sigma), loc=-1.2, scale=1.2)


CDFS = {"vp": vp_cdf, "ve": ve_cdf, "edm": edm_cdf}


def draw(name, n=DRAWS, seed=3):
    """Return levels as the trainer draws them."""
    return NOISE[name]().quantile(draws.draw(seed, 0, n, (1,)).sigma).float()


@pytest.mark.parametrize("name", CDFS)
def test_quantiles_invert_the_law(name):
    sigma = NOISE[name]().quantile(U)
    assert sigma.dtype == torch.float64
    back = [CDFS[name](s) for s in sigma.tolist()]
    np.testing.assert_allclose(back, U.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", CDFS)
def test_draws_follow_the_law(name):
    sigma = draw(name).double().tolist()
    # float32 may round the ends of the range outwards
    u = np.array([CDFS[name](min(max(s, 0.00100051), 152.1672)) for s in sigma])
    assert stats.kstest(u, "uniform").pvalue > 0.05
    # close by: neighbours are not correlated
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 4 / math.sqrt(DRAWS)


def test_ranges_are_those_of_table_1():
    ends = torch.tensor([1e-15, 1 - 1e-15], dtype=torch.float64)
    vp, ve = NOISE["vp"]().quantile(ends), NOISE["ve"]().quantile(ends)
    torch.testing.assert_close(
        vp, torch.tensor([0.0010005, 152.167], dtype=torch.float64), rtol=1e-5, atol=0
    )
    torch.testing.assert_close(
        ve, torch.tensor([0.02, 100.0], dtype=torch.float64), rtol=1e-12, atol=0
    )


def test_iddpm_draws_its_levels_equally_often():
    levels = iddpm_levels()
    sigma = draw("iddpm", 100_000).double().numpy()
    assert set(sigma) <= set(NOISE["iddpm"]().u[:-1].double().tolist())
    nearest = np.abs(np.log(levels[None]) - np.log(np.unique(sigma)[:, None])).argmin(1)
    assert len(set(nearest)) == len(nearest) == 1000
    np.testing.assert_allclose(np.unique(sigma), levels[nearest], rtol=1e-3)
    counts = np.unique(sigma, return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 0.05


def iddpm_levels(M=1000, C_1=0.001, C_2=0.008):
    """u_0 … u_{M−1} from Table 1's recursion in float64."""
    alpha_bar = np.sin(np.pi / 2 * np.arange(M + 1) / (M * (C_2 + 1))) ** 2
    u = np.zeros(M + 1)
    for j in range(M, 0, -1):
        u[j - 1] = np.sqrt((u[j] ** 2 + 1) / max(alpha_bar[j - 1] / alpha_bar[j], C_1) - 1)
    return u[:-1]


def test_iddpm_quantiles():
    noise = NOISE["iddpm"](M=4)
    expected = noise.u[[3, 3, 2, 1, 0]].double()
    u = torch.tensor([1e-9, 0.249, 0.251, 0.749, 1 - 1e-16], dtype=torch.float64)
    torch.testing.assert_close(noise.quantile(u), expected, rtol=0, atol=0)
    assert NOISE["iddpm"](schedule="linear").u[0] != NOISE["iddpm"]().u[0]


def test_a_uniform_number_of_0_still_gives_a_level(monkeypatch):
    class Zeros:
        def random(self, out):
            out[:] = 0

        def standard_normal(self, dtype, out):
            out[:] = 0

    monkeypatch.setattr(draws, "_generator", lambda seed, number: Zeros())
    for noise in NOISE.values():
        sigma = noise().quantile(draws.draw(0, 0, 3, (1,)).sigma)
        assert (sigma > 0).all()
        assert torch.isfinite(sigma).all()


def test_constants_are_used():
    u = torch.tensor([0.25], dtype=torch.float64)
    t = 0.01 + 0.25 * 0.99
    vp = NOISE["vp"](beta_d=10, beta_min=0.3, epsilon_t=0.01).quantile(u)
    assert float(vp) == pytest.approx(math.sqrt(math.exp(5 * t**2 + 0.3 * t) - 1), rel=1e-12)
    ve = NOISE["ve"](sigma_min=0.1, sigma_max=1.6).quantile(u)
    assert float(ve) == pytest.approx(0.2, rel=1e-12)
    edm = NOISE["edm"](P_mean=0.5, P_std=2.0).quantile(u)
    assert float(edm) == pytest.approx(math.exp(0.5 + 2 * stats.norm.ppf(0.25)), rel=1e-12)


@pytest.mark.parametrize(
    ("name", "constants", "message"),
    [
        ("vp", {"epsilon_t": 0.0}, "epsilon_t = 0.0"),
        ("vp", {"beta_d": -1.0}, r"beta_d = -1\.0 .*a number above 0"),
        ("ve", {"sigma_min": 3.0, "sigma_max": 2.0}, "sigma_min = 3.0"),
        ("ve", {"sigma_min": 0.0}, "sigma_min = 0.0"),
        ("iddpm", {"M": 0}, "M = 0"),
        ("iddpm", {"schedule": "cosin"}, "did you mean 'cosine'"),
        ("edm", {"P_std": 0.0}, "P_std = 0.0"),
    ],
)
def test_impossible_constants(name, constants, message):
    with pytest.raises(ValueError, match=message):
        NOISE[name](**constants)
