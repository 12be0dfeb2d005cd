"""Records of FORMAT 1 become what the same measurement is called now, once and whole."""

import json
from pathlib import Path

import torch

from sampler_bench import solvers
from sampler_bench.bench.measure.profiles.curvature import Curvature
from sampler_bench.bench.measure.profiles.denoising_loss import DenoisingLoss
from sampler_bench.bench.measure.profiles.local_error import LocalError
from sampler_bench.kit.canonical import plain, restored
from sampler_bench.kit.parameters import keywords
from sampler_bench.models import GaussianMixture
from sampler_bench.results import format_1
from sampler_bench.solvers import DISCRETIZATIONS, SCHEDULES, SOLVERS
from sampler_bench.solvers.churn import Churn
from sampler_bench.solvers.options import Options
from sampler_bench.solvers.registry import ORIGINALS

GOLDEN = Path(__file__).parents[1] / "golden"
PAIRS = json.loads((GOLDEN / "format_1.json").read_text("utf-8"))
MODEL = GaussianMixture.isotropic(torch.tensor([[0.4, -0.7]]), [0.5], [1.0])
PROBES = {"curvature": Curvature, "local-error": LocalError, "denoising-loss": DenoisingLoss}


def declared(pair):
    """What is declared now of what was declared then (``soak.format_1_pairs``)."""
    build, metric = restored(pair["build"]), pair.get("metric")
    if metric is None:
        return solvers.build(**build).declared(MODEL)
    about = {} if metric == "denoising-loss" else {"sampler": solvers.build(**build)}
    return PROBES[metric](levels=(0.01, 0.5, 10.0), **about, **pair["own"]).declared(MODEL)


def test_every_sampler_that_could_be_asked_for_is_called_what_it_is_called_now():
    wrong = []
    for pair in PAIRS:
        told, now = restored(pair["flat"]), declared(pair)
        metric = pair.get("metric", "fid")
        if plain(format_1.parts(told, metric)) != plain(now.parts):
            wrong.append(
                (pair["build"], metric, plain(format_1.parts(told, metric)), plain(now.parts))
            )
    assert not wrong, f"{len(wrong)} of {len(PAIRS)}, the first {wrong[:3]}"


def test_settings_are_every_number_resolved():
    """As declared now, but for neutral numbers of rules that FORMAT 1 left out."""
    for pair in PAIRS:
        told, metric = restored(pair["flat"]), pair.get("metric", "fid")
        old, now = plain(format_1.settings(told, metric)), plain(declared(pair).settings)
        assert old.keys() == now.keys(), pair["build"]
        for part, mine in old.items():
            theirs = now[part]
            assert mine.items() <= theirs.items(), (pair["build"], part)
            assert set(theirs) - set(mine) <= set(
                solvers.build(**restored(pair["build"])).parameters
            )


def test_what_was_neutral_is_the_default_that_it_was():
    """The converter's tables: a default that changes would part old cells from new ones.

    Parameters that came later are in no old record, and neutral.
    """
    for name, neutral in format_1.RULES.items():
        assert neutral.items() <= SOLVERS[name].defaults().items(), name
    for name, neutral in format_1.WHOLE.items():
        assert neutral.items() <= ORIGINALS[name].defaults().items(), name
    for name, own in format_1.GRIDS.items():
        assert set(own) <= set(DISCRETIZATIONS[name].defaults()), name
    for name, own in format_1.SCHEDULES.items():
        assert set(own) <= set(keywords(SCHEDULES[name].fit)), name
    assert format_1.CHURN.items() <= keywords(Churn).items()
    assert format_1.OPTIONS.items() <= keywords(Options).items()
    for name, neutral in format_1.MEASUREMENTS.items():
        own = {k: v for k, v in neutral.items() if k != "weights_seed"}
        assert own.items() <= keywords(PROBES[name]).items(), name


def test_every_rule_of_then_is_there_and_sees_what_it_is_said_to_see():
    for name in (*format_1.RULES, *format_1.NAMED, *format_1.BLIND):
        row = SOLVERS[name]
        assert (name in format_1.BLIND) != (row.sees_schedule or row.sees_scaling), name
        assert row.own_path is None, name
