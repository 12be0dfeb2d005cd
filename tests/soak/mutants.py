"""Mutation testing by mutmut of the solvers and the metrics: which changes does no test notice?

    python -m tests.soak.mutants FOLDER [SHARE [SEED [MODULE…]]]
    python -m tests.soak.mutants FOLDER 5 0 solvers.loop solvers.rules

SHARE is of 100 mutants, and 100 are hours; of a few modules or packages alone where they are given.

mutmut wants source below ``src/`` as it is imported, so a copy is laid out in FOLDER, which keeps
everything: run again, it goes on, and tries those that lived under the tests of today. One process,
one thread. mutmut changes the insides of functions alone: no constants of modules, no fields, no
properties. Of the chosen mutants those that lived are told, with their differences. Some must: what
a signature gives by default, for ``build`` reads it where mutmut does not write, and passes it on
(tests/solvers pin the defaults), and annotations.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("bench", "kit", "models", "reports", "results", "solvers")
CONFIGURATION = """
[tool.mutmut]
source_paths = ["src"]
also_copy = ["models", "tools"]
only_mutate = ["src/sampler_bench/solvers/*.py", "src/sampler_bench/bench/metrics/*.py"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:benchmark"]
pytest_add_cli_args_test_selection = [
    "tests/solvers", "tests/bench/metrics", "tests/test_table1.py",
]
process_isolation = "forkserver"
timeout_constant = 30.0
timeout_multiplier = 4.0
debug = true                     # else mutmut 3.8 catches what is printed, and clean tests fail
use_git_change_detection = false
track_dependencies = false

[tool.pytest.ini_options]
filterwarnings = ["error::DeprecationWarning:sampler_bench"]
"""
STATES = {0: "lived", 33: "untested", None: "not run", 24: "killed by time", -24: "killed by time"}


def lay_out(folder):
    """Copy the package as it is imported, and the tests; again where they lie there already."""

    def copy(source, target):
        shutil.copytree(source, target, ignore=unwanted, dirs_exist_ok=True)

    unwanted = shutil.ignore_patterns("__pycache__", "gallery", ".mypy_cache")
    package = folder / "src" / "sampler_bench"
    copy(ROOT / "top", package)
    for room in ROOMS:
        copy(ROOT / room, package / room)
    for name in ("tests", "tools"):
        copy(ROOT / name, folder / name)
    images = Path("models") / "zoo" / "fashion"  # which tests read from there
    copy(ROOT / images, folder / images)
    (folder / "pyproject.toml").write_text(CONFIGURATION, "utf-8")


def mutmut(folder, *words, **options):
    """Run mutmut in the folder, on one thread."""
    command = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()"]
    one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment = {**os.environ, **one, "PYTHONPATH": ""}
    return subprocess.run([*command, *words], cwd=folder, env=environment, **options)


def outcomes(folder):
    """Return the exit code of each mutant's tests, None where they have not run."""
    found = {}
    for meta in sorted((folder / "mutants" / "src").rglob("*.meta")):
        found |= json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    return found


def main(folder, share="100", seed="0", *modules):
    """Make the mutants, test a sample of them, tell what lived."""
    folder = Path(folder).resolve()
    lay_out(folder)
    (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # tests may have changed
    # Nothing has this name, so mutmut makes all mutants, sees which test runs which, and stops.
    mutmut(folder, "run", "--max-children", "1", "none", capture_output=True)
    wanted = tuple(f"sampler_bench.{module}." for module in modules) or ("",)
    names = sorted(name for name in outcomes(folder) if name.startswith(wanted))
    if not names:
        raise SystemExit(f"{folder}: mutmut made no mutants of these; run it there to see why")
    sample = random.Random(int(seed)).sample(names, round(len(names) * float(share) / 100))
    before = outcomes(folder)
    waiting = [name for name in sample if STATES.get(before[name]) in ("lived", "not run")]
    print(f"{len(names)} mutants, {len(sample)} chosen, {len(waiting)} to run", flush=True)
    if waiting:
        with (folder / "mutmut.log").open("w") as log:
            mutmut(folder, "run", "--max-children", "1", *waiting, stdout=log, stderr=log)
    found = outcomes(folder)
    if waiting and all(found[name] is None for name in waiting):
        raise SystemExit(f"{folder / 'mutmut.log'} says why no mutant was tested")
    states = {name: STATES.get(found[name], "killed") for name in sample}
    for name in sorted(name for name, state in states.items() if state in ("lived", "untested")):
        print(mutmut(folder, "show", name, capture_output=True, text=True).stdout)
    counts = Counter(states.values())
    killed = counts["killed"] + counts["killed by time"]
    print(f"{killed} of {len(sample)} killed, {killed / len(sample):.1%}: {dict(counts)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
