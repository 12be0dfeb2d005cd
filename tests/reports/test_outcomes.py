"""Captions end with what the records say, and titles with what was reached."""

import pandas as pd
import pytest

from sampler_bench import reports
from sampler_bench.reports import FIGURES
from sampler_bench.reports.outcomes import churns_title
from sampler_bench.reports.paper import FIGURES_OF_THE_PAPER, PAPER, TABLES_OF_THE_PAPER
from sampler_bench.reports.runs import gather
from sampler_bench.results import Store
from sampler_bench.results.schema import PlanFile
from tests.records import lines_of
from tests.reports.conftest import make_records
from tests.reports.test_figures import PROFILED

pytestmark = pytest.mark.usefixtures("small_pictures")


def exact(records, factor=0.0):
    """Return records whose errors are so large a share of their values."""
    loo = [[v * (1 + factor * k) for k in range(-10, 10)] for v in records["value"]]
    return records.assign(loo=loo, se=factor * 10 * records["value"])


def test_the_lowest_is_named_with_its_error_and_nfe(frame):
    records = frame(labels=["a", "b"], steps=(4, 8))
    at = records.loc[records["value"].idxmin()]
    said = FIGURES["fid-vs-nfe"].told(records)
    assert said.startswith(FIGURES["fid-vs-nfe"].caption)
    assert f"Lowest (± 1 SE): exact-fashion: {at['label']}, {at['value']:.2f} ± " in said
    assert f"at NFE {at['nfe']:.0f}" in said
    assert "within 2 SE" not in FIGURES["fid-vs-nfe"].told(exact(records))
    level = records.assign(value=10.0, loo=[[10.0 + k for k in range(20)]] * len(records))
    level["point"] = level["label"] + level["point"]
    assert "(1 other sampler within 2 SE of it)" in FIGURES["fid-vs-nfe"].told(level)


def test_of_recall_the_highest_is_named(frame):
    records = frame(metrics=("recall",), labels=["a", "b"], steps=(4, 8))
    at = records.loc[records["value"].idxmax()]
    said = FIGURES["fid-vs-nfe"].told(records)
    assert f"Highest (± 1 SE): exact-fashion: {at['label']}" in said


def test_churn_says_whether_the_network_trained_as_edm_does_is_better(swept):
    pair = [swept(S_churn=(0, 10, 40), models=(name,)) for name in ("n-vp", "n-edm-vp")]
    pair[1]["value"] *= 2
    both = exact(pd.concat(pair, ignore_index=True), 0.001)
    said = FIGURES["fid-vs-churn"].told(both)
    assert "Without churn n-edm-vp (7.000 ± 0.070) is worse than n-vp (3.500 ± 0.035)." in said
    assert "deterministic, 3.5" in said and "S_churn = 0" not in said.split("Lowest")[1]
    same = both.assign(value=3.0)
    assert "is no better than" in FIGURES["fid-vs-churn"].told(same)


@pytest.mark.parametrize(
    ("most", "reached"), [(20, False), (999, False), (1_000, True), (10_000, True)]
)
def test_figure_14_says_whether_it_got_there(swept, most, reached):
    given = {"solver": "churned", "denoised": "yes", "sigma": 0.2}
    records = swept(steps=(0, 10, most), **given)
    assert ("not reached" in FIGURES["fid-vs-churns"].told(records)) != reached
    title = churns_title("Degradation", [records])
    assert title == "Degradation" if reached else f"not reached with {most:,} churns" in title


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("curvature-over-sigma", "Mean over ln σ: exact-fashion: 0."),
        ("loss-over-sigma", "Training lowers the loss most: exact-fashion: by "),
        ("local-error-over-sigma", "The smallest of the largest errors over σ: exact-fashion: "),
    ],
)
def test_what_is_over_sigma_is_summed_up(name, said, profiled):
    metric, settings = PROFILED[name]
    records = profiled(metric, settings)
    if name == "loss-over-sigma":
        records["profile"] = records["profile"].iloc[::-1].to_list()
    assert said in FIGURES[name].told(records)


def test_the_order_of_records_changes_no_word(frame, swept):
    for name, records in (
        ("fid-vs-nfe", frame(repeats=2)),
        ("fid-vs-churn", swept(S_churn=(0, 10, 40), repeats=2, models=("n-vp", "n-edm-vp"))),
        ("truncation-vs-nfe", frame(metrics=("truncation-error",))),
    ):
        shuffled = records.sample(frac=1, random_state=1)
        assert FIGURES[name].told(shuffled) == FIGURES[name].told(records)


def test_every_figure_and_table_of_the_paper_is_an_item_once():
    numbers = [name for item in PAPER for name in item.numbers]
    expected = [f"Figure {n}" for n in range(1, FIGURES_OF_THE_PAPER + 1)]
    expected += [f"Table {n}" for n in range(1, TABLES_OF_THE_PAPER + 1)]
    assert numbers == expected
    for item in PAPER:
        assert item.grids or item.name == "Table 1" or item.missing


def test_a_part_is_missing_until_its_model_is_there():
    (five,) = (item for item in PAPER if item.name == "Figure 5")
    assert [one.part for one in five.gone(["fashion-vp"])] == ["Figure 5c"]
    assert five.gone(["edm-imagenet-64x64-cond-adm"]) == []


def test_a_run_in_parts_says_how_much_is_there(tmp_path, monkeypatch):
    store = Store(tmp_path / "run")
    made = make_records(steps=(4, 8), labels=["a"])
    for record in made:
        store.write_record(record)
    lines = lines_of(store)
    store.write_plan(PlanFile(lines=lines))
    assert gather([store.root])[0].partial == ""
    gone = lines[0].model_copy(update={"key": "0" * 16})
    store.write_plan(PlanFile(lines=[*lines, gone]))
    assert gather([store.root])[0].partial == "2 of 3 cells"
    monkeypatch.setattr("sampler_bench.reports.report.FIGURES", {"one": FIGURES["fid-vs-nfe"]})
    monkeypatch.setattr(
        "sampler_bench.reports.report.save", lambda figure, stem: [tmp_path / "x"] * 2
    )
    (tmp_path / "x").write_bytes(b"")
    text = reports.write(store.root, formats=("md",)).read_text()
    assert "**2 of 3 cells measured so far.**" in text and text.count("2 of 3 cells.") == 1
