"""Table 2: configurations down, VP and VE across."""

import re

import pandas as pd
import pytest

from sampler_bench.reports.curves import fid_vs_nfe
from sampler_bench.reports.style import NothingToDrawError
from sampler_bench.reports.table2 import CONFIGURATIONS, table2
from sampler_bench.reports.tables import latex, markdown
from sampler_bench.results.load import table
from tests.reports.conftest import make_records

LABEL = "Heun, EDM time steps, NFE 35"


def records(models):
    made = [r for m in models for r in make_records(model=m, labels=[LABEL], steps=(18,))]
    return table(made)


@pytest.fixture(scope="module")
def miniature():
    return records([f"table2-{letter}-{kind}" for letter in "abcdef" for kind in ("vp", "ve")])


def test_every_configuration_has_its_row_and_numbers(miniature):
    made = table2(miniature)
    assert list(made["Configuration"]) == list(CONFIGURATIONS.values())
    assert set(made["Model"]) == {"Fashion-MNIST 16×16"}
    for _, row in made.iterrows():
        for kind in ("vp", "ve"):
            name = f"table2-{row['Configuration'][0].lower()}-{kind}"
            own = miniature[miniature["model"] == name].iloc[0]
            assert row[kind.upper()] == own["value"]
            assert row[f"{kind.upper()} SE"] == pytest.approx(own["se"])
            assert row["NFE"] == own["nfe"]


def test_of_several_settings_the_lowest_is_taken_and_said(miniature):
    more = miniature[miniature["model"] == "table2-c-ve"].assign(point="other", key="other")
    more["value"] *= 0.5
    more["settings"] = "other"
    table_ = table2(pd.concat([miniature, more], ignore_index=True)).set_index("Configuration")
    row = table_.loc[CONFIGURATIONS["c"]]
    assert row["Settings taken"] == "the lowest of 2" and row["VE"] == more["value"].iloc[0]
    assert set(table_.drop(CONFIGURATIONS["c"])["Settings taken"]) == {"all there are"}


def test_order_of_records_does_not_matter(miniature):
    shuffled = miniature.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(table2(shuffled), table2(miniature))


def test_a_missing_cell_is_a_dash(miniature):
    some = miniature[miniature["model"] != "table2-d-ve"]
    made = table2(some)
    assert made.set_index("Configuration")["VE"].isna().sum() == 1
    line = next(one for one in markdown(made).splitlines() if "EDM's preconditioning" in one)
    assert re.search(r"\| +– \| all there are", line)
    assert "±" in line


def test_of_one_kind_alone():
    made = table2(records(["table2-a-vp", "table2-f-vp"]))
    assert made["VP"].notna().all() and made["VE"].isna().all()


def test_the_published_networks_are_a_and_f():
    kinds = [
        f"{group}-cifar10-32x32-cond-{k}" for group in ("baseline", "edm") for k in ("vp", "ve")
    ]
    made = table2(records(kinds))
    assert list(made["Configuration"]) == [CONFIGURATIONS["a"], CONFIGURATIONS["f"]]
    assert set(made["Model"]) == {"cifar10-32x32-cond"}


def test_other_models_have_no_such_table():
    assert table2(records(["exact-fashion"])).empty


def test_it_can_be_printed(miniature):
    assert markdown(table2(miniature)).count("±") == 12
    assert "booktabs" in latex(table2(miniature))


def test_one_nfe_alone_is_no_curve(miniature):
    with pytest.raises(NothingToDrawError, match="one NFE alone"):
        fid_vs_nfe(miniature)
