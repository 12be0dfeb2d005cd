"""One input of a command, and what is right of what the command does with it."""

import contextlib
import os
import re
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from typer import testing
from typer.main import get_command

from sampler_bench.bench.commands.cli import app
from tests.crashes.mutated import Hangs, limited

LONGEST = 500
"""Signs of an error line, beyond which it would hide what it says."""
CLI, COMMAND = testing.CliRunner(), get_command(app)


@dataclass(frozen=True)
class Ran:
    """What a command did: `accepted`, or refused in the lines of `told`."""

    accepted: bool
    output: str
    told: list[str]


@dataclass(frozen=True)
class Case:
    """An input, in files of a folder of its own, and a command on it.

    done   what was done to the input, for people
    named  one of these words is in the line that refuses it
    right  called where it is accepted, in the folder: what is wrong, or ""
    must   "refuse", "accept", or "" for either
    around the surroundings of the command: a server
    """

    done: str
    files: dict[str, bytes]
    words: list[str]
    named: tuple[str, ...]
    right: Callable[[Ran], str] = lambda ran: ""
    must: str = ""
    around: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext


@dataclass
class Verdict:
    """What was found: `end` is "accepted" or "refused"; one line for each thing that is wrong."""

    end: str = ""
    wrong: list[str] = field(default_factory=list)


def judge(case: Case) -> Verdict:
    """Run a case's command in a folder of its own, and say what is wrong."""
    place = Path("/dev/shm")
    verdict = Verdict()
    with (
        tempfile.TemporaryDirectory(dir=place if place.is_dir() else None) as folder,
        contextlib.chdir(folder),
    ):
        for name, content in case.files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(content)
        canary = Path("executed")
        try:
            with limited(), case.around():
                ran = bench(case.words)
                verdict.end = "accepted" if ran.accepted else "refused"
                if ran.accepted:
                    verdict.wrong += _lines(case.right(ran))
        except Hangs:
            verdict.wrong.append("hangs")
            return verdict
        except Exception:
            last = traceback.format_exc().strip().splitlines()
            ours = [line.strip() for line in last if "File" in line and "site-packages" not in line]
            verdict.wrong.append(f"traceback: {last[-1][:200]}  {ours[-1] if ours else ''}")
            return verdict
        if canary.exists():
            verdict.wrong.append("executed")
        if case.must and verdict.end != f"{case.must.removesuffix('e')}ed":
            verdict.wrong.append(f"{verdict.end}: {ran.told[0][:200] if ran.told else ''}")
        if not ran.accepted:
            verdict.wrong += _badly_said(ran, case.named)
    return verdict


def bench(words: list[str]) -> Ran:
    """Run a command in this process; whatever is no end of a command is raised."""
    # typer makes the command anew for each call: it takes longer than most calls.
    with mock.patch.object(testing, "_get_command", lambda _: COMMAND):
        ran = CLI.invoke(app, words)
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    assert ran.exit_code in {0, 1, 2}, f"exit code {ran.exit_code}: {ran.output[-300:]}"
    assert "Traceback" not in ran.output, ran.output[-300:]
    return Ran(ran.exit_code != 2, ran.output, ran.stderr.strip().splitlines())


def _badly_said(ran: Ran, named: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with the words of a refusal: one line that names the file."""
    told = [line for line in ran.told if not line.startswith("loading ")]
    if len(told) != 1 or not told[0].startswith("bench: "):
        yield f"not one line: {told!r:.300}"
        return
    (line,) = told
    if len(line) > LONGEST:
        yield f"{len(line)} signs: {line[:120]} …"
    if named and not any(word in line for word in named):
        yield f"names none of {', '.join(named)}: {line[:300]}"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f\x9b]", line):
        yield f"control characters: {line!r:.200}"
    if os.sep + "site-packages" in line or "0x7f" in line:
        yield f"insides: {line[:300]}"


def _lines(text: str) -> list[str]:
    return [text] if text else []
