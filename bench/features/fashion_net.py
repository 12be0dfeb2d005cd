"""The network behind the ``fashion`` features: a small classifier of Fashion-MNIST."""

from torch import Tensor, nn
from torch.nn import functional

CLASSES = 10
FEATURES = 96
SIDE = 28
# Mean and standard deviation of the 60,000 training images' pixels on the scale 0..1.
PIXEL_MEAN = 0.2860
PIXEL_STD = 0.3530


class FashionNet(nn.Module):
    """Six 3x3 convolutions with batch norm, average pooling to features, and a linear classifier.

    Input: grey images [n, 1, 28, 28] of any dtype with values in 0..255.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _block(1, 24),
            _block(24, 32),
            nn.MaxPool2d(2),
            _block(32, 48),
            _block(48, 64),
            nn.MaxPool2d(2),
            _block(64, 96),
            _block(96, FEATURES),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classify = nn.Linear(FEATURES, CLASSES)

    def features(self, images: Tensor) -> Tensor:
        """Penultimate layer, [n, 96], non-negative."""
        pixels = images.to(self.classify.weight.dtype) / 255
        result: Tensor = self.body((pixels - PIXEL_MEAN) / PIXEL_STD)
        return result

    def forward(self, images: Tensor) -> Tensor:
        """Class logits, [n, 10]."""
        result: Tensor = self.classify(self.features(images))
        return result


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def to_native(images: Tensor) -> Tensor:
    """[n, 1 or 3, H, W] in 0..255 to grey [n, 1, 28, 28] float, resized with antialiasing.

    Colour becomes the mean of its channels, so that a grey image repeated three times is unchanged.
    Raises ValueError for another number of channels.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"fashion features: images have shape {tuple(images.shape)}, "
            "expected [n, 1, H, W] or [n, 3, H, W]"
        )
    grey = images.float().mean(dim=1, keepdim=True)
    if grey.shape[2:] == (SIDE, SIDE):
        return grey
    return functional.interpolate(
        grey, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
    )
