"""The command line as people expect it: help, completion, one line for an error, exit codes."""

import json
import os
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from sampler_bench.bench.commands import app as frame
from sampler_bench.bench.commands import catalogue, cli
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.plan.shipped import GRIDS
from sampler_bench.kit.toml import toml_files

COMMANDS = typer.main.get_command(app).commands
EXAMPLES = [
    line.split(" > ")[0]
    for command in COMMANDS.values()
    for line in command.epilog.splitlines()
    if line.startswith("bench ")
]


def bench(*arguments, **environment):
    """Return a finished process: what it printed, and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "sampler_bench", *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "80", **environment},
    )


def typed(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


# ---- help ---------------------------------------------------------------------------------------

HELP = """
import sys
from typer.testing import CliRunner
from sampler_bench.bench.commands.cli import app
heavy = ("torch", "numpy", "pandas", "matplotlib", "scipy", "httpx")
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
print([name for name in (*heavy, "pydantic") if name in sys.modules])  # a command's: Typer has it
for command in {commands}:
    for option in ("-h", "--help"):
        result = CliRunner().invoke(app, [*command, option])
        assert result.exit_code == 0 and "Usage: " in result.stdout, (command, result.output)
print([name for name in heavy if name in sys.modules])
"""


def test_help_imports_nothing_that_takes_time():
    commands = [[], *([name] for name in COMMANDS)]
    program = HELP.replace("{commands}", repr(commands))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert (ran.stdout.split(), ran.returncode) == (["[]", "[]"], 0), ran.stderr


def test_help_is_grouped_and_the_most_used_come_first():
    printed = bench("-h").stdout
    places = [
        printed.index(text) for text in ("─ Measure", " run ", "─ Look", "─ Models", "─ Train")
    ]
    assert places == sorted(places)
    assert set(COMMANDS) == set(frame.ORDER)
    assert all(command.rich_help_panel for command in COMMANDS.values())


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples_can_be_typed(line):
    _, name, *arguments = shlex.split(line)
    COMMANDS[name].make_context(name, arguments)


def test_every_command_has_an_example_in_its_help():
    assert {line.split()[1] for line in EXAMPLES} >= set(COMMANDS)
    assert "bench run quick --report" in bench("run", "-h").stdout


def test_it_is_installed_under_both_names_and_as_a_module():
    scripts = {point.name: point.value for point in entry_points(group="console_scripts")}
    assert scripts["bench"] == scripts["sampler-bench"] == "sampler_bench.bench.commands.cli:main"
    assert bench("--version").stdout.startswith("sampler-bench 0.")


def completed(*words):
    """Return what a shell would offer after these words."""
    found = CliRunner().invoke(
        app,
        [],
        prog_name="bench",
        env={
            "_BENCH_COMPLETE": "complete_zsh",
            "_TYPER_COMPLETE_ARGS": shlex.join(["bench", *words[:-1]]) + f" {words[-1]}",
        },
    )
    return found.output


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("run", "figure2a"), "figure2a-fashion"),
        (("run", "--grid", "qu"), "quick"),
        (("list", "sol"), "solvers"),
        (("search", "table5-f"), "table5-fashion"),
        (("train", "fashion-edm"), "fashion-edm-vp"),
        (("fetch", "edm-cifar"), "edm-cifar10-32x32-cond-vp"),
        (("convert", "exact-t"), "exact-two-points"),
        (("convert", "table2-a"), "table2-a-vp"),
        (("check", "--baseline", "qu"), "quick"),
        (("reference", "--extractor", "fa"), "fashion"),
        (("sche",), "schema"),
    ],
)
def test_shells_complete_names(words, offered):
    printed = completed(*words)
    assert f'"{offered}"' in printed, printed


def test_completion_needs_no_torch():
    program = """
import sys
from sampler_bench.bench.commands import completion
for name in ("grids", "searches", "configurations", "kinds", "published", "models", "extractors"):
    assert getattr(completion, name)(""), name
assert completion.baselines("")
print("torch" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert ran.stdout.strip() == "False", ran.stderr


# ---- schema -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema():
    printed = typed("schema")
    assert printed.exit_code == 0
    found = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.mark.parametrize("name", toml_files(GRIDS))
def test_the_schema_describes_the_grids_that_ship(schema, name):
    schema.validate(tomllib.loads((GRIDS / f"{name}.toml").read_text("utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": 5},
        {"samples": "50"},
        {"samplers": []},
        {"sampler": [{"S_churn": [[[[1]]]]}]},
        {"profile": [{"metric": "curvature", "levels": [1, 2]}]},
        {"name": "a b"},
    ],
)
def test_the_schema_refuses_what_the_parser_refuses(schema, wrong):
    right = {"name": "mine", "models": ["exact-fashion"], "samples": 50, "sampler": [{"steps": 8}]}
    schema.validate(right)
    assert not schema.is_valid(right | wrong)


# ---- options that would be dropped --------------------------------------------------------------


SINGLE = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option" and not option.multiple and not option.is_flag
]
PAIRS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if option.param_type_name == "option" and option.is_flag and option.secondary_opts
]


@pytest.mark.parametrize(
    ("command", "option"), SINGLE, ids=[f"{name} {option.opts[0]}" for name, option in SINGLE]
)
def test_no_option_of_any_command_is_taken_twice(command, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = option.opts[0]  # whatever the value: that it fits is looked at later
    for other in ([name, "1"], [f"{name}=1"], [name, "2"]):
        for between in ([], ["something"]):
            result = typed(command, name, "1", *between, *other)
            assert result.exit_code == 2, result.output
            assert result.stderr == f"bench: {name} is given 2 times: give it once\n"


@pytest.mark.parametrize(("command", "option"), PAIRS)
def test_no_command_is_told_yes_and_no(command, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = typed(command, option.opts[0], "something", option.secondary_opts[0])
    assert result.exit_code == 2
    assert result.stderr == f"bench: {option.opts[0]} is given 2 times: give it once\n"


def test_all_commands_refuse_what_they_would_drop():
    assert {"--grid", "--out", "--baseline", "--data", "--from", "--nfe"} <= {
        option.opts[0] for _, option in SINGLE
    }
    assert all(isinstance(command, frame.Command) for command in COMMANDS.values())
    assert PAIRS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "quick", "--again", "--keep"], "--again and --keep: give one of the two"),
        (["search", "table5-fashion", "--again", "--keep"], "--again and --keep: give one"),
        (["report", "r", "--statements", "--figure", "a.py:b"], "--figure is for reports of runs"),
        (["report", "r", "--paper", "--format", "md"], "--format is for reports of runs"),
        (["run"], "no grid is given"),
        (["run", "quick", "--grid", "order"], "the grid is given twice"),
        (["run", "--grid", "nonsense.toml", "--grid", "quick"], "--grid is given 2 times"),
        (["run", "quick", "--samples", "50", "--samples=60"], "--samples is given 2 times"),
        (["check", "r", "--baseline", "quick", "--baseline", "r"], "--baseline is given 2 times"),
        (["report", "r", "--paper", "--statements"], "give one of them"),
        (["report", "r", "--paper", "--together"], "give one of them"),
        (["report", "r", "--statements", "--out", "o"], "--out is for pages"),
        (["report", "r", "s", "--out", "o"], "--out is one folder, and 2 runs"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(arguments, said):
    result = typed(*arguments)
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("bench: ") and said in line


def test_flags_and_lists_may_be_repeated():
    context = COMMANDS["convert"].make_context(
        "convert", ["a", "b", "--set", "x=1", "--set", "y=2"]
    )
    assert context.params["settings"] == ["x=1", "y=2"]
    COMMANDS["run"].make_context("run", ["quick", "--plan", "--plan"])


def test_a_plan_shows_keys_and_names_whole_at_80_columns(tmp_path):
    grid = tmp_path / "long.toml"
    label = "a-label-of-one-word-that-is-as-long-as-many"
    grid.write_text(
        'name = "long"\nmodels = ["exact-mixture-moons"]\nsamples = 20\nextractor = "pixels"\n'
        f'[[sampler]]\nlabel = "{label}"\nsteps = 4\n'
    )
    printed = bench("run", grid, "--plan").stdout
    table = printed.split("cells, ")[0]
    assert "…" not in table and max(map(len, table.splitlines())) <= 80
    row = table.splitlines()[1]
    assert len(row.split()[-1]) == 16


# ---- exit codes ---------------------------------------------------------------------------------


@pytest.fixture
def fault(monkeypatch, tmp_path):
    """Make ``bench list grids`` meet a fault, with logs in a folder of its own."""

    def broken(name):
        raise RuntimeError("nobody\nforesaw this")

    monkeypatch.setattr(catalogue, "kind", broken)
    monkeypatch.setattr(sys, "argv", ["bench", "list", "grids"])
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "logs"


def crashed(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 70
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("bench: a fault of the program: RuntimeError: nobody foresaw this; its ")
    return line


def test_a_fault_is_one_line_a_log_and_a_code_of_its_own(fault, capsys):
    line = crashed(capsys)
    [log] = fault.iterdir()
    assert line.endswith(str(log))
    text = log.read_text("utf-8")
    assert "typed: bench list grids" in text
    assert "Traceback (most recent call last)" in text and "in broken" in text


def test_a_fault_where_no_log_can_be_kept(fault, capsys, monkeypatch, tmp_path):
    fault.parent.write_text("no folder")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert crashed(capsys).endswith(str(next(tmp_path.glob("*.log"))))
    monkeypatch.setattr("tempfile.tempdir", str(fault.parent))
    assert crashed(capsys).endswith("could not be written")


@pytest.mark.parametrize("name", COMMANDS)
def test_ctrl_c_is_one_line_and_a_code_of_its_own(name, monkeypatch):
    def pressed(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(frame.Command, "invoke", pressed)
    line = next(line for line in EXAMPLES if line.split()[1] == name)
    result = typed(*shlex.split(line)[1:])
    assert result.exit_code == 130
    again = "; the same command goes on where it stopped"
    goes_on = name in {"run", "search", "fetch", "train"}
    assert result.stderr == f"bench: interrupted{again if goes_on else ''}\n"


SWALLOWED = """
import signal, sys
from sampler_bench.bench.commands import catalogue, cli

def swallowed(name):  # as NumPy's compiled part does while it is imported
    try:
        signal.raise_signal(signal.NUMBER)
    except KeyboardInterrupt:
        if KEPT:
            raise
    raise AttributeError("half imported")

catalogue.kind = swallowed
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
sys.argv = ["bench", "list", "grids"]
cli.main()
"""


@pytest.mark.parametrize(
    ("number", "kept"), [("SIGINT", False), ("SIGTERM", False), ("SIGTERM", True)]
)
def test_whoever_ends_it_and_whatever_a_library_makes_of_that(number, kept):
    program = SWALLOWED.replace("NUMBER", number).replace("KEPT", str(kept))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert (ran.stderr, ran.returncode) == ("bench: interrupted\n", 130)


@pytest.mark.parametrize("arguments", [("list", "figures"), ("schema",), ("--help",)])
def test_a_reader_that_leaves_is_no_fault(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "sampler_bench", *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    os.close(writing)
    assert (ran.stderr, ran.returncode) == ("", 141)
