"""Searches found again in records, their table and their figure: made-up records."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sampler_bench.reports import FIGURES
from sampler_bench.reports.churn_search import churn_search
from sampler_bench.reports.searches import FRESH, searches
from sampler_bench.reports.style import NothingToDrawError, save
from sampler_bench.reports.swept import CHURN
from sampler_bench.reports.table5 import table5
from sampler_bench.reports.tables import latex, markdown
from sampler_bench.results.load import table
from sampler_bench.results.schema import Rung
from tests.records import resampled, settings_of
from tests.reports.conftest import make_records

NONE = (0, 0, math.inf, 1)
TRIED = [(2, 0, math.inf, 1), (2, 0.05, 50, 1.003), (4, 0, math.inf, 1), (4, 0.05, 50, 1)]
RUNGS = [(1000, 50), (1050, 150)]
FINAL = (0, 1000)


def value(churn, samples):
    """Better the nearer S_churn and S_min are to 4 and 0.05."""
    return 5 + 100 / samples + (abs(churn[0] - 4) + 10 * abs(churn[1] - 0.05)) * (churn != NONE)


def record(churn, seeds, model="edm-imagenet-64x64-cond-adm", metric="fid", rung=None):
    [base] = make_records(model=model, labels=["+ σ = t, s = 1"], steps=(18,), metrics=(metric,))
    settings = dict(zip(("S_churn", "S_min", "S_max", "S_noise"), churn, strict=True))
    first, samples = seeds
    base = resampled(base, settings_of(base) | settings, seed_start=first, samples=samples)
    rng = np.random.default_rng([samples, int(10 * churn[0]), int(100 * churn[1])])
    level = value(churn, samples)
    loo = tuple(level + 0.1 * rng.standard_normal(20))
    place = None if rung is None else Rung(search=model, rung=rung)
    return replace(base, value=level, loo=loo, label="made up", rung=place)


def search_records(model="edm-imagenet-64x64-cond-adm"):
    settings = [(churn, RUNGS[0], 0) for churn in (NONE, *TRIED)]
    settings += [(churn, RUNGS[1], 1) for churn in (NONE, TRIED[2], TRIED[3])]
    settings += [(churn, FINAL, "fresh") for churn in (NONE, TRIED[3])]
    return [record(churn, seeds, model, rung=rung) for churn, seeds, rung in settings]


@pytest.fixture(scope="module")
def frame():
    return table(search_records())


def test_a_search_is_found_among_other_records(frame):
    others = [record((c, 0, 50, 1), (0, n)) for c in (0, 5, 7) for n in (400, 2000)]
    others += [record(churn, FINAL, metric="recall") for churn in (NONE, *TRIED)]
    mixed = table([*search_records(), *others]).sample(frac=1, random_state=2)
    [search] = searches(mixed)
    assert search.samples == [50, 150]
    assert search.breadth == 4
    assert set(search.tried["key"]) == set(frame["key"])
    assert tuple(search.chosen[list(CHURN)]) == TRIED[3]
    assert search.fresh["samples"] == search.deterministic["samples"] == 1000
    assert search.evaluations == (35 * (5 * 50 + 3 * 150 + 2 * 1000))


def test_there_is_none_where_no_plan_says_so():
    unsaid = [replace(one, rung=None) for one in search_records()]
    assert searches(table(unsaid)) == []
    sweep = [record((c, 0, math.inf, 1), (n, 1000)) for c in (0, 5, 10) for n in (0, 1000, 2000)]
    assert searches(table(sweep)) == []
    assert searches(table(make_records())) == []
    assert table5(table(make_records())).empty
    with pytest.raises(NothingToDrawError):
        churn_search(table(sweep))


def test_the_table_holds_what_was_found_and_its_paired_error(frame):
    [row] = table5(frame.sample(frac=1, random_state=3)).to_dict("records")
    still, churned = record(NONE, FINAL), record(TRIED[3], FINAL)
    assert (row["S_churn"], row["S_min"], row["S_max"], row["S_noise"]) == TRIED[3]
    assert row["Deterministic"] == still.value and row["Deterministic SE"] == pytest.approx(
        still.se
    )
    assert row["With churn"] == churned.value and row["With churn SE"] == pytest.approx(churned.se)
    assert row["Difference"] == pytest.approx(churned.value - still.value)
    # Jackknife by hand: (g − 1)/g Σ (δ_i − mean δ)², δ_i the difference without shard i.
    without = [a - b for a, b in zip(churned.loo, still.loo, strict=True)]
    mean = sum(without) / 20
    by_hand = math.sqrt(19 / 20 * sum((one - mean) ** 2 for one in without))
    assert row["Difference SE"] == pytest.approx(by_hand)
    assert row["NFE"] == 35
    assert row["Settings"] == 4
    assert row["Published setting"] == "40 / 0.05 / 50 / 1.003"


def test_the_table_is_text_for_readers(frame):
    for text in (markdown(table5(frame)), latex(table5(frame)).replace("$\\pm$", "±")):
        assert "2,700" not in text  # evaluations, not samples
        assert "94,500" in text
        assert "±" in text and "40 / 0.05 / 50 / 1.003" in text


def test_what_is_missing_is_a_dash_a_gap_and_a_note():
    some = [
        one
        for one in search_records()
        if (one.cell.seed_start, one.cell.samples) not in (FINAL, RUNGS[1])
        or settings_of(one)["S_churn"] > 0
    ]
    frame = table(some)
    [search] = searches(frame)
    assert search.deterministic is None
    on_top = search.candidates[search.candidates["samples"] == 150]
    assert on_top["difference"].isna().all()
    lines = [line for line in markdown(table5(frame)).splitlines() if "18 steps" in line]
    assert lines[0].count("–") == 2
    notes = " ".join(text.get_text() for text in churn_search(frame).texts).replace("\n", " ")
    assert "not measured on fresh seeds" in notes
    assert "left open, for want of the deterministic sampler: 150 samples" in notes


@pytest.mark.usefixtures("small_pictures")
def test_the_figure_shows_every_setting_and_depends_on_records_alone(frame, tmp_path):
    one = churn_search(frame)
    assert [axes.get_xlabel() for axes in one.axes] == ["S_churn", "S_min", "S_max", "S_noise"]
    for axes in one.axes:
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        assert sum(len(line.get_xdata()) for line in dots) == 4 + 2
        [chosen] = [line for line in axes.lines if line.get_marker() == "D"]
        expected = value(TRIED[3], 1000) - value(NONE, 1000)
        assert list(chosen.get_ydata()) == pytest.approx([expected])
    shuffled = FIGURES["churn-search"](frame.sample(frac=1, random_state=4), None)
    for a, b in zip(save(one, tmp_path / "one"), save(shuffled, tmp_path / "two"), strict=True):
        assert a.read_bytes() == b.read_bytes()


def test_two_models_have_a_row_and_panels_each(frame):
    both = table([*search_records(), *search_records("table2-a-vp")])
    made = table5(both)
    assert list(made["Model"]) == ["edm-imagenet-64x64-cond-adm", "table2-a-vp"]
    assert list(made["Published setting"]) == ["40 / 0.05 / 50 / 1.003", "–"]
    assert len(churn_search(both).axes) == 8
    assert {search.tried["rung"].min() for search in searches(both)} == {FRESH}
