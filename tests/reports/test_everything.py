"""One page of the paper's figures and tables, from several runs."""

import random
import re

import pytest
from typer.testing import CliRunner

from sampler_bench import reports
from sampler_bench.bench.commands.cli import app
from sampler_bench.reports.claims import CLAIMS
from sampler_bench.reports.paper import PAPER
from sampler_bench.results import Store
from sampler_bench.results.schema import PlanFile
from tests.records import lines_of
from tests.reports.conftest import make_records

pytestmark = pytest.mark.usefixtures("small_pictures")


def stored(folder, grid, shuffled=False, **records):
    """Write a run of made-up records of a grid; return its folder."""
    store = Store(folder)
    made = make_records(**{"steps": (4, 8, 16, 32), **records})
    if shuffled:
        random.Random(0).shuffle(made)
    for record in made:
        store.write_record(record)
    (store.root / "grid.toml").write_text(f'name = "{grid}"\n')
    return store.root


@pytest.fixture
def run(tmp_path):
    return lambda grid, folder=None, **options: stored(tmp_path / (folder or grid), grid, **options)


@pytest.fixture(scope="module")
def of_one_run(tmp_path_factory, small_pictures):
    """The page of a single run, of Figure 2a."""
    folder = tmp_path_factory.mktemp("one")
    return reports.write_everything([stored(folder / "figure2a", "figure2a")], folder / "all")


def written(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_is_shown_where_the_paper_shows_it(run, tmp_path):
    page = reports.write_everything([run("figure2a-fashion")], tmp_path / "all")
    html = page.read_text()
    assert page == tmp_path / "all" / "index.html"
    figure_2 = html[html.index('<h2 id="figure-2"') : html.index('<h2 id="figure-3"')]
    assert "data:image/png" in figure_2 and "Grid of figure2a-fashion" in figure_2
    assert "Provenance of figure2a-fashion" in figure_2
    figure_4 = html[html.index('<h2 id="figure-4"') : html.index('<h2 id="figure-5"')]
    assert "data:image/png" not in figure_4
    assert "bench run --grid figure4a" in figure_4


def test_every_item_is_listed_and_linked(of_one_run):
    html = of_one_run.read_text()
    targets = set(re.findall(r'id="([^"]+)"', html))
    links = re.findall(r'href="#([^"]+)"', html)
    assert len(links) == len(PAPER) + 1 + len(CLAIMS) and set(links) <= targets
    assert not re.search(r'(src|href)="(?!data:|#)', html)


def test_every_picture_of_the_markdown_is_a_file(run, tmp_path):
    folder = reports.write_everything([run("figure2a"), run("alpha-x")], tmp_path / "all").parent
    linked = re.findall(r"\]\(([^)#]+)\)", (folder / "index.md").read_text())
    assert linked and all((folder / name).is_file() for name in linked)


def test_statements_are_linked_to_what_shows_them(of_one_run):
    folder = of_one_run.parent
    text = (folder / "index.md").read_text()
    places = dict(re.findall(r"\| \[([^\]]+)\]\(#([^)]+)\)", text))
    assert places["Figure 2a"] == "figure-2" and places["Figure 13a, b"] == "figure-13"
    assert places["Appendix D.1"] == "figure-13"  # of statement 11, the last there
    assert places["Appendix D.2"] == "sweep-over-alpha" and places["Appendix E"] == "figure-14"
    assert all(f'<a id="{anchor}"></a>' in text for anchor in places.values())
    html = (folder / "index.html").read_text()
    assert '<td><a href="#figure-2">Figure 2b</a></td>' in html
    for anchor in ("order-of-convergence", "figure-13"):  # of statements 8 and 11
        assert html.count(f'<td><a href="#{anchor}">Appendix D.1</a></td>') == 1


def test_the_order_of_records_and_runs_does_not_matter(run, tmp_path):
    a, b = run("figure2a"), run("figure4a")
    shuffled = run("figure2a", "other", shuffled=True)
    one = reports.write_everything([a, b], tmp_path / "one").parent
    two = reports.write_everything([b, shuffled], tmp_path / "two").parent
    assert written(one) == written(two)


def test_a_missing_cell_is_said_in_the_caption(run, tmp_path):
    folder = run("figure2a")
    here = lines_of(Store(folder))
    gone = here[0].model_copy(update={"key": "0" * 16, "label": "Heun"})
    Store(folder).write_plan(PlanFile(lines=[*here, gone]))
    html = reports.write_everything([folder], tmp_path / "all").read_text()
    assert f"1 of {len(here) + 1} planned cells are missing (Heun: 1)" in html


def test_a_run_of_no_item_is_shown_all_the_same(run, tmp_path):
    mine = run("mine", steps=(4, 8), labels=["Heun"])
    folder = reports.write_everything([mine], tmp_path / "all").parent
    html, text = ((folder / f"index.{kind}").read_text() for kind in ("html", "md"))
    others = html[html.index('<h2 id="other-runs"') : html.index('<h2 id="statements"')]
    assert "<h3>mine</h3>" in others and "data:image/png" in others and "Grid of mine" in others
    assert '<a href="#other-runs">' in html
    assert "![mine-fid-vs-nfe](mine-fid-vs-nfe.png)" in text[text.index("## Other runs") :]
    assert (folder / "mine-fid-vs-nfe.png").is_file() and (folder / "mine-best.csv").is_file()


def test_statements_are_answered(of_one_run):
    html = of_one_run.read_text()
    judged = html[html.index('<h2 id="statements"') :]
    assert judged.count("<tr>") == len(CLAIMS)
    assert "undecided here" in judged
    assert f"<p>0 hold, 0 fail, {len(CLAIMS)} undecided.</p>" in judged


def test_nothing_is_written_where_a_run_is_none(run, tmp_path):
    with pytest.raises(ValueError, match="nowhere"):
        reports.write_everything([run("figure2a"), tmp_path / "nowhere"], tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_commands(run, tmp_path):
    folder, out = str(run("figure2a")), tmp_path / "page"
    found = CliRunner().invoke(app, ["report", "--paper", folder, "--out", str(out)])
    assert found.exit_code == 0 and (out / "index.html").is_file()
    found = CliRunner().invoke(app, ["report", "--statements", folder])
    assert found.exit_code == 0 and found.output.count("undecided here") >= 1
    found = CliRunner().invoke(app, ["report", "--all", str(tmp_path / "none")])
    assert found.exit_code == 2
