"""What pyproject.toml cannot say: which folder is which package, and which commit is built.

The rooms lie at the top of the repository and are installed as ``sampler_bench.solvers`` and so on;
``top`` is the root package. A folder called ``sampler_bench`` would shadow the installed one here.
"""

import shutil
import subprocess
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
ROOMS = ("bench", "kit", "models", "reports", "results", "solvers")
COMMIT = "COMMIT"  # read by bench/run/provenance.py


def commit() -> str:
    """Return the commit that is built, and whether files were changed since; "" if unknown."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return ran.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "setup.py")  # not some other project's repository
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + (", with changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def record(folder: Path) -> None:
    """Write the commit into ``folder``, unless it is not known or stands there already."""
    found = commit()
    if found:
        (folder / COMMIT).write_text(found + "\n", "utf-8")


class Build(build_py):
    """Copies nothing that a former build left behind, and records the commit."""

    def run(self) -> None:
        """Build."""
        if self.editable_mode:  # there the commit is asked for when it is needed
            super().run()
            return
        target = Path(self.build_lib) / "sampler_bench"
        shutil.rmtree(target, ignore_errors=True)
        super().run()
        record(target)


class Source(sdist):
    """Records the commit, which a wheel built from the archive can no longer ask for."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files."""
        super().make_release_tree(base_dir, files)
        record(Path(base_dir) / "top")


setup(
    packages=[
        "sampler_bench",
        *(
            f"sampler_bench.{name}"
            for room in ROOMS
            for name in find_packages(include=[room, f"{room}.*"])
        ),
    ],
    package_dir={"sampler_bench": "top", **{f"sampler_bench.{room}": room for room in ROOMS}},
    cmdclass={"build_py": Build, "sdist": Source},
)
