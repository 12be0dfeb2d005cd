"""From tables to curves: a label is one curve, a cell may be a point of several."""

import pytest

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning

HEAD = 'name = "curves"\nmodels = ["exact-mixture-moons"]\nsamples = 20\nextractor = "pixels"\n'


def planned(tmp_path, *tables):
    path = tmp_path / "g.toml"
    path.write_text(HEAD + "".join(f"[[sampler]]\n{table}\n" for table in tables))
    return planning.make(grids.read(str(path))[0])


def test_a_cell_that_two_tables_ask_for_is_measured_once_and_is_two_points(tmp_path):
    plan = planned(
        tmp_path,
        'label = "Heun"\nsteps = [4, 6]',
        'label = "Stochastic"\nS_churn = [0, 10]\nsteps = 4',
    )
    assert plan.cells == 3
    assert [(work.label, work.nfe) for work in plan.lines] == [
        ("Heun", 7),
        ("Stochastic, S_churn = 0", 7),
        ("Heun", 11),
        ("Stochastic, S_churn = 10", 7),
    ]


@pytest.mark.parametrize(
    ("axis", "what"),
    [
        ('schedule = ["linear", "vp"]', "schedule = linear or vp"),
        ('scaling = ["none", "unit-variance"]', "scaling = none or unit-variance"),
        ("S_noise = [1.0, 1.003]", "S_noise = 1 or 1.003"),
    ],
)
def test_a_second_value_of_what_nothing_sees_is_skipped_with_the_reason(tmp_path, axis, what):
    plan = planned(tmp_path, f'label = "2M"\nsolver = "dpmpp-2m"\nsteps = 6\n{axis}')
    assert plan.cells == len(plan.lines) == 1
    (skipped,) = plan.skipped
    assert "nothing of it sees" in skipped.reason and what in skipped.combination
    seen = planned(tmp_path, f'label = "Churned"\nS_churn = 5\nsteps = 6\n{axis}')
    assert seen.cells == 2 and not seen.skipped


def test_a_label_is_one_curve(tmp_path):
    with pytest.raises(ValueError, match="are called 'Heun', and differ in rho = 7 or"):
        planned(tmp_path, 'label = "Heun"\nsteps = 4', 'label = "Heun"\nsteps = 6\nrho = 1')
    more = planned(tmp_path, 'label = "Heun"\nsteps = 4', 'label = "Heun"\nsteps = [4, 6]')
    assert [(work.label, work.nfe) for work in more.lines] == [("Heun", 7), ("Heun", 11)]


def test_labels_that_nobody_chose_are_told_apart(tmp_path):
    plan = planned(tmp_path, "steps = [4, 6]", "steps = 4\nrho = 3", "steps = 4\nrho = 1")
    assert {work.label for work in plan.lines} == {
        "heun, edm steps",
        "heun, edm steps, rho = 3",
        "heun, edm steps, rho = 1",
    }


def test_models_of_one_file_are_one_cell_and_two_points(tmp_path, monkeypatch):
    """The digest says what a model is; what it is called is the plan's."""
    from sampler_bench import models

    monkeypatch.setitem(models.MODELS, "moons-again", models.MODELS["exact-mixture-moons"])
    path = tmp_path / "g.toml"
    path.write_text(HEAD.replace('moons"]', 'moons", "moons-again"]') + "[[sampler]]\nsteps = 4\n")
    plan = planning.make(grids.read(str(path))[0])
    assert plan.cells == 1
    assert [work.name for work in plan.lines] == ["exact-mixture-moons", "moons-again"]
