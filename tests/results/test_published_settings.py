"""The settings of published samplers: known here, and printed there."""

import pytest

from results import published
from results.published import churn, settings


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
