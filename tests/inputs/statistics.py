"""Statistics files that something happened to: they are read as what they are, or not at all."""

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sampler_bench.bench.features import reference_files
from tests.inputs.case import Case, Ran
from tests.inputs.spoil import spoiled
from tests.models.checkpoints import hostile

GRID = """name = "judged"
models = ["exact-mixture-moons"]
samples = 40
extractor = "pixels"
reference = {name}
[[sampler]]
steps = 2
"""
MU = np.array([0.25, -0.5])
SIGMA = np.array([[1.0, 0.25], [0.25, 0.5]])
USUAL = {"mu": MU, "sigma": SIGMA}
Change = tuple[str, str, bytes, str]
"""What was done, the file's name, its bytes, and whether it must be refused or accepted."""


def case(draw: random.Random) -> Case:
    """Draw a file of statistics."""
    change = draw.choice(
        (_written, _written, _arrays, _arrays, _damaged, _claimed, _hostile, _name)
    )
    done, name, content, must = change(draw)
    grid = GRID.format(name=json.dumps(name)).encode()
    right = partial(_compared, name)
    files = {"mine.toml": grid, name: content}
    words = ["run", "mine.toml", "--plan"]
    return Case(f"statistics: {done}", files, words, (Path(name).stem,), right, must)


def _compared(name: str, ran: Ran) -> str:
    """What is accepted has the numbers that were written."""
    found = reference_files.load(Path(name))
    if np.allclose(found.mu, MU, atol=1e-3) and np.allclose(found.sigma, SIGMA, atol=1e-3):
        return ""
    return f"other numbers: {found.mu} {found.sigma}".replace("\n", " ")


def npz(arrays: dict[str, Any], compressed: bool = False) -> bytes:
    file = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(file, allow_pickle=True, **arrays)
    return file.getvalue()


def pt(content: Any, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _written(draw: random.Random) -> Change:
    """The same numbers as programs write them: all are read."""
    mu, sigma = torch.from_numpy(MU), torch.from_numpy(SIGMA)
    ways: dict[str, Callable[[], tuple[str, bytes]]] = {
        "npz": lambda: ("s.npz", npz(USUAL)),
        "compressed": lambda: ("s.npz", npz(USUAL, True)),
        "float32": lambda: ("s.npz", npz({k: v.astype(np.float32) for k, v in USUAL.items()})),
        "float16": lambda: ("s.npz", npz({k: v.astype(np.float16) for k, v in USUAL.items()})),
        "big-endian": lambda: ("s.npz", npz({k: v.astype(">f8") for k, v in USUAL.items()})),
        "Fortran's order": lambda: ("s.npz", npz({"mu": MU, "sigma": np.asfortranarray(SIGMA)})),
        "more arrays": lambda: ("s.npz", npz({**USUAL, "n": 100, "m": np.zeros(3), "x": "text"})),
        "imaginary parts of 0": lambda: ("s.npz", npz({"mu": MU, "sigma": SIGMA + 0j})),
        "a pt": lambda: ("s.pt", pt({"mu": MU, "sigma": SIGMA})),
        "a pt of tensors": lambda: ("s.pt", pt({"mu": mu, "sigma": sigma})),
        "a legacy pt": lambda: ("s.pt", pt({"mu": mu, "sigma": sigma}, False)),
        "tensors that require grad": lambda: (
            "s.pt",
            pt({"mu": mu.clone().requires_grad_(), "sigma": sigma.clone().requires_grad_()}),
        ),
        "an ending in capitals": lambda: ("S.NPZ", npz(USUAL)),
        "n of shape [1]": lambda: ("s.npz", npz({**USUAL, "n": np.array([100])})),
        "mu of shape [1, d]": lambda: ("s.npz", npz({"mu": MU[None], "sigma": SIGMA})),
    }
    must = {"mu of shape [1, d]": ""}
    way = draw.choice([*ways])
    name, content = ways[way]()
    return way, name, content, must.get(way, "accept")


def _arrays(draw: random.Random) -> Change:
    """Arrays that are no statistics."""
    rng = np.random.default_rng(draw.randrange(2**32))
    wrong: dict[str, Any] = {
        "nan": np.where(rng.random((2, 2)) < 0.5, np.nan, SIGMA + 0 * rng.random()),
        "infinite": np.full((2, 2), np.inf),
        "not symmetric": SIGMA + np.array([[0, 0.1], [0, 0]]),
        "indefinite": np.array([[1.0, 2.0], [2.0, 1.0]]),
        "negative": -SIGMA,
        "three by three": np.eye(3),
        "a row": SIGMA[0],
        "one more axis": np.zeros((2, 2, 2)),
        "empty": np.zeros((0, 0)),
        "text": np.array([["1", "x"], ["x", "1"]]),
        "objects": np.array([[1, None], [None, 1]], object),
        "booleans": np.eye(2, dtype=bool)[:1],
        "imaginary": SIGMA + 0.5j,
        "dates": np.zeros((2, 2), "datetime64[s]"),
        "fields": np.zeros((2, 2), [("a", float)]),
        "a scalar": np.float64(1),
    }
    way = draw.choice([*wrong])
    arrays = {"mu": MU, "sigma": wrong[way]}
    if way == "nan":
        arrays["sigma"] = np.array([[np.nan, 0.25], [0.25, 0.5]])
    key = draw.choice(("sigma", "sigma", "mu", "none"))
    if key == "mu":
        value = arrays["sigma"]
        value = value[0] if getattr(value, "ndim", 0) > 1 and len(value) else value
        arrays = {"mu": value, "sigma": SIGMA}
        if way in {"not symmetric", "indefinite", "negative", "a row", "booleans"}:
            return "no mu", "s.npz", npz({"sigma": SIGMA}), "refuse"
    if key == "none":
        del arrays["mu"]
    named = draw.choice(("mu", "mean", "m", "MU"))
    if named != "mu" and "mu" in arrays:
        arrays[named] = arrays.pop("mu")
    folder = f"{way} for {key}, mu called {named}"
    return folder, "s.npz", npz(arrays), "refuse"


def _damaged(draw: random.Random) -> Change:
    """Files cut, with holes, bits flipped: what has a checksum is refused or the same."""
    content = npz(USUAL, draw.random() < 0.5) if draw.random() < 0.7 else pt(dict(USUAL))
    name = "s.npz" if content[:4] == b"PK\x03\x04" and b"mu.npy" in content else "s.pt"
    at, until = sorted(draw.randrange(len(content)) for _ in range(2))
    way = draw.choice(("cut", "flip", "hole", "zeros", "again", "before", "behind"))
    content = spoiled(content, way, at, until, draw)
    return f"{name} {way} at {at}", name, content, "refuse" if way == "cut" else ""


def _claimed(draw: random.Random) -> Change:
    """Headers that promise more than there is."""
    shape = draw.choice(((10**12,), (10**6, 10**6), (2**63 - 1,), (-1,), (2**40, 2**40), (10**9,)))
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    text = draw.choice((repr(header), repr(header) * 1000, "{" * 5000, "__import__('os')"))
    head = text.encode().ljust(64) + b"\n"
    array = b"\x93NUMPY\x02\x00" + struct.pack("<I", draw.choice((len(head), 2**31))) + head
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mu.npy", array + bytes(64))
        made.writestr("sigma.npy", npy(SIGMA))
        if draw.random() < 0.5:
            with made.open("more.npy", "w") as more:
                for _ in range(draw.choice((1, 200))):
                    more.write(bytes(1 << 20))
    return f"claims {shape}", "s.npz", file.getvalue(), "refuse"


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _hostile(draw: random.Random) -> Change:
    """Pickles that execute something when they are believed."""
    made = hostile.executing(Path("executed"), "antigravity")
    way = draw.choice([*made])
    pickled = hostile.PROTO + made[way] + b"."
    content = draw.choice(
        (
            pickled,
            hostile.archive(pickled),
            hostile.LEGACY + b"\x80\x02" + made[way] + b".",
            npz({"mu": MU, "sigma": np.array([[_Touches(), 1], [1, 1]], object)}),
        )
    )
    return f"hostile: {way}", draw.choice(("s.npz", "s.pt")), content, "refuse"


class _Touches:
    """An object that makes a file when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("executed"),)


def _name(draw: random.Random) -> Change:
    """Whatever else one might name."""
    ways: dict[str, tuple[str, bytes]] = {
        "nothing": ("s.npz", b""),
        "a page": ("s.npz", b"<!DOCTYPE html><html><body>404</body></html>"),
        "a pointer of git-lfs": (
            "s.npz",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
        ),
        "text": ("s.npz", b"mu = 1\n"),
        "zeros": ("s.npz", bytes(4096)),
        "an npy": ("s.npz", npy(SIGMA)),
        "a pickle": ("s.npz", pickle.dumps(USUAL)),
        "another ending": ("s.txt", npz(USUAL)),
        "no ending": ("s", npz(USUAL)),
        "a pt called npz": ("s.npz", pt(dict(USUAL))),
        "an npz called pt": ("s.pt", npz(USUAL)),
        "a list in a pt": ("s.pt", pt([MU, SIGMA])),
        "signs in its name": ("s [b]σ[/b] '\"$(x).npz", npz(USUAL)),
    }
    way = draw.choice([*ways])
    must = {"signs in its name": "accept", "no ending": "", "another ending": ""}
    read = {"a pt called npz", "an npz called pt"}  # by content
    return way, *ways[way], must.get(way, "" if way in read else "refuse")
