"""Reference statistics: made from images, or read from this and three other projects' files."""

import io
import json
import math
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sampler_bench.bench.features import floor
from sampler_bench.bench.features.extractors import Extractor
from sampler_bench.bench.features.frechet import Reference
from sampler_bench.bench.features.moments import Moments, check_dim
from sampler_bench.kit import bounds, own_files
from sampler_bench.kit.content import mistaken
from sampler_bench.kit.files import remove, write_whole
from sampler_bench.kit.names import shown
from sampler_bench.models.checkpoints import archive
from sampler_bench.models.checkpoints.opcodes import RefusedError
from sampler_bench.models.data.dataset import is_grey
from sampler_bench.models.data.images import read_images
from sampler_bench.models.data.npz import read_npz

EXPECTED = "arrays mu [d] and sigma [d, d]"
# Largest asymmetry of sigma that is still rounding, relative to its largest entry.
ASYMMETRY = 1e-4
FEW = 20
"""Images in which grey is looked at both ways."""
TINY = np.finfo(np.float64).tiny
WANTED = {"mu", "sigma", "n", "provenance"}
FLOOR_BYTES = 4 * 2**30
"""Features of more than 262,144 images in 2,048 dimensions have no floor: they are not kept."""


def make(source: Path, extractor: Extractor, path: Path, floored: bool = True) -> Reference:
    """Statistics of the images in ``source`` (see `read_images`), written whole or not at all.

    ``path`` becomes an .npz with mu, sigma, n and a JSON text ``provenance`` (the source's name,
    extractor, extractor_digest, the images' shape, and ``grey`` if they are RGB with equal
    channels). Equal images give equal bytes. Their floor (see `floor.make`) is written beside it if
    ``floored``, and the features take no more than FLOOR_BYTES; one that was there is removed.
    Raises ValueError if the images cannot be read, are fewer than two, or ``path`` cannot be
    written.
    """
    if not path.parent.is_dir():  # said before anything is computed
        raise ValueError(f"reference {path}: cannot be written: there is no folder {path.parent}")
    batches = read_images(source)
    first = next(batches)
    check_dim(extractor.dim or math.prod(first.shape[1:]), f"features of {extractor.name!r}")
    kept = _Kept(FLOOR_BYTES if floored else 0)
    grey = _Grey(extractor)
    features = (kept.keep(grey.seen(b, extractor(b).numpy())) for b in chain([first], batches))
    total = reduce(add, map(Moments.from_features, features))
    if total.n < 2:
        raise ValueError(f"{source}: holds one image, statistics need at least 2")
    provenance = {
        "source": source.name,
        "extractor": extractor.name,
        "extractor_digest": extractor.digest,
        "shape": list(first.shape[1:]),
        **({"grey": True} if grey.holds else {}),
    }
    content = io.BytesIO()
    np.savez(
        content,
        mu=total.mean,
        sigma=total.cov,
        n=np.array(total.n),
        provenance=np.array(json.dumps(provenance, sort_keys=True)),
    )
    write_whole(path, content.getvalue())
    made = load(path)
    remove(floor.path_of(path))
    if kept.parts:
        features_of = (extractor.name, extractor.digest)
        floor.make(np.concatenate(kept.parts), made, features_of, path)
    return made


@dataclass
class _Grey:
    """Whether images are RGB whose channels are equal, and have the features of one channel."""

    extractor: Extractor
    holds: bool = True

    def seen(self, images: torch.Tensor, features: np.ndarray) -> np.ndarray:
        """Return features of images, after a look at both."""
        self.holds = self.holds and is_grey(images)
        if self.holds:
            few = self.extractor(images[:FEW, :1]).numpy()
            same = features[:FEW]
            self.holds = few.shape == same.shape and np.allclose(few, same, rtol=1e-6, atol=1e-9)
        return features


@dataclass
class _Kept:
    """Features in memory, as long as they take no more bytes than ``most``."""

    most: int
    parts: list[np.ndarray] = field(default_factory=list)
    size: int = 0

    def keep(self, features: np.ndarray) -> np.ndarray:
        """Return the same, kept if all of them together may be."""
        self.size += features.nbytes
        if self.size > self.most:
            self.parts.clear()
        else:
            self.parts.append(features)
        return features


def load(path: Path, extractor: Extractor | None = None) -> Reference:
    """Reference statistics from an .npz or .pt file; nothing in it is executed.

    An .npz (ours, EDM's or clean-fid's) holds arrays mu and sigma, torch-fidelity's .pt a dict of
    both; which it is, what is in it says. With ``extractor``, the dimension must be its own and, in
    our files, so must its digest. The reference's digest is the sha256 of the file. Raises
    ValueError, naming the file and what was expected, if it cannot be read, lacks an array, or
    holds other shapes, numbers that are not finite or not real, or a matrix that is no covariance.
    """
    try:
        digest = own_files.digest_of(path)
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise ValueError(f"reference {path}: cannot be read: {error.strerror}") from error
    if problem := mistaken(head, path.name):
        raise ValueError(
            f"reference {path}: cannot be read as statistics: it {problem} (expected {EXPECTED})"
        )
    values = _read_pt(path) if _is_pt(path) else _read_npz(path)
    reference = _checked(path, values, digest)
    if extractor is not None:
        _check_extractor(path, reference, values, extractor)
    return reference


def _is_pt(path: Path) -> bool:
    """Return whether a file is PyTorch's, by what is in it; where that says nothing, by its name.

    Both kinds may be archives.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            return any(name.endswith("/data.pkl") for name in packed.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return path.suffix.lower() in {".pt", ".pth"}


def _read_npz(path: Path) -> Mapping[str, Any]:
    try:
        arrays = read_npz(path)
        return {name: arrays[name] if name in WANTED else None for name in arrays}
    except ValueError as error:
        raise ValueError(f"reference {error} (expected {EXPECTED})") from error


def _read_pt(path: Path) -> Mapping[str, Any]:
    # What a pickled NumPy array is made of; the module was renamed in NumPy 2.
    reconstruct: Any = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
    allowed = [
        reconstruct,
        (reconstruct, "numpy.core.multiarray._reconstruct"),
        np.ndarray,
        np.dtype,
        type(np.dtype(np.float32)),
        type(np.dtype(np.float64)),
    ]
    try:
        content = bounds.content(path, bounds.LARGE)
        if content.startswith(archive.MAGIC):  # PyTorch unpacks whatever a record promises
            with archive.verified(io.BytesIO(content), len(content)):
                pass
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings(action="ignore"):
            values = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load promises no particular kind for damaged files
        told = f"it {error}" if isinstance(error, RefusedError) else bounds.reason(error)
        raise ValueError(
            f"reference {path}: cannot be read as a .pt file of torch-fidelity: {told} "
            f"(expected {EXPECTED})"
        ) from error
    if not isinstance(values, dict):
        raise ValueError(f"reference {path}: holds a {type(values).__name__}, expected {EXPECTED}")
    return values


def _checked(path: Path, values: Mapping[str, Any], digest: str) -> Reference:
    for name in ("mu", "sigma"):
        if name not in values:
            raise ValueError(
                f"reference {path}: has no '{name}' "
                f"(it holds {', '.join(map(str, values)) or 'nothing'}), expected {EXPECTED}"
            )
    mu = _numbers(path, "mu", values["mu"]).squeeze()
    sigma = _numbers(path, "sigma", values["sigma"]).squeeze()
    shapes = f"mu {tuple(np.shape(values['mu']))} and sigma {tuple(np.shape(values['sigma']))}"
    if mu.ndim == 0:  # an axis of one number is no other than one that is not there
        mu, sigma = mu.reshape(1), sigma.reshape(1, 1) if sigma.size == 1 else sigma
    if mu.ndim != 1 or sigma.shape != (len(mu), len(mu)) or len(mu) == 0:
        raise ValueError(f"reference {path}: {shapes}, expected {EXPECTED}")
    _check_covariance(path, sigma)
    n = _count(path, values["n"]) if "n" in values else None
    shape = _shape(path, values)
    grey = bool(shape) and _provenance(values).get("grey") is True
    return Reference(mu, (sigma + sigma.T) / 2, n, path.name, digest, shape, grey)


def _check_covariance(path: Path, sigma: NDArray[np.float64]) -> None:
    largest = np.abs(sigma).max()
    if np.abs(sigma - sigma.T).max() > ASYMMETRY * largest:
        raise ValueError(f"reference {path}: sigma is not symmetric, expected a covariance")
    if np.diag(sigma).min() < -ASYMMETRY * largest:
        raise ValueError(f"reference {path}: sigma has negative variances, expected a covariance")
    raised = (sigma + sigma.T) / 2 + max(ASYMMETRY * largest, TINY) * np.eye(len(sigma))
    try:
        np.linalg.cholesky(raised)  # a tenth of the time that eigenvalues take
    except np.linalg.LinAlgError:
        raise ValueError(
            f"reference {path}: sigma has negative eigenvalues, expected a covariance"
        ) from None


def _count(path: Path, value: Any) -> int:
    """The number of vectors that statistics are of."""
    number = _numbers(path, "n", value).squeeze()
    if number.ndim or number < 1 or number != np.floor(number):
        raise ValueError(f"reference {path}: 'n' is no number of images")
    return int(number)


def _provenance(values: Mapping[str, Any]) -> Any:
    """What a file of ours says it was made of. Raises ValueError, KeyError or TypeError."""
    text = str(np.asarray(values["provenance"]).squeeze())
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _shape(path: Path, values: Mapping[str, Any]) -> tuple[int, ...] | None:
    """The images' shape, where a file says it."""
    try:
        shape = _provenance(values)["shape"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
        raise ValueError(
            f"reference {path}: 'provenance' has shape = {shown(shape)}, expected [C, H, W]"
        )
    return tuple(shape)


def _numbers(path: Path, name: str, value: Any) -> NDArray[np.float64]:
    """An array or tensor as float64; imaginary parts that are rounding are dropped."""
    bounds.require_room(8 * math.prod(np.shape(value)), f"reference {path}: '{name}'")
    try:
        if isinstance(value, torch.Tensor):
            value = value.detach().resolve_conj().resolve_neg()
            value = value.to(torch.complex128 if value.is_complex() else torch.float64).numpy()
        found = np.asarray(value)
        if found.dtype.kind not in "buifc":  # dates are numbers to NumPy
            raise TypeError(found.dtype)
        array = found.real.astype(np.float64)
        imaginary = np.abs(found.imag).max(initial=0) if np.iscomplexobj(found) else 0
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"reference {path}: '{name}' is no array of numbers") from error
    if not (np.isfinite(array).all() and np.isfinite(imaginary)):
        raise ValueError(f"reference {path}: '{name}' has values that are not finite")
    if imaginary > ASYMMETRY * np.abs(array).max(initial=0):
        raise ValueError(
            f"reference {path}: '{name}' has imaginary parts up to {imaginary:.3g}, "
            "expected real numbers"
        )
    return array


def _check_extractor(
    path: Path, reference: Reference, values: Mapping[str, Any], extractor: Extractor
) -> None:
    if extractor.dim is not None and reference.dim != extractor.dim:
        raise ValueError(
            f"reference {path}: its statistics have dimension {reference.dim}, "
            f"the features '{extractor.name}' {extractor.dim}"
        )
    if "provenance" not in values:
        return
    try:
        made_by = _provenance(values)
        name, digest = str(made_by["extractor"]), str(made_by["extractor_digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"reference {path}: 'provenance' does not name its extractor and extractor_digest"
        ) from error
    if digest != extractor.digest:
        raise ValueError(
            f"reference {path}: made with features '{name}' (digest {digest[:12]}), "
            f"not '{extractor.name}' (digest {extractor.digest[:12]})"
        )
