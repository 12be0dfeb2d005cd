"""Run's folders that something happened to: drawn with a seed, each with what was done to it."""

import contextlib
import io
import json
import random
import string
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from sampler_bench.kit.canonical import hash_of
from sampler_bench.results import sealed, shard
from sampler_bench.results.record import Record
from tests.crashes.disks import Disk

NUMBERS = ("0", "-1", "1e400", "-1e308", "5e-324", "NaN", "Infinity", "-Infinity", "9" * 400)
NUMBERS += ("9" * 5000, "true", "null", '"1"', "1.5", "18446744073709551616", "[]", "{}")
DEEP = 100_000


@dataclass
class Mutated:
    """A folder.

    files, folders  as of a `Disk`
    links           symbolic links, by path
    done            in words, one after the other
    forged          whether somebody wrote other numbers, and all digests anew: these are shown
    """

    files: dict[str, bytes]
    folders: set[str]
    links: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    forged: bool = False


def mutated(disk: Disk, others: list[Disk], random: random.Random) -> Mutated:
    """Return a folder with one to three things done to it; `others` are those of other runs."""
    found = Mutated(dict(disk.files), set(disk.folders))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        way = random.choice(WAYS)
        if not found.files:
            break
        found.done.append(way(found, random, others) or f"{way.__name__[1:]}: nothing")
    return found


def _path(found: Mutated, random: random.Random, below: str = "") -> str:
    """Any file; each kind of them is as likely."""
    kinds: dict[str, list[str]] = {}
    for path in sorted(found.files):
        if path.startswith(f"run/{below}"):
            kinds.setdefault("/".join(path.split("/")[:2]), []).append(path)
    return random.choice(kinds[random.choice(sorted(kinds))]) if kinds else ""


def _bits(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    data = bytearray(found.files[path])
    count = random.choice((1, 1, 2, 16))
    for _ in range(count if data else 0):
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    found.files[path] = bytes(data)
    return f"{count} bits of {path}"


def _cut(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    data = found.files[path]
    length = random.choice((0, 1, len(data) // 2, max(0, len(data) - 1), random.randrange(9999)))
    found.files[path] = data[:length]
    return f"{path} cut to {length} bytes"


def _zeroed(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    data = found.files[path]
    start = random.randrange(len(data) + 1)
    found.files[path] = data[:start].ljust(len(data), b"\0")
    return f"{path} zeroed from {start} on"


def _longer(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    tail = random.choice((b"\0", b"}", b"\n\n", b"garbage", found.files[path]))
    found.files[path] += tail
    return f"{path}: {len(tail)} bytes more"


def _garbage(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    found.files[path] = random.choice(
        (
            random.randbytes(random.choice((1, 100, 5000))),
            b"[" * DEEP,
            b'{"a":' * DEEP,
            b'{\n "format": 1,' + b'"a":[' * DEEP,
            b"null",
            b"[]",
            b"{}",
            b'"text"',
            b"\xff\xfe{\0}\0",
            b"\xef\xbb\xbf{}",
            b"1" * 5000,
        )
    )
    return f"{path} is {found.files[path][:20]!r}…"


def _swapped(found: Mutated, random: random.Random, _: object) -> str:
    one, other = _path(found, random), _path(found, random)
    found.files[one], found.files[other] = found.files[other], found.files[one]
    return f"{one} and {other} swapped"


def _swapped_with_its_like(found: Mutated, random: random.Random, _: object) -> str:
    one = _path(found, random)
    like = [path for path in sorted(found.files) if path.split("/")[1] == one.split("/")[1]]
    other = random.choice(like)
    found.files[one], found.files[other] = found.files[other], found.files[one]
    return f"{one} and {other} swapped"


def _renamed(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    place = random.randrange(len(path) - 4, len(path)) if random.random() < 0.3 else -9
    digit = random.choice("0123456789abcdef-")
    new = path[:place] + digit + path[place + 1 :]
    found.files[new] = found.files.pop(path)
    return f"{path} called {new}"


def _copied(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    pure = PurePosixPath(path)
    name = random.choice((f"copy of {pure.name}", f"{pure.stem} (1){pure.suffix}", f".{pure.name}"))
    found.files[f"{pure.parent}/{name}"] = found.files[path]
    return f"{path} copied to {name}"


def _gone(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    del found.files[path]
    return f"{path} gone"


def _folder_instead(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    del found.files[path]
    found.folders.add(path)
    return f"{path} is a folder"


def _file_instead(found: Mutated, random: random.Random, _: object) -> str:
    if found.folders <= {"run"}:
        return ""
    folder = random.choice(sorted(found.folders - {"run"}))
    found.folders = {one for one in found.folders if not f"{one}/".startswith(f"{folder}/")}
    found.files = {p: data for p, data in found.files.items() if not p.startswith(f"{folder}/")}
    found.links = {p: to for p, to in found.links.items() if not p.startswith(f"{folder}/")}
    found.files[folder] = b"no folder"
    return f"{folder} is a file"


def _linked(found: Mutated, random: random.Random, _: object) -> str:
    path = _path(found, random)
    name = PurePosixPath(path).name
    target = random.choice((name, "nowhere", "..", f"{name}.moved", "/dev/null"))
    if target == f"{name}.moved":
        found.files[f"{path}.moved"] = found.files[path]
    del found.files[path]
    found.links[path] = target
    return f"{path} is a link to {target}"


def _extra(found: Mutated, random: random.Random, others: list[Disk]) -> str:
    """A file of another run, of another plan or format."""
    other = random.choice(others)
    path = random.choice(sorted(other.files))
    found.files[path] = other.files[path]
    return f"{path} of another run"


def _foreign(found: Mutated, random: random.Random, _: object) -> str:
    places = sorted(one for one in found.folders)
    name = "".join(random.choices(string.ascii_letters + " .-_µ\n;*[]", k=random.randrange(1, 40)))
    suffix = random.choice(("", ".json", ".npz", ".toml"))
    path = f"{random.choice(places)}/{name}{suffix}"
    found.files.setdefault(path, random.choice((b"", b"{}", b"PK\x03\x04", b"x = 1")))
    return f"{path!r} lies there"


def _number(found: Mutated, random: random.Random, _: object) -> str:
    """A number written over another, in the text."""
    path = _path(found, random)
    text = found.files[path]
    places = [i for i in range(1, len(text) - 1) if 48 <= text[i] <= 57 and text[i - 1] in b" :[=,"]
    if path.endswith(".npz") or not places:
        return ""
    start = end = random.choice(places)
    while end < len(text) and text[end : end + 1] in b"0123456789.eE+-":
        end += 1
    new = random.choice(NUMBERS)
    found.files[path] = text[:start] + new.encode() + text[end:]
    return f"{new[:20]} at {start} of {path}"


def _json(found: Mutated, random: random.Random, _: object, below: str = "") -> str:
    """A value of other kind or size, a key more or less; the digest written anew, or not."""
    path = _path(found, random, below)
    try:
        data = json.loads(found.files[path])
        assert isinstance(data, dict)
    except (ValueError, AssertionError, KeyError, RecursionError):  # mutated before
        return ""
    was_sealed = data.pop("sha256", None) is not None
    what = _changed(data, random)
    anew = was_sealed and random.random() < 0.7
    try:
        text = sealed.text(data) if anew else json.dumps(data, indent=1)
    except (ValueError, AssertionError):
        anew, text = False, json.dumps(data, indent=1)
    found.forged |= anew or not was_sealed or "/records/" not in path
    del found.files[path]
    if anew and "/records/" in path and random.random() < 0.7:
        path = _named(path, data)
    found.files[path] = text.encode("utf-8", "surrogatepass")
    return f"{path}: {what}{', sealed anew' * anew}"


def _record(found: Mutated, random: random.Random, others: list[Disk]) -> str:
    return _json(found, random, others, "records/")


def _plan(found: Mutated, random: random.Random, others: list[Disk]) -> str:
    return _json(found, random, others, "plan.json")


def _named(path: str, data: Any) -> str:
    """The name that a record's contents ask for, if it is one; else that it has."""
    try:
        return f"{PurePosixPath(path).parent}/{Record.from_json(data).file_name}"
    except (ValueError, TypeError, ArithmeticError):
        return path


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    found = []
    for key, value in list(inside)[:40]:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += _places(value, (*path, key))
    return found


def _changed(data: dict[str, Any], random: random.Random) -> str:
    places = _places(data)
    depth = random.randrange(1, 1 + max(len(place) for place in places))
    place = random.choice([one for one in places if len(one) >= depth])
    within: Any = data
    for part in place[:-1]:
        within = within[part]
    where, key = ".".join(map(str, place)), place[-1]
    way = random.choice(("value", "value", "near", "gone", "more", "called"))
    if way == "gone":
        del within[key]
    elif way == "more" and isinstance(within, dict):
        within["surplus"] = 1
    elif way == "called" and isinstance(within, dict):
        within[f"{key}x"] = within.pop(key)
    elif way == "near" and isinstance(within[key], int | float):
        within[key] = within[key] * random.choice((-1, 2, 10, 1 + 1e-9)) + random.choice((0, 1))
    else:
        within[key] = random.choice(VALUES)
    return f"{where}: {way}"


VALUES: tuple[Any, ...] = (None, True, 0, -1, 1, 1.5, 10**30, 10**400, 1e308, 5e-324, "", "1")
VALUES += ("a" * 200_000, "\n", "\0", "\ud800", "../../x", "[red]", [], {}, [[]], [None], {"": 0})
VALUES += (float("nan"), float("inf"), "NaN", "inf", {"a": {"b": {"c": {}}}}, [1, "a"], "0" * 16)


def _arrays(found: Mutated, random: random.Random, _: object) -> str:
    """A shard, or samples, with other arrays: its digest not that of its name, or the new one."""
    paths = [p for p in sorted(found.files) if p.endswith(".npz")]
    if not paths:
        return ""
    path = random.choice(paths)
    try:
        with np.load(io.BytesIO(found.files[path]), allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
    except Exception:  # mutated before
        return ""
    arrays = {name: one for name, one in held.items() if isinstance(one, np.ndarray)}
    if not arrays:  # a name within was mutated before: it is bytes
        return ""
    name = random.choice(sorted(arrays))
    old = arrays[name]
    way = random.choice(ARRAYS)
    try:
        arrays[name] = way(old)
    except (IndexError, ValueError, TypeError):  # mutated before
        return ""
    new = random.random() < 0.5 and "/shards/" in path
    meta = arrays.pop("__meta__", None)
    file_ = io.BytesIO()
    rest = {} if meta is None else {"__meta__": meta}
    np.savez(file_, allow_pickle=True, **arrays, **rest)
    del found.files[path]
    if new:
        folder, index = PurePosixPath(path).parent, PurePosixPath(path).name[:3]
        with contextlib.suppress(TypeError, ValueError, BufferError):  # objects, texts
            path = f"{folder}/{index}-{shard.digest_of(arrays)}.npz"
    found.forged |= "/shards/" in path and (new or name == "__meta__")
    found.files[path] = file_.getvalue()
    return f"{path}: {name} {old.dtype}{old.shape} is {arrays.get(name, meta)!r:.60}"


ARRAYS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda a: a * 0,
    lambda a: a[..., :0],
    lambda a: a.astype("U8"),
    lambda a: np.array(["a"], object),
    lambda a: np.zeros((1, 2, 3, 4)),
    lambda a: a.astype(np.complex128),
    lambda a: np.full_like(a, 200),
    lambda a: a.astype(np.float64) * np.nan,
    lambda a: np.array(3.0),
    lambda a: a.astype(np.float64) * 1e308 * 1e10,
)


def _zip(found: Mutated, random: random.Random, _: object) -> str:
    """An archive that is none of NumPy's, or one that unpacks to more than there is memory."""
    paths = [p for p in sorted(found.files) if p.endswith(".npz")]
    if not paths:
        return ""
    path, made = random.choice(paths), io.BytesIO()
    what = random.choice(("others", "twice", "header"))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        if what == "others":
            file.writestr("readme.txt", "hello")
        elif what == "twice":
            file.writestr("nfe.npy", b"")
            file.writestr("../nfe.npy", b"")
        else:
            told = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }"
            head = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + told.ljust(117) + b"\n"
            file.writestr("points.npy", head)
            file.writestr("__meta__.npy", head)
    found.files[path] = made.getvalue()
    return f"{path} holds {what}"


def _failure(found: Mutated, random: random.Random, _: object) -> str:
    job = next((p.split("/")[2] for p in sorted(found.files) if "/shards/" in p), "0" * 16)
    index = random.choice((0, 1, 7, 10**6))
    text = random.choice(("", "E: why", "\n" * 99, "x" * 10**6, "[bold]", "\ud800"))
    body = {"work_key": job, "index": index, "text": text}
    name = f"run/failures/{random.choice((job, 'f' * 16))}-{index:03d}.json"
    found.files[name] = json.dumps(body).encode()
    return f"{name} lies there"


WAYS: tuple[Callable[[Mutated, random.Random, Any], str], ...] = (
    *(_bits, _bits, _bits, _cut, _zeroed, _longer, _garbage, _swapped, _swapped_with_its_like),
    *(_renamed, _copied, _gone, _folder_instead, _file_instead, _linked, _extra, _foreign),
    *(_number, _json, _record, _record, _plan, _arrays, _zip, _failure),
)


def of_format_1(disk: Disk) -> Disk:
    """A finished run's folder as it was in format 1: records and plan, less what is new."""
    found = {p: data for p, data in disk.files.items() if p == "run/grid.toml"}
    cells = {}
    for path, data in disk.files.items():
        if "/records/" not in path:
            continue
        record = Record.from_json(sealed.opened(data))
        told = _flat(record)
        key = hash_of(told["cell"])
        cells[key] = record.label
        found[f"run/records/{key}-{record.digest}.json"] = json.dumps(told, indent=1).encode()
    found["run/plan.json"] = json.dumps({"cells": cells, "skipped": []}).encode()
    return replace(disk, files=found, folders=frozenset({"run", "run/records"}))


def _flat(record: Record) -> dict[str, Any]:
    data = record.to_json()
    own: Mapping[str, Any] = data["settings"]["sampler"]
    versions = {f"{name}_version": 1 for name in ("solver", "schedule", "scaling")}
    cell = {k: v for k, v in data["cell"].items() if k not in {"format", "sampler"}}
    cell |= {"format": 1, "model": record.model, "sampler": {**own, **versions}}
    new = {"format", "cell", "model", "settings", "code", "kept"}
    return {"format": 1, "cell": cell, **{k: v for k, v in data.items() if k not in new}}
