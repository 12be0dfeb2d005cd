"""A path in a grid belongs to the grid's folder, wherever it is read from."""

import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.models.training import config

TOP = 'name = "x"\nsamples = 20\nextractor = "pixels"\n'
MOONS = 'models = ["exact-mixture-moons"]\n'
TABLE = "[[sampler]]\nsteps = [2, 3]\n"

KEYS = {
    "reference": (MOONS + 'reference = "{}"\n' + TABLE, lambda grid: grid.reference),
    "data": (MOONS + 'data = "{}"\n' + TABLE, lambda grid: grid.data),
    "weights": (MOONS + 'extractor_weights = "{}"\n' + TABLE, lambda grid: grid.extractor_weights),
    "model": ('models = ["{}"]\n' + TABLE, lambda grid: grid.models[0]),
    "model of a table": (
        'models = ["{}"]\n' + TABLE + 'models = ["{}"]\n',
        lambda grid: grid.sampler[0].models[0],
    ),
    "ideal": (
        'models = ["ideal:{}"]\n' + TABLE,
        lambda grid: grid.models[0].removeprefix("ideal:"),
    ),
    "torchvision": (
        MOONS + 'data = "torchvision:MNIST?root={}&train=false"\n' + TABLE,
        lambda grid: grid.data.removeprefix("torchvision:MNIST?root=").removesuffix("&train=false"),
    ),
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("stats.npz", "project/stats.npz"),
        ("./stats.npz", "project/stats.npz"),
        ("sub/stats.npz", "project/sub/stats.npz"),
        ("../stats.npz", "stats.npz"),
        ("~/stats.npz", "home/stats.npz"),
        ("{tmp}/stats.npz", "stats.npz"),
    ],
)
@pytest.mark.parametrize("where", ["home", "project", "."])
def test_every_path(tmp_path, monkeypatch, key, told, meant, where):
    for folder in ("home", "project"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    text, found = KEYS[key]
    told = told.format(tmp=tmp_path)
    (tmp_path / "project/g.toml").write_text(TOP + text.format(told, told))
    monkeypatch.chdir(tmp_path / where)
    grid, _ = grids.read(os.path.relpath(tmp_path / "project/g.toml"))
    assert Path(found(grid)).is_absolute()
    assert os.path.normpath(found(grid)) == str(tmp_path / meant)


@pytest.mark.parametrize(
    ("key", "name"),
    [("reference", "model"), ("reference", "fashion-mnist-28x28"), ("data", "model")],
)
def test_names_stay_names(tmp_path, key, name):
    (tmp_path / "g.toml").write_text(TOP + f'models = ["fashion-vp"]\n{key} = "{name}"\n' + TABLE)
    (tmp_path / name).write_text("a file of that name is not meant")
    grid, _ = grids.read(str(tmp_path / "g.toml"))
    assert (getattr(grid, key), grid.models) == (name, ["fashion-vp"])


def statistics(folder: Path, mean: float) -> None:
    folder.mkdir(exist_ok=True)
    np.savez(folder / "stats.npz", mu=np.full(2, mean), sigma=np.eye(2))


def keys(path: Path) -> list[str]:
    return [cell.key for work in plans.make(grids.read(str(path))[0]).work for cell in work.cells]


def test_another_file_where_one_stands_is_not_taken(tmp_path, monkeypatch):
    project, other = tmp_path / "project", tmp_path / "other"
    statistics(project, 0)
    statistics(other, 3)
    (project / "g.toml").write_text(TOP + MOONS + 'reference = "stats.npz"\n' + TABLE)
    monkeypatch.chdir(project)
    expected = keys(Path("g.toml"))
    monkeypatch.chdir(other)
    assert keys(Path("../project/g.toml")) == expected
    (project / "stats.npz").unlink()
    with pytest.raises(ValueError) as error:
        keys(project / "g.toml")
    told = str(error.value)
    assert "unknown reference 'stats.npz'" in told and f"no such file in {project};" in told
    assert "the stats.npz where you stand is not meant" in told


def test_a_mistyped_model_is_told_the_nearest(tmp_path):
    (tmp_path / "g.toml").write_text(TOP + 'models = ["exact-mixture-mons"]\n' + TABLE)
    with pytest.raises(ValueError, match="did you mean 'exact-mixture-moons'") as error:
        keys(tmp_path / "g.toml")
    assert f"no such file in {tmp_path}" in str(error.value)


def test_the_copy_in_a_runs_folder_can_be_run(tmp_path, monkeypatch):
    project = tmp_path / "project"
    statistics(project, 0)
    (project / "g.toml").write_text(TOP + MOONS + 'reference = "stats.npz"\n' + TABLE)
    monkeypatch.chdir(project)
    done = CliRunner().invoke(app, ["run", "--grid", "g.toml", "--out", "../run"])
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path / "run")
    assert keys(Path("grid.toml")) == keys(project / "g.toml")
    assert grids.read("grid.toml")[0].folder == str(project)


def test_home_in_an_option(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "g.toml").write_text(TOP + MOONS + TABLE)
    done = CliRunner().invoke(app, ["run", "--grid=~/g.toml", "--out=~/run"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "run/plan.json").is_file()


@pytest.mark.parametrize("told", ["images", "../images", "~/images"])
def test_data_of_a_configuration(tmp_path, monkeypatch, told):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project").mkdir()
    path = tmp_path / "project/c.toml"
    path.write_text(f'extends = "fashion-edm-vp"\n[data]\nsource = "{told}"\n')
    (tmp_path / "more.toml").write_text('extends = "project/c.toml"\nname = "more"\n')
    meant = tmp_path / ("project/images" if told == "images" else "images")
    for each in (path, tmp_path / "more.toml"):
        assert os.path.normpath(config.read(str(each)).data.source) == str(meant)
