"""What is printed: texts of others do nothing to a terminal, whatever it can show."""

import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from rich.table import Table
from typer.testing import CliRunner

from sampler_bench.bench.commands.app import tell
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.commands.terminal import Terminal, write_what_can_be_shown
from sampler_bench.bench.run.progress import Watcher

NASTY = {
    "markup": "a[/red] [bold]b[/bold]",
    "a sign's name": "it is :smile:",
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "C1": "\x9b31mred",
    "overwrites": "good\rbad",
    "turned": "abc\u202edef",
    "lines": "one\n[2/2] FAILED two",
    "signs": "σ(t) = t → ∞",
    "half a sign": "\ud800",
}
ENCODINGS = ("utf-8", "cp1252", "ascii", "iso8859-15")


def printed(monkeypatch, encoding, print_it, stream="stdout"):
    """What arrives where a stream leads that writes in this encoding."""
    content = io.BytesIO()
    monkeypatch.setattr(sys, stream, io.TextIOWrapper(content, encoding))
    write_what_can_be_shown()
    print_it()
    getattr(sys, stream).flush()
    return content.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", NASTY)
def test_a_text_is_shown_as_it_is_and_does_nothing(monkeypatch, name, encoding):
    table = Table("sampler", box=None)
    table.add_row(NASTY[name])
    told = printed(
        monkeypatch,
        encoding,
        lambda: [Terminal(width=160).print(what) for what in (NASTY[name], table)],
    )
    assert not set(told) & {"\x1b", "\x07", "\x9b", "\r", "\u202e", "\ud800"}
    if name in {"markup", "a sign's name"}:
        assert told.count(NASTY[name]) == 2
    if name == "signs":
        written = NASTY[name].encode(encoding, "backslashreplace").decode(encoding)
        assert told.count(written) == 2


@pytest.mark.parametrize("name", NASTY)
def test_an_error_is_one_line_and_not_long(monkeypatch, name):
    long = f"g.toml: label = {NASTY[name]} {'x' * 10**6} [and] so on: it must be short"
    told = printed(monkeypatch, "ascii", lambda: tell(long), "stderr")
    assert told.endswith(": it must be short\n") and told.startswith("bench: g.toml: label = ")
    assert told.count("\n") == 1 and len(told) < 600


@pytest.mark.parametrize("name", NASTY)
def test_a_line_of_progress_is_one_line(monkeypatch, name):
    cell = SimpleNamespace(metric="fid", samples=20, reference_digest="r", seed_start=0)
    work = SimpleNamespace(
        label=NASTY[name],
        name="model",
        key="k",
        nfe=4,
        cell=cell,
        cells=[cell],
        settings={},
        measurement=SimpleNamespace(steps=None),
    )

    def run():
        plan = SimpleNamespace(work=[work], cells=1)
        with Watcher(plan, Terminal(width=160)) as watcher:
            watcher.begin(work)
            watcher.failed(work, "why " * 10**5 + NASTY[name])

    told = printed(monkeypatch, "ascii", run)
    assert told.count("\n") == 1 and len(told) < 600
    assert told.startswith("[1/1] FAILED ")


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("wish", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_live_bar_is_for_a_terminal_alone(monkeypatch, wish, term):
    monkeypatch.setenv(wish, "1")
    monkeypatch.setenv("TERM", term)
    for file, is_live in ((io.StringIO(), False), (Screen(), term == "xterm")):
        console = Terminal(file=file)
        watcher = Watcher(SimpleNamespace(work=[], cells=0), console)
        with watcher:
            console.print("a line")
        assert ("\x1b[" in file.getvalue()) == is_live


def test_a_command_works_in_an_encoding_that_lacks_what_it_prints():
    surroundings = os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "sampler_bench", "list", "schedules"]
    found = subprocess.run(words, capture_output=True, env=surroundings)
    assert found.returncode == 0, found.stderr
    assert "\\u03c3" in found.stdout.decode("cp1252")


def test_the_schema_is_json_in_every_encoding():
    told = CliRunner().invoke(app, ["schema"]).output
    assert told.isascii() and json.loads(told)["title"] == "Grid"
