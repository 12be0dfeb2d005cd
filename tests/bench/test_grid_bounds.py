"""Grids that ask for more than anybody could run: refused before any of it is made."""

import pytest

from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans

TOP = 'name = "x"\nsamples = 20\nextractor = "pixels"\n'
MODEL = 'models = ["exact-mixture-moons"]\n'
ONE = "[[sampler]]\nsteps = [2, 3]\n"


def many(count: int, form: str = "{}") -> str:
    return "[" + ", ".join(form.format(i + 1) for i in range(count)) + "]"


GRIDS = {
    "names": (
        "[[sampler]]\n"
        + "".join(
            f"{part} = {many(900, name)}\n"
            for part, name in (("solver", '"heun"'), ("schedule", '"linear"'), ("path", '""'))
        )
        + f"rho = {many(900)}",
        "656,100,000,000 combinations",
    ),
    "values": (f"[[sampler]]\nsteps = {many(3000)}\nrho = {many(3000)}", "9,000,000 combinations"),
    "costs": (f"[[sampler]]\nrho = {many(900)}\nnfe = {many(9000)}", "8,100,000 combinations"),
    "tables": ("[[sampler]]\n" * 5000, "at most 1000 items"),
    "cells": (f"[[sampler]]\nsteps = {many(90)}\nrho = {many(90)}\n" * 90, "729,000 cells"),
    "steps": ("[[sampler]]\nsteps = [1_000_000, 999_999, 999_998]", "are 2,999,997: a grid has"),
    "repeats": ("repeats = 200_000_000\n" + ONE, "400,000,000 cells"),
    "models": (f"models = {many(5000, chr(34) + 'm{}' + chr(34))}\n" + ONE, "at most 1000 items"),
    "levels": (
        f'[[profile]]\nmetric = "curvature"\nlevels = {many(20_000)}',
        "at most 10000 items",
    ),
    "profiles": (
        f'[[profile]]\nmetric = "local-error"\nlevels = [0.1, 1, 5]\nsubsteps = {many(3000)}\n'
        f"steps = {many(3000)}",
        "9,000,000 combinations",
    ),
    "dotted": (".".join("a" * 50_000) + " = 1", "nested too deeply"),
    "dotted table": ("[" + ".".join("a" * 50_000) + "]", "nested too deeply"),
    "inline": ("x = " + "{a=" * 50_000, "nested too deeply"),
    "lists": ("x = " + "[" * 50_000, "nested too deeply"),
    "text": ("#" + "x" * 1_000_001, "longer than 1 MB"),
}


@pytest.mark.parametrize("case", GRIDS)
def test_refused_in_one_line(tmp_path, case):
    text, words = GRIDS[case]
    path = tmp_path / "g.toml"
    path.write_text(TOP + ("" if text.startswith("models") else MODEL) + text)
    with pytest.raises(ValueError) as error:
        plans.make(grids.read(str(path))[0])
    told = str(error.value)
    assert words in told and "\n" not in told and len(told) < 500


def test_a_value_that_is_a_list_is_no_axis(tmp_path):
    lists = "".join(f"{part} = [2.0, 3.0, 4.0]\n" for part in ("rho", "sigma_max"))
    path = tmp_path / "g.toml"
    path.write_text(TOP + MODEL + "[[sampler]]\nsteps = [2, 3]\n" + lists)
    assert len(plans.make(grids.read(str(path))[0]).work) == 18
