import base64
import io
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sampler_bench import reports
from sampler_bench.reports import report, tables
from sampler_bench.results import Store, load
from sampler_bench.results.schema import PlanFile, SkippedLine
from tests.records import lines_of
from tests.reports.conftest import make_records

pytestmark = pytest.mark.usefixtures("small_pictures")

ORDINARY = (
    "fid-vs-nfe",
    "truncation-vs-nfe",
    "contact-sheet",
    "samples-over-nfe",
    "warped-schedule",
)
"""The figures of a run that sweeps nothing."""


def stored(folder, shuffled=False):
    """Write a run of made-up records, and images of each."""
    store = Store(folder)
    made = make_records(metrics=("fid", "truncation-error"), steps=(4, 16, 64))
    if shuffled:
        random.Random(0).shuffle(made)
    for record in made:
        store.write_record(record)
        images = np.zeros((4, 1, 8, 8), np.uint8)
        store.write_samples(record.cell.work_key, {"images": images})
    return store


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory, small_pictures):
    """A run's folder, and the page that was written of it."""
    folder = tmp_path_factory.mktemp("ordinary") / "run"
    return folder, reports.write(stored(folder).root)


def test_everything_is_written(ordinary):
    folder, page = ordinary
    assert page == folder / "report" / "index.html"
    names = {path.name for path in page.parent.iterdir()}
    figures = {f"{name}.{kind}" for name in ORDINARY for kind in ("png", "pdf")}
    listed = {f"{name}.{kind}" for name in ("best", "cells") for kind in ("md", "csv", "tex")}
    assert names == figures | listed | {"index.md", "index.html"}


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.sources, self.references = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name == "src"]
        self.references += [value for name, value in attrs if name in ("href", "srcset", "data")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_complete_and_needs_no_other_file(ordinary):
    text = ordinary[1].read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.references == []
    assert len(tags.sources) == len(ORDINARY)
    for source in tags.sources:
        kind, data = source.split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
    assert not re.search(r"https?://|url\(|@import|<script", text)


def test_the_order_of_records_does_not_matter(ordinary, tmp_path):
    # Two folders of one name, so that the title is the same.
    one, two = ordinary[1].parent, tmp_path / "run" / "report"
    reports.write(stored(tmp_path / "run", shuffled=True).root)
    for path in sorted(one.iterdir()):
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name


def test_what_went_wrong_is_shown(tmp_path):
    store = stored(tmp_path)
    store.write_text("grid.toml", 'name = "<grid>"')
    skipped = SkippedLine(entry="RK45", combination="S_churn = 40", reason="takes no churn")
    store.write_plan(PlanFile(lines=lines_of(store), skipped=[skipped]))
    store.write_failure("0" * 16, 3, "Traceback\n  …\nValueError: <nan>")
    for value in (1.0, 2.0):
        store.write_shard("0" * 15 + "1", 0, {"sum": np.array([value])}, {})
    text = reports.write(store.root).read_text()
    for part in ("&lt;grid&gt;", "takes no churn", "ValueError: &lt;nan&gt;", "disagree: sum"):
        assert part in text
    assert "<nan>" not in text
    markdown = (store.root / "report/index.md").read_text()
    assert "takes no churn" in markdown
    assert "ValueError: <nan>" in markdown


def test_an_empty_run_has_no_report(tmp_path):
    Store(tmp_path).write_text("grid.toml", "")
    with pytest.raises(ValueError, match="no finished records"):
        reports.write(tmp_path)


def test_an_unwritable_report_is_one_clear_line(tmp_path):
    store = stored(tmp_path)
    (store.root / "report").write_text("in the way")
    with pytest.raises(ValueError, match="cannot write") as raised:
        reports.write(store.root)
    assert "\n" not in str(raised.value)


def test_the_best_table_is_like_table_3(frame):
    table = tables.best_table(frame(repeats=3))
    row = table.set_index("Sampler").loc["+ σ = t, s = 1"]
    assert row["NFE of best"] == 255
    assert row["NFE within 3 %"] == 127
    assert row["Best repeat"] <= row["Best"] <= row["Value there"]
    assert row["Repeats"] == 3
    assert tables.best_table(frame(metrics=("truncation-error",))).empty


def test_csv_holds_the_numbers_and_text_their_digits(frame):
    records = frame()
    table = tables.cells_table(records)
    assert sorted(table["Value"]) == sorted(records["value"])
    assert len(pd.read_csv(io.StringIO(table.to_csv(index=False)))) == len(records)
    assert "236.6 ± 3.5" in tables.markdown(table)


def test_latex_is_escaped_and_ruled(frame):
    text = tables.latex(tables.best_table(frame()))
    assert "+ Heun {\\&} EDM time steps & " in text
    assert text.count("\\toprule") == text.count("\\bottomrule") == 1


@pytest.mark.parametrize(
    ("value", "se", "text"),
    [
        (12.3456, 0.0789, "12.346 ± 0.079"),
        (236.6, 35.2, "237 ± 35"),
        (1.23456e-8, 1e-10, "1.235e-08 ± 1e-10"),
        (1.5, float("nan"), "1.5"),
        (1.5, 0.0, "1.5"),
    ],
)
def test_a_value_has_the_digits_that_its_error_allows(value, se, text):
    assert tables.with_error(value, se) == text


def test_only_the_true_fid_is_called_fid(ordinary):
    text = (ordinary[1].parent / "index.md").read_text()
    assert "Fréchet distance, fashion features, 1,000 samples" in text
    assert not re.search(r"\bFID\b", text)


def test_a_perfect_sampler_is_none_that_was_measured():
    quick = load(Path(__file__).parents[2] / "results" / "baselines" / "quick")
    assert len(quick) == 20
    _, counts, measured = report._facts(quick)
    assert counts.startswith("4 samplers, 19 cells, ")
    assert measured == "measured: Fréchet distance, fashion features, 1,000 samples"
