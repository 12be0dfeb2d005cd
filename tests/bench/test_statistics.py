"""The statistics that ship, and what ``reference`` stands for."""

from types import SimpleNamespace

import pytest

from sampler_bench.bench.features.extractors import build_extractor
from sampler_bench.bench.features.frechet import frechet
from sampler_bench.bench.features.moments import Moments
from sampler_bench.bench.features.references import ReferenceSource
from sampler_bench.bench.features.statistics import SHIPPED
from sampler_bench.models import Card
from sampler_bench.models.data.sizing import pad, resize
from sampler_bench.models.zoo.exact import fashion_images


def model(reference=None, shape=(1, 28, 28)):
    """Return all that a reference asks a network for."""
    return SimpleNamespace(shape=shape, card=Card(digest="0" * 64, reference=reference))


def test_the_shipped_statistics_are_there():
    assert sorted(SHIPPED) == ["fashion-mnist-16x16", "fashion-mnist-28x28"]


@pytest.mark.parametrize("name", SHIPPED)
def test_2000_of_the_images_are_near_the_statistics_of_all(name):
    images, _, _ = fashion_images()
    if "16" in name:
        images = resize(pad(images, 32, "test"), 16, "test")
    extractor = build_extractor("fashion")
    source = ReferenceSource(name, model(shape=images.shape[1:]), extractor)
    source.check(features=False)
    distance = frechet(Moments.from_features(extractor(images).numpy()), source.statistics())
    other = ReferenceSource(sorted(set(SHIPPED) - {name})[0], source.model, extractor)
    farther = frechet(Moments.from_features(extractor(images).numpy()), other.statistics())
    assert 0 < distance < 0.1
    assert farther > 5 * distance
    with pytest.raises(ValueError, match="cannot be compared"):
        other.check(features=False)


def test_a_network_s_own_reference_is_its_data_set_s():
    extractor = build_extractor("fashion")
    own = ReferenceSource("model", model("fashion-mnist-28x28"), extractor)
    named = ReferenceSource("fashion-mnist-28x28", model(), extractor)
    assert not own.is_own
    assert own.kind == named.kind == "file"
    assert own.digest == named.digest == own.statistics().digest


def test_without_one_the_grid_has_to_give_it():
    source = ReferenceSource("model", model(), build_extractor("fashion"))
    assert source.is_own
    with pytest.raises(ValueError, match="true data are not known"):
        source.check(features=False)


def test_a_name_that_is_none_is_refused_with_the_nearest():
    source = ReferenceSource("fashion-mnist-28x82", model(), build_extractor("fashion"))
    with pytest.raises(ValueError, match="did you mean 'fashion-mnist-28x28'"):
        source.check(features=False)


def test_other_features_are_refused():
    source = ReferenceSource("fashion-mnist-28x28", model(), build_extractor("pixels"))
    with pytest.raises(ValueError, match=r"dimension 96|made with features"):
        source.check(features=False)
