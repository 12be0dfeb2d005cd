"""Networks as they were before training."""

import pytest
import torch

from sampler_bench import models
from sampler_bench.models.training.config import Parts, read
from sampler_bench.models.untrained import untrained


def test_initial_weights_are_those_that_training_begins_with():
    model, configuration = models.load("fashion-edm-vp"), read("fashion-edm-vp")
    seed = configuration.training.seed
    began = Parts(configuration, (1, 28, 28)).denoiser().model.state_dict()
    fresh = untrained(model, seed).model.state_dict()
    assert began.keys() == fresh.keys()
    assert all(torch.equal(began[name], fresh[name]) for name in began)
    other = untrained(model, seed + 1).model.state_dict()
    assert any(not torch.equal(began[name], other[name]) for name in began)


def test_unknown_architectures_are_refused():
    model = models.load("fashion-vp")
    model.recipe = ("UNet2DModel", {})
    with pytest.raises(ValueError, match="UNet2DModel"):
        untrained(model, 0)
