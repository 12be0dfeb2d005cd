"""Augmentation: each transform, their order, their laws and their labels (EDM, Table 6)."""

import cmath
import math

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from sampler_bench.models.training.augment import LABELS, Augmentation, Parameters
from tests.models.training.randoms import augmented, random_parameters

X_FLIP, Y_FLIP, SCALE, ROTATE, ANISOTROPY, TRANSLATE = range(6)
NUMBERS = {SCALE: [2], ROTATE: [3], ANISOTROPY: [4, 5], TRANSLATE: [6, 7]}
SIZES = [(16, 16), (28, 28), (33, 27), (64, 64)]


def only(*transforms, **numbers):
    """Return the parameters of one image with these transforms and a_i = numbers["a<i>"]."""
    enabled, a = torch.zeros(1, 6, dtype=torch.bool), torch.zeros(1, 8, dtype=torch.float64)
    enabled[0, list(transforms)] = True
    for name, value in numbers.items():
        a[0, int(name[1:])] = value
    return Parameters(enabled, a)


def drawn(*transforms, n=12, seed=0):
    """Return random parameters of ``n`` images with these transforms and no others."""
    enabled = torch.zeros(n, 6, dtype=torch.bool)
    enabled[:, list(transforms)] = True
    return Parameters(enabled, random_parameters(Augmentation(1.0), n, generator(seed)).a)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth(size, channels=1, seed=0):
    """Return an image of up to three half waves in each direction, [1, C, H, W] float64."""
    gen = generator(seed)
    image = torch.zeros(1, channels, *size, dtype=torch.float64)
    rows, columns = (
        [torch.cos(math.pi * k * torch.arange(n).double() / (n - 1)) for k in range(4)]
        for n in size
    )
    for row in rows:
        for column in columns:
            weight = torch.randn(1, channels, 1, 1, generator=gen, dtype=torch.float64)
            image += weight * row[:, None] * column
    return image / image.abs().max()


def noise_images(n, channels=1, size=(16, 16)):
    return torch.rand(n, channels, *size, generator=generator(9)) * 2 - 1


def moved(z, size, enabled, a):
    """Where a point goes; z = x + iy from the centre in pixels, y pointing **up**."""
    if enabled[SCALE]:
        z = z * (2**0.2) ** a[2]
    if enabled[ROTATE]:
        z = z * cmath.exp(1j * a[3])
    if enabled[ANISOTROPY]:
        along, k = cmath.exp(1j * a[4]), (2**0.2) ** a[5]
        w = z / along
        z = (w.real * k + 1j * w.imag / k) * along
    if enabled[TRANSLATE]:
        z = z + a[6] * size[1] / 8 - 1j * a[7] * size[0] / 8
    return z


def by_scipy(image, enabled, a):
    """Return one image [H, W], transformed by cubic splines."""
    size = image.shape

    def place(row, column):
        z = moved(complex(column, -row), size, enabled, a)
        return np.array([-z.imag, z.real])

    zero = place(0.0, 0.0)
    matrix = np.stack([place(1.0, 0.0) - zero, place(0.0, 1.0) - zero], 1)
    back = np.linalg.inv(matrix)
    centre = (np.array(size) - 1) / 2
    offset = centre - back @ (centre + zero)
    return ndimage.affine_transform(image, back, offset, order=3, mode="mirror")


def largest_difference(images, parameters):
    made = parameters.apply(images.expand(len(parameters.a), -1, -1, -1)).numpy()
    worst = 0.0
    for picture, enabled, a in zip(made, parameters.enabled, parameters.a.tolist(), strict=True):
        for channel, source in zip(picture, images[0].numpy(), strict=True):
            worst = max(worst, np.abs(channel - by_scipy(source, enabled, a)).max())
    return worst


def interpolation_error(size):
    """Bound for ``smooth`` images: bilinear interpolation's falls with the square of the size."""
    return 4.5 / (min(size) - 1) ** 2  # measured: up to 3.7; 0.016 of 1 at 16², 0.0009 at 64²


# each transform


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("transform", NUMBERS, ids=["scale", "rotate", "anisotropy", "translate"])
def test_each_against_scipy(transform, size):
    assert largest_difference(smooth(size), drawn(transform)) < interpolation_error(size)


@pytest.mark.parametrize("size", SIZES)
def test_all_together_in_the_documented_order_against_scipy(size):
    parameters = drawn(*NUMBERS, n=20)
    assert largest_difference(smooth(size, channels=3), parameters) < interpolation_error(size)


def blob(x, y, size=32, width=2.0, height=2.0):
    """A Gaussian with its centre x to the right of and y above that of the picture, in pixels."""
    along = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    return torch.exp(-0.5 * (((along - x) / width) ** 2 + ((along[:, None] + y) / height) ** 2))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (only(SCALE, a2=5.0), blob(6, 4, width=4, height=4)),  # twice as large
        (only(ROTATE, a3=math.pi / 2), blob(-2, 3)),  # a quarter turn counter-clockwise
        (only(ROTATE, a3=math.pi), blob(-3, -2)),
        (only(ANISOTROPY, a4=0.0, a5=5.0), blob(6, 1, width=4, height=1)),  # twice as wide
        (only(ANISOTROPY, a4=math.pi / 2, a5=5.0), blob(1.5, 4, width=1, height=4)),
        (only(TRANSLATE, a6=1.0), blob(7, 2)),  # an eighth to the right
        (only(TRANSLATE, a7=1.0), blob(3, -2)),  # and down
        (only(TRANSLATE, a6=-0.375, a7=-0.125), blob(1.5, 2.5)),
    ],
)
def test_directions_on_a_blob(parameters, expected):
    made = parameters.apply(blob(3, 2)[None, None])[0, 0]
    near = expected > 1e-4  # shrunk pictures are continued by their reflections
    # bilinear interpolation loses up to 6 % at the peak of a blob as narrow as these
    assert float((made - expected)[near].abs().max()) < 0.07
    assert centroid(made * near) == pytest.approx(centroid(expected * near), abs=0.02)


def centroid(picture):
    """Return x and y (up) from the centre, in pixels."""
    row, column = ndimage.center_of_mass(picture.numpy())
    middle = (len(picture) - 1) / 2
    return column - middle, middle - row


def test_anisotropy_stretches_counter_clockwise_of_the_x_axis():
    """a_4 = 45° stretches along the diagonal from lower left to upper right."""
    stretch = only(ANISOTROPY, a4=math.pi / 4, a5=5.0)
    for (x, y), factor in {(3.0, 3.0): 2, (3.0, -3.0): 0.5}.items():
        made = stretch.apply(blob(x, y)[None, None])[0, 0]
        near = blob(factor * x, factor * y, width=5, height=5) > 0.1
        assert centroid(made * near) == pytest.approx((factor * x, factor * y), abs=0.1)


def test_scale_and_rotation_come_before_translation():
    """A blob in the middle stays there unless it has been translated before."""
    done = only(SCALE, ROTATE, TRANSLATE, a2=2.0, a3=1.0, a6=1.0).apply(blob(0, 0)[None, None])
    assert centroid(done[0, 0]) == pytest.approx((4, 0), abs=0.02)


def test_rotation_comes_before_anisotropy():
    turned_then_wide = only(ROTATE, ANISOTROPY, a3=math.pi / 2, a4=0.0, a5=2.5)
    done = turned_then_wide.apply(blob(0, 4)[None, None])
    assert centroid(done[0, 0]) == pytest.approx((-4 * 2**0.5, 0), abs=0.05)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("transform", "axis"), [(X_FLIP, 3), (Y_FLIP, 2)])
def test_flips_move_pixels_exactly(transform, axis, size):
    images = noise_images(1, 3, size)
    made = only(transform, a0=1.0, a1=1.0).apply(images)
    assert torch.equal(made, images.flip(axis))
    assert torch.equal(only(transform).apply(images), images)


def test_flips_come_first():
    images = smooth((32, 32))
    both = only(X_FLIP, TRANSLATE, a0=1.0, a6=1.0).apply(images)
    translated = only(TRANSLATE, a6=1.0).apply(images.flip(3))
    assert torch.equal(both, translated)


# what is left alone


@pytest.mark.parametrize("channels", [1, 3])
def test_probability_0_changes_no_bit(channels):
    images = noise_images(50, channels)
    made, labels = augmented(Augmentation(0.0), images, generator())
    assert torch.equal(made, images)
    assert torch.equal(labels, torch.zeros(50, LABELS))


def test_images_without_a_transform_are_not_resampled():
    images = noise_images(400)
    made, labels = augmented(Augmentation(0.12), images, generator())
    still = (labels[:, 1:] == 0).all(1)
    flipped = still & (labels[:, 0] == 1)
    assert 50 < int(flipped.sum()) < int(still.sum()) < 300
    assert torch.equal(made[still & ~flipped], images[still & ~flipped])
    assert torch.equal(made[flipped], images[flipped].flip(3))
    assert ((made - images)[~still].abs().amax((1, 2, 3)) > 0.01).all()


def test_the_images_given_are_not_written_to():
    images = noise_images(20)
    before = images.clone()
    augmented(Augmentation(1.0), images, generator())
    assert torch.equal(images, before)


def test_numbers_of_disabled_transforms_have_no_effect():
    a = random_parameters(Augmentation(1.0), 5, generator()).a
    off = Parameters(torch.zeros(5, 6, dtype=torch.bool), a)
    images = noise_images(5)
    assert torch.equal(off.apply(images), images)
    assert torch.equal(off.labels(), torch.zeros(5, LABELS))


# labels and laws


def test_labels_are_those_of_table_6():
    parameters = random_parameters(Augmentation(0.5), 300, generator())
    for row, on, a in zip(
        parameters.labels().tolist(),
        parameters.enabled.tolist(),
        parameters.a.tolist(),
        strict=True,
    ):
        expected = [
            a[0] * on[0],
            a[1] * on[1],
            a[2] * on[2],
            (math.cos(a[3]) - 1) * on[3],
            math.sin(a[3]) * on[3],
            a[5] * math.cos(a[4]) * on[4],
            a[5] * math.sin(a[4]) * on[4],
            a[6] * on[5],
            a[7] * on[5],
        ]
        assert row == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("probability", [0.12, 1.0])
def test_how_often_each_is_enabled(probability):
    n = 20_000
    enabled = random_parameters(Augmentation(probability), n, generator()).enabled.double()
    spread = 4 * math.sqrt(probability * (1 - probability) / n)
    assert bool(enabled[:, X_FLIP].all())
    assert enabled[:, 1:].mean(0).tolist() == pytest.approx([probability] * 5, abs=spread)
    if probability < 1:  # independently of each other
        assert np.corrcoef(enabled[:, 1:].T) == pytest.approx(np.eye(5), abs=4 / math.sqrt(n))


def test_laws_of_the_numbers():
    n = 20_000
    a = random_parameters(Augmentation(0.12), n, generator()).a.numpy()
    for i in (0, 1):
        assert set(a[:, i]) == {0.0, 1.0}
        assert a[:, i].mean() == pytest.approx(0.5, abs=2 / math.sqrt(n))
    for i in (2, 5, 6, 7):
        assert stats.kstest(a[:, i], "norm").pvalue > 0.01
    for i in (3, 4):
        assert stats.kstest(a[:, i], stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 0.01
    assert np.corrcoef(a.T) == pytest.approx(np.eye(8), abs=4.5 / math.sqrt(n))


def test_half_of_all_images_are_mirrored_whatever_the_probability():
    _, labels = augmented(Augmentation(0.01), torch.zeros(4000, 1, 2, 2), generator())
    assert float(labels[:, 0].mean()) == pytest.approx(0.5, abs=0.03)
    assert float(labels[:, 1].mean()) == pytest.approx(0.005, abs=0.005)


def test_without_flips():
    _, labels = augmented(Augmentation(1.0, flips=False), torch.zeros(100, 1, 2, 2), generator())
    assert (labels[:, :2] == 0).all()
    assert (labels[:, 2:] != 0).all()


# how it is called


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES)
def test_the_generator_decides_all(channels, size):
    images = noise_images(6, channels, size)
    first, again, other = (
        augmented(Augmentation(0.5), images, generator(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[1], other[1])
    assert first[0].shape == images.shape
    assert first[0].dtype == first[1].dtype == torch.float32
    assert first[1].shape == (6, LABELS)


def test_each_image_depends_on_its_own_parameters_alone():
    images, parameters = noise_images(9, 3), random_parameters(Augmentation(0.6), 9, generator())
    together = parameters.apply(images)
    for i in range(9):
        alone = Parameters(parameters.enabled[i : i + 1], parameters.a[i : i + 1])
        torch.testing.assert_close(
            alone.apply(images[i : i + 1])[0], together[i], rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_impossible_probabilities(probability):
    with pytest.raises(ValueError, match="probability"):
        Augmentation(probability)
