"""Bad input: exit code 2, one clear line, nothing written, never a traceback."""

import numpy as np
import pytest
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app

GRID = {
    "name": '"mine"',
    "models": '["exact-mixture-moons"]',
    "samples": "20",
    "extractor": '"pixels"',
}
SAMPLER = {"steps": "[2, 4]"}


def toml(grid=None, sampler=None, drop=()):
    top = {key: value for key, value in (GRID | (grid or {})).items() if key not in drop}
    lines = [f"{key} = {value}" for key, value in top.items()]
    if sampler != "none":
        lines += ["[[sampler]]"]
        lines += [f"{key} = {value}" for key, value in (SAMPLER | (sampler or {})).items()]
    return "\n".join(lines)


CASES = {
    "unknown model": (toml({"models": '["exact-mixture-moon"]'}), "'exact-mixture-moons'"),
    "unknown solver": (toml(sampler={"solver": '"huen"'}), "did you mean 'heun'"),
    "unknown schedule": (toml(sampler={"schedule": '"lineer"'}), "did you mean 'linear'"),
    "unknown scaling": (toml(sampler={"scaling": '"unit-varianse"'}), "'unit-variance'"),
    "unknown discretization": (toml(sampler={"discretization": '"idppm"'}), "did you mean 'iddpm'"),
    "unknown end": (toml(sampler={"end": '"zeros"'}), "did you mean 'zero'"),
    "unknown metric": (toml({"metrics": '["fidd"]'}), "did you mean 'fid'"),
    "unknown extractor": (toml({"extractor": '"pixel"'}), "did you mean 'pixels'"),
    "unknown key": (toml({"sample": "20"}), "did you mean 'samples'"),
    "unknown sampler key": (toml(sampler={"S_chrun": "1"}), "did you mean 'S_churn'"),
    "another part's key": (toml(sampler={"alpha": "0.5"}), "unknown key 'alpha'"),
    "missing key": (toml(drop=["samples"]), "'samples' is missing"),
    "no sampler": (toml(sampler="none"), "no [[sampler]] and no [[profile]] table"),
    "samples as text": (toml({"samples": '"20"'}), "samples = '20'"),
    "samples as a fraction": (toml({"samples": "20.5"}), "samples = 20.5"),
    "too few samples": (toml({"samples": "19"}), "must be a whole number of at least 20"),
    "no models": (toml({"models": "[]"}), "models"),
    "a model that is a number": (toml({"models": "[3]"}), "models[0] = 3"),
    "a name that is a path": (toml({"name": '"../x"'}), "name = '../x'"),
    "steps 0": (toml(sampler={"steps": "[4, 0]"}), "steps = 0"),
    "steps as a fraction": (toml(sampler={"steps": "2.5"}), "steps = 2.5"),
    "steps as truth": (toml(sampler={"steps": "true"}), "steps"),
    "an empty axis": (toml(sampler={"steps": "[]"}), "steps"),
    "a nested axis": (toml(sampler={"steps": "[[2]]"}), "steps"),
    "rho 0": (toml(sampler={"rho": "0"}), "rho = 0"),
    "rho below 0": (toml(sampler={"rho": "-7.0"}), "rho = -7.0"),
    "sigma range": (toml(sampler={"sigma_min": "80", "sigma_max": "0.002"}), "sigma_min"),
    "sigma_min 0": (toml(sampler={"sigma_min": "0"}), "sigma_min"),
    "not a number": (toml(sampler={"S_noise": "nan"}), "S_noise"),
    "churn below 0": (toml(sampler={"S_churn": "-1"}), "S_churn"),
    "rk45 with churn": (
        "\n".join([toml(sampler="none"), "[[sampler]]", 'solver = "rk45"', "S_churn = 30"]),
        "cannot churn",
    ),
    "geometric to zero": (toml(sampler={"schedule": '"geometric"'}), "end = 'sigma-min'"),
    "rk45's tolerance": (
        "\n".join([toml(sampler="none"), "[[sampler]]", 'solver = "rk45"', "rtol = 2"]),
        "rtol = 2",
    ),
    "nothing can run": (
        toml({"metrics": '["truncation-error"]'}, {"S_churn": "10"}),
        "no cell that can run",
    ),
    "images of points": (toml({"extractor": '"fashion"'}), "takes images"),
    "kid without images": (toml({"metrics": '["kid"]'}), "real images"),
    "one label for two samplers": (
        toml(sampler={"label": '"one"'}) + '\n[[sampler]]\nlabel = "one"\nsteps = 4\nrho = 3',
        "two samplers are called 'one', and differ in rho = 7 or 3: give each a label of its own",
    ),
    "too many combinations": (
        toml(sampler={"rho": str(list(range(1, 200))), "S_churn": str(list(range(200)))}),
        "at most 10,000",
    ),
    "too many steps to plan": (
        toml(sampler={"steps": str(list(range(1, 2100)))}),
        "steps of all samplers together are 2,203,950: a grid has at most 2,000,000",
    ),
    "samples for ever": (toml({"samples": "1" + 400 * "0"}), "there are 2³² = 4,294,967,296 seeds"),
    "more digits than Python reads": (toml({"samples": 5000 * "9"}), "not TOML"),
    "repeats for ever": (toml({"repeats": 10**9}), "there are 2³² = 4,294,967,296 seeds"),
    "repeats of no use": (toml({"repeats": 10**8}), "cells: a grid has at most 100,000"),
    "a seed too many": (toml({"first_seed": 2**32 - 19}), "first_seed + samples may be no more"),
    "repeats that come round": (
        toml({"first_seed": 2**32 - 40, "repeats": 3}),
        "first_seed + repeats × samples may be no more",
    ),
    "seeds beyond all": (toml({"first_seed": 2**70}), "there are 2³² = 4,294,967,296 seeds"),
    "cells of several tables": (
        toml({"repeats": 20_000, "metrics": '["fid", "truncation-error"]'})
        + '\n[[sampler]]\nlabel = "another"\nS_churn = 1',
        "cells: a grid has at most 100,000",
    ),
    "no TOML": ("name = ", "not TOML"),
    "no reference": (toml({"reference": '"nowhere.npz"'}), "nowhere.npz"),
}


def refused(arguments, tmp_path, expected):
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 2, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("bench: "), result.stderr
    assert expected in lines[0]
    assert sorted(tmp_path.rglob("*")) == before
    return lines[0]


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_grid(name, tmp_path):
    text, expected = CASES[name]
    grid = tmp_path / "grid.toml"
    grid.write_text(text)
    line = refused(["run", "--grid", grid, "--out", tmp_path / "out"], tmp_path, expected)
    assert line.startswith(f"bench: {grid}: ")


def run_grid(tmp_path, text):
    grid = tmp_path / "grid.toml"
    grid.write_text(text)
    return ["run", "--grid", grid, "--out", tmp_path / "out"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x93NUMPY"])
def test_a_torn_reference(tmp_path, content):
    (tmp_path / "stats.npz").write_bytes(content)
    text = toml({"reference": f'"{tmp_path / "stats.npz"}"'})
    refused(run_grid(tmp_path, text), tmp_path, "stats.npz")


def test_a_reference_of_another_dimension(tmp_path):
    np.savez(tmp_path / "stats.npz", mu=np.zeros(3), sigma=np.eye(3))
    text = toml({"reference": f'"{tmp_path / "stats.npz"}"'})
    refused(run_grid(tmp_path, text), tmp_path, "dimension 3")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    arguments = [*run_grid(tmp_path, toml())[:-1], tmp_path / "file" / "out"]
    refused(arguments, tmp_path, "cannot write")


def test_other_commands(tmp_path):
    refused(["run", "--grid", "qick"], tmp_path, "did you mean 'quick'")
    refused(["run", "--grid", "gate", "--device", "gpu"], tmp_path, "device 'gpu'")
    refused(["run", "--grid", "gate", "--samples", "5"], tmp_path, "samples = 5")
    beyond = ["--first-seed", 2**32 - 30]
    refused(["run", "gate", *beyond], tmp_path, "first_seed = 4294967266, ")
    refused(["run", "gate", "--plan", *beyond], tmp_path, "may be no more")
    refused(["list", "solver"], tmp_path, "did you mean 'solvers'")
    refused(["report", tmp_path / "no"], tmp_path, "no such run")
    refused(["report", tmp_path], tmp_path, "not a run")
    refused(["check", tmp_path, "--baseline", "quick"], tmp_path, "not a run")
    refused(["check", tmp_path, "--baseline", "quik"], tmp_path, "did you mean 'quick'")
    refused(["explain", tmp_path, "abc"], tmp_path, "not a run")
    out = ["--out", tmp_path / "s.npz", "--extractor", "pixels"]
    refused(["reference", tmp_path / "no", *out], tmp_path, "no")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    refused(["run", "--grid", tmp_path / "latin.toml"], tmp_path, "UTF-8")


def test_wrong_usage_is_2_as_well():
    for arguments in (["run"], ["run", "--grid", "gate", "--batch", "0"], ["walk"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
