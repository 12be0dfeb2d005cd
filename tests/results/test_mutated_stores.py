"""Whatever happened to a run's folder: no number that was not measured, and no traceback.

The long form, 10,000 folders and every command on each: ``python -m tests.soak.mutated_stores``.
"""

import json

import pytest

from sampler_bench.results import Record
from tests.crashes.mutated import Mutations
from tests.crashes.mutations import Mutated
from tests.soak.mutated_stores import SEED

FOLDERS = 200


@pytest.fixture(scope="module")
def mutations():
    return Mutations(SEED)


def test_one_command_on_each_folder(mutations):
    found = {number: mutations.judge(number, count=1) for number in range(FOLDERS)}
    ends = {end for one in found.values() for end in one.ends.values()}
    assert {"done", "refused"} <= ends
    wrong = {n: (one.wrong, mutations.folder(n).done) for n, one in found.items() if one.wrong}
    assert wrong == {}


def test_a_digit_of_a_record_that_nobody_checks_is_a_wrong_number(mutations, monkeypatch):
    def read(path):
        told = json.loads(path.read_bytes()).items()
        return Record.from_json({name: value for name, value in told if name != "sha256"})

    there = dict(mutations.done.files)
    path = next(path for path in there if "/records/" in path)
    there[path] = there[path].replace(b'"value": ', b'"value": 1')
    folder = Mutated(there, set(mutations.done.folders))
    monkeypatch.setattr(mutations, "folder", lambda _: folder)
    assert mutations.judge(0).wrong == []
    monkeypatch.setattr("sampler_bench.results.record.read", read)
    assert mutations.judge(0).wrong[0].startswith("wrong numbers")
