"""NFE, counted per sample."""

import pytest
import torch

from sampler_bench import models, solvers
from tests.solvers.mixtures import Recorder, gaussian

ONE = torch.tensor(1.0, dtype=torch.float64)


def test_a_call_on_a_batch_costs_one_evaluation_per_sample():
    counted = models.Counted(gaussian())
    assert counted.nfe == 0
    counted.begin(3)
    for _ in range(4):
        counted(torch.zeros(3, 2, dtype=torch.float64), ONE)
    assert (counted.nfe, counted.evaluations, counted.samples) == (4, 12, 3)


def test_the_mean_is_over_all_samples_so_far():
    counted, noise = models.Counted(gaussian()), solvers.SeedNoise(range(2))
    solvers.build(steps=18)(counted, noise.latents((2,)))
    assert counted.nfe == 35
    solvers.build(solver="euler", steps=15)(counted, noise.latents((2,)))
    assert counted.nfe == 25


def test_a_call_outside_a_sampler_counts_its_own_batch():
    counted = models.Counted(gaussian())
    counted(torch.zeros(5, 2, dtype=torch.float64), ONE)
    assert counted.nfe == 1


def test_each_sample_s_own_count_is_kept():
    counted = models.Counted(gaussian())
    counted.begin(3)
    counted(torch.zeros(3, 2, dtype=torch.float64), ONE)
    counted.only(torch.tensor([2]))(torch.zeros(1, 2, dtype=torch.float64), ONE)
    assert counted.per_sample.tolist() == [1, 1, 2]
    counted.begin(2)
    counted.only(torch.tensor([0]))(torch.zeros(1, 2, dtype=torch.float64), ONE)
    assert counted.per_sample.tolist() == [1, 1, 2, 1, 0]
    assert (counted.evaluations, counted.nfe) == (5, 1)


def test_a_part_of_a_part_is_counted_as_its_own_samples():
    counted = models.Counted(gaussian())
    counted.begin(4)
    part = counted.only(torch.tensor([3, 1, 0])).only(torch.tensor([0, 2]))
    part(torch.zeros(2, 2, dtype=torch.float64), ONE)
    assert counted.per_sample.tolist() == [1, 0, 0, 1]


def test_where_a_solver_does_not_say_which_samples_each_has_the_mean():
    counted = models.Counted(gaussian())
    counted.begin(4)
    counted(torch.zeros(2, 2, dtype=torch.float64), ONE)
    assert counted.per_sample.tolist() == [0.5] * 4


def test_samples_that_stop_early_cost_less():
    counted = models.Counted(gaussian())
    counted.begin(4)
    for remaining in (4, 2, 2):
        counted(torch.zeros(remaining, 2, dtype=torch.float64), ONE)
    assert counted.nfe == 2


def test_it_is_otherwise_the_denoiser_itself():
    inner = Recorder(gaussian(), smin=0.1, smax=5.0, grid=[0.1, 1.0, 5.0])
    counted, x = models.Counted(inner), torch.ones(2, 2, dtype=torch.float64)
    assert torch.equal(counted(x, ONE), inner(x, ONE))
    assert (counted.shape, counted.sigma_min, counted.sigma_max) == ((2,), 0.1, 5.0)
    assert counted.round_sigma(torch.tensor(0.8)) == pytest.approx(1.0)
