"""Searches over any keys of sampler tables: settings, rungs, the verdict on fresh seeds."""

import pytest
from typer.testing import CliRunner

from sampler_bench import results
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.run.search import declared
from sampler_bench.bench.run.search.prepared import prepare
from sampler_bench.kit.toml import parse

HEAD = """
name = "tables"
models = ["exact-mixture-moons"]
samples = 240
first_samples = 20
extractor = "pixels"
finalists = 2
"""
ONE = HEAD + '[sampler]\nsolver = ["euler", "heun", "dpmpp-2m"]\nrho = [3, 5, 7]\nnfe = 8\n'


def bench(*words):
    return CliRunner().invoke(app, [*map(str, words)])


def read(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    return declared.read(str(tmp_path / "mine.toml"))[0]


def test_the_settings_are_the_cells_that_a_grid_has(tmp_path):
    [search], _ = prepare(read(tmp_path, ONE), "cpu")
    assert search.works[0].label == "euler, edm steps, rho = 3"
    assert len(search.space) == 8 and search.drawn == 8 and search.nfe == 8
    assert {work.nfe for work in search.works} == {7, 8}


def test_the_best_is_found_and_told_with_its_baseline_on_fresh_seeds(tmp_path):
    read(tmp_path, ONE)
    found = bench("search", tmp_path / "mine.toml", "--out", tmp_path / "run")
    assert found.exit_code == 0, found.output
    *_, verdict = [line for line in found.output.splitlines() if line.startswith("On exact")]
    assert (
        "at 8 evaluations take “" in verdict and "lower than “euler, edm steps, rho = 3”" in verdict
    )
    frame = results.load(tmp_path / "run")
    fresh = frame[frame["rung"] == "fresh"]
    assert len(fresh) == 3 and set(fresh["seed_start"]) == {0}  # the baseline and two finalists
    assert set(frame["over"]) == {"samplers"} and frame["rung"].nunique() == 3
    best = fresh.loc[fresh["value"].idxmin(), "label"]
    assert f"take “{best}”" in verdict
    again = bench("search", tmp_path / "mine.toml", "--out", tmp_path / "run")
    assert again.exit_code == 0
    assert "(done before)" in again.output
    assert bench("check", tmp_path / "run", "--baseline", tmp_path / "run").exit_code == 0


def test_the_finalists_are_paid_from_the_budget(tmp_path):
    [search], _ = prepare(read(tmp_path, ONE), "cpu")
    finals = (search.finalists - 1) * search.ladder.final.samples
    all_of_it = search.nfe * (search.samples + search.ladder.reference + finals)
    [enough], _ = prepare(read(tmp_path, f"budget = {all_of_it}\n{ONE}"), "cpu")
    [less], _ = prepare(read(tmp_path, f"budget = {all_of_it - 1}\n{ONE}"), "cpu")
    assert enough.drawn == 8 and less.drawn < 8


def test_neighbours_of_numbers_are_the_next_in_size(tmp_path):
    text = ONE.replace("[3, 5, 7]", "[7, 3, 5]").replace('["euler", "heun", "dpmpp-2m"]', '"lms"')
    [search], _ = prepare(read(tmp_path, text), "cpu")
    places = {search.works[one.place].label[-1]: one.at["rho"] for one in search.space}
    assert places == {"3": 0, "5": 1}  # 7, the first setting, is two from 3


def test_several_tables_are_searched_together(tmp_path):
    tables = (
        '[[sampler]]\nlabel = "a"\nnfe = 8\n[[sampler]]\nlabel = "b"\nsolver = "lms"\nnfe = [8]\n'
    )
    [search], _ = prepare(read(tmp_path, HEAD + tables), "cpu")
    assert [work.label for work in search.works] == ["a", "b"]


@pytest.mark.parametrize(
    ("told", "values"),
    [
        ("{from = 3, to = 9, count = 4}", [3, 5, 7, 9]),
        ("{from = 1, to = 100, count = 3, scale = 'log'}", [1, 10, 100]),
        ("{from = 0.5, to = 1.0, count = 3}", [0.5, 0.75, 1.0]),
    ],
)
def test_a_range_is_its_values(tmp_path, told, values):
    search = read(tmp_path, HEAD + f"[sampler]\nrho = {told}\nsteps = 4\n")
    assert search.sampler["rho"] == values and not search.is_over_churn
    assert [type(one) for one in search.sampler["rho"]] == [type(one) for one in values]


@pytest.mark.parametrize(
    ("tables", "wrong"),
    [
        ("[sampler]\nrho = {from = 9, to = 3}\nsteps = 4\n", "a range needs numbers from < to"),
        ("[sampler]\nrho = {from = 3, too = 9}\nsteps = 4\n", "unknown key of a range 'too'"),
        ("[sampler]\nrho = {from = 3, to = 9, count = 1}\nsteps = 4\n", "count = 1"),
        ("[sampler]\nrho = {from = 0, to = 9, scale = 'log'}\nsteps = 4\n", "above 0"),
        ("[sampler]\nrho = [3, 7]\nsteps = 4\n[candidates]\nS_churn = [1]\n", "candidates"),
        ("[sampler]\nrho = [7]\nsteps = 4\n", "one setting"),
        ("[sampler]\nrho = 7\nsteps = 4\n", "budget"),
        ("[sampler]\nrhoo = [3, 7]\nsteps = 4\n", "rhoo"),
    ],
)
def test_what_is_no_search_is_one_line(tmp_path, tables, wrong):
    with pytest.raises(ValueError, match=wrong) as raised:
        prepare(read(tmp_path, HEAD + tables), "cpu")
    assert "\n" not in str(raised.value)


def test_a_search_is_told_from_a_grid():
    assert declared.is_search(ONE) and not declared.is_search('name = "x"\nsamples = 20\n')
    assert parse(ONE, "text")["finalists"] == 2
