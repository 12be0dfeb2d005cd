"""A skewed start: the ODE keeps it, churn forgets it."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from sampler_bench import models, solvers
from sampler_bench.bench.measure.profiles.mode_mass import ModeMass
from sampler_bench.bench.measure.profiles.probe import Drawn
from sampler_bench.solvers import SeedNoise

LEVELS = (0.002, 0.3, 3.0, 40.0, 80.0)
TWO = models.load("exact-two-points")


def drawn(seeds):
    noise = SeedNoise(seeds, torch.device("cpu"))
    return Drawn(noise.latents(TWO.shape), noise=noise)


def masses(skew, seeds=range(400), **sampler):
    return ModeMass(LEVELS, solvers.build(**sampler), skew=skew)(TWO, drawn(seeds)).numpy()


@pytest.mark.parametrize("skew", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("schedule", ["linear", "vp"])
def test_the_ode_keeps_quantiles_at_every_level(skew, schedule):
    given = drawn(range(400))
    expected = np.where(given.latents.flatten().numpy() > -skew, 0.5, -0.5)
    found = masses(skew, steps=18, schedule=schedule, sigma_min=0.002, sigma_max=80)
    assert (found == expected[:, None]).all()
    exact = norm.cdf(skew) - 0.5  # of the start, and so of the exact flow's end
    assert abs(found[:, 0].mean() - exact) < 3 * 0.5 / 20


def test_churn_forgets_the_start_and_begins_with_it():
    found = masses(1.0, steps=18, S_churn=18 * (2**0.5 - 1)).mean(0)
    assert abs(found[-1] - (norm.cdf(1) - 0.5)) < 3 * 0.025
    assert abs(found[0]) < 3 * 0.025
    assert found[0] < found[2] < found[3] < found[4]


def test_a_start_is_the_share_of_latents_and_asks_nothing():
    probe = ModeMass(LEVELS, solvers.build(), skew=0.5, of="start")
    given = drawn(range(50))
    found = probe(TWO, given).numpy()
    assert probe.evaluations(TWO) == 0
    assert (found == np.where(given.latents.reshape(-1, 1) > -0.5, 0.5, -0.5)).all()
    assert probe.shown(TWO, given) == {}


def test_values_do_not_depend_on_the_batch():
    whole = masses(1.0, seeds=range(12), steps=6, S_churn=3)
    parts = [masses(1.0, seeds=part, steps=6, S_churn=3) for part in (range(5), range(5, 12))]
    assert (whole == np.concatenate(parts)).all()


def test_states_are_kept_to_be_drawn():
    kept = ModeMass(LEVELS, solvers.build(steps=5), skew=1.0).shown(TWO, drawn(range(3)))
    assert kept["x"].shape == (3, 10)
    assert kept["sigma"][[0, -1]].tolist() == [80, 0]
    assert kept["x"][:, 0] == pytest.approx(80 * (kept["unskewed"] + 1))
    assert abs(kept["x"][:, -1]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: ModeMass(LEVELS, solvers.build(solver="rk45")), "steps"),
        (
            lambda: ModeMass(LEVELS, solvers.build()).check(models.load("exact-mixture-moons")),
            "a model of one number",
        ),
    ],
)
def test_what_cannot_be_is_refused(made, message):
    with pytest.raises(ValueError, match=message) as error:
        made()
    assert "\n" not in str(error.value)
