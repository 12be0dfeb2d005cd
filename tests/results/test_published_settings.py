"""The settings of published samplers: known here, and printed there."""

from types import SimpleNamespace

import pandas as pd
import pytest

from sampler_bench import solvers
from sampler_bench.bench.plan.expand import expand
from sampler_bench.bench.plan.grid import read
from sampler_bench.results import published
from sampler_bench.results.published import churn, settings
from sampler_bench.results.schema import columns


def entries():
    return settings._entries()


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["names"][0])
def test_every_name_is_one_of_a_published_row(entry):
    rows = published.load()
    for name in entry["names"]:
        named = rows[rows["sampler"] == name]
        assert len(named), name
        if "model" in entry:
            assert (named["model"] == entry["model"]).any()


ANY = SimpleNamespace(sigma_min=0.0, sigma_max=1e6)  # a denoiser for all noise levels


def known():
    rows = published.load().dropna(subset=["nfe", "fid"])
    return rows[[settings.sampler_settings(row) is not None for _, row in rows.iterrows()]]


def test_samplers_are_such_as_can_be_built_and_recorded():
    rows = known().drop_duplicates(["sampler", "model", "params"])
    assert len(rows) > len(entries())
    for _, row in rows.iterrows():
        wanted = settings.sampler_settings(row)
        given = {name: allowed[0] for name, allowed in wanted.items()}
        takes_steps = given["solver"] != "rk45"
        sampler = solvers.build(**given, **({"steps": 250} if takes_steps else {}))
        declared = sampler.declared(ANY).settings["sampler"]
        for name, allowed in wanted.items():
            assert declared[name] in allowed, (row["sampler"], name)


@pytest.mark.parametrize("grid", ["figure2a", "figure2b", "figure2c"])
def test_every_row_of_table_3_has_its_sampler_in_figure_2s_grids(grid):
    loaded, _ = read(grid)
    (model,) = loaded.models
    kept, _ = expand(loaded)
    told = [{"label": one.label, **columns(one.sampler.declared(ANY).settings)} for one in kept]
    records = pd.DataFrame(told)
    rows = published.of_model(model)
    rows = rows[rows["figure_or_table"] == "Table 3"]
    assert len(rows) == (5 if grid != "figure2c" else 4)
    found = [
        set(records.loc[settings.of_sampler(records, row), "label"]) for _, row in rows.iterrows()
    ]
    assert all(len(labels) == 1 for labels in found), found
    assert len(set().union(*found)) == len(rows)


def test_the_lowest_of_three_is_said_by_the_paper_and_in_notes():
    rows = published.load()
    lowest = rows[[settings.is_lowest_of_seeds(row) for _, row in rows.iterrows()]]
    paper = lowest["source"].str.startswith("arXiv:2206.00364")
    assert paper.any()
    assert set(lowest.loc[~paper, "source"]) == {"NVlabs/edm:README.md"}


def test_table_5_stands_in_both_files_alike():
    rows = published.load("edm")
    printed = rows[(rows["figure_or_table"] == "Table 5") & rows["params"].str.startswith("S_")]
    one = [settings.sampler_settings(row) for _, row in printed.iterrows()]
    names = ["S_churn", "S_min", "S_max", "S_noise"]
    assert [[each[name][0] for name in names] for each in one] == churn.settings()[
        names
    ].to_numpy().tolist()


def test_churn_settings_are_table_5s():
    found = churn.settings().set_index("checkpoint")[["S_churn", "S_min", "S_max", "S_noise"]]
    assert found.loc["baseline-cifar10-32x32-uncond-vp"].tolist() == [30, 0.01, 1, 1.007]
    assert found.loc["baseline-cifar10-32x32-uncond-ve"].tolist() == [80, 0.05, 1, 1.007]
    assert found.loc["baseline-imagenet-64x64-cond-adm"].tolist() == [80, 0.05, 50, 1.003]
    assert found.loc["edm-imagenet-64x64-cond-adm"].tolist() == [40, 0.05, 50, 1.003]


def test_settings_printed_in_a_row_are_demanded():
    rows = published.load("edm")
    churned = rows[
        (rows["sampler"] == "EDM stochastic (Alg. 2)") & rows["params"].str.startswith("S_churn=")
    ]
    assert len(churned)
    for _, row in churned.iterrows():
        wanted = settings.sampler_settings(row)
        assert wanted is not None
        assert f"S_churn={wanted['S_churn'][0]:g}" in row["params"]


def test_unknown_samplers_are_compared_with_nothing():
    row = published.load("edm").iloc[0].copy()
    row["sampler"] = "Nobody's"
    assert settings.sampler_settings(row) is None
