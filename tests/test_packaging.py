"""What an installation is: one import name, every file that is needed, and its commit."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("bench", "kit", "models", "reports", "results", "solvers")
# Not needed to see that nothing is forgotten: other files of the same kinds stay.
LEFT_OUT = shutil.ignore_patterns(
    ".*",
    "gallery",
    "build",
    "*.egg-info",
    "__pycache__",
    "runs",
    "tests",
    "tools",
    "table2-*",
    "figure*",
)
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q"]


def run(*command, **given):
    ran = subprocess.run([*map(str, command)], capture_output=True, text=True, **given)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return a copy of the repository with a commit of its own."""
    folder = tmp_path_factory.mktemp("source") / "sampler-bench"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    shutil.copy(ROOT / ".gitignore", folder)
    git = ("git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@t")
    run(*git, "init", "-q")
    run(*git, "add", "-A")
    run(*git, "commit", "-qm", "all")
    return folder


@pytest.fixture(scope="module")
def commit(source):
    return run("git", "-C", source, "rev-parse", "HEAD").strip()


def wheel(source, out):
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", out, source)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def built(source, tmp_path_factory):
    return wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def from_archive(source, tmp_path_factory):
    """Return the wheel that the source archive makes, in a folder that no git knows."""
    out = tmp_path_factory.mktemp("archive")
    build = f"from setuptools import build_meta; print(build_meta.build_sdist({str(out)!r}))"
    run(sys.executable, "-c", build, cwd=source)
    shutil.unpack_archive(next(out.glob("*.tar.gz")), out)
    (unpacked,) = (path for path in out.iterdir() if path.is_dir())
    return wheel(unpacked, out)


def names(path):
    return {name for name in zipfile.ZipFile(path).namelist() if ".dist-info/" not in name}


def test_a_wheel_holds_one_package_and_all_its_files(source, built):
    tracked = run("git", "-C", source, "ls-files", *ROOMS, "top").splitlines()
    assert not [name for name in tracked if "gallery" in name]
    expected = {f"sampler_bench/{name.removeprefix('top/')}" for name in tracked}
    assert names(built) == expected | {"sampler_bench/COMMIT"}
    assert "sampler_bench/py.typed" in expected
    assert "sampler_bench/results/baselines/quick/plan.json" in expected


def test_a_wheel_of_the_source_archive_is_the_same(built, from_archive):
    assert names(from_archive) == names(built)


@pytest.mark.parametrize("which", ["built", "from_archive"])
def test_a_wheel_knows_its_commit(which, commit, request):
    archive = zipfile.ZipFile(request.getfixturevalue(which))
    assert archive.read("sampler_bench/COMMIT").decode().strip() == commit


ASK = """
import json, sys
import sampler_bench
from sampler_bench.bench.run import provenance
print(json.dumps([sampler_bench.__file__, provenance._commit(), sorted(sys.modules)]))
"""


def asked(python_path, folder, python=sys.executable):
    """Return what a program beside folders called as ours finds when it imports the package."""
    for room in ROOMS:
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    (folder / "ask.py").write_text(ASK)
    environment = {**os.environ, "PYTHONPATH": str(python_path)}
    return json.loads(run(python, "ask.py", cwd=folder, env=environment))


def test_an_installed_wheel_beside_folders_of_the_same_names(built, commit, tmp_path):
    zipfile.ZipFile(built).extractall(tmp_path / "site")
    place, found, modules = asked(tmp_path / "site", tmp_path / "user")
    assert Path(place).parent == tmp_path / "site" / "sampler_bench"
    assert found == commit
    assert not set(ROOMS) & set(modules)


def test_an_editable_installation(source, commit, tmp_path):
    """Its files are the checkout's, and so is its commit."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():  # PyTorch and all, but not ourselves
        if not path.name.startswith(("sampler_bench", "__editable__", "__pycache__")):
            (site / path.name).symlink_to(path)
    python = tmp_path / "venv" / "bin" / "python"
    install = ("install", "--no-deps", "--no-build-isolation", "--editable", source)
    run(*PIP, "--python", python, *install)
    place, found, modules = asked("", tmp_path / "user", python)
    assert Path(place) == source / "top" / "__init__.py"
    assert found == commit
    assert not set(ROOMS) & set(modules)
