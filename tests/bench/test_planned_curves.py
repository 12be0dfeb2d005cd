"""From tables to curves: a label is one curve, a cell may be a point of several."""

import pytest

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning
from sampler_bench.solvers import SOLVERS
from sampler_bench.solvers.registry import ORIGINALS
from tests.solvers.combinations import FOR_ANY

HEAD = 'name = "curves"\nmodels = ["exact-mixture-moons"]\nsamples = 20\nextractor = "pixels"\n'


OTHERWISE = {
    "rk45": "rtol = [1e-2, 1e-3]",
    "dpm-adaptive": 'end = "sigma-min"\nrtol = [0.05, 0.1]',
    "adaptive-vp": "reltol = [0.01, 0.02]",
    "adaptive-ve": "reltol = [0.01, 0.02]",
    "ddpm": 'variance = "small"\nsteps = [10, 20]',
    "ddim": "steps = [10, 20]",
}
"""What varies along the curves of samplers that take no 6 and 12 steps as they are."""


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


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ("rho = 1", "rho = 7 or 1"),
        ("sigma_max = 20", "sigma_max = 80 or 20"),
        ("sigma_min = 0.01", "sigma_min = 0.002 or 0.01"),
        ('solver = "euler"', "solver = heun or euler"),
        ("S_churn = 5", "S_churn = 0 or 5"),
        ('end = "denoise"', "end = zero or denoise"),
    ],
)
def test_a_label_is_one_curve(tmp_path, other, what):
    with pytest.raises(ValueError, match=f"are called 'Heun', and differ in .*{what}"):
        planned(tmp_path, 'label = "Heun"\nsteps = 4', f'label = "Heun"\nsteps = 6\n{other}')


@pytest.mark.parametrize(
    ("solver", "axis"),
    [(name, OTHERWISE.get(name, "steps = [6, 12]")) for name in (*SOLVERS, *ORIGINALS)]
    + [("heun", f'discretization = "{name}"\nsteps = [6, 12]') for name in FOR_ANY],
)
def test_points_of_one_table_are_one_curve(tmp_path, solver, axis):
    """No setting follows from the number of steps, whatever the sampler."""
    plan = planned(tmp_path, f'label = "one"\nsolver = "{solver}"\n{axis}')
    assert [work.label for work in plan.lines] == ["one"] * 2


def test_one_curve_has_all_points_of_two_tables(tmp_path):
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


TWO_AXES = {
    "rk45": ("rtol", "atol", {}),
    "dpm-adaptive": ("rtol", "atol", {"end": '"sigma-min"'}),
    "adaptive-vp": ("abstol", "reltol", {}),
    "adaptive-ve": ("abstol", "reltol", {}),
}


@pytest.mark.parametrize("solver", TWO_AXES)
@pytest.mark.parametrize("label", ["", "mine"])
def test_of_two_axes_that_a_curve_may_go_along_one_makes_curves(tmp_path, solver, label):
    along, other, more = TWO_AXES[solver]
    keys = {"solver": f'"{solver}"', **more, along: "[0.01, 0.02, 0.03]", other: "[0.01, 0.02]"}
    if label:
        keys["label"] = f'"{label}"'
    plan = planned(tmp_path, "\n".join(f"{key} = {value}" for key, value in keys.items()))
    lines = [work for work in plan.lines if work.settings.get("sampler")]
    by_label = {}
    for work in lines:
        told = work.settings["sampler"]
        by_label.setdefault(work.label, []).append((told[along], told[other]))
    assert len(lines) == 6 and len(by_label) == 2
    for called, points in by_label.items():
        assert called.endswith(f", {other} = {points[0][1]}")
        assert len({own for own, _ in points}) == 3 and len({rest for _, rest in points}) == 1


@pytest.mark.parametrize("label", ['label = "mine"\n', ""])
def test_two_tables_make_no_curve_along_two_axes(tmp_path, label):
    tables = [
        f'{label}solver = "rk45"\nrtol = [1e-2, 1e-3]\natol = {atol}' for atol in ("1e-2", "1e-3")
    ]
    with pytest.raises(ValueError, match=r"differ in rtol and in atol, .* give each atol a label"):
        planned(tmp_path, *tables)
    planned(
        tmp_path,
        *(table.replace("mine", f"{i}") for i, table in enumerate(tables[: 1 + bool(label)])),
    )


def test_a_tolerance_may_follow_another_along_one_curve(tmp_path):
    tables = [
        f'label = "mine"\nsolver = "rk45"\nrtol = {rtol}\natol = {max(rtol, 1e-3)}'
        for rtol in (1e-1, 1e-2, 1e-3, 1e-4)
    ]
    assert {work.label for work in planned(tmp_path, *tables).work} == {"mine"}
