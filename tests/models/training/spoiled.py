"""Training folders as nobody should send them: hostile ones, and damaged ones.

Both are made from a folder with a state in it, ``state/000000000016`` or the like, in place. What
is to be seen: nothing executes, nothing is waited at, whatever is damaged is said.
"""

import hashlib
import io
import json
import os
import pickle
import random
import shutil
import struct
from pathlib import Path

import numpy as np
import torch

TENSORS, ABOUT, SUMS = "state.safetensors", "about.json", "SHA256SUMS"
FILES = (TENSORS, ABOUT, SUMS)


def newest(folder):
    return max(path for path in (folder / "state").iterdir() if path.name.isdigit())


def signed(state):
    """Make a state's digests those of its files, as who sends it would."""
    digests = [hashlib.sha256((state / name).read_bytes()).hexdigest() for name in (ABOUT, TENSORS)]
    lines = [f"{digest}  {name}\n" for digest, name in zip(digests, (ABOUT, TENSORS), strict=True)]
    (state / SUMS).write_text("".join(lines), "utf-8")


# ---- hostile: files that execute where they are unpickled ---------------------------------------


class Payload:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


def _torch(mark, zipped):
    file = io.BytesIO()
    torch.save({"a": Payload(mark)}, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _numpy(mark):
    file = io.BytesIO()
    np.save(file, np.array([Payload(mark)], dtype=object), allow_pickle=True)
    return file.getvalue()


FORMS = {
    "pickle": lambda mark: pickle.dumps(Payload(mark)),
    "oldest pickle": lambda mark: pickle.dumps(Payload(mark), protocol=0),
    "torch": lambda mark: _torch(mark, True),
    "legacy torch": lambda mark: _torch(mark, False),
    "numpy": _numpy,
}
PLACES = {
    # Where Accelerate, which read the states of earlier versions, unpickles …
    "earlier": (
        *("custom_checkpoint_0.pkl", "custom_checkpoint_1.pkl", "random_states_0.pkl"),
        *("optimizer.bin", "pytorch_model.bin", "model.safetensors", "scaler.pt"),
        *("scheduler.bin", "sampler.bin"),
    ),
    # … and what is read now.
    "present": (*FILES, "../../log.jsonl", "../../loss-over-sigma.json"),
    # Both side by side, with digests that are right.
    "signed": ("custom_checkpoint_0.pkl", "optimizer.bin", TENSORS, ABOUT),
}
EXECUTING = [
    (kind, name, form) for kind, names in PLACES.items() for name in names for form in FORMS
]


def plant(folder, kind, name, form, mark):
    """Put a file that leaves ``mark`` behind into a folder's newest state."""
    state = newest(folder)
    if kind == "earlier":
        for path in list(state.iterdir()):
            if path.name != ABOUT:
                path.unlink()
        for other in PLACES["earlier"]:  # an earlier version's state has all of them
            (state / other).write_bytes(b"")
    (state / name).write_bytes(FORMS[form](str(mark)))
    if kind == "signed":
        signed(state)


# ---- hostile: files whose digests are right, and that say what cannot be ------------------------


def _about(change):
    def make(state):
        about = json.loads((state / ABOUT).read_text("utf-8"))
        text = change(about)
        (state / ABOUT).write_text(text or json.dumps(about), "utf-8")
        signed(state)

    return make


def _header(change):
    """Change the header of the tensors: names, types, shapes and places."""

    def make(state):
        data = (state / TENSORS).read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + length])
        change(header, next(name for name in sorted(header) if name.startswith("adam.exp")))
        text = json.dumps(header).encode()
        (state / TENSORS).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
        signed(state)

    return make


def _instead(name, make):
    """Put something else at a file's place; digests are as before: it is not to be read."""

    def put(state):
        (state / name).unlink()
        make(state / name)

    return put


def _huge(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: it needs no room


LYING = {
    "images < 0": _about(lambda a: a["progress"].update(images=-1)),
    "images of another": _about(
        lambda a: a["progress"].update(images=a["progress"]["images"] + 16)
    ),
    "images as text": _about(lambda a: a["progress"].update(images="16")),
    "no number of seconds": _about(lambda a: a["progress"].update(seconds=float("nan"))),
    "an infinite loss": _about(lambda a: a["progress"].update(loss_sum=float("inf"))),
    "something more": _about(lambda a: a["progress"].update(device="x")),
    "a list": _about(lambda a: "[]"),
    "deep": _about(lambda a: "[" * 200_000),
    "digits": _about(lambda a: "9" * 10_000),
    "another version": _about(lambda a: a.update(version=3)),
    "a long key": _about(lambda a: a["configuration"].update({"\n" * 10_000: 1})),
    "a long value": _about(lambda a: a["configuration"].update(name="\x1b[31m" * 10_000)),
    "no scale": _about(lambda a: a.update(scale={"scale": 0.0, "steps": 0})),
    "steps beyond int32": _about(lambda a: a.update(scale={"scale": 1.0, "steps": 2**40})),
    "a tensor less": _header(lambda header, name: header.pop(name)),
    "another name": _header(lambda header, name: header.update({"x": header.pop(name)})),
    "other numbers": _header(lambda header, name: header[name].update(dtype="I32")),
    "another shape": _header(lambda header, name: header[name]["shape"].append(1)),
    "10¹² elements": _header(lambda header, name: header[name].update(shape=[10**12])),
    "beyond the end": _header(lambda header, name: header[name].update(data_offsets=[0, 2**62])),
    **{f"a pipe, {name}": _instead(name, os.mkfifo) for name in FILES},
    **{f"zeros, {name}": _instead(name, lambda p: p.symlink_to("/dev/zero")) for name in FILES},
    **{f"a terabyte, {name}": _instead(name, _huge) for name in FILES},
    **{f"a loop, {name}": _instead(name, lambda p: p.symlink_to(p)) for name in FILES},
    **{f"a folder, {name}": _instead(name, Path.mkdir) for name in FILES},
}

# ---- damaged: what disks, copies and people do --------------------------------------------------


def _bytes(change):
    def damage(path, chance):
        path.write_bytes(change(bytearray(path.read_bytes()), chance))

    return damage


def _flip(data, chance, at=None):
    at = chance.randrange(len(data)) if at is None else at
    data[at] ^= 1 << chance.randrange(8)
    return data


def _zeros(data, chance, count=4096):
    count = min(count, len(data))
    at = chance.randrange(len(data) - count + 1)
    data[at : at + count] = bytes(count)
    return data


def _swap(data, chance):
    at = next(k for k in range(chance.randrange(len(data) // 2), len(data)) if data[k] != data[0])
    data[0], data[at] = data[at], data[0]
    return data


def _folder(path, chance):
    path.unlink()
    path.mkdir()


DAMAGE = {
    **{f"flip {k}": _bytes(_flip) for k in range(5)},
    "first flipped": _bytes(lambda data, chance: _flip(data, chance, 0)),
    "last flipped": _bytes(lambda data, chance: _flip(data, chance, len(data) - 1)),
    "4 kB of zeros": _bytes(_zeros),
    "8 zeros": _bytes(lambda data, chance: _zeros(data, chance, 8)),
    "cut by one": _bytes(lambda data, chance: data[:-1]),
    "cut in half": _bytes(lambda data, chance: data[: len(data) // 2]),
    "empty": _bytes(lambda data, chance: b""),
    "one more": _bytes(lambda data, chance: data + b"\n"),
    "noise": _bytes(lambda data, chance: chance.randbytes(len(data))),
    "swapped": _bytes(_swap),
    "line ends": _bytes(lambda data, chance: data.replace(b"\n", b"\r\n") + b"\r"),
    "gone": lambda path, chance: path.unlink(),
    "a folder": _folder,
}
DAMAGED = [(name, how) for name in FILES for how in DAMAGE]


def damage(folder, name, how, seed=0):
    """Damage a file of a folder's newest state."""
    DAMAGE[how](newest(folder) / name, random.Random(f"{name} {how} {seed}"))


def copied(folder, to):
    shutil.copytree(folder, to)
    return to
