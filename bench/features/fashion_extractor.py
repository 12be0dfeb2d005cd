"""The ``fashion`` features in torch-fidelity's terms. Import it through `register` only."""

from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from sampler_bench.bench.features.fashion_net import FEATURES, FashionNet, to_native
from sampler_bench.bench.features.fidelity import require

NAME = "fashion"
FEATURE_LAYER = str(FEATURES)
WEIGHTS = Path(__file__).with_name("weights") / "fashion.safetensors"


def load_net(weights: Path = WEIGHTS) -> FashionNet:
    """The trained network, in evaluation mode, on the CPU.

    Raises ValueError, naming the file, if it cannot be read or holds another network's weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    net = FashionNet()
    # Counters of batches are not stored: evaluation does not use them.
    expected = {n: t for n, t in net.state_dict().items() if not n.endswith("num_batches_tracked")}
    try:
        stored = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{weights}: cannot be read as safetensors weights: {error}") from error
    if {n: t.shape for n, t in stored.items()} != {n: t.shape for n, t in expected.items()}:
        raise ValueError(f"{weights}: not the weights of the fashion network")
    net.load_state_dict(stored, strict=False)
    return net.eval()


@cache
def register() -> None:
    """Makes the extractor known to torch-fidelity as ``fashion``; later calls do nothing.

    Layers: ``96`` (penultimate, for FID, KID, precision and recall) and ``logits`` (for IS).
    Input: uint8 [n, 1 or 3, H, W]; sizes other than 28x28 are resized inside. Raises ValueError if
    torch-fidelity cannot be imported.
    """
    base = require("feature_extractor_base").FeatureExtractorBase

    class FashionExtractor(base):  # type: ignore[misc, valid-type]
        def __init__(
            self,
            name: str,
            features_list: list[str],
            feature_extractor_weights_path: str | None = None,
            **_: Any,
        ) -> None:
            super().__init__(name, features_list)
            self.net = load_net(Path(feature_extractor_weights_path or WEIGHTS))

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return (FEATURE_LAYER, "logits")

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else FEATURE_LAYER

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            features = self.net.features(to_native(images))
            layers = {FEATURE_LAYER: features, "logits": self.net.classify(features)}
            return tuple(layers[name] for name in self.features_list)

    require("registry").register_feature_extractor(NAME, FashionExtractor)
