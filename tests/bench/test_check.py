"""The gate's arithmetic, on made-up records whose noise is known."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sampler_bench.bench.commands.cli import app
from sampler_bench.bench.commands.gate import Comparison, compare, exit_code
from sampler_bench.results import Record, Store
from sampler_bench.results.schema import Code, PlanFile
from tests.records import line_of, made_cell, made_record

SHARDS = 20
PASSED, REGRESSED, COULD_NOT_RUN, INCONCLUSIVE = range(4)
EXACT = np.zeros(SHARDS)


def record(
    shares: np.ndarray | None,
    *,
    steps: int | None = 18,
    first_seed: int = 0,
    metric: str = "fid",
    nfe: float | np.ndarray = 35.0,
    samples: int = 1000,
) -> Record:
    """Return a record whose value is a mean over shards, so that its jackknife is known."""
    settings = {"solver": "heun", "steps": steps}
    cell = made_cell(
        settings,
        model_digest="m",
        seed_start=first_seed,
        samples=samples,
        precision="float64",
        quantizer="none",
        extractor="pixels",
        extractor_digest="e",
        metric=metric,
        reference="model",
        reference_digest="r",
    )
    value = 10.0 if shares is None else float(np.mean(shares))
    left_out = [] if shares is None else (np.sum(shares) - shares) / (len(shares) - 1)
    counts = np.broadcast_to(nfe, SHARDS)
    return made_record(
        "made-up",
        settings,
        cell=cell,
        label=f"{steps} steps",
        value=value,
        loo=tuple(left_out),
        nfe=float(counts.mean()),
        nfe_min=float(counts.min()),
        nfe_max=float(counts.max()),
        seconds=1.0,
        shards=tuple(_receipt(i, 50 * float(one)) for i, one in enumerate(counts)),
    )


def _receipt(index: int, nfe_total: float) -> dict:
    told = {"index": index, "digest": "ab", "n": 50, "nfe_total": nfe_total}
    return {**told, "seconds": 0.1, "checks": {}}


def noise(seed: int, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(SHARDS)


def judge(now: Record, before: Record, **options: float) -> tuple[Comparison, int]:
    found = compare([now], [before], **options)
    return found[0], exit_code(found)


def test_equal_records_pass():
    assert judge(record(10 + noise(0)), record(10 + noise(0)))[1] == PASSED


def test_rounding_passes_even_where_no_effect_is_allowed():
    shares = 10 + noise(0)
    assert judge(record(shares * (1 + 1e-9)), record(shares), effect=0)[1] == PASSED


def test_a_real_worsening_is_no_rounding():
    """A share of 1e-4 is a hundred times what another machine's rounding changes."""
    shares = 10 + noise(0)
    assert judge(record(shares * (1 + 1e-4)), record(shares), effect=0)[1] == REGRESSED


def test_small_significant_worsening_passes():
    shares = 10 + noise(0)
    one, code = judge(record(shares * 1.01), record(shares))
    assert one.difference.p < 0.01 and code == PASSED


def test_five_percent_in_pairs_regresses():
    """The shared noise is 16 times the change; what pairs do not share is small."""
    shared = 10 + noise(0, 8.0)
    assert judge(record(shared * 1 + 0.5 + noise(1, 0.3)), record(shared))[1] == REGRESSED


def test_five_percent_on_other_seeds_is_inconclusive():
    before, now = record(10 + noise(0, 8.0)), record(10.5 + noise(1, 8.0), first_seed=1000)
    assert judge(now, before)[1] == INCONCLUSIVE


def test_improvement_passes():
    shares = 10 + noise(0)
    assert judge(record(0.5 * shares), record(shares))[1] == PASSED


def test_more_is_better_for_precision():
    low, high = (record(v + noise(0, 0.01), metric="precision") for v in (0.7, 0.8))
    assert judge(low, high)[1] == REGRESSED
    assert judge(high, low)[1] == PASSED


def test_without_error_bars_only_equal_values_pass():
    before = record(None)
    assert judge(before, before)[1] == PASSED
    assert judge(replace(before, value=20.0), before)[1] == INCONCLUSIVE


def test_exact_cells_and_noisy_ones_share_a_rate():
    """p-values of exactly 0 and 1 beside noisy ones: each cell is still judged by itself."""
    shares = 10 + noise(0)
    before = [record(shares, steps=n) for n in (1, 2)]
    before += [record(10 + EXACT, steps=n) for n in (3, 4)]
    now = [record(shares * 1.05, steps=1), record(shares, steps=2)]
    now += [record(10.5 + EXACT, steps=3), record(10 + EXACT, steps=4)]
    verdicts = {
        c.difference.record.settings["sampler"]["steps"]: c.verdict for c in compare(now, before)
    }
    assert verdicts == {1: "regressed", 2: "passed", 3: "regressed", 4: "passed"}


def test_value_of_zero_within_its_error():
    """A kernel distance of 0 ± 0.2: two percent of nothing must not be an effect."""
    shares = noise(0)
    shares -= shares.mean()
    before = record(shares, metric="kid")
    assert judge(record(shares + 1e-4, metric="kid"), before)[1] == PASSED
    assert judge(record(shares + 1.0, metric="kid"), before)[1] == REGRESSED


def false_alarms(same_seeds: bool, cells: int = 20, runs: int = 300) -> float:
    """Return how often a grid without any change, but other noise, is called regressed."""
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(runs):
        shared = 10 + rng.standard_normal((cells, SHARDS))
        own = rng.standard_normal((2, cells, SHARDS)) * (1.0 if same_seeds else 3.0)
        first = 0 if same_seeds else 1000
        now = [record(s, steps=n + 1, first_seed=first) for n, s in enumerate(shared + own[0])]
        before = [record(s, steps=n + 1) for n, s in enumerate(shared + own[1])]
        alarms += exit_code(compare(now, before, effect=0, level=0.05)) == REGRESSED
    return alarms / runs


@pytest.mark.parametrize("same_seeds", [True, False])
def test_false_alarms_are_rarer_than_the_level(same_seeds):
    assert false_alarms(same_seeds) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.parametrize("nfe", [35, 79, 511])  # one of 79 is less than the effect's share
def test_one_evaluation_more_regresses_whatever_the_quality(nfe):
    shares = 10 + noise(0)
    found = compare([record(0.5 * shares, nfe=nfe + 1)], [record(shares, nfe=nfe)])
    assert [(c.difference.what, c.verdict) for c in found] == [
        ("fid", "passed"),
        ("NFE", "regressed"),
    ]
    assert exit_code(found) == REGRESSED


def test_fewer_evaluations_pass():
    assert judge(record(10 + EXACT, nfe=34), record(10 + EXACT, nfe=35))[1] == PASSED


@pytest.mark.parametrize(("more", "code"), [(1.01, PASSED), (1.1, REGRESSED)])
def test_adaptive_solvers_may_use_the_effect_more(more, code):
    counts = 80 + np.arange(SHARDS)
    before = record(10 + EXACT, steps=None, nfe=counts)
    assert exit_code(compare([record(10 + EXACT, steps=None, nfe=more * counts)], [before])) == code


def test_adaptive_solvers_need_other_evaluations_for_other_seeds():
    counts = [80 + np.random.default_rng(seed).integers(0, 10, SHARDS) for seed in (0, 1)]
    before, now = (
        record(10 + EXACT, steps=None, nfe=count, first_seed=1000 * i)
        for i, count in enumerate(counts)
    )
    assert exit_code(compare([now], [before])) in {PASSED, INCONCLUSIVE}


def test_metrics_of_the_same_samples_share_one_cost():
    now = [record(10 + EXACT, metric=metric, nfe=36) for metric in ("fid", "kid")]
    before = [record(10 + EXACT, metric=metric) for metric in ("fid", "kid")]
    assert [c.difference.what for c in compare(now, before)] == ["fid", "kid", "NFE"]


def test_repeats_are_matched_by_seeds_first_and_once_each():
    before = [record(10 + EXACT, first_seed=seed) for seed in (0, 1000, 2000)]
    now = [record(10 + EXACT, first_seed=seed) for seed in (3000, 2000, 1000, 4000)]
    matched = {
        c.difference.baseline.cell.seed_start: c.difference.record.cell.seed_start
        for c in compare(now, before)
    }
    assert matched == {0: 3000, 1000: 1000, 2000: 2000}


def test_too_few_repeats_are_missing_cells():
    before = [record(10 + EXACT, first_seed=seed) for seed in (0, 1000)]
    with pytest.raises(ValueError, match="1 of the baseline's cells are not in the run"):
        compare(before[:1], before)


def saved(folder: Path, *records: Record) -> Path:
    store = Store(folder)
    store.write_text("grid.toml", "")
    for one in records:
        store.write_record(one)
    return folder


def checked(run: Path, baseline: Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", str(run), "--baseline", str(baseline), "--recorded"])
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def baseline(tmp_path) -> Path:
    return saved(tmp_path / "baseline", record(10 + noise(0)), record(10 + noise(0), steps=40))


@pytest.mark.parametrize("factor", [0.5, 1.1, 3])
def test_what_has_no_error_is_named(tmp_path, factor):
    """A verdict that nothing can be said of says why; one that is clear does not."""
    shares = 10 + noise(0)
    before = saved(tmp_path / "before", record(None), record(shares, steps=40))
    unknown = replace(record(None), value=10.0 * factor)
    now = saved(tmp_path / "now", unknown, record(shares, steps=40))
    code, output = checked(now, before)
    assert code == INCONCLUSIVE
    assert "no standard error is known of fid: neither verdict can be given" in output
    known = saved(tmp_path / "known", record(factor * shares), record(shares, steps=40))
    assert "no standard error" not in checked(known, known)[1]


@pytest.mark.parametrize(("factor", "code"), [(1, PASSED), (1.05, REGRESSED)])
def test_command(tmp_path, baseline, factor, code):
    shares = 10 + noise(0)
    now = [record(factor * shares), record(shares, steps=40)]
    found, table = checked(saved(tmp_path / "run", *now), baseline)
    assert found == code
    assert f"{code} regressed, 0 inconclusive" in table


def test_command_inconclusive(tmp_path, baseline):
    now = [record(10 + noise(n), steps=n, first_seed=1000) for n in (18, 40)]
    assert checked(saved(tmp_path / "run", *now), baseline)[0] == INCONCLUSIVE


def test_command_names_the_field_that_differs(tmp_path, baseline):
    now = [record(10 + noise(0), steps=n, samples=2000) for n in (18, 40)]
    code, message = checked(saved(tmp_path / "run", *now), baseline)
    assert code == COULD_NOT_RUN
    assert "samples: 1000 != 2000" in message


def test_command_with_a_cell_missing(tmp_path, baseline):
    code, message = checked(saved(tmp_path / "run", record(10 + noise(0))), baseline)
    assert code == COULD_NOT_RUN
    assert "1 of the baseline's cells are not in the run; first '40 steps'" in message


def test_command_with_a_damaged_baseline(tmp_path, baseline):
    run = saved(tmp_path / "run", record(10 + noise(0)))
    damaged = next((baseline / "records").iterdir())
    damaged.write_text(damaged.read_text("utf-8")[:-40], "utf-8")
    code, message = checked(run, baseline)
    assert code == COULD_NOT_RUN
    assert damaged.name in message


def test_command_with_a_baseline_that_lacks_a_record(tmp_path):
    """Nothing would be held to it, and the gate would pass."""
    records = record(10 + noise(0)), record(10 + noise(0), steps=40)
    before = saved(tmp_path / "baseline", records[0])
    Store(before).write_plan(PlanFile(lines=[line_of(one) for one in records]))
    now = saved(tmp_path / "run", *records)
    code, message = checked(now, before)
    assert code == COULD_NOT_RUN
    assert "no record of 1 of the cells that it planned, first '40 steps'" in message
    Store(before).write_failure(records[1].cell.work_key, None, "Traceback: it diverged")
    assert checked(now, before)[0] == PASSED


def test_command_with_no_such_baseline(tmp_path):
    code, message = checked(saved(tmp_path / "run", record(10 + EXACT)), Path("gat"))
    assert code == COULD_NOT_RUN
    assert "did you mean 'gate'" in message


def test_command_with_an_empty_baseline(tmp_path):
    run = saved(tmp_path / "run", record(10 + EXACT))
    assert checked(run, saved(tmp_path / "empty"))[0] == COULD_NOT_RUN


def test_a_comparison_across_code_says_so(tmp_path):
    """Which definitions differ is what one wants to know of a gate that fails."""
    one, other = (
        replace(record(10 + noise(0)), code=Code(digest=digest, names=names))
        for digest, names in (
            ("aaaa", {"sampler_bench.solvers.heun": "01", "mine.f": "02"}),
            ("bbbb", {"sampler_bench.solvers.heun": "03", "mine.f": "02"}),
        )
    )
    now, before = saved(tmp_path / "run", one), saved(tmp_path / "baseline", other)
    found, table = checked(now, before)
    assert found == PASSED
    assert "code aaaa against the baseline's bbbb: solvers.heun 0 regressed" in table
    assert "against" not in checked(now, now)[1]


@pytest.mark.parametrize("steps", [2, 35, 80, 500, 100_000])
def test_one_evaluation_more_is_a_regression_at_any_nfe(steps):
    """Of a sampler with declared steps; an adaptive one may use more by the declared effect."""
    shares = 10 + noise(0)
    more, before = (
        record(shares, steps=steps, nfe=steps + 1.0),
        record(shares, steps=steps, nfe=steps),
    )
    assert judge(more, before)[1] == REGRESSED
    found = compare([more], [before])
    assert {c.difference.what: c.verdict for c in found} == {"fid": "passed", "NFE": "regressed"}
    counts = steps + 0.01 * steps * np.abs(noise(1))
    adaptive = [record(shares, steps=None, nfe=n) for n in (counts * 1.001, counts)]
    assert judge(*adaptive)[1] != REGRESSED
