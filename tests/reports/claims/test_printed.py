"""The paper's own numbers go through the engine as exact values: they hold, wrong ones do not."""

from dataclasses import replace

import pytest

from sampler_bench.reports.claims import CLAIMS, FAILS, HOLDS
from sampler_bench.reports.claims.printed import judged_as_printed
from sampler_bench.results import published

PRINTED = (1, 2, 3, 4, 5, 6, 7, 14, 15, 16, 19, 22, 23, 24)
COMPARISONS = 76


@pytest.fixture(scope="module")
def paper():
    rows = published.load("edm").dropna(subset=["fid"])
    return rows[rows["source"].str.startswith("arXiv:2206.00364")]


@pytest.fixture(scope="module")
def verdicts():
    return {number: judged_as_printed(claim) for number, claim in CLAIMS.items()}


def test_what_is_printed_is_asked(verdicts):
    found = {number: one for number, one in verdicts.items() if one}
    assert tuple(found) == PRINTED
    assert sum(len(one.outcomes) for one in found.values()) == COMPARISONS


@pytest.mark.parametrize("number", PRINTED)
def test_printed_numbers_hold(verdicts, number):
    found = verdicts[number]
    assert found.answer == HOLDS, found
    assert all(one.answer == HOLDS and one.theta.value.se == 0 for one in found.outcomes)


@pytest.mark.parametrize("number", PRINTED)
def test_reversed_numbers_fail(paper, number):
    turned = paper.assign(fid=10 / paper["fid"], nfe=1e5 / paper["nfe"])
    assert judged_as_printed(CLAIMS[number], turned).answer == FAILS


def moved(relation, by):
    """A relation whose limits lie `by` away, so that less of what is printed meets it."""
    upward = relation.high == float("inf")  # "at least", "higher"
    names = ("low", "fails_below") if upward else ("high", "fails_above")
    sign = 1 if upward else -1
    return replace(relation, **{name: getattr(relation, name) + sign * by for name in names})


@pytest.mark.parametrize("number", PRINTED)
def test_each_limit_counts(verdicts, number):
    claim = CLAIMS[number]
    for i, comparison in enumerate(claim.printed):
        own = [o for o in verdicts[number].outcomes if o.comparison is comparison]
        values = [o.theta.value.value for o in own]
        nearest = min(comparison.relation.room(value) for value in values)
        for by, answers in ((nearest + 1e-9, {FAILS, "undecided here"}), (10.0, {FAILS})):
            parts = list(claim.printed)
            parts[i] = replace(comparison, relation=moved(comparison.relation, by))
            if comparison.relation.words == "equal":
                parts[i] = replace(
                    comparison, relation=replace(comparison.relation, high=-by, fails_above=-by)
                )
            found = judged_as_printed(replace(claim, printed=tuple(parts)))
            assert found.answer in answers, (comparison.words, by)


def swapped(rows, column, one, other):
    return rows.assign(**{column: rows[column].replace({one: other, other: one})})


@pytest.mark.parametrize(
    ("column", "one", "other", "fail"),
    [
        ("config", "E + our loss function", "F + non-leaky augmentation", {22, 24}),
        ("config", "D + our preconditioning", "C + redistribute capacity", {22}),
        ("model", "DDPM++ (VP)", "NCSN++ (VE)", {22, 23}),
        ("sampler", "+ Our sigma(t) & s(t)", "+ Heun & our t_i", {5}),
        ("sampler", "Black-box RK45 (EDM schedule)", "+ Our sigma(t) & s(t)", {6}),
        ("sampler", "Alg. 2, Optimal settings", "Alg. 2, S_noise=1", {15}),
    ],
)
def test_swapped_columns_fail(paper, column, one, other, fail):
    wrong = swapped(paper, column, one, other)
    assert all(judged_as_printed(CLAIMS[number], wrong).answer == FAILS for number in fail)
