import numpy as np
import pytest
import torch

from sampler_bench.bench.features.moments import Moments


def features(n: int, d: int = 12) -> np.ndarray:
    rng = np.random.default_rng(n)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + 3


def test_mean_and_covariance_are_numpys():
    f = features(300)
    moments = Moments.from_features(f)
    np.testing.assert_allclose(moments.mean, f.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.cov, np.cov(f, rowvar=False), rtol=1e-10, atol=1e-10)


def test_shards_of_any_size_add_up_to_the_whole():
    f = features(300)
    whole = Moments.from_features(f)
    parts = [Moments.from_features(part) for part in np.split(f, [1, 8, 150])]
    merged = parts[0] + parts[1] + parts[2] + parts[3]
    assert merged.n == 300
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(merged.cov, whole.cov, rtol=1e-11)
    rest = merged - parts[3]
    np.testing.assert_allclose(rest.cov, np.cov(f[:150], rowvar=False), rtol=1e-10, atol=1e-10)


def test_float32_tensors_are_summed_in_float64():
    f = torch.full((100_000, 1), 0.1)
    assert Moments.from_features(f).sum[0] == pytest.approx(100_000 * float(f[0]), rel=1e-12)


def test_pack_keeps_everything_in_half_the_space():
    moments = Moments.from_features(features(20))
    arrays = moments.pack()
    assert arrays["outer"].shape == (12 * 13 // 2,)
    again = Moments.unpack(arrays | {"nfe": np.zeros(3)})
    assert again.n == 20
    np.testing.assert_array_equal(again.sum, moments.sum)
    np.testing.assert_array_equal(again.outer, moments.outer)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 3, 4))])
def test_features_must_be_a_matrix(bad):
    with pytest.raises(ValueError, match=r"expected \[n, d\]"):
        Moments.from_features(bad)


def test_features_that_are_not_finite_are_counted():
    f = features(5)
    f[1, 2], f[3, 0], f[3, 1] = np.nan, np.inf, np.nan
    with pytest.raises(ValueError, match="2 of 5 feature vectors are not finite"):
        Moments.from_features(f)


def test_one_vector_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2 feature vectors, got 1"):
        _ = Moments.from_features(features(1)).cov


def test_dimensions_must_agree():
    with pytest.raises(ValueError, match="12 and 3"):
        Moments.from_features(features(5)) + Moments.from_features(features(5, 3))


def test_stored_moments_that_do_not_fit():
    arrays = Moments.from_features(features(5)).pack()
    with pytest.raises(ValueError, match="lack the array 'sum'"):
        Moments.unpack({"n": arrays["n"]})
    with pytest.raises(ValueError, match=r"shape \(77,\), expected \(78,\)"):
        Moments.unpack(arrays | {"outer": arrays["outer"][1:]})
