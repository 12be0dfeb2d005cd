"""Checkpoints that something happened to: they are read as what they are, or not at all."""

import gzip
import io
import json
import random
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from safetensors.torch import save

from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.network import NetworkDenoiser, assemble
from tests.inputs.case import Case, Ran
from tests.inputs.spoil import spoiled
from tests.models.checkpoints import hostile
from tests.models.checkpoints.originals import guided_content, score_sde_content
from tests.models.checkpoints.test_damaged import FORMATS, GUIDED, saved
from tests.models.checkpoints.test_diffusers import SMALL

LEVELS = (0.05, 1.0, 20.0)
OUT = "out.safetensors"
SET = {
    "guided": [f"{key}={json.dumps(value)}" for key, value in GUIDED.items()],
    "score_sde": [],
}


def case(draw: random.Random) -> Case:
    """Draw a checkpoint, and have it converted."""
    change = draw.choice(
        (_damaged, _damaged, _wrapped, _wrapped, _tensors, hostile_one, other, _header, _folder)
    )
    with _torchs_draws(draw):
        done, family, files, must, equal = change(draw)
    main = next(iter(files)).partition("/")[0]
    told = [word for text in SET.get(family, ()) for word in ("--set", text)]
    right = partial(_compared, family, equal)
    words = ["convert", main, OUT, *told]
    return Case(f"checkpoint: {done}", files, words, (main,), right, must)


Change = tuple[str, str, dict[str, bytes], str, bool]
"""What was done, the family, the files, what must be, and whether D is then the whole one's."""


def _compared(family: str, equal: bool, ran: Ran) -> str:
    """What is accepted is the network, or one of which a value that no checksum holds changed."""
    found, usual = assemble(read(Path(OUT), {})), whole(family)
    if not equal and family == "diffusers":
        return ""
    if found.shape != usual.shape or (found.sigma_min, found.sigma_max) != (
        usual.sigma_min,
        usual.sigma_max,
    ):
        return f"another network: {found.shape}, {found.sigma_min} to {found.sigma_max}"
    if not equal:
        return ""
    D, expected = values(found), values(usual)
    near = 0.1 * np.abs(expected).max(axis=(1, 2, 3, 4))  # half precision, through all layers
    return "" if (np.abs(D - expected).max(axis=(1, 2, 3, 4)) < near).all() else "another D"


def values(denoiser: NetworkDenoiser) -> np.ndarray:
    """Return D of fixed noise at some levels."""
    x = torch.linspace(-1, 1, 2 * int(np.prod(denoiser.shape))).reshape(2, *denoiser.shape)
    labels = [torch.zeros(2, dtype=torch.int64)] if denoiser.card.classes else []
    with torch.inference_mode():
        return np.stack([denoiser(x * s, torch.tensor(s), *labels).numpy() for s in LEVELS])


@cache
def bytes_of(family: str) -> bytes:
    """Return a whole file."""
    write, _, _ = FORMATS[WRITTEN[family]]
    with tempfile.TemporaryDirectory() as folder:
        return write(Path(folder))


@cache
def pipeline() -> dict[str, bytes]:
    """Return the files of a small pipeline of diffusers, by path, its weights in shards."""
    torch.manual_seed(0)
    network = diffusers.UNet2DModel(**SMALL)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        network.save_pretrained(root / "net/unet", max_shard_size="100KB")
        diffusers.DDPMScheduler().save_pretrained(root / "net/scheduler")
        index = {"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]}
        (root / "net/model_index.json").write_text(json.dumps(index))
        files = [path for path in root.rglob("*") if path.is_file()]
        return {str(path.relative_to(root)): path.read_bytes() for path in sorted(files)}


WRITTEN = {"ours": "ours", "edm": "EDM pickle", "score_sde": "score_sde", "guided": "guided"}
FLIPS = {"ours": True, "edm": False, "score_sde": True, "guided": True}
"""Whether a format has a checksum over its tensors."""


@cache
def whole(family: str) -> NetworkDenoiser:
    """Return the network that a whole file holds."""
    if family == "diffusers":
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            for name, content in pipeline().items():
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_bytes(content)
            return assemble(read(Path("net"), {}))
    _, options, _ = FORMATS[WRITTEN[family]]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("file").write_bytes(bytes_of(family))
        return assemble(read(Path("file"), options))


def _damaged(draw: random.Random) -> Change:
    """Cut, holes, bits flipped."""
    family = draw.choice([*WRITTEN])
    content = bytes_of(family)
    edge = min(len(content) // 2, 4000)
    at = draw.choice(
        (
            draw.randrange(edge),
            len(content) - 1 - draw.randrange(edge),
            draw.randrange(len(content)),
        )
    )
    until = min(at + draw.choice((1, 8, 4096)), len(content))
    way = draw.choice(("cut", "flip", "hole", "zeros", "noise", "before", "behind"))
    content = spoiled(content, way, at, until, draw)
    must = "refuse" if way == "cut" else ""
    return f"{family} {way} at {at}", family, {"net.bin": content}, must, FLIPS[family]


PREFIXES = ("module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module.")


def _wrapped(draw: random.Random) -> Change:
    """The same tensors as training programs wrap them: all are read."""
    family = draw.choice(("guided", "guided", "score_sde"))
    if family == "guided":
        tensors = guided_content("guided-adm-uncond-legacy")
        prefix = draw.choice(("", *PREFIXES))
        named = {prefix + name: tensor for name, tensor in tensors.items()}
        wraps: dict[str, Callable[[], bytes]] = {
            "plain": lambda: saved(named),
            "legacy": lambda: saved(named, False),
            "state_dict": lambda: saved({"state_dict": named, "step": 3}),
            "model": lambda: saved({"model": named}),
            "state_dict and NumPy": lambda: saved({"state_dict": named, "step": np.int64(3)}),
            "safetensors": lambda: save({k: v.contiguous().clone() for k, v in named.items()}),
            "half": lambda: saved({k: v.half() for k, v in named.items()}),
            "parameters": lambda: saved({k: torch.nn.Parameter(v) for k, v in named.items()}),
        }
        wrap = draw.choice([*wraps])
        name = draw.choice(("net.pt", "net.bin", "net", "NET.PT", "net.ckpt", "net.safetensors"))
        return f"guided, {prefix!r}, {wrap}, {name}", family, {name: wraps[wrap]()}, "accept", True
    content = score_sde_content("score_sde-vp-ddpmpp")
    prefix = draw.choice(PREFIXES[:2] + PREFIXES[3:] + ("",))
    content["model"] = {
        prefix + name.removeprefix("module."): tensor for name, tensor in content["model"].items()
    }
    content["step"] = draw.choice((11, np.int64(11), torch.tensor(11)))
    done = f"score_sde, {prefix!r}, step {type(content['step']).__name__}"
    return done, family, {"net.pth": saved(content, draw.random() < 0.8)}, "accept", True


OTHERS: Mapping[str, Callable[[torch.Tensor], object]] = {
    "of another shape": lambda usual: torch.zeros(*usual.shape, 2),
    "in a row": lambda usual: usual.flatten()[None, None, None, None, None],
    "nan": lambda usual: usual * torch.nan,
    "infinite": lambda usual: usual + torch.inf,
    "integers": lambda usual: usual.to(torch.int32),
    "complex": lambda usual: usual.to(torch.complex64),
    "a list": lambda usual: usual.tolist(),
    "none": lambda usual: None,
    "text": lambda usual: "weights",
    "sparse": lambda usual: usual.to_sparse(),
    "meta": lambda usual: usual.to("meta"),
    "float64": lambda usual: usual.double(),
    "bfloat16": lambda usual: usual.bfloat16(),
}
"""Other values of a tensor."""


def _folder(draw: random.Random) -> Change:
    """A pipeline's folder: files less, cut, with holes, JSON changed, an old file beside shards."""
    files = dict(pipeline())
    name = draw.choice([*files])
    content = files[name]
    way = draw.choice(("nothing", "less", "cut", "flip", "value", "page", "old", "empty"))
    if way == "less":
        del files[name]
    if way in {"cut", "empty"}:
        files[name] = content[: draw.randrange(len(content))] if way == "cut" else b""
    if way == "page":
        files[name] = b"<!DOCTYPE html><html>"
    if way == "flip":
        at = draw.randrange(len(content))
        files[name] = (
            content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
        )
    if way == "value" and name.endswith(".json"):
        values = json.loads(content)
        key = draw.choice([*values])
        values[key] = draw.choice((None, -1, 10**12, "x" * 2000, [], {}, [[]], 0.5, True))
        files[name] = json.dumps(values).encode()
        name += f", {key} = {values[key]!r:.20}"
    if way == "old":
        shards = [key for key in files if key.endswith(".safetensors")]
        files["net/unet/diffusion_pytorch_model.safetensors"] = files[shards[0]]
    must = {"nothing": "accept", "old": "refuse"}.get(way, "")
    # a flip may lie in a number, of which nothing keeps a checksum; a value makes another network
    same = way in {"nothing", "less", "cut", "page", "empty"}
    return f"diffusers, {name} {way}", "diffusers", files, must, same


def _tensors(draw: random.Random) -> Change:
    """Tensors less, more, of other names, shapes, kinds and values."""
    tensors: dict[str, Any] = dict(guided_content("guided-adm-uncond-legacy"))
    name = draw.choice([*tensors])
    way = draw.choice((*OTHERS, "less", "more", "renamed", "many"))
    if way in OTHERS:
        tensors[name] = OTHERS[way](tensors[name])
    if way in {"less", "renamed"}:
        usual = tensors.pop(name)
        tensors |= {f"{name}_": usual} if way == "renamed" else {}
    if way == "more":
        tensors["another.weight"] = torch.zeros(3)
    if way == "many":
        tensors |= {f"x{i}": torch.zeros(1) for i in range(3000)}
    must = "accept" if way in {"float64", "bfloat16"} else "refuse"
    return f"guided, {name} {way}", "guided", {"net.pt": saved(tensors)}, must, True


def hostile_one(draw: random.Random) -> Change:
    """Pickles that execute something, or take all memory, when they are believed."""
    made = hostile.executing(Path("executed"), "antigravity")
    way = draw.choice([*made])
    body = made[way]
    bombs = [*hostile.pickle_bombs().items(), *_bombs()]
    bomb, content = draw.choice(bombs)
    wrapped = {
        f"hostile {way}": hostile.PROTO + body + b".",
        f"hostile {way} in an archive": hostile.archive(hostile.PROTO + body + b"."),
        f"hostile {way}, legacy": hostile.LEGACY + b"\x80\x02" + body + b"." + hostile.KEYS,
        bomb: content,
    }
    done = draw.choice([*wrapped])
    name = draw.choice(("net.pkl", "net.pt", "net.safetensors"))
    return done, "guided", {name: wrapped[done]}, "refuse", True


@cache
def _bombs() -> tuple[tuple[str, bytes], ...]:
    return tuple(hostile.torch_bombs().items())


def other(draw: random.Random) -> Change:
    """Whatever else one might name."""
    family = draw.choice([*WRITTEN])
    content = bytes_of(family)
    ways = {
        "nothing": b"",
        "a page": b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>",
        "a pointer of git-lfs": b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 5\n",
        "gzip": gzip.compress(content),
        "zeros": bytes(100_000),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "JSON": json.dumps({"a": [1] * 1000}).encode(),
        "deep JSON": b"[" * 100_000,
        "an optimizer's state": saved(
            {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []}
        ),
        "an npz": _npz(),
        "a list": saved([torch.zeros(2)]),
        "a tensor": saved(torch.zeros(2)),
        "a module": saved({"model": {"epoch": 3}}),
    }
    way = draw.choice([*ways])
    name = draw.choice(("net.pkl", "net.pt", "net.pth", "net.safetensors", "net", "a b σ.pt"))
    return f"{way}, {name}", family, {name: ways[way]}, "refuse", True


def _npz() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    return file.getvalue()


def _header(draw: random.Random) -> Change:
    """Headers of safetensors that claim what there is not."""
    content = bytes_of("ours")
    size = struct.unpack("<Q", content[:8])[0]
    header, rest = json.loads(content[8 : 8 + size]), content[8 + size :]
    name = draw.choice([key for key in header if key != "__metadata__"])
    entry = header[name]
    big = draw.choice((10**12, 2**63, -1, 0, 1.5, "1", None))
    ways: Mapping[str, Callable[[], object]] = {
        "shape": lambda: entry.update(shape=[big]),
        "offsets": lambda: entry.update(data_offsets=[0, big]),
        "overlap": lambda: entry.update(data_offsets=[0, 4]),
        "dtype": lambda: entry.update(dtype=draw.choice(("F8_E4M3", "F4", "I64", "C64", "X", 3))),
        "no dtype": lambda: entry.pop("dtype"),
        "more keys": lambda: entry.update(more=1),
        "a list": lambda: header.update({name: []}),
        "metadata": lambda: header.update(__metadata__={"x": "y" * 100}),
        "no metadata": lambda: header.pop("__metadata__"),
        "metadata of numbers": lambda: header.update(__metadata__={"x": 1}),
        "many": lambda: header.update(
            {f"x{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(20_000)}
        ),
    }
    way = draw.choice([*ways, "size", "deep", "twice"])
    if way in ways:
        ways[way]()
    text = json.dumps(header).encode()
    if way == "deep":
        text = b'{"a":' * 50_000
    if way == "twice":
        text = text.replace(b"{", b'{"__metadata__": {"a": "b"}, ', 1)
    claimed = draw.choice((2**63, 2**40, len(text) + 1, 0)) if way == "size" else len(text)
    made = struct.pack("<Q", claimed) + text + rest
    told = f"header: {way}" + (f" {big!r}" if way in {"shape", "offsets"} else "")
    must = "" if way in {"more keys", "metadata", "no metadata"} else "refuse"
    return told, "ours", {"net.safetensors": made}, must, True


@contextmanager
def _torchs_draws(draw: random.Random) -> Iterator[None]:
    state = torch.get_rng_state()
    torch.manual_seed(draw.randrange(2**31))
    try:
        yield
    finally:
        torch.set_rng_state(state)
