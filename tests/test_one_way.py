"""What has its one place in ``kit``: nobody does it by himself (see "kit/" in the design)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("kit", "solvers", "models", "results", "reports", "bench")
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
}

PLACES = {"difflib": "kit/names.py", "tomllib": "kit/toml.py"}
"""Libraries that one file alone may import."""


def imported(source):
    """Return the top-level names of all that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.parametrize("library", PLACES)
def test_one_file_alone_imports_it(library):
    assert [name for name, source in SOURCES.items() if library in imported(source)] == [
        PLACES[library]
    ]


ENVIRONMENT = re.compile(r"\bos\.(environ|getenv|putenv)|import (environ|getenv)\b")


def test_the_environment_is_read_in_one_place():
    found = [name for name, source in SOURCES.items() if ENVIRONMENT.search(source)]
    assert found == ["kit/environment.py"]


# ---- who writes ---------------------------------------------------------------------------------

WRITERS = {
    "bench/features/reference_files.py: np.savez": "into memory",
    "reports/style.py: figure.savefig": "into memory",
    "reports/style.py: (few if invisible else full).save": "into memory",
    "results/shard.py: np.savez": "into a file of kit.files",
    "bench/commands/sheet.py: picture.save": "into a file of kit.files",
    "models/checkpoints/own.py: save_file": "under a name of kit.files",
    "models/training/states.py: save_file": "under a name of kit.files",
    "models/download.py: self.part.path.open": "grows with what comes; kit.files puts it",
    "models/download.py: os.fsync": "so that a cut connection's bytes are gone on from",
    "models/download.py: file.truncate": "what is behind the bytes that are known to be whole",
    "models/training/states.py: shutil.rmtree": "a folder of states; one that stays does no harm",
    "bench/features/extractors.py: path.parent.mkdir": "PyTorch's own folder",
    "bench/features/extractors.py: torch.hub.download_url_to_file": "PyTorch's own, whole or not",
    "reports/report.py: save": "a function of ours",
    "bench/commands/training.py: trainer.save": "a method of ours",
    "models/training/trainer.py: self.save": "a method of ours",
    "models/training/trainer.py: self.states.save": "a method of ours",
}
"""What seems to write by itself, and why it may."""

METHODS = {"write_text", "write_bytes", "touch", "mkdir", "save", "savez", "savefig"}
METHODS |= {"savez_compressed", "save_file", "save_state", "tofile", "to_pickle", "to_parquet"}
METHODS |= {"dump", "copy", "copy2", "copyfile", "copytree", "move", "extractall", "makedirs"}
METHODS |= {"download_url_to_file", "urlretrieve", "mkstemp", "NamedTemporaryFile", "fsync"}
METHODS |= {"unlink", "rmdir", "removedirs", "rmtree", "truncate", "utime"}
METHODS |= {"symlink", "link", "symlink_to", "hardlink_to", "link_to"}
OURS = {"files.link", "files.move", "self.store.replace"}
"""What ``kit.files``, or the store, calls as the standard library does."""
STORES = {"self", "store", "self.store"}
"""Whose ``write_text`` is that of ``results.Store``."""


def opens_for_writing(call):
    """Whether it is an ``open`` with a mode that is not plainly one for reading."""
    function = call.func
    is_method = isinstance(function, ast.Attribute) and function.attr == "open"
    if not is_method and not (isinstance(function, ast.Name) and function.id == "open"):
        return False
    place = 0 if is_method and ast.unparse(function.value) not in {"os", "io", "gzip"} else 1
    named = [word.value for word in call.keywords if word.arg == "mode"]
    modes = named or call.args[place : place + 1]
    parts = [part for mode in modes for part in ast.walk(mode)]
    words = [str(part.value) for part in parts if isinstance(part, ast.Constant)]
    writing = any(re.fullmatch("[rwaxbt+]*[wax+][rwaxbt+]*", word) for word in words)
    return writing or any(isinstance(part, ast.Name) and part.id == "mode" for part in parts)


def renames(call):
    """Whether a path is renamed: texts are replaced by two arguments, columns by keyword."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in {"replace", "rename"}:
        return False
    return ast.unparse(function.value) == "os" or (len(call.args) == 1 and not call.keywords)


def writes(source):
    """Return the functions that a file calls to write, by what they are called."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = ast.unparse(call.func)
        last = name.rpartition(".")[2]
        store = last == "write_text" and name.rpartition(".")[0] in STORES
        copies = last == "copy" and not name.startswith("shutil.")  # of arrays
        removes = name in {"os.remove", "os.renames"}
        by_name = removes or (last in METHODS and not store and not copies)
        table = last == "to_csv" and bool(call.args)
        if name not in OURS and (by_name or table or opens_for_writing(call) or renames(call)):
            found.append(name)
    return found


def test_rooms_write_through_kit():
    found = {
        f"{name}: {call}"
        for name, source in SOURCES.items()
        if name != "kit/files.py"
        for call in writes(source)
    }
    assert found == {*WRITERS}


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')",
        "(a / 'b').write_bytes(data)",
        "with open(path, 'w') as f: pass",
        "f = path.open('ab')",
        "f = path.open(mode='r+')",
        "f = path.open(mode)",
        "f = gzip.open(path, 'wb')",
        "np.savez(path, a=a)",
        "save_file(tensors, path)",
        "torch.save(x, path)",
        "temporary.replace(path)",
        "os.replace(a, b)",
        "path.rename(other)",
        "json.dump(x, file)",
        "table.to_csv(path)",
        "shutil.copyfile(a, b)",
        "folder.mkdir()",
        "path.unlink(missing_ok=True)",
        "os.remove(path)",
        "shutil.rmtree(folder)",
        "folder.rmdir()",
        "os.link(a, b)",
        "new.hardlink_to(path)",
        "link.symlink_to(path)",
        "os.utime(path)",
    ],
)
def test_a_writer_is_seen(line):
    assert writes(line)


@pytest.mark.parametrize(
    "line",
    [
        "path.read_text()",
        "with path.open('rb') as f: pass",
        "with open(path) as f: pass",
        "f = gzip.open(path, 'rb')",
        "text.replace('a', 'b')",
        "replace(sampler, steps=3)",
        "now.replace(microsecond=0)",
        "frame.rename(columns=names)",
        "image = Image.open(file)",
        "with archive.open(name) as content: pass",
        "store.write_text('plan.json', text)",
        "array.copy()",
        "files.link(a, b)",
        "files.remove(path)",
        "names.remove(name)",
        "table.to_csv(index=False)",
    ],
)
def test_a_reader_is_not(line):
    assert not writes(line)


# ---- who asks what a thing has -------------------------------------------------------------------

GUESSES = {
    "models/card.py: hasattr(denoiser, name)": "any denoiser becomes a model here, once",
    "models/own.py: hasattr(made, needed)": "whether what a user's file gave is a denoiser",
    "solvers/denoiser.py: hasattr(self.denoiser, 'begin')": "any denoiser is completed here, once",
    "solvers/denoiser.py: hasattr(self.denoiser, 'only')": "the same",
    "solvers/denoiser.py: hasattr(self.denoiser, 'with_variance')": "the same",
    "solvers/denoiser.py: hasattr(denoiser, name)": "the same",
    "solvers/denoiser.py: getattr(denoiser, 'denoiser', None)": "the same",
    "models/network.py: getattr(self.model, 'needs_class', False)": "some networks say it",
    "models/network.py: getattr(module, 'resampling', None)": "of PyTorch's modules, some have it",
    "results/metric.py: hasattr(part, field)": "of a function or class of a user's own",
    "reports/own.py: getattr(found, 'suffix', name.removeprefix('file:'))": "the same",
    "bench/features/own.py: getattr(function, 'dim', None)": "the same",
    "bench/features/own.py: getattr(function, 'input', 'uint8')": "the same",
    "bench/measure/own.py: getattr(found, '__abstractmethods__', ())": "the same",
    "solvers/listed.py: hasattr(given, 'tolist')": "an array, a tensor or a list",
    "bench/commands/app.py: getattr(param, 'multiple', False)": "Click's",
    "bench/commands/app.py: getattr(param, 'is_flag', False)": "Click's",
}
"""Where it is asked whether a thing has an attribute, and why.

None is a model: what one says is in its card or answered by all (models/model.py).
"""


def guesses(source):
    """Return the calls of ``hasattr``, and of ``getattr`` with a default, of a file."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        ast.unparse(call)
        for call in calls
        if (name := ast.unparse(call.func)) == "hasattr" or (name == "getattr" and call.args[2:])
    ]


def test_no_attribute_is_guessed_but_those_that_are_listed():
    found = {
        f"{name}: {call}"
        for name, source in SOURCES.items()
        if not name.startswith("kit/")  # knows no model
        for call in guesses(source)
    }
    assert found == {*GUESSES}


def test_a_guess_is_seen():
    text = "hasattr(m, 'a')\ngetattr(m, 'b', 0)\ngetattr(m, 'c')\nf(lambda: getattr(m, d, None))"
    assert guesses(text) == ["hasattr(m, 'a')", "getattr(m, 'b', 0)", "getattr(m, d, None)"]
