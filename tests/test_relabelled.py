"""Baselines are called as the grids that ship; relabelling touches labels alone."""

import shutil
from pathlib import Path

import pytest

from sampler_bench.results.schema import PlanFile, read_json
from tools import ROOT
from tools.relabel_baselines import relabel, renamed

BASELINES = ROOT / "results" / "baselines"
GRIDS = ROOT / "bench" / "grids"
SHIPPED = [
    one.name for one in sorted(BASELINES.iterdir()) if (GRIDS / f"{one.name}.toml").is_file()
]


def copied(name: str, folder: Path) -> Path:
    for file in ("grid.toml", "plan.json"):
        shutil.copy(BASELINES / name / file, folder / file)
    return folder


@pytest.mark.parametrize("name", SHIPPED)
def test_labels_of_a_baseline_are_its_grids(name, tmp_path):
    assert relabel(copied(name, tmp_path), GRIDS / f"{name}.toml") == 0


def test_only_labels_change(tmp_path):
    folder, grid = copied("figure15-fashion", tmp_path), tmp_path / "new.toml"
    text = (GRIDS / "figure15-fashion.toml").read_text()
    grid.write_text(text.replace('"S_noise = 1"', '"No S_noise"'))
    before = read_json(folder / "plan.json", PlanFile)
    assert relabel(folder, grid) == 3
    after = read_json(folder / "plan.json", PlanFile)
    moved = [b.label for a, b in zip(before.lines, after.lines, strict=True) if a.label != b.label]
    assert moved == [f"No S_noise, S_churn = {n}" for n in (1, 3, 7)]
    told = [line.model_dump(exclude={"label"}) for line in before.lines]
    assert [line.model_dump(exclude={"label"}) for line in after.lines] == told
    assert 'label   = "No S_noise"' in (folder / "grid.toml").read_text()
    assert relabel(folder, grid) == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("S_noise = 1.005", "S_noise = 1.5", "not those of"),
        ('label = "Deterministic"\n', 'label = "Deterministic"\nS_min = 1\n', "not those of"),
    ],
)
def test_other_samplers_are_refused(old, new, said, tmp_path):
    folder, grid = copied("figure15-fashion", tmp_path), tmp_path / "new.toml"
    text = (GRIDS / "figure15-fashion.toml").read_text()
    grid.write_text(text.replace(old, new))
    before = (folder / "plan.json").read_bytes()
    with pytest.raises(ValueError, match=said):
        relabel(folder, grid)
    assert (folder / "plan.json").read_bytes() == before


def test_the_longest_name_wins():
    assert renamed("A, b, n = 1", {"A": "x", "A, b": "y"}) == "y, n = 1"
    assert renamed("Ab", {"A": "x"}) == "Ab"
