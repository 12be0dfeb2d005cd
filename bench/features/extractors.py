"""Feature extractors: images (or states) in, float64 feature vectors out."""

import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from sampler_bench.bench.features import fashion_extractor
from sampler_bench.bench.features.fidelity import require
from sampler_bench.bench.features.registry import EXTRACTORS
from sampler_bench.kit import own_files
from sampler_bench.kit.canonical import hash_of

# Counted from the start of each call, so that features do not depend on the sampler's batch size.
CHUNK = 250
INCEPTION = "inception-v3-compat"
INCEPTION_LAYER = "2048"
# The definition is the weights: change its version when the features change.
PIXELS = "pixels, version 1: state as is, uint8 p as p/127.5-1, flattened, float64"


@dataclass(frozen=True)
class Extractor:
    """A named map from images to feature vectors.

    ``digest`` identifies what it computes (sha256 of the weights file, or of the definition),
    ``dim`` is the length of a feature vector (None: that of the input), ``input`` is "uint8"
    (images [n, 1 or 3, H, W]) or "any" (also floating-point states [n, ...] in the model's units),
    ``files`` the SHA-256 of each of a user's own files that it is made of, by path.
    """

    name: str
    digest: str
    dim: int | None
    input: str
    compute: Callable[[Tensor], Tensor]
    files: Mapping[str, str] = field(default_factory=dict)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Features, float64 [n, dim], on the CPU.

        Raises ValueError if the images are of another type or shape than the extractor takes.
        """
        self._check(images)
        with _full_precision():
            return torch.cat(
                [self.compute(chunk).to("cpu", torch.float64) for chunk in images.split(CHUNK)]
            )

    def _check(self, images: Tensor) -> None:
        if self.input == "any":
            if images.ndim < 2:
                raise ValueError(
                    f"{self.name} features: the input has shape {tuple(images.shape)}, "
                    "expected [n, ...]"
                )
        elif images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(
                f"{self.name} features: the input is {images.dtype} of shape "
                f"{tuple(images.shape)}, expected uint8 [n, 1 or 3, H, W]"
            )


@contextmanager
def _full_precision() -> Iterator[None]:
    """TF32 off: it is on by default for convolutions and changes features by about 1e-3."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def _digest(weights: Path) -> str:
    try:
        return own_files.digest_of(weights)
    except OSError as error:
        raise ValueError(f"extractor weights {weights}: not readable: {error.strerror}") from error


def _from_fidelity(name: str, layer: str, weights: Path, device: str) -> Callable[[Tensor], Tensor]:
    """One layer of an extractor of torch-fidelity, on ``device``."""
    # cuda=True would mean the first GPU, whatever ``device`` says.
    network: nn.Module = (
        require("utils")
        .create_feature_extractor(
            name,
            [layer],
            cuda=False,
            verbose=False,
            feature_extractor_weights_path=str(weights),
        )
        .to(device)
    )

    def compute(images: Tensor) -> Tensor:
        features: Tensor = network(images.to(device))[0]
        return features

    return compute


def fashion(device: str, weights: Path | None) -> Extractor:
    """Return a small CNN trained on Fashion-MNIST; ships."""
    path = weights or fashion_extractor.WEIGHTS
    digest = _digest(path)
    layer = fashion_extractor.FEATURE_LAYER

    @cache
    def network() -> Callable[[Tensor], Tensor]:
        fashion_extractor.register()
        return _from_fidelity(fashion_extractor.NAME, layer, path, device)

    if weights is not None:
        network()  # a file of the user's may be wrong, and is better refused before anything runs
    # Ours is built when first needed: torch-fidelity takes seconds to import, and a finished grid
    # needs the digest alone.
    return Extractor("fashion", digest, int(layer), "uint8", lambda images: network()(images))


def inception(device: str, weights: Path | None) -> Extractor:
    """Return torch-fidelity's Inception, 2048 features; downloaded unless weights are given."""
    path = weights or _downloaded_inception()
    digest = _digest(path)
    try:
        # torch-fidelity unpickles anything; a file that passes here holds tensors only.
        torch.load(path, map_location="cpu", weights_only=True)
        colour = _from_fidelity(INCEPTION, INCEPTION_LAYER, path, device)
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise ValueError(
            f"extractor weights {path}: not the weights of torch-fidelity's Inception: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from error

    def compute(images: Tensor) -> Tensor:
        return colour(images.expand(-1, 3, -1, -1))

    return Extractor("inception", digest, int(INCEPTION_LAYER), "uint8", compute)


def _inception_file() -> tuple[Path, str]:
    """Where torch-fidelity itself would put its Inception weights, and where they come from."""
    url: str = require("feature_extractor_inceptionv3").URL_INCEPTION_V3
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1], url


def is_here(name: str, weights: Path | None) -> bool:
    """Whether the extractor can be built without a download."""
    return name != "inception" or weights is not None or _inception_file()[0].exists()


def described_extractor(name: str) -> Extractor:
    """The extractor ``inception`` without its weights, to plan with; it computes nothing."""

    def compute(images: Tensor) -> Tensor:
        raise ValueError(f"the weights of extractor {name!r} are not on this machine")

    return Extractor(name, "", int(INCEPTION_LAYER), "uint8", compute)


def _downloaded_inception() -> Path:
    path, url = _inception_file()
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), progress=False)
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"the Inception weights cannot be downloaded from {url} ({error}); fetch that file "
                "elsewhere and give its path as 'extractor_weights'"
            ) from error
    return path


def pixels(device: str, weights: Path | None) -> Extractor:
    """Return no network: values as they are."""
    del device  # nothing is computed that would need one
    if weights is not None:
        raise ValueError(f"extractor 'pixels' takes no weights, got {weights}")

    def compute(states: Tensor) -> Tensor:
        values = states.double()
        scaled = values / 127.5 - 1 if states.dtype == torch.uint8 else values
        return scaled.flatten(1)

    digest = hashlib.sha256(PIXELS.encode()).hexdigest()
    return Extractor("pixels", digest, None, "any", compute)


def build_extractor(
    name: str, device: str | torch.device = "cpu", weights: Path | None = None
) -> Extractor:
    """The extractor ``name`` of EXTRACTORS, its network on ``device``.

    ``weights`` replaces the network's own weights file; without it ``inception`` uses the download
    of torch-fidelity. ``name`` may be from a user's own file: its text is the digest. Raises
    ValueError for an unknown name and for weights that cannot be read.
    """
    spec = EXTRACTORS.pinned(name)
    made = EXTRACTORS.lookup(spec)(str(device), weights)
    text = own_files.parsed(spec) if EXTRACTORS.is_own(spec) else None
    if text is None:
        return made
    digest = hash_of({"file": text.digest, "own": made.digest})
    return replace(made, name=own_files.shown(spec), digest=digest, files=own_files.files(spec))
