"""What is said of a metric stands in one row, and in the record where the metric is not ours."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sampler_bench.reports import metrics
from sampler_bench.reports.points import best
from sampler_bench.results import Record
from sampler_bench.results.load import table
from sampler_bench.results.metric import SHIPPED, Metric

ROOT = Path(__file__).parents[2]
MINE = Metric(name="file:cmmd", long="Maximum mean discrepancy", better="higher", needs="features")


def again(record):
    return Record.from_json(json.loads(json.dumps(record.to_json())))


@pytest.mark.parametrize("row", SHIPPED.values(), ids=SHIPPED)
def test_a_row_survives_json(row):
    assert replace(Metric.from_json(row.to_json()), function=row.function) == row


def test_a_metric_that_is_not_here_is_what_its_record_says(cell, record):
    made = record(cell=cell(metric="file:cmmd"), metric=MINE)
    kept = again(made)
    assert kept == made and kept.metric == MINE
    assert kept.metric_name == "Maximum mean discrepancy, fashion features, 1,000 samples"
    frame = table([kept, replace(kept, value=20.0, cell=cell(metric="file:cmmd", seed_start=9))])
    assert set(frame["metric_better"]) == {"higher"} and set(frame["metric_of"]) == {"samples"}
    assert best(frame)["value"] == 20.0
    assert metrics.taken_of(frame, "samples").all() and metrics.upward(frame).all()


def test_a_record_that_says_nothing_of_its_metric_is_called_by_its_name(cell, record):
    kept = again(record(cell=cell(metric="file:cmmd")))
    assert kept.metric_name == "cmmd, fashion features, 1,000 samples"
    assert (kept.metric_better, kept.metric_of) == ("lower", "samples")


def test_records_of_ours_do_not_repeat_the_row(record):
    assert "metric" not in record().to_json()


@pytest.mark.parametrize(
    "wrong", [{"better": "up"}, {"taken_of": "dreams"}, {"long": ""}, {"a": 1}]
)
def test_a_damaged_row_is_one_line(wrong):
    with pytest.raises(ValueError, match="metric") as raised:
        Metric.from_json(MINE.to_json() | wrong)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("samples", "called"), [(50_000, True), (49_999, False)])
def test_fid_alone_is_of_50000_samples(samples, called):
    assert (SHIPPED["fid"].called("inception", samples) == "FID") is called


def words(source):
    """Return the texts in a file that are no documentation."""
    tree = ast.parse(source)
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in notes
    }


def test_the_other_files_ask_the_row():
    """A list of metrics is nowhere else; a figure, or a claim of the paper, is about one."""
    ours = {*SHIPPED} - {"precision"}  # that of numbers, too
    lists = {
        str(path.relative_to(ROOT))
        for room in ("bench", "reports", "results", "kit")
        for path in sorted((ROOT / room).rglob("*.py"))
        if len(words(path.read_text("utf-8")) & ours) > 1
    }
    about_some = {
        "reports/claims/rows.py",
        "reports/figures.py",
        "reports/one_number.py",
        "reports/profiles.py",
    }
    of_old_records = {"results/format_1.py"}  # what they were never changes
    assert lists == {"results/metric.py"} | about_some | of_old_records
