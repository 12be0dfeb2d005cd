"""``bench recommend``: a panel at one cost, a verdict, and snippets that make the same samples."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from sampler_bench import models, results, solvers
from sampler_bench.bench.commands import snippet, verdict
from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.measure.measurement import Subject
from sampler_bench.bench.measure.samples import quantize
from sampler_bench.bench.plan import grid as grids
from sampler_bench.bench.plan import planning as plans
from sampler_bench.bench.run.search import declared, panel
from sampler_bench.bench.run.search.run import Outcome
from sampler_bench.kit.toml import parse
from sampler_bench.models.preconditioning import EDM
from tests.results.conftest import make_record

MODEL = "exact-mixture-moons"


def bench(*words):
    return CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture(scope="module")
def recommended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recommend")
    words = ["recommend", MODEL, "--nfe", 8, "--samples", 200, "--out", folder / "run"]
    found = bench(*words)
    assert found.exit_code == 0, found.output
    return found.output, folder / "run", words


def test_the_verdict_the_cost_and_the_records(recommended):
    output, run, words = recommended
    frame = results.load(run)
    fresh = frame[frame["rung"] == "fresh"]
    best = fresh.loc[fresh["value"].idxmin(), "label"]
    assert f"On {MODEL} at 8 evaluations take “{best}”" in output
    assert frame["nfe"].max() <= 8 and (frame["nfe_asked"] == (8,)).all()
    spent = int((frame["nfe"] * frame["samples"]).sum())
    assert f"32 samplers compared, {spent:,} evaluations spent" in output
    again = bench(*words)
    assert again.exit_code == 0 and again.output.count("(done before)") == len(frame)
    assert bench("check", run, "--baseline", run).exit_code == 0


def test_both_snippets_make_the_samples_that_were_measured(recommended, tmp_path):
    output, run, _ = recommended
    store = results.Store(run)
    frame = results.load(run)
    best = frame.loc[frame[frame["rung"] == "fresh"]["value"].idxmin()]
    program = output.split("In Python:\n")[1].split("\nDiffusers")[0]
    told = {}
    exec(program, told)
    head = f'name = "x"\nmodels = ["{MODEL}"]\nsamples = 200\nextractor = "pixels"\n'
    table = re.search(r"In a grid:\s*\n(\[\[sampler\]\]\n.*?)\n\n", output, re.DOTALL)[1]
    (tmp_path / "x.toml").write_text(head + table)
    [work] = plans.make(grids.read(str(tmp_path / "x.toml"))[0]).work
    assert work.cell.key == best["key"]
    noise = solvers.SeedNoise(range(8), "cpu")
    model = models.load(MODEL)
    samples = work.measurement.sampler(model, noise.latents(model.shape), noise)
    assert torch.equal(told["samples"], samples)
    shown = store.samples(best["work_key"])["points"]
    assert torch.allclose(samples.flatten(1), torch.tensor(shown).double(), atol=1e-5)


HEAD = f'name = "x"\nmodels = ["{MODEL}"]\nsamples = 20\nextractor = "pixels"\n[[sampler]]\n'


def planned(tmp_path, table, head=HEAD):
    (tmp_path / "x.toml").write_text(head + table)
    [work] = plans.make(grids.read(str(tmp_path / "x.toml"))[0]).work
    return work


def test_a_snippet_draws_each_seeds_class(tmp_path):
    head = HEAD.replace(MODEL, "fashion-adm").replace("pixels", "fashion")
    work = planned(tmp_path, 'solver = "euler"\npath = "ancestral"\nsteps = 2', head)
    told = {}
    exec(snippet.python(snippet.keys(work), "fashion-adm", work.model.card.classes), told)
    subject = Subject(work.model, work.condition, range(8))
    [measured] = work.measurement.take(subject, [range(8)], 8, lambda *_: None)
    assert np.array_equal(quantize(told["samples"]).numpy(), measured.shown["images"])


@pytest.mark.parametrize("name", [MODEL, "exact-fashion"])
@pytest.mark.parametrize("solver", [*snippet.IN_DIFFUSERS])
@pytest.mark.parametrize("steps", [5, 18])
def test_diffusers_makes_the_samples_with_the_scheduler_that_is_said(tmp_path, name, solver, steps):
    head = HEAD.replace(MODEL, name)
    table = f'solver = "{solver}"\nrho = 5\nsigma_max = 5.0\nsteps = {steps}'  # far from √(σ² + 1)
    work = planned(tmp_path, table, head)
    model, noise = models.load(name), solvers.SeedNoise(range(8), "cpu")
    latents = noise.latents(model.shape)

    def network(x, c_noise):
        """F, of which EDM's preconditioning makes this D."""
        sigma = torch.exp(4 * c_noise.double())
        c_skip, c_out, c_in, _ = EDM().coefficients(sigma)
        return (model(x.double() / c_in, sigma) - c_skip * x / c_in) / c_out

    told = {"network": network, "noise": latents}
    exec(snippet.diffusers(snippet.keys(work), work), told)
    samples = work.measurement.sampler(model, latents, noise)
    assert torch.allclose(told["samples"].double(), samples, atol=1e-4)


def test_what_diffusers_cannot_do_has_no_snippet(tmp_path):
    for table in ('solver = "dpmpp-3m"', 'solver = "euler"\nS_churn = 4', 'solver = "ipndm"'):
        work = planned(tmp_path, f"{table}\nsteps = 5")
        assert snippet.diffusers(snippet.keys(work), work) is None


@pytest.mark.parametrize(
    "table",
    [
        'solver = "heun"\nS_churn = 4\nsteps = 5',
        'solver = "euler"\npath = "ancestral"\neta = 0.5\nsteps = 5',
        'solver = "rk2"\nalpha = 0.8\nrho = 5\nsteps = 5\nschedule = "vp"',
        'solver = "dpmpp-2m"\nlevels = [9, 3, 1]\n',
        'solver = "dpmpp-2m"\nend = "denoise"\nsigma_max = 40\nsteps = 5',
    ],
)
def test_a_snippet_says_what_is_needed_and_no_more(tmp_path, table):
    work = planned(tmp_path, table)
    keys = snippet.keys(work)
    assert set(keys) <= {line.split(" =")[0] for line in table.splitlines()} | {"steps"}
    again = planned(tmp_path, snippet.grid(keys).split("\n", 1)[1])
    assert again.cell.key == work.cell.key


def test_the_panel_is_a_search_of_any_model_and_cost():
    text = panel.search_text("runs/my model/net.pkl", 18, 1000, "inception", "stats.npz")
    wanted = declared.parsed(text, "recommend")
    assert wanted.name == "recommend-net-18" and wanted.models == ["runs/my model/net.pkl"]
    assert {one["nfe"] for one in parse(text, "text")["sampler"]} == {18}
    assert panel.extractor_for(models.load(MODEL)) == "pixels"
    assert panel.extractor_for(models.load("exact-fashion")) == "fashion"
    assert panel.extractor_for(models.load("exact-two-points")) == "pixels"  # one by one


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["exact-mixture-mons", "--nfe", 8], "exact-mixture-moons"),
        ([MODEL, "--nfe", 8, "--reference", "nothing.npz"], "nothing.npz"),
        ([MODEL, "--nfe", 8, "--extractor", "pixel"], "pixels"),
    ],
)
def test_what_cannot_be_recommended_is_one_line(words, wrong, tmp_path):
    found = bench("recommend", *words, "--out", tmp_path / "run")
    assert found.exit_code == 2 and wrong in found.output
    assert not (tmp_path / "run" / "records").exists()


def test_a_folder_of_images_is_a_reference(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    rng = np.random.default_rng(0)
    for i in range(60):
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(images / f"{i}.png")
    words = ["exact-mixture-8x8", "--nfe", 5, "--reference", images, "--out", tmp_path / "run"]
    found = bench("recommend", *words, "--plan")
    assert found.exit_code == 0 and "nothing was run" in found.output
    assert not (tmp_path / "run").exists()  # nor is anything written


def test_of_equal_ones_the_first_is_recommended():
    one = make_record
    first, same = one(label="Heun"), one(label="Euler", value=12.5 * (1 - 1e-9))
    worse = one(label="LMS", value=13.5, loo=(13.0, 13.4, 14.1))
    outcome = Outcome("net", first, same, [same, worse], 2, 100, [])
    assert verdict.best(outcome) is first
    assert "take “Heun”; “Euler” cannot be told from it" in verdict.told(outcome)[0]
    better = one(label="UniPC", value=11.5, loo=(11.0, 11.4, 12.1))
    found = Outcome("net", first, better, [same, better], 2, 100, [])
    assert verdict.best(found) is better
    assert (
        "take “UniPC”: lower than “Heun” by 1; no other may be the best" in verdict.told(found)[0]
    )
