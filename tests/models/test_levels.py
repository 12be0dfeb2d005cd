"""Networks trained at a table of noise levels: the table, and Eq. 7 written out for each target."""

import math

import pytest
import torch

from sampler_bench.models.levels import SCHEDULES, Levels
from sampler_bench.models.preconditioning import precondition

X0, NOISE = 0.37, -1.21


def alpha_bar(made):
    return [1 / (1 + float(u) ** 2) for u in made.levels.double()]


def test_ddpm_table():
    made = Levels()
    product, want = 1.0, []
    for t in range(1000):
        product *= 1 - (1e-4 + (0.02 - 1e-4) * t / 999)
        want.append(product)
    assert alpha_bar(made) == pytest.approx(want, rel=1e-5, abs=1e-7)
    assert made.sigma_min == pytest.approx(0.0100, rel=1e-3)
    assert made.sigma_max == pytest.approx(157.4, rel=1e-3)


@pytest.mark.parametrize(
    ("schedule", "first", "middle", "last"),
    [
        ("linear", 1e-4, 1e-4 + 0.0199 * 500 / 999, 0.02),
        ("scaled_linear", 1e-4, (0.01 + (0.02**0.5 - 0.01) * 500 / 999) ** 2, 0.02),
        ("sigmoid", 0.0199 / (1 + math.exp(6)) + 1e-4, 0.0199 / (1 + math.exp(-6 / 999)) + 1e-4,
         0.0199 / (1 + math.exp(-6)) + 1e-4),
        ("squaredcos_cap_v2", 1 - (math.cos(0.009 / 1.008 * math.pi / 2)
                                   / math.cos(0.008 / 1.008 * math.pi / 2)) ** 2,
         1 - (math.cos(0.509 / 1.008 * math.pi / 2) / math.cos(0.508 / 1.008 * math.pi / 2)) ** 2,
         0.999),
    ],
)  # fmt: skip
def test_schedules(schedule, first, middle, last):
    betas = SCHEDULES[schedule](1e-4, 0.02, 1000)
    assert betas.dtype == torch.float32 and betas.shape == (1000,)
    assert betas[[0, 500, 999]].tolist() == pytest.approx([first, middle, last], rel=1e-5)


def test_an_explicit_list_is_the_same_table():
    betas = SCHEDULES["scaled_linear"](0.00085, 0.012, 50)
    listed = Levels(schedule="betas", betas=betas.tolist(), M=50)
    named = Levels(schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, M=50)
    assert torch.equal(listed.levels, named.levels)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("t", [0, 3, 500, 999])
def test_a_perfect_network_gives_the_image(prediction, t):
    """With the target itself in the network's place, D(x₀ + σ·ε; σ) = x₀."""
    made = Levels(prediction=prediction)
    sigma = made.levels[t].double()
    kept = 1 / math.sqrt(1 + float(sigma) ** 2)
    noise_part = float(sigma) * kept
    target = {
        "epsilon": NOISE,
        "v_prediction": kept * NOISE - noise_part * X0,
        "sample": X0,
    }[prediction]
    c_skip, c_out, c_in, c_noise = made.coefficients(sigma)
    x = X0 + float(sigma) * NOISE
    assert float(c_skip) * x + float(c_out) * target == pytest.approx(X0, abs=1e-9)
    assert float(c_in) * x == pytest.approx(kept * X0 + noise_part * NOISE, abs=1e-12)
    assert float(c_noise) == t


def test_shape_and_dtype_are_sigmas():
    made = Levels(M=10)
    for sigma in (torch.tensor(0.05), torch.rand(4, 1, 1, 1), torch.rand(3, dtype=torch.float64)):
        for got in (*made.coefficients(sigma), made.round_sigma(sigma)):
            assert got.shape == sigma.shape and got.dtype == sigma.dtype


def test_rounding_is_to_the_nearest_level_and_never_to_zero():
    made = Levels()
    u = made.levels
    asked = torch.stack([u[7] * 1.0001, 0.51 * u[7] + 0.49 * u[8], 0.49 * u[7] + 0.51 * u[8]])
    assert torch.equal(made.round_sigma(asked), u[[7, 7, 8]])
    assert torch.equal(made.round_sigma(torch.tensor([0.0, 1e-9, 1e6])), u[[0, 0, 999]])
    assert torch.equal(made.coefficients(torch.tensor([0.0, 1e6]))[3], torch.tensor([0.0, 999.0]))


def test_an_infinite_level_is_left_out():
    plain, rescaled = Levels(), Levels(zero_terminal_snr=True)
    assert len(rescaled.levels) == 999
    assert math.isfinite(rescaled.sigma_max) and rescaled.sigma_max > plain.sigma_max
    assert rescaled.sigma_min == pytest.approx(plain.sigma_min, rel=1e-3)
    root = torch.tensor(alpha_bar(plain)).sqrt()
    want = (root - root[-1]) * root[0] / (root[0] - root[-1])
    assert alpha_bar(rescaled)[500] == pytest.approx(float(want[500] ** 2), rel=1e-4)


@pytest.mark.parametrize(
    ("constants", "said"),
    [
        ({"prediction": "v-prediction"}, "did you mean 'v_prediction'"),
        ({"schedule": "scaled-linear"}, "did you mean 'scaled_linear'"),
        ({"schedule": ["linear"]}, "schedule = ['linear'] is not allowed"),
        ({"beta_start": 0}, "beta_start = 0 is not allowed: it must be a number between 0 and 1"),
        ({"beta_end": 1.0}, "beta_end = 1.0"),
        ({"beta_end": float("nan")}, "beta_end = nan"),
        ({"beta_end": "0.02"}, "beta_end = '0.02'"),
        ({"M": 1}, "M = 1"),
        ({"M": 10**9}, "M = 1000000000"),
        ({"M": True}, "M = True"),
        ({"zero_terminal_snr": 1}, "zero_terminal_snr = 1"),
        ({"schedule": "betas", "M": 3, "betas": [0.1, 0.2]}, "needs a list of M = 3"),
        (
            {"schedule": "betas", "M": 3, "betas": "abc"},
            "betas = 'abc' is not allowed: it must be a list",
        ),
        (
            {"schedule": "betas", "M": 3, "betas": [0.1, True, 0.3]},
            "betas[1] = True is not allowed",
        ),
        ({"betas": 5}, "betas = 5 is not allowed"),
        ({"betas": [0.1, 0.2]}, "excludes schedule = 'linear'"),
        ({"beta_end": 0.999, "beta_start": 0.998}, "do not rise, or are infinite"),
        ({"beta_start": 1e-12, "beta_end": 1e-11}, "do not rise"),
        ({"schedule": "betas", "M": 3, "betas": [1e-12, 0.1, 0.2]}, "do not rise"),
        ({"beta_stop": 0.02}, "did you mean 'beta_start'"),
    ],
)
def test_impossible_values(constants, said):
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        precondition("levels", constants)
    assert said in str(caught.value)
