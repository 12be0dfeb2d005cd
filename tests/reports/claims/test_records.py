"""Records decide: each answer has its records, and none raises anything."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sampler_bench import results
from sampler_bench.reports.claims import (
    CLAIMS,
    FAILS,
    HOLDS,
    UNDECIDED,
    answer,
    judged,
    listing,
    summary,
    table,
)
from sampler_bench.reports.figures import FIGURES, TABLES
from sampler_bench.reports.tables import html, latex, markdown
from sampler_bench.results.load import table as tidy
from tests.reports.claims.gallery import Drawn, gallery
from tests.reports.claims.making import MAKERS, SURE, UNSURE

BASELINES = Path(results.__file__).parent / "baselines"
KINDS = {HOLDS: (True, SURE), FAILS: (False, SURE), UNDECIDED: (True, UNSURE)}
BY_GALLERY = (1, 2, 3, 4, 5, 6, 7, 10, 12, 14, 15, 16, 17, 19)


def made(number, kind):
    return tidy(MAKERS[number](*KINDS[kind]))


def verdict(number, records):
    return {claim.number: found for claim, found in judged(records)}[number]


@pytest.fixture(scope="module")
def everything():
    parts = [made(number, HOLDS) for number in MAKERS]
    return pd.concat(parts, ignore_index=True).drop_duplicates("key", ignore_index=True)


@pytest.fixture(scope="module")
def drawn():
    """The paper's effects, and each of them turned round."""
    paper = gallery()
    turned = [replace(one, truth=1.3**2 / one.truth) for one in paper]
    rng = np.random.default_rng(0)
    return {HOLDS: Drawn(paper, 5000).draw(rng), FAILS: Drawn(turned, 5000).draw(rng)}


@pytest.mark.parametrize("number", MAKERS)
@pytest.mark.parametrize("kind", KINDS)
def test_records_without_a_floor_decide(number, kind):
    claim = CLAIMS[number]
    found = verdict(number, made(number, kind))
    assert found.answer == kind, found
    assert all(one.reason for one in found.outcomes if one.answer == UNDECIDED), claim.text


@pytest.mark.parametrize("number", BY_GALLERY)
def test_the_papers_effects_hold(drawn, number):
    assert answer(CLAIMS[number], drawn[HOLDS]).answer == HOLDS


@pytest.mark.parametrize("number", [5, 7, 10, 12, 14, 15, 16, 17])
def test_the_opposite_effects_fail(drawn, number):
    assert answer(CLAIMS[number], drawn[FAILS]).answer == FAILS


@pytest.fixture(scope="module")
def alike():
    """All samplers have one curve."""
    return Drawn(gallery("curves"), 5000).draw(np.random.default_rng(0))


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_equal_curves_fail_where_one_should_be_ahead(alike, number):
    assert answer(CLAIMS[number], alike).answer == FAILS


def test_a_network_that_gains_as_much_as_before_fails():
    gains = [
        replace(one, truth=one.truth * 0.7)
        if one.model == "fashion-edm-vp" and one.nfe == 129 and one.row["S_churn"]
        else one
        for one in gallery()
    ]
    found = answer(CLAIMS[19], Drawn(gains, 5000).draw(np.random.default_rng(0)))
    assert found.answer == FAILS


def test_all_are_there():
    assert list(CLAIMS) == list(range(1, 27))
    shown = {**FIGURES, **TABLES}
    assert all(one.text and one.where and shown[one.shown].paper for one in CLAIMS.values())
    limits = [c.source for one in CLAIMS.values() for c in one.comparisons]
    assert all(limits)
    assert sum("ours" in one for one in limits) == 11


@pytest.mark.parametrize("records", [pd.DataFrame(), results.load([])], ids=["bare", "columns"])
def test_without_records_all_are_undecided_and_say_what_is_missing(records):
    assert all(found.answer == UNDECIDED and found.reason for _, found in judged(records))
    assert summary(records) == "0 hold, 0 fail, 26 undecided"


def test_the_order_of_records_changes_nothing(everything):
    shuffled = everything.sample(frac=1, random_state=3)
    assert table(shuffled).equals(table(everything))
    nameless = ["key", "point", "work_key", "label"]
    assert table(shuffled.drop(columns=nameless)).equals(table(everything.drop(columns=nameless)))


def test_what_is_missing_raises_nothing(everything):
    rng = np.random.default_rng(0)
    for part in np.array_split(rng.permutation(everything.columns), 8):
        judged(everything.drop(columns=part))
    holed = everything.astype(object).mask(rng.random(everything.shape) < 0.1, np.nan)
    assert len(judged(holed)) == 26
    assert all(v.answer == UNDECIDED for _, v in judged(everything.assign(value=np.nan)))


@pytest.mark.parametrize("number", [25, 26])
def test_unknown_errors_decide_nothing(number):
    records = made(number, HOLDS)
    records = records.assign(loo=[[]] * len(records), se=np.nan)
    assert verdict(number, records).answer == UNDECIDED


def test_the_table_is_rendered(everything):
    found = table(everything)
    assert list(found["Number"]) == list(CLAIMS)
    for text in (markdown(found), latex(found), html(found)[0][1]):
        assert "undecided here" in text and "straighter" in text and "ours" in text
    assert found.set_index("Number").loc[8, "Paper's own numbers"] == "not in tables"
    assert listing(everything).endswith(summary(everything))


def test_committed_records_are_judged():
    found = table(results.load(BASELINES / "table2-fashion")).set_index("Number")
    assert found.loc[22, "Answer"] == UNDECIDED
    assert "1 training of 64,000 images" in found.loc[22, "Reason"]
