"""A premise that is not met leaves a claim undecided, with its sentence as the reason."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sampler_bench.reports.claims import CLAIMS, FAILS, HOLDS, UNDECIDED, answer
from tests.reports.claims.gallery import EDM, Drawn, gallery


def is_original(one):
    return one.row.get("process") == "flow"


def is_rk45(one):
    return one.row.get("solver") == "rk45"


def without(which):
    return [one for one in gallery() if not which(one)]


def changed(which, **row):
    return [replace(one, row={**one.row, **row}) if which(one) else one for one in gallery()]


def scaled(factor, which, specs=None):
    specs = gallery() if specs is None else specs
    return [replace(one, truth=one.truth * factor) if which(one) else one for one in specs]


def churned(one):
    return one.row.get("S_churn", 0) > 0


def few_churns(one):
    return replace(one, row={**one.row, "steps": one.row["steps"] / 100})


def by_hand():
    """Churn harms everywhere, at settings that no search chose."""
    worse = scaled(2.0, churned)
    return [replace(o, row={k: v for k, v in o.row.items() if k != "rung"}) for o in worse]


STOPPED = {
    "left-censored": (1, lambda: without(lambda o: is_original(o) and o.nfe < 512), "low NFE"),
    "not run": (2, lambda: without(is_original), "(the authors' program) was not run"),
    "not level": (6, lambda: without(lambda o: is_rk45(o) and o.nfe > 40), "RK45 is not level yet"),
    "no images": (5, lambda: scaled(40, lambda o: o.model == "fashion-ve"), "makes no images"),
    "by hand": (14, by_hand, "a search would decide"),
    "no search": (15, by_hand, "no search's winner"),
    "one family": (
        16,
        lambda: without(lambda o: o.model == "fashion-vp"),
        "no records of it for VP",
    ),
    "few churns": (
        17,
        lambda: [few_churns(o) if o.row.get("solver") == "churned" else o for o in gallery()],
        "20 churns at most, 1,000 are needed",
    ),
    "few churns, exact": (
        18,
        lambda: [few_churns(o) if o.row.get("solver") == "churned" else o for o in gallery()],
        "20 churns at most, 1,000 are needed",
    ),
    "not better": (
        19,
        lambda: scaled(3.0, lambda o: o.model == "fashion-edm-vp"),
        "not measured to be better trained",
    ),
    "one training": (22, lambda: without(lambda o: o.training > 0), "1 training of 200,000,000"),
    "few images": (
        22,
        lambda: changed(lambda o: o.model.startswith("table2"), prov_checkpoint_images=64_000),
        "of 64,000 images",
    ),
}


def judged(number, specs, samples=5000, **panel):
    drawn = Drawn(specs, samples).draw(np.random.default_rng(1))
    return answer(CLAIMS[number], [replace(one, **panel) for one in drawn])


def reasons(found):
    return "; ".join([found.reason, *(one.reason for one in found.outcomes)])


@pytest.mark.parametrize("name", STOPPED)
def test_an_unmet_premise_is_the_reason(name):
    number, specs, reason = STOPPED[name]
    found = judged(number, specs())
    assert found.answer == UNDECIDED
    assert reason in reasons(found)


def test_few_samples_and_no_floor_are_reasons():
    assert "200 samples are too few: 480" in reasons(judged(5, gallery(), 200))
    found = judged(5, gallery(), floor=None)
    assert found.answer == UNDECIDED and "no floor is known at 5,000 samples" in reasons(found)
    found = judged(5, gallery(), extractor="mine")
    assert found.answer == UNDECIDED and "not known for the extractor mine" in reasons(found)


def test_what_cannot_be_told_from_the_floor_is_undecided():
    found = judged(5, scaled(0.001, lambda o: True))
    assert found.answer == UNDECIDED and "at the floor" in reasons(found)


def test_within_error_says_how_many_samples_would_decide():
    found = judged(7, scaled(1.03, lambda o: o.row.get("solver") == "euler", gallery("flat")))
    told = reasons(found)
    assert found.answer == UNDECIDED
    assert "samples would decide" in told or "no number of samples decides" in told


@pytest.mark.parametrize(("factor", "expected"), [(1.10, FAILS), (0.9, HOLDS)])
def test_a_reimplementation_beyond_the_limit_is_told(factor, expected):
    euler = lambda o: o.row.get("solver") == "euler"  # noqa: E731
    assert judged(7, scaled(factor, euler, gallery("flat"))).answer == expected


def test_an_over_churned_setting_does_not_undo_what_a_search_found():
    over = [one for one in gallery() if one.row.get("rung") == "fresh" and one.nfe == 257]
    more = [
        replace(o, row={**o.row, "S_churn": 200, "rung": None}, truth=3 * o.truth) for o in over
    ]
    assert judged(15, gallery() + more).answer == HOLDS


def test_an_unfinished_original_bounds_the_ratio_and_never_fails_it():
    still = {**EDM, "S_churn": 0}.items()
    slow = [one for one in gallery() if not (is_original(one) and one.nfe > 64)]
    assert any(still <= one.row.items() for one in slow)
    found = judged(1, slow)
    ratio = next(o for o in found.outcomes if "NFE to reach" in o.comparison.words)
    assert ratio.theta.bound and ratio.answer != FAILS
    assert math.isfinite(ratio.theta.value.se)
