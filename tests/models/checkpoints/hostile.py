"""Pickles and archives that someone might offer as a checkpoint."""

import contextlib
import copyreg
import io
import pickle
import struct
import zipfile

import torch

from tests.models.checkpoints import edm_writer

PROTO = b"\x80\x04"
MAGIC = pickle.dumps(torch.serialization.MAGIC_NUMBER, 2)
LEGACY = MAGIC + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
KEYS = pickle.dumps([], 2)
EXTENSION = 0xC5


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def data(value):
    return b"B" + struct.pack("<I", len(value)) + value


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def dotted(module, attribute):
    return text(module) + text(attribute) + b"\x93"


def call(function, *args):
    return function + b"(" + b"".join(args) + b"tR"


def executing(canary, module):
    """Return pickles without header and end that make a file when they are believed.

    Args:
        canary: The file.
        module: A module that makes the file when it is imported, and can be.
    """
    command = f"touch '{canary}'"
    shell, code = text(command), text(f"open({str(canary)!r}, 'w').close()")
    system = name("os", "system")
    path = call(name("pathlib", "Path"), text(str(canary)))
    popen = b"(]" + b"(" + text("touch") + text(str(canary)) + b"et"
    namespace = name("types", "SimpleNamespace") + b")\x81"
    inner = PROTO + call(system, shell) + b"."
    legacy = LEGACY + b"\x80\x02" + call(system, shell) + b"." + KEYS
    load_storage = name("torch.storage", "_load_from_bytes")
    array = call(
        name("numpy._core.multiarray", "_reconstruct"),
        name("numpy", "ndarray"),
        b"K\x00\x85",
        data(b"b"),
    )
    objects = call(name("numpy", "dtype"), text("O8"), b"\x89", b"\x88")
    return {
        "os.system": call(system, shell),
        "posix.system": call(name("posix", "system"), shell),
        "os.popen": call(name("os", "popen"), shell),
        "subprocess.Popen": name("subprocess", "Popen") + popen + b"R",
        "subprocess.run": name("subprocess", "run") + popen + b"R",
        "eval": call(name("builtins", "eval"), code),
        "exec": call(name("builtins", "exec"), code),
        "exec by its old name": call(name("__builtin__", "exec"), code),
        "open": call(name("builtins", "open"), text(str(canary)), text("w")),
        "getattr": call(
            call(
                name("builtins", "getattr"),
                call(name("builtins", "__import__"), text("os")),
                text("system"),
            ),
            shell,
        ),
        "__import__": call(name("builtins", "__import__"), text(module)),
        "importlib": call(name("importlib", "import_module"), text(module)),
        "import by name": name(module, "anything"),
        "runpy": call(name("runpy", "run_module"), text(module)),
        "timeit": call(
            name("timeit", "timeit"), code, text("pass"), name("timeit", "default_timer"), b"K\x01"
        ),
        "partial": call(call(name("functools", "partial"), system, shell)),
        "methodcaller": call(call(name("operator", "methodcaller"), text("touch")), path),
        "dotted name": dotted("pathlib", "Path.touch") + path + b"\x85R",
        "through torch": dotted("torch.serialization", "os.system") + shell + b"\x85R",
        "through torch.nn": dotted("torch.nn.modules.module", "warnings.sys.modules")
        + b"0"
        + call(dotted("torch.nn.modules.module", "torch.os.system"), shell),
        "map": call(
            name("builtins", "list"),
            call(name("builtins", "map"), system, b"]" + shell + b"a"),
        ),
        "state of a partial": name("functools", "partial")
        + name("builtins", "print")
        + b"\x85\x81("
        + system
        + shell
        + b"\x85}Ntb)R",
        "__setstate__ as an attribute": namespace
        + b"}"
        + text("__setstate__")
        + system
        + b"sb"
        + shell
        + b"b",
        "OBJ": b"(" + system + shell + b"o",
        "INST": b"(" + shell + b"ios\nsystem\n",
        "EXT1": b"\x82" + bytes([EXTENSION]) + shell + b"\x85R",
        "NEWOBJ_EX": name("functools", "partial") + system + shell + b"\x86}\x92)R",
        "pickle in a pickle": call(name("_pickle", "loads"), data(inner)),
        "torch.load": call(
            name("torch", "load"), call(name("io", "BytesIO"), data(legacy)), b"NN\x89"
        ),
        "pickle in a storage": call(load_storage, data(legacy)),
        "archive in a storage": call(load_storage, data(archive(inner))),
        "object array": array
        + b"(K\x01K\x01\x85"
        + objects
        + b"\x89]"
        + call(system, shell)
        + b"atb",
        "key of a dict": b"}" + call(system, shell) + b"Ns",
        "item before an error": call(system, shell) + b"0R",
    }


@contextlib.contextmanager
def registered_extension():
    """While this lasts, an extension code stands for ``os.system``, as a program may declare."""
    copyreg.add_extension("os", "system", EXTENSION)
    try:
        yield
    finally:
        copyreg.remove_extension("os", "system", EXTENSION)
        copyreg.clear_extension_cache()


def archive(pickled, **records):
    """Return an archive of torch.save with this pickle in it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for record, content in ({"data.pkl": pickled, "version": b"3\n"} | records).items():
            made.writestr(f"archive/{record}", content)
    return file.getvalue()


def nested(opening, closing, depth):
    return opening * depth + closing * depth


def doubling(pair, levels):
    """Return an object that holds itself twice, at each of some levels."""
    steps = [b"h" + bytes([level]) + b"h" + bytes([level]) for level in range(levels)]
    return b"q\x00" + b"".join(
        pair(step) + b"q" + bytes([level + 1]) for level, step in enumerate(steps)
    )


def tensor(storage, size, stride):
    whole = ["K" if n < 256 else "\x8a\x06" for n in (size, stride)]
    numbers = [
        w.encode("latin1") + (n.to_bytes(1 if w == "K" else 6, "little"))
        for w, n in zip(whole, (size, stride), strict=True)
    ]
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        storage,
        b"K\x00",
        numbers[0] + b"\x85",
        numbers[1] + b"\x85",
        b"\x89",
        b"}",
    )


def storage_data(count=4):
    file = io.BytesIO()
    torch.save(torch.zeros(count)._typed_storage(), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def storage_id(count, key="0"):
    """Return a reference to a storage as torch.save writes it, with a length of our own."""
    length = b"\x8a\x06" + count.to_bytes(6, "little")
    fields = text("storage") + name("torch", "FloatStorage") + text(key) + text("cpu")
    return b"(" + fields + length


def pickle_bombs():
    """Return pickles, whole, that take time or memory out of proportion when they are believed."""
    load_storage = name("torch.storage", "_load_from_bytes")
    small = call(load_storage, data(storage_data()))
    many = call(load_storage, b"h\x00")
    big = bytes(storage_data(1 << 20))
    bodies = {
        "memo index": b"]r\xf0\xff\xff\x7f",
        "memo index that is not there": b"j\xf0\xff\xff\x7f",
        "long integer": b"\x8b" + struct.pack("<i", 10_000_000) + b"\x7f" * 10_000_000,
        "integer of 255 bytes": b"\x8a\xff" + b"\x7f" * 255,
        "integer in digits": b"I" + b"9" * 100_000 + b"\n",
        "bytes of 4 EiB": b"\x8e" + struct.pack("<Q", 1 << 62),
        "bytes of 3 GiB": b"B" + struct.pack("<I", 3 << 30),
        "bytearray of 1 TiB": b"\x96" + struct.pack("<Q", 1 << 40),
        "text of 1 TiB": b"\x8d" + struct.pack("<Q", 1 << 40),
        "frame of 1 TiB": b"\x95" + struct.pack("<Q", 1 << 40) + b"N",
        "wide text": text("\U0001f600" + "a" * 40_000_000),
        "a line without end": b"c" + b"a" * 1_000_000,
        "a million lists": b"](" + b"]" * 1_100_000 + b"e",
        "tuples of tuples as key": b"}N\x85" + doubling(lambda s: s + b"\x86", 60) + b"Ns",
        "deep tuple as key": b"}" + b"N" + b"\x85" * 100_000 + b"Ns",
        "set of tuples of tuples": b"\x8f(N\x85" + doubling(lambda s: s + b"\x86", 60) + b"\x90",
        "frozenset": b"(N\x91",
        "deep list": nested(b"]", b"a", 100_000)[:-1],
        "lists of lists": b"]" + doubling(lambda s: b"](" + s + b"e", 60),
        "one storage a thousand times": data(big) + b"q\x000](" + many * 1000 + b"e",
        "one storage in a list": b"](" + data(big) + b"q\x00" + many * 1000 + b"e",
        "copies of a dict": name("collections", "OrderedDict") + b"]" + b"\x85R",
        "tensor larger than its storage": tensor(small, 1 << 40, 1),
        "tensor of stride 0": tensor(small, 1 << 40, 0),
        "tensor far behind its storage": tensor(small, 2, 1 << 40),
        "storage of 4 TiB": call(
            load_storage,
            data(LEGACY + b"\x80\x02" + storage_id(1 << 40) + b"NtQ." + KEYS),
        ),
        "stack of nothing": b"R",
        "mark of nothing": b"(" * 100 + b"u",
        "persistent object": text("elsewhere") + b"Q",
        "persistent object by line": b"Pelsewhere\n",
        "unknown opcode": b"\xff",
        "protocol 9": b"\x80\x09N",
    }
    return {key: PROTO + body + b"." for key, body in bodies.items()}


def modules_within_themselves():
    """Return contents of an EDM pickle whose network never ends."""
    content = edm_writer.contents("EDMPrecond", {"img_resolution": 8, "img_channels": 2}, {})
    state = content["ema"].meta["state"]
    network = state["_modules"]["model"].meta["state"]
    network["_modules"]["again"] = inner = edm_writer.plain_module({})
    inner.__dict__["_modules"]["again"] = inner
    return content


def modules_that_double():
    """Return contents of an EDM pickle whose network has 2⁶⁰ modules, by 60."""
    content = edm_writer.contents("EDMPrecond", {"img_resolution": 8, "img_channels": 2}, {})
    module = edm_writer.plain_module({})
    for _ in range(60):
        module = edm_writer.plain_module({"a": module, "b": module})
    state = content["ema"].meta["state"]["_modules"]["model"].meta["state"]
    state["_modules"]["again"] = module
    return content


def torch_bombs():
    """Return files like PyTorch's, whole, that claim more than they have."""
    record = {"data/0": bytes(16)}
    begin = b"\x80\x02"
    stored = storage_id(4) + b"tQ"
    claimed = storage_id(1 << 40) + b"tQ"
    old = {
        "legacy storage of 4 TiB": storage_id(1 << 40) + b"NtQ",
        "legacy tensor of 4 TiB": tensor(storage_id(4) + b"NtQ", 1 << 40, 1),
        "legacy tensor of stride 0": tensor(storage_id(4) + b"NtQ", 1 << 40, 0),
        "legacy bytearray": call(name("builtins", "bytearray"), b"\x8a\x05\x00\x00\x00\x00\x10"),
        "legacy untyped storage": call(
            name("torch.storage", "UntypedStorage"), b"\x8a\x05\x00\x00\x00\x00\x10"
        ),
    }
    keys = pickle.dumps(["0"], 2) + struct.pack("<q", 4) + bytes(16)
    found = {key: LEGACY + begin + body + b"." + keys for key, body in old.items()}
    new = {
        "tensor of 4 TiB": tensor(stored, 1 << 40, 1),
        "tensor of stride 0": tensor(stored, 1 << 40, 0),
        "tensor of a storage of 4 TiB": tensor(claimed, 1 << 40, 1),
        "bytearray": old["legacy bytearray"],
        "untyped storage": old["legacy untyped storage"],
        "memo index": b"]r\xf0\xff\xff\x7f",
        "tuples as key": b"}N\x85" + doubling(lambda s: s + b"\x86", 60) + b"Ns",
    }
    for key, body in new.items():
        found[f"archived {key}"] = archive(begin + body + b".", **record)
    return found | {
        "deflated gigabyte": deflated(),
        "overlapping records": overlapping(),
        "record outside": archive(b"\x80\x02N.", **{"../../outside": b"x"}),
        "absolute record": archive(b"\x80\x02N.", **{"/outside": b"x"}),
        "TorchScript": archive(b"\x80\x02N.", **{"code/__torch__.py": b"x", "constants.pkl": b"x"}),
    }


def deflated():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.writestr("archive/version", b"3\n")
        with made.open("archive/data.pkl", "w") as record:
            for _ in range(1024):
                record.write(bytes(1 << 20))
    return file.getvalue()


def overlapping():
    """Return an archive whose directory lists one record of 1 MB a thousand times."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("archive/data.pkl", b"\x80\x02N.")
        made.writestr("archive/data/0", bytes(1 << 20))
        first = made.infolist()[1]
        for index in range(1, 1000):
            again = zipfile.ZipInfo(f"archive/data/{index}")
            again.header_offset, again.CRC = first.header_offset, first.CRC
            again.file_size = again.compress_size = first.file_size
            made.filelist.append(again)
    return file.getvalue()
