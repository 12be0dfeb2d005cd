"""Each statement gives each of the three answers, and nothing raises."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sampler_bench import results
from sampler_bench.reports.figures import FIGURES, TABLES
from sampler_bench.reports.statements import FAILS, HOLDS, STATEMENTS, UNDECIDED, judged, table
from sampler_bench.reports.tables import html, latex, markdown
from sampler_bench.results.load import table as tidy
from tests.reports.statements.making import FULL, NETWORK, NO_CHURN, made, record

BASELINES = Path(results.__file__).parent / "baselines"
ANSWERS = (HOLDS, FAILS, UNDECIDED)


def verdict(number, records):
    return {one.number: found for one, found in judged(records)}[number]


@pytest.fixture(scope="module")
def everything():
    parts = [made(number, HOLDS) for number in STATEMENTS]
    return pd.concat(parts, ignore_index=True).drop_duplicates("key", ignore_index=True)


@pytest.mark.parametrize("number", range(1, 25))
@pytest.mark.parametrize("answer", ANSWERS)
def test_records_decide(number, answer):
    found = verdict(number, made(number, answer))
    assert found.answer == answer, found
    assert found.numbers
    assert found.reason or answer != UNDECIDED


def test_all_24_are_there():
    assert list(STATEMENTS) == list(range(1, 25))
    assert all(one.text and one.where and one.shown for one in STATEMENTS.values())
    shown = {**FIGURES, **TABLES}
    assert all(shown[one.shown].paper for one in STATEMENTS.values())


@pytest.mark.parametrize("records", [pd.DataFrame(), results.load([])], ids=["bare", "columns"])
def test_without_records_all_are_undecided_and_say_what_is_missing(records):
    for _, found in judged(records):
        assert found.answer == UNDECIDED
        assert found.reason.startswith("no records of")


def test_the_order_of_records_changes_nothing(everything):
    shuffled = everything.sample(frac=1, random_state=3)
    assert table(shuffled).equals(table(everything))
    nameless = ["key", "point", "work_key", "label"]
    assert table(shuffled.drop(columns=nameless)).equals(table(everything.drop(columns=nameless)))


def test_missing_columns_raise_nothing(everything):
    for column in everything.columns:
        judged(everything.drop(columns=column))


def test_missing_values_raise_nothing(everything):
    rng = np.random.default_rng(0)
    holed = everything.astype(object).mask(rng.random(everything.shape) < 0.1, np.nan)
    assert len(judged(holed)) == 24
    assert all(v.answer == UNDECIDED for _, v in judged(everything.assign(value=np.nan)))


@pytest.mark.parametrize("number", [*range(1, 8), 10, 12, *range(13, 20), 22, 23, 24])
def test_unknown_errors_decide_nothing(number):
    records = made(number, HOLDS)
    records = records.assign(loo=[[]] * len(records), se=np.nan)
    assert verdict(number, records).answer == UNDECIDED


def test_the_table_is_rendered(everything):
    made = table(everything)
    assert list(made["Number"]) == list(range(1, 25))
    for text in (markdown(made), latex(made), html(made)[0][1]):
        assert "undecided here" in text or "holds" in text
        assert "straighter" in text


def test_the_best_of_many_equal_ones_is_no_gain():
    rng = np.random.default_rng(1)
    still = [record(NETWORK, 10, NO_CHURN, noise=0.02)]
    churned = [
        record(NETWORK, 10 * (1 + 0.02 * rng.standard_normal()), {**FULL, "S_churn": c}, noise=0.02)
        for c in range(10, 210)
    ]
    assert verdict(14, tidy(still + churned)).answer != HOLDS


@pytest.mark.parametrize("run", ["quick", "gate", "table2-fashion"])
def test_committed_records_are_judged(run):
    records = results.load(BASELINES / run)
    made = table(records)
    assert list(made["Number"]) == list(range(1, 25))
    assert set(made["Answer"]) <= set(ANSWERS)
    if run == "table2-fashion":  # 1,000 samples of Fashion-MNIST, and says so
        assert "fashion features, 1,000 samples" in made.set_index("Number").loc[22, "Numbers"]
