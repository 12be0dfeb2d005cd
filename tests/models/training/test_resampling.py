"""Affine maps of images: filters, borders, and accuracy on pictures known everywhere."""

import numpy as np
import pytest
import pywt
import torch

from sampler_bench.models.training.resampling import DELAY, SYM6, warp

EYE = torch.eye(2, dtype=torch.float64)[None]
STILL = torch.zeros(1, 2, dtype=torch.float64)


def noise_image(height, width, channels=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=generator, dtype=torch.float64)


def mirrored(index, size):
    """Reflect about the centres of the first and the last pixel, as often as needed."""
    period = 2 * (size - 1)
    index = np.abs(index) % period
    return np.where(index < size, index, period - index)


def test_taps_are_pywavelets():
    assert pytest.approx(pywt.Wavelet("sym6").dec_lo, abs=1e-15) == list(SYM6)


def test_delay_is_exact_up_to_the_second_degree():
    k, taps = np.arange(12), np.array(SYM6) / sum(SYM6)
    assert float((k * taps).sum()) == pytest.approx(DELAY)
    assert float((k**2 * taps).sum()) == pytest.approx(DELAY**2)


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (17, 23), (28, 28), (64, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_identity_gives_the_image_back(size, channels):
    image = noise_image(*size, channels)
    torch.testing.assert_close(warp(image, EYE, STILL), image, rtol=0, atol=1e-10)
    single = warp(image.float(), EYE, STILL)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single, image.float(), rtol=0, atol=3e-5)


@pytest.mark.parametrize("shift", [(3, 0), (0, -2), (5, 7), (-40, 100), (1000, -3)])
@pytest.mark.parametrize("size", [(16, 16), (17, 23)])
def test_whole_pixels_are_moved_exactly_and_borders_reflect(shift, size):
    """To the right and down; white noise has all frequencies, so nothing is lost either."""
    image = noise_image(*size)
    moved = warp(image, EYE, torch.tensor([shift], dtype=torch.float64))
    rows = mirrored(np.arange(size[0]) - shift[1], size[0])
    columns = mirrored(np.arange(size[1]) - shift[0], size[1])
    expected = image[:, :, rows][:, :, :, columns]
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (2, 2), (2, 9), (3, 3)])
def test_tiny_images(size):
    image = noise_image(*size)
    torch.testing.assert_close(warp(image, EYE, STILL), image, rtol=0, atol=1e-10)
    assert torch.isfinite(warp(image, 1.3 * EYE, STILL + 0.3)).all()


def test_what_is_constant_stays_so():
    turned = torch.tensor([[[0.3, -1.1], [0.9, 0.4]]], dtype=torch.float64)
    image = torch.full((1, 1, 19, 16), 0.7, dtype=torch.float64)
    torch.testing.assert_close(warp(image, turned, STILL + 3.3), image, rtol=0, atol=1e-10)


def cosines(kx, ky, p, size):
    """A picture that is its own reflection beyond the borders, at p [..., 2] = (x, y)."""
    height, width = size
    x, y = p[..., 0], p[..., 1]
    return np.cos(np.pi * kx * x / (width - 1)) * np.cos(np.pi * ky * y / (height - 1))


def grid(size):
    x, y = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    return np.stack([x, y], -1).astype(float)


@pytest.mark.parametrize("size", [(16, 16), (31, 25), (64, 64)])
@pytest.mark.parametrize("half_waves", [(1, 0), (0, 1), (1, 2), (3, 2), (3, 4)])
def test_error_on_waves_known_everywhere(size, half_waves):
    """It is that of bilinear interpolation at twice the resolution, and little more.

    Which is (2πf/2)²/8 for f periods per pixel, or 1.23·f², in each direction.
    """
    generator = torch.Generator().manual_seed(1)
    linear = EYE + 0.25 * torch.randn(20, 2, 2, generator=generator, dtype=torch.float64)
    linear = linear[torch.linalg.det(linear) > 0.6]
    shift = 3 * torch.randn(len(linear), 2, generator=generator, dtype=torch.float64)
    kx, ky = half_waves
    fx, fy = (k / 2 / (n - 1) for k, n in zip(half_waves, reversed(size), strict=True))
    centre = (np.array([size[1], size[0]]) - 1) / 2
    image = torch.tensor(cosines(kx, ky, grid(size), size))[None, None]
    made = warp(image.expand(len(linear), -1, -1, -1), linear, shift)[:, 0].numpy()
    for picture, matrix, offset in zip(made, linear.numpy(), shift.numpy(), strict=True):
        sources = (grid(size) - centre - offset) @ np.linalg.inv(matrix).T + centre
        assert np.abs(picture - cosines(kx, ky, sources, size)).max() < 2 * (fx**2 + fy**2)


def test_stripes_too_fine_for_the_result_vanish():
    """0.4 waves per pixel become 0.8: taken pixel by pixel, they would come back as 0.2."""
    size = (33, 41)
    image = torch.tensor(cosines(32, 0, grid(size), size))[None, None]
    shrunk = warp(image, 0.5 * EYE, STILL)
    assert 0.7 < float(image.std()) < 0.72
    assert float(shrunk.std()) < 0.05
    broad = torch.tensor(cosines(8, 0, grid(size), size))[None, None]  # 0.1 become 0.2: they stay
    assert float(warp(broad, 0.5 * EYE, STILL).std()) > 0.6


def test_each_image_on_its_own():
    generator = torch.Generator().manual_seed(2)
    images = torch.cat([noise_image(16, 16, 3, seed).float() for seed in range(5)])
    linear = EYE + 0.3 * torch.randn(5, 2, 2, generator=generator, dtype=torch.float64)
    shift = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    together = warp(images, linear, shift)
    alone = [warp(images[i : i + 1], linear[i : i + 1], shift[i : i + 1]) for i in range(5)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=3e-5)
