"""Names that others gave: on no page are they markup, a link, a formula, a command or two rows."""

import csv
import io
import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sampler_bench import reports
from sampler_bench.kit.files import write_whole
from sampler_bench.kit.text import one_line
from sampler_bench.reports import compared, comparison, report, tables
from sampler_bench.reports.markdown import Markdown, code, fence, plain
from sampler_bench.results import Store, load
from sampler_bench.results.schema import PlanFile, SkippedLine
from tests.records import lines_of, resampled, settings_of
from tests.reports.conftest import make_records

NASTY = (
    "<script>alert(1)</script>",
    "a | b | c",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "-2+3",
    "+ Heun & EDM's {t_i}",
    "[x](javascript:alert(1))",
    "![x](http://evil/x.png)",
    "``` `q` **bold** _it_ ~~gone~~ $x$ &amp;",
    "one\n\\input{/etc/passwd}\n\n| two |",
    "\x1b[31mred\x07\u202e",
)
MODEL = "=1 | <b> [x](http://y)\n\n# two"
PIECES = st.sampled_from([*"ab1_*`~|<>[]()!&;:$\\/#-+=.\n ", "&amp;", "](", "__", "**", "http://x"])
TEXTS = st.lists(PIECES, max_size=20).map("".join)


def read(text):
    """What a reader of GitHub's Markdown sees of a line."""
    return MarkdownIt().enable(["table", "strikethrough"]).renderInline(text)


@given(TEXTS.filter(lambda text: text.strip() == text and text))
def test_markdown_shows_a_text_and_no_more(text):
    seen = read(plain(text))
    expected = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert seen == expected


@given(TEXTS)
def test_no_text_ends_the_code_it_stands_in(text):
    assert re.fullmatch("<code>[^<]*</code>", read(code(f"x{text}x")))
    found = MarkdownIt().render(f"{fence(text, 'toml')}\n\nafter")
    assert found.count("<pre>") == 1 and found.endswith("</pre>\n<p>after</p>\n")


def test_what_is_markdown_already_stays():
    assert plain(Markdown("[a](#b)")) == "[a](#b)"
    assert plain(plain("a|b")) == "a\\|b"


def _no_picture(figure, stem):
    write_whole(stem.with_suffix(".png"), b"")
    return [stem.with_suffix(".png")]


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    """Figures are laid out and captioned, but their files, which take long, are empty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "save", _no_picture)
        yield


@pytest.fixture(scope="module")
def written(tmp_path_factory, no_pictures):
    """All text files of a report on samplers and a model that are called so, by name."""
    folder = tmp_path_factory.mktemp("nasty") / "run"
    store = Store(folder)
    for i, label in enumerate(NASTY):
        for record in make_records(labels=[label], steps=(4, 16), model=MODEL):
            told = resampled(record, {**settings_of(record), "rho": float(i)})
            store.write_record(replace(told, provenance={"torch": label}))
    lines = lines_of(store)
    skipped = [SkippedLine(entry=one, combination=one, reason=one) for one in NASTY]
    gone = lines[0].model_copy(update={"key": "0" * 16, "work_key": "1" * 16})
    store.write_plan(PlanFile(lines=[*lines, gone], skipped=skipped))
    store.write_text("grid.toml", "# ```\n# <script>\n")
    for one in NASTY:
        store.write_failure("1" * 16, None, f"Traceback\n{'x' * 10**5} {one}")
    page = reports.write(folder)
    blocks = comparison.compare(load(folder), one_line(NASTY[0]), (), None)
    (page.parent / "compare.md").write_text(compared.markdown(blocks))
    (page.parent / "compare.csv").write_text(tables.csv(comparison.table(blocks)))
    return {path.name: path.read_text("utf-8") for path in page.parent.glob("*.[mhct][dtse]*")}


def test_nothing_acts_in_any_file(written):
    assert {"index.md", "index.html", "best.csv", "best.tex", "compare.md"} <= set(written)
    for name, text in written.items():
        assert text.isascii() or not {"\x1b", "\x07", "\u202e"} & set(text), name
        assert max(map(len, text.splitlines())) < (3000 if name != "index.html" else 10**7), name


def test_html_has_no_tags_but_ours(written):
    assert "<script>" not in written["index.html"]
    assert "&lt;script&gt;" in written["index.html"]


def test_markdown_has_no_links_but_ours_and_whole_rows(written):
    for name in ("index.md", "best.md", "cells.md", "compare.md"):
        seen = MarkdownIt().enable(["table", "strikethrough"]).render(written[name])
        assert "<script>" not in seen.replace("&lt;", "")
        assert not re.findall(r'(?:href|src)="(?!\w[\w-]*\.(?:pdf|png|csv|tex)")', seen), name
        assert "<em>" not in seen and "<s>" not in seen, name
        tables_ = re.findall(r"<table>.*?</table>", seen, re.DOTALL)
        assert tables_
        for table in tables_:
            rows = [len(re.findall("<t[dh][ >]", row)) for row in table.split("</tr>")[:-1]]
            assert len(set(rows)) == 1, name
    assert written["index.md"].count("\n````toml\n") == 1


def test_spreadsheets_compute_nothing(written):
    for name in ("best.csv", "cells.csv", "compare.csv"):
        rows = list(csv.reader(io.StringIO(written[name])))
        assert len({len(row) for row in rows}) == 1
        for cell in itertools.chain(*rows):
            number = re.fullmatch(r"[+-]?[\d.]+(e[+-]\d+)?", cell)
            assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def test_latex_has_no_commands_of_others(written):
    for name in ("best.tex", "cells.tex"):
        assert "\\input" not in written[name]
        assert not re.search(r"\n\n(?!\\begin)", written[name].strip())


@pytest.mark.parametrize(
    "name", ["quick-/../../../owned", "../x", "a/b", "/x", "..", "", "a\nb", "x" * 101, 3]
)
def test_a_grid_that_is_called_a_path_names_no_file(tmp_path, name):
    store = Store(tmp_path / "in" / "run")
    for record in make_records(steps=(4, 16)):
        store.write_record(record)
    store.write_text("grid.toml", f"name = {name!r}\n" if name == 3 else f'name = "{name}"\n')
    (run,) = reports.runs.gather([store.root])
    assert run.name == "run"  # after which files are called
