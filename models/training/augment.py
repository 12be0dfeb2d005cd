"""Non-leaky augmentation: images are transformed, and the network is told how (EDM, F.2, Table 6).

At sampling the network is told that nothing was done, so that nothing of it shows in samples.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sampler_bench.models.training.resampling import warp

LABELS = 9
"""Length of the conditioning vector: a network's ``augment_dim``."""
_TRANSFORMS = ("x-flip", "y-flip", "scale", "rotate", "anisotropy", "translate")
_NUMBERS = 8


@dataclass(frozen=True)
class Parameters:
    """What is done to each of B images, in Table 6's terms.

    Attributes:
        enabled: bool [B, 6]: x-flip, y-flip, scale, rotate, anisotropy, translate.
        a: float64 [B, 8]: a_0 … a_7; those of transforms that are not enabled have no effect.
    """

    enabled: Tensor
    a: Tensor

    def labels(self) -> Tensor:
        """Return the conditioning vectors, float32 [B, 9]; 0 where not enabled.

        Anisotropy's (a_5·cos a_4, a_5·sin a_4) says how strong it is, but not whether a_4 is the
        direction stretched or shrunk: (a_4 + π, −a_5) has the same. It is the paper's all the same.
        """
        a = self._effective()
        columns = [a[0], a[1], a[2], a[3].cos() - 1, a[3].sin()]
        columns += [a[5] * a[4].cos(), a[5] * a[4].sin(), a[6], a[7]]
        return torch.stack(columns, 1).to(torch.float32)

    def apply(self, images: Tensor) -> Tensor:
        """Return ``images`` [B, C, H, W] transformed.

        Flips move pixels. All else is one affine map, resampled once; images that have none are not
        resampled at all.
        """
        a = self._effective()
        x_flip, y_flip = ((a[i] == 1).to(images.device).reshape(-1, 1, 1, 1) for i in range(2))
        images = torch.where(x_flip, images.flip(3), images)
        images = torch.where(y_flip, images.flip(2), images)
        moved = self.enabled[:, 2:].any(1).nonzero()[:, 0]
        if not len(moved):
            return images
        linear, shift = self._affine(images.shape[2], images.shape[3])
        here = moved.to(images.device)
        return images.index_copy(0, here, warp(images[here], linear[moved], shift[moved]))

    def _effective(self) -> tuple[Tensor, ...]:
        """Return a_0 … a_7, [B] each, with 0 (which does nothing) where not enabled."""
        transform = torch.tensor([0, 1, 2, 3, 4, 4, 5, 5], device=self.enabled.device)
        return torch.where(self.enabled[:, transform], self.a, 0.0).unbind(1)

    def _affine(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return scale, then rotation, anisotropy and translation: [B, 2, 2] and [B, 2] pixels.

        y points down. So Rotate2D(−a_3) turns the picture counter-clockwise for a_3 > 0, and a_4 is
        counted counter-clockwise as well.
        """
        _, _, a2, a3, a4, a5, a6, a7 = self._effective()
        k = 2 ** (0.2 * a5)
        scale = _diagonal(2 ** (0.2 * a2), 2 ** (0.2 * a2))
        anisotropy = _rotation(-a4) @ _diagonal(k, 1 / k) @ _rotation(a4)
        shift = torch.stack([a6 * width / 8, a7 * height / 8], 1)
        return anisotropy @ _rotation(-a3) @ scale, shift


@dataclass(frozen=True)
class Augmentation:
    """Draws and applies transforms.

    Attributes:
        probability: A_prob, the probability of each transform; 0 for no augmentation. The x-flip is
            always on if there is any augmentation, and so done to every second image.
        flips: Whether images are flipped; ``False`` where a mirror image is another thing.

    Raises:
        ValueError: If the probability is not within [0, 1].
    """

    probability: float
    flips: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"augmentation: probability = {self.probability!r} is not in [0, 1]")

    def parameters(self, u: Tensor) -> Parameters:
        """Return the parameters that come of ``u`` [n, 14], uniform in [0, 1)."""
        chances = torch.full((len(_TRANSFORMS),), self.probability, dtype=torch.float64)
        chances[0] = float(self.probability > 0)
        if not self.flips:
            chances[:2] = 0
        enabled = u[:, : len(_TRANSFORMS)] < chances.to(u.device)
        u = u[:, len(_TRANSFORMS) :]
        coin = (u >= 0.5).double()
        angle = (2 * u - 1) * math.pi
        normal = torch.special.ndtri(u.clamp(min=2.0**-54))
        laws = [coin, coin, normal, angle, angle, normal, normal, normal]  # of a_0 … a_7
        return Parameters(enabled, torch.stack([law[:, i] for i, law in enumerate(laws)], 1))


def _rotation(angle: Tensor) -> Tensor:
    """Return Rotate2D of ``angle`` [B]: [B, 2, 2]."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos, -sin, sin, cos], 1).reshape(-1, 2, 2)


def _diagonal(x: Tensor, y: Tensor) -> Tensor:
    """Return Scale2D(x, y) of ``x`` and ``y`` [B]: [B, 2, 2]."""
    return torch.stack([x, y], 1).diag_embed()
