"""The 26 claims, as data."""

from collections.abc import Mapping
from dataclasses import replace
from math import log
from typing import Any

from sampler_bench.reports.claims import quantities as q
from sampler_bench.reports.claims import samplers as s
from sampler_bench.reports.claims.claim import OURS, Claim, Comparison, Premise, Quantity, Selector
from sampler_bench.reports.claims.decide import at_least, equal, higher, lower, no_worse
from sampler_bench.reports.claims.over_sigma import (
    band,
    curvature,
    deviation,
    from_the_middle,
    kept,
    left_at_ends,
    off_one,
    order,
    ratio,
    span,
)
from sampler_bench.reports.claims.premises import (
    better,
    churns,
    exact_samples,
    finished,
    images,
    low,
    samples,
    search,
    trainings,
)
from sampler_bench.reports.claims.subjects import (
    baselines,
    by_solver,
    columns,
    edm_preconditioned,
    exact,
    is_exact,
    measured_by,
    networks,
    pairs,
    twins,
)

DOT, NEUTRAL = log(1.03), log(1.10)
DOT_SOURCE = "3 %: the paper's dot (Table 3, note)"
NEUTRAL_SOURCE = "10 %: the largest step called neutral (Table 2: +9.8 %)"
TWICE = "2: the smallest printed ratio, 3.2, less a step of its NFE (Table 3)"
_GOOD = (samples, images)
_CURVES = (*_GOOD, finished("other"), low("one"), low("other"))
_ENDS = (*_GOOD, finished("one"), finished("other"))
_VE64, _VP, _VE, _ADM = (frozenset({x}) for x in ("VE64", "VP", "VE", "ADM"))


def _setting(words: str, one: Selector, other: Selector, **more: Any) -> Comparison:
    told: dict[str, Any] = {"relation": lower(DOT), "source": DOT_SOURCE, "premises": _GOOD, **more}
    return Comparison(words, q.setting, one, other, **told)


def _times(words: str, one: Selector, other: Selector, least: float, source: str) -> Comparison:
    return Comparison(
        words, q.reach, one, other, at_least(log(least)), source, premises=_CURVES, unit="times"
    )


def _end(words: str, one: Selector, other: Selector, margin: float, source: str) -> Comparison:
    return Comparison(words, q.end, one, other, no_worse(margin), source, premises=_ENDS)


def _level(
    words: str, one: Selector, other: Selector, *more: Premise, margin: float = 0.0
) -> Comparison:
    relation = no_worse(margin) if margin else lower(DOT)
    return Comparison(words, q.level, one, other, relation, DOT_SOURCE, premises=(*_GOOD, *more))


_FRACTION = (
    _times("NFE to reach, the original's over EDM's", s.ORIGINAL, s.EDM, 2, TWICE),
    _end("EDM's end against the original's", s.EDM, s.ORIGINAL, NEUTRAL, NEUTRAL_SOURCE),
)


def _fraction(number: int, text: str, family: str, where: str) -> Claim:
    asked = tuple(replace(one, part=frozenset({family})) for one in _FRACTION)
    return Claim(
        *(number, text, where, "fid-vs-nfe", baselines, asked, (family,)),
        printed=asked,
    )


_RK45 = (
    _end("RK45's end against EDM's", s.RK45, s.EDM, DOT, DOT_SOURCE),
    Comparison(
        *("NFE to reach, RK45's over EDM's", q.reach, s.RK45, s.EDM, at_least(0.0), "1: more"),
        premises=(*_CURVES, finished("one")),
        unit="times",
    ),
)
_WITHOUT = tuple(
    Comparison(words, q.searched, s.CHURNED, other, lower(DOT), DOT_SOURCE, at=at, premises=own)
    for own in [(*_GOOD, search)]
    for words, other, at in (
        ("with against without churn", s.EDM, ("steps",)),
        ("with against without a window", s.NO_WINDOW, ("steps", "S_churn", "S_noise")),
        (
            "S_noise > 1 against 1",
            s.NO_NOISE,
            ("steps", "S_churn", "S_min", "S_max"),
        ),
    )
)


def _below(words: str, other: Selector, part: frozenset[str] = frozenset()) -> Comparison:
    return Comparison(
        *(words, q.lowest, s.CHURNED, other, lower(DOT), DOT_SOURCE),
        over="any",
        premises=_GOOD,
        to_fail=(search,),
        part=part,
    )


def _fewer(part: frozenset[str]) -> Comparison:
    told = ("NFE against the original's", q.reach, s.CHURNED, s.STOCHASTIC, lower(DOT), DOT_SOURCE)
    return Comparison(*told, part=part, unit="times")


_GAIN = Comparison(
    *("what churn gains in the old network, less the new", q.gain, s.CHURNED, s.EDM),
    *(lower(DOT), DOT_SOURCE, "any"),
    premises=(*_GOOD, better),
    to_fail=(search,),
)


def _new(words: str, quantity: Quantity, **more: Any) -> Comparison:
    one = Selector(
        "the new network with churn", {**dict(s.CHURNED.of("") or {}), "training": "new"}
    )
    other = Selector("without", {**dict(s.EDM.of("") or {}), "training": "new"})
    sides = (other, one) if more.pop("still_first", False) else (one, other)
    told: dict[str, Any] = {"source": DOT_SOURCE, "premises": (*_GOOD, better), **more}
    return Comparison(words, quantity, *sides, **told)


_NEW_GAINS = _new(
    *("churn in the new network", q.setting),
    relation=lower(DOT),
    over="any",
    part=frozenset({"rich"}),
)
_NEW_NEEDS_NONE = _new(
    *("no churn against any, in the new network", q.setting),
    relation=no_worse(DOT),
    still_first=True,
    part=frozenset({"simple"}),
)


def _step(words: str, one: Selector, other: Selector, **more: Any) -> Comparison:
    told: dict[str, Any] = {"relation": lower(DOT), "source": DOT_SOURCE}
    told |= {"premises": (samples, trainings), **more}
    return Comparison(words, q.setting, one, other, **told)


def _table_2(neutral: float, source: str) -> tuple[Comparison, ...]:
    return (
        _step("F against A to E", s.config("f"), s.BEFORE_F, relation=no_worse(DOT)),
        _step("E against D", s.config("e"), s.config("d")),
        _step(
            *("D against C", s.config("d"), s.config("c")),
            relation=equal(neutral),
            source=source,
            but=_VE64,
        ),
        _step("D against C, VE at 64×64", s.config("d"), s.config("c"), part=_VE64),
    )


_TWINS = (s.config("f", "ve"), s.config("f", "vp"))
_EQUALLY = (
    _step("F, VE against VP, at 32×32", *_TWINS, relation=equal(DOT), part=frozenset({"32"})),
    _step(
        *("F, VE against VP, at 64×64", *_TWINS),
        relation=at_least(log(1.05)),
        source="5 %: the smaller of the printed +5.9 and +10.2 %",
        part=frozenset({"64"}),
    ),
    _step(
        *("F, VE against VP, at 64×64", *_TWINS),
        relation=no_worse(log(1.11)),
        source="11 %: the larger of the printed +5.9 and +10.2 %",
        part=frozenset({"64"}),
    ),
)
_AUGMENTED = (
    _step("F against E", s.config("f"), s.config("e"), but=frozenset({"VE32u"})),
    _step(
        *("F against E, VE, unconditional 32×32", s.config("f"), s.config("e")),
        relation=no_worse(DOT),
        part=frozenset({"VE32u"}),
    ),
)
_ORDERS = tuple(
    Comparison(
        *(f"order of {one.words}, off {expected} by", order(expected), one, one, equal(0.5)),
        source=f"0.5: nearer to {expected} than to the other's order ({OURS})",
        part=frozenset({one.words.lower()}),
        unit="plain",
    )
    for one, expected in ((s.EULER, 1), (s.HEUN, 2))
)
_BALANCED = tuple(
    Comparison(
        *(f"largest over smallest error, {one.words}", span, one, one, no_worse(log(1.5))),
        source="1.5: Heun's error in Figure 13b, 0.0030 to 0.0045",
        part=frozenset({solver}),
        unit="times",
    )
    for one, solver in ((s.EULER_RHO_2, "euler"), (s.HEUN_RHO_3, "heun"))
)
_ALIKE = tuple(
    Comparison(
        *(f"SD over samples to mean, {one.words}", deviation, one, one, no_worse(0.25)),
        source=f"0.25 ({OURS})",
        part=frozenset({solver}),
        unit="plain",
    )
    for one, solver in ((s.EULER_RHO_2, "euler"), (s.HEUN_RHO_3, "heun"))
)
_STRAIGHTER = (
    *(
        Comparison(f"curvature against {o.words}", curvature, s.STRAIGHT, o, lower(DOT), DOT_SOURCE)
        for o in (s.UNDER_VP, s.UNDER_VE)
    ),
    Comparison(
        *("share of the curvature in a third of ln σ", band, s.STRAIGHT, s.STRAIGHT),
        relation=at_least(2 / 3),
        source=f"two thirds in a third ({OURS})",
        unit="plain",
    ),
)
_DEGRADES = (
    Comparison(
        *("after most churns against before", q.repeated(), s.REPEATED, s.REPEATED),
        relation=higher(DOT),
        source=DOT_SOURCE,
        over="any",
        premises=(*_GOOD, churns),
    ),
    Comparison(
        *("S_noise > 1 against 1", q.repeated(most=False), s.TUNED, s.REPEATED),
        relation=lower(DOT),
        source=DOT_SOURCE,
        over="any",
        premises=(*_GOOD, churns),
    ),
)
_EXACT = Comparison(
    "after most churns less before, in units of a network's excess",
    *(q.repeated_exact, s.REPEATED, s.REPEATED, no_worse(0.03), DOT_SOURCE),
    premises=(churns, exact_samples),
    unit="share",
)
_ONE = Comparison(
    *("loss, off 1 by", off_one, s.INITIAL, s.INITIAL, equal(0.05), f"5 % ({OURS})"), unit="plain"
)
_MIDDLE = (
    Comparison(
        *("share of the largest fall left at the ends of σ", left_at_ends, s.TRAINED, s.INITIAL),
        relation=no_worse(0.5),
        source=f"half of its height ({OURS})",
        unit="plain",
    ),
    Comparison(
        "SD of p_train from its mean to the largest fall",
        *(from_the_middle, s.TRAINED, s.INITIAL, no_worse(1.0)),
        source=f"1 SD ({OURS})",
        unit="plain",
    ),
)


_HEALED = (
    Comparison(
        *("what the ODE changes of its start's skew", kept, s.ODE_END, s.START, equal(0.03)),
        source="3 %: as the paper's dot (Table 3, note)",
        at=("skew",),
        unit="share",
    ),
    Comparison(
        *("what churn leaves of the ODE's skew", kept, s.CHURN_END, s.ODE_END),
        relation=equal(0.5),
        source=f"half of it ({OURS})",
        at=("skew", "steps"),
        unit="share",
    ),
)
_WARPED = Comparison(
    *("error under σ = √t over σ = t, at the same σ", ratio, s.ROOT_LEVELS, s.LINEAR_LEVELS),
    *(at_least(log(2)), f"2 ({OURS})"),
    at=("steps", "sigma_min", "sigma_max", "rho", "discretization"),
    unit="times",
)


_LEVEL_OWN = _level(
    "Heun with EDM's steps against the original",
    *(s.OWN, s.ORIGINAL, low("one"), low("other")),
)
_LEVEL_T = replace(_level("σ = t against the family's own", s.EDM, s.OWN), but=_ADM)
_AS_ORIGINAL = _level("the reimplementation", s.REIMPLEMENTATION, s.ORIGINAL, margin=DOT)
_CHURN = _setting("churn against none", s.CHURNED, s.EDM, over="any", to_fail=(search,))
_RHO = _setting("ρ from 5 to 10 against 3", s.RHO_5_TO_10, s.RHO_3)
_ALPHA = _setting("α = 1 against others", s.ALPHA_1, s.OTHER_ALPHA, relation=no_worse(DOT))

_ROWS = (
    _fraction(
        1,
        "VP: Heun with EDM's steps and σ = t comes within 3 % of its best FID at half of the NFE or"
        " less that the original ODE sampler needs for its own, and ends no worse by 10 %",
        *("VP", "Figure 2a"),
    ),
    _fraction(2, "VE: the same", "VE", "Figure 2b"),
    _fraction(3, "ADM: the same against DDIM (its x̂₀ clipped, as in its code)", "ADM", "Figure 2c"),
    Claim(
        4,
        "Heun with EDM's steps alone beats the original at equal NFE, on the mean up to the"
        " original's dot",
        *("Figure 2", "fid-vs-nfe", baselines, (_LEVEL_OWN,), ("VP", "VE", "ADM")),
        printed=tuple(
            Comparison(
                *("NFE to reach, the original's over Heun's", q.reach, s.ORIGINAL, s.OWN),
                *(at_least(log(2)), TWICE),
                part=part,
                unit="times",
            )
            for part in (_VE, _ADM)
        ),
    ),
    Claim(
        5,
        "σ = t, s = 1 improves VP and VE further (of DDIM it is the same sampler)",
        *("Figure 2", "fid-vs-nfe", baselines, (_LEVEL_T,), ("VP", "VE")),
        printed=tuple(
            Comparison(
                *("NFE to reach, the family's σ(t) over σ = t", q.reach, s.OWN, s.EDM),
                *(at_least(log(2)), TWICE),
                part=part,
                unit="times",
            )
            for part in (_VP, _VE)
        ),
    ),
    Claim(
        6,
        "RK45 ends no worse than EDM's sampler by 3 %, but spends more NFE",
        *("Figure 2, Table 3", "fid-vs-nfe", baselines, _RK45, ("VP", "VE")),
        printed=_RK45,
    ),
    Claim(
        7,
        "The reimplementation of the original is no worse than it by 3 %",
        *("Figure 2", "fid-vs-nfe", baselines, (_AS_ORIGINAL,), ("VP", "VE")),
        printed=(_end("the reimplementation", s.REIMPLEMENTATION, s.ORIGINAL, DOT, DOT_SOURCE),),
    ),
    Claim(
        8,
        "Global error is O(h) for Euler, O(h²) for Heun",
        *("Appendix D.1", "truncation-vs-nfe"),
        scope=by_solver("truncation-error", "euler", "heun"),
        comparisons=_ORDERS,
        families=("euler", "heun"),
    ),
    Claim(
        9,
        "ρ = 2 nearly balances Euler's local error over σ ≥ 0.5, ρ = 3 Heun's (σ = √t)",
        *("Figure 13a, b", "local-error-over-sigma"),
        scope=by_solver("local-error", "euler", "heun"),
        comparisons=_BALANCED,
        families=("euler", "heun"),
    ),
    Claim(
        10,
        "FID is better for ρ between 5 and 10 than for ρ = 3, at equal steps",
        *("Figure 13c", "fid-vs-rho", networks, (_RHO,)),
    ),
    Claim(
        11,
        "The local truncation error hardly depends on the sample",
        *("Appendix D.1", "local-error-over-sigma"),
        *(by_solver("local-error", "euler", "heun"), _ALIKE),
    ),
    Claim(
        12,
        "No α of the second-order family is better than α = 1 by 3 %, at equal steps (α > 1 spends"
        " fewer NFE)",
        *("Appendix D.2", "fid-vs-alpha", networks, (_ALPHA,)),
    ),
    Claim(
        13,
        "Trajectories under σ = t, s = 1 are straighter than under VP and VE; curvature sits in a"
        " narrow band of σ",
        *("Figure 3", "curvature-over-sigma", measured_by("curvature"), _STRAIGHTER),
    ),
    Claim(
        14,
        "Churn improves FID of pre-trained VP and VE networks at equal NFE",
        *("Figure 4, Table 4", "fid-vs-nfe", baselines, (_CHURN,), ("VP", "VE")),
        printed=(_CHURN,),
    ),
    Claim(
        15,
        "At the settings that a search found each of churn's ingredients helps: churn itself, its"
        " window, S_noise > 1",
        *("Table 4, Figure 15", "fid-vs-nfe", baselines, _WITHOUT, ("VP", "VE")),
        printed=_WITHOUT,
    ),
    Claim(
        16,
        "Algorithm 2 goes below the best of each original stochastic sampler, at no more NFE (in"
        " the paper at fewer for VP and VE alone)",
        *("Figure 4", "fid-vs-nfe", baselines),
        (
            _below("Algorithm 2 against the original's best", s.STOCHASTIC),
            _below("against Jolicoeur-Martineau et al.", s.ADAPTIVE, _VP),
            _below("against Jolicoeur-Martineau et al.", s.ADAPTIVE, _VE),
        ),
        ("VP", "VE"),
        printed=(
            _below("Algorithm 2 against the original's best", s.STOCHASTIC),
            _fewer(_VP),
            _fewer(_VE),
        ),
    ),
    Claim(
        17,
        "Repeated churn at fixed σ (1,000 times and more) degrades samples of a network; S_noise"
        " slightly above 1 counteracts it",
        *("Figure 14", "fid-vs-churns", networks, _DEGRADES),
        unmeasured="oversaturation",
    ),
    Claim(
        18,
        "It does not with an exact denoiser",
        *("Appendix E", "fid-vs-churns", exact, (_EXACT,)),
    ),
    Claim(
        19,
        "With better training churn gains less: on simple data nothing, on ImageNet still some",
        *("Figure 5b, c", "fid-vs-churn", pairs, (_GAIN, _NEW_GAINS, _NEW_NEEDS_NONE)),
        printed=(_GAIN, _NEW_GAINS),
    ),
    Claim(
        20,
        "EDM's preconditioning gives an expected loss of 1 at every σ at initialisation",
        *("Figure 5a", "loss-over-sigma"),
        *(measured_by("denoising-loss", edm_preconditioned), (_ONE,)),
    ),
    Claim(
        21,
        "Training lowers the loss only at intermediate σ, and p_train sits there",
        *("Figure 5a", "loss-over-sigma"),
        *(measured_by("denoising-loss", edm_preconditioned), _MIDDLE),
    ),
    Claim(
        22,
        "F is the best of every column; E lowers D; D is neutral (within 10 %) but for VE at 64×64,"
        " which it rescues",
        *("Table 2", "table2", columns, _table_2(log(1.2), f"20 % ({OURS}; 10 % if printed)")),
        ("VP", "VE"),
        printed=_table_2(NEUTRAL, NEUTRAL_SOURCE),
    ),
    Claim(
        23,
        "After F, VP and VE are equally good at 32×32; at 64×64 VE stays 5 to 11 % behind",
        *("Table 2", "table2", twins, _EQUALLY),
        printed=_EQUALLY,
    ),
    Claim(
        24,
        "Augmentation with conditioning lowers FID (no worse for VE, unconditional, 32×32)",
        *("Table 2, F.2", "table2", columns, _AUGMENTED, ("VP", "VE")),
        printed=_AUGMENTED,
        unmeasured="leaking",
    ),
    Claim(
        25,
        "Langevin-like churn heals a skewed start, the ODE does not (one dimension, two modes)",
        *("Section 4", "skewed-start", measured_by("mode-mass"), _HEALED),
    ),
    Claim(
        26,
        "Shorter steps and a warped schedule are not equivalent: the same σ under σ = t and σ = √t"
        " give other errors",
        *("Section 3", "warped-schedule", measured_by("truncation-error", is_exact), (_WARPED,)),
    ),
)
CLAIMS: Mapping[int, Claim] = {one.number: one for one in _ROWS}
