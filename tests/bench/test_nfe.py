"""``nfe`` in grids: the most steps that cost no more, asked and spent told, keys those of steps."""

import pytest
from typer.testing import CliRunner

from sampler_bench import models, results, solvers
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.plan.asked import within
from sampler_bench.models.labels import Condition
from sampler_bench.reports.tables import cells_table
from sampler_bench.solvers import Incompatible
from tests.bench import runs

HEAD = """
name = "equal"
models = ["exact-mixture-moons"]
samples = 20
extractor = "pixels"
"""
MODEL = models.load("exact-mixture-moons")


def planned(folder, tables, head=HEAD):
    path = folder / "grid.toml"
    path.write_text(head + tables)
    return plans.make(grids.read(str(path))[0])


def steps(plan):
    return [(w.label, w.settings["sampler"]["steps"], w.nfe, w.asked) for w in plan.work]


@pytest.mark.parametrize("solver", ["euler", "heun", "rk4", "dpm-solver-3", "dpm-fast", "unipc-3"])
@pytest.mark.parametrize("nfe", [1, 2, 9, 40])
def test_no_more_steps_are_cheap_enough(solver, nfe):
    sampler = solvers.build(solver=solver)
    cost = {n: sampler.with_steps(n).evaluations(MODEL) for n in range(1, 2 * nfe + 3)}
    found, spent = within(sampler, nfe, lambda one: one.evaluations(MODEL))
    assert found.steps == max(n for n, evaluations in cost.items() if evaluations <= nfe)
    assert spent == cost[found.steps] <= nfe


def test_guidance_counts_as_the_two_evaluations_that_it_is():
    guided = Condition(None, 2.0)
    found, spent = within(
        solvers.build(), 14, lambda one: guided.evaluations(one.evaluations(MODEL))
    )
    assert (found.steps, spent) == (4, 14)


def test_what_costs_no_more_for_more_steps_or_says_no_cost_is_left_out():
    with pytest.raises(Incompatible, match="more steps do not cost it more"):
        within(solvers.build(), 9, lambda one: 5)
    with pytest.raises(Incompatible, match="does not say how many"):
        within(solvers.build(), 9, lambda one: None)


def test_a_grids_nfe_is_for_tables_that_say_no_steps(tmp_path):
    tables = """
nfe = [8, 13]
[[sampler]]
label = "Heun"
[[sampler]]
label = "Euler"
solver = "euler"
steps = 5
[[sampler]]
label = "RK4"
solver = "rk4"
end = "denoise"
nfe = [3, 13]
[[sampler]]
label = "RK45"
solver = "rk45"
"""
    plan = planned(tmp_path, tables)
    assert steps(plan) == [
        ("Heun", 4, 7, (8,)),
        ("Heun", 7, 13, (13,)),
        ("Euler", 5, 5, ()),
        ("RK4", 3, 13, (13,)),
    ]
    assert [(s.entry, s.reason) for s in plan.skipped] == [
        ("RK4", "nfe = 3: one step costs 5 evaluations"),
        ("RK45", "nfe = 8: it chooses its own steps"),
        ("RK45", "nfe = 13: it chooses its own steps"),
    ]


def test_keys_are_those_of_the_steps_and_one_cell_is_one_point(tmp_path):
    by_nfe = planned(tmp_path, '[[sampler]]\nlabel = "Heun"\nnfe = [12, 8, 11, 8]\n')
    by_steps = planned(tmp_path, '[[sampler]]\nlabel = "Heun"\nsteps = [6, 4]\n')
    assert [work.key for work in by_nfe.lines] == [work.key for work in by_steps.lines]
    assert [work.asked for work in by_nfe.lines] == [(11, 12), (8,)]


def test_a_table_of_its_own_label_is_told_what_it_asked(tmp_path):
    tables = '[[sampler]]\nlabel = "A"\nnfe = 8\n[[sampler]]\nlabel = "B"\nnfe = 7\n'
    asked = {work.label: work.asked for work in planned(tmp_path, tables).lines}
    assert asked == {"A": (8,), "B": (7,)}


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ("[[sampler]]\nnfe = 8\nsteps = 4", "nfe and steps: give one of the two"),
        ("[[sampler]]\nnfe = 8\nlevels = [3, 1]", "nfe and levels: give one of the two"),
        ("[[sampler]]\nnfe = 0", "nfe"),
        ("[[sampler]]\nnfe = []", "nfe"),
        ("[[sampler]]\nnfe = [8.5]", "nfe"),
        ("[[sampler]]\nnef = 8", "unknown key 'nef'; did you mean 'nfe'"),
        (
            'nfe = 8\n[[profile]]\nmetric = "ideal-error"\nlevels = [1,2,3]',
            "nfe is for [[sampler]]",
        ),
        ('[[profile]]\nnfe = 8\nmetric = "ideal-error"\nlevels = [1,2,3]', "nfe"),
        ('[[sampler]]\nsolver = "rk45"\nnfe = 8', "no cell that can run"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tables, told, tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text(HEAD + tables)
    result = CliRunner().invoke(app, ["run", str(path), "--plan"])
    assert result.exit_code == 2, result.output
    assert told in result.output and len(result.output.strip().splitlines()) == 1


def test_asked_and_spent_are_shown_in_the_plan_the_table_and_in_records(tmp_path):
    text = HEAD + 'nfe = [8, 7]\n[[sampler]]\nlabel = "Heun"\n[[sampler]]\nlabel = "E"\nsteps = 2\n'
    (tmp_path / "grid.toml").write_text(text)
    shown = CliRunner().invoke(app, ["run", str(tmp_path / "grid.toml"), "--plan"]).output
    assert shown.splitlines()[0].split()[-4:] == ["steps", "asked", "NFE", "key"]
    assert "4      7, 8   7" in shown
    assert not runs.run(tmp_path / "run", text).reasons
    table = results.load(tmp_path / "run").set_index("label")
    assert table["nfe_asked"].to_dict() == {"Heun": (7, 8), "E": ()}
    assert table["nfe"].to_dict() == {"Heun": 7, "E": 3}
    assert cells_table(results.load(tmp_path / "run"))["NFE asked"].tolist() == ["7, 8", "–"]
    first = results.load(tmp_path / "run").drop(columns="nfe_asked")
    assert "NFE asked" not in cells_table(first)


@pytest.mark.parametrize(
    ("table", "nfe", "spent"),
    [
        ('solver = "song-vp"\nprocess = "flow"', 40, 40),
        ('path = "restart"\nintervals = [[3, 2, 0.1, 1]]', 40, 39),
        ('solver = "ddim"', 1500, 1000),  # its levels are no more
        ('solver = "dpmpp-2m"\nfirst_step = "analytic"', 9, 9),
        ('solver = "heun"\nend = "denoise"', 9, 9),
    ],
)
def test_whatever_takes_steps_takes_as_many_as_it_may(tmp_path, table, nfe, spent):
    plan = planned(tmp_path, f'[[sampler]]\nlabel = "one"\nnfe = {nfe}\n{table}')
    assert [(one.nfe, one.asked) for one in plan.work] == [(spent, (nfe,))]
