"""Makers' scripts: how the zoo is judged."""

import pytest
import torch

from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.frechet import frechet
from sampler_bench.bench.features.moments import Moments
from sampler_bench.models.zoo.exact import fashion_images
from tools.zoo_quality import _judged, _reference, _root


def test_real_images_are_near_and_of_all_classes():
    images, labels, _ = fashion_images()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    found = _judged(images[order].chunk(20))
    moments = Moments.from_features(build_extractor("fashion")(images).numpy())
    assert found["distance"] == pytest.approx(frechet(moments, _reference()), rel=1e-9)
    assert found["samples"] == 2000
    assert found["classes"] == pytest.approx([0.1] * 10, abs=0.02)
    assert sum(found["classes"]) == pytest.approx(1)
    assert 0 < found["se"] < found["distance"]
    shoes = _judged(images[labels == 7].chunk(20))
    assert shoes["classes"][7] > 0.9
    assert shoes["distance"] > 20 * found["distance"]


def test_the_gaussian_has_the_covariance_it_is_given():
    a = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    covariance = a @ a.T  # singular, as of pixels that are always black
    torch.testing.assert_close(_root(covariance) @ _root(covariance), covariance)
    assert not _root(covariance).isnan().any()
