"""Statements 9 to 12: local truncation error, ρ and α (EDM, Figure 13, Appendix D)."""

from collections.abc import Iterator, Sequence

import numpy as np

from sampler_bench.reports.statements.estimate import among, lowest
from sampler_bench.reports.statements.families import DETERMINISTIC
from sampler_bench.reports.statements.panel import Panel, Point
from sampler_bench.reports.statements.profiles import Profile, profile
from sampler_bench.reports.statements.verdict import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Answer,
    Verdict,
    all_of,
    case,
    factor,
    percent,
    together,
)
from sampler_bench.results.estimate import LEVEL, Estimate, relative

BALANCED = {"euler": 2, "heun": 3}
"""ρ at which the paper finds a solver's local error balanced over σ."""
READ = (0.02, 50.0)
"""σ on the axis of the paper's Figure 13."""
NEARLY = 2.0
"""A nearly balanced error varies at most by this factor; Heun's in the paper by 1.5."""
HARDLY = 0.25
"""An error that hardly depends on the sample has at most this relative standard deviation."""
BETTER_RHO = (5, 10)


def balance(panels: Sequence[Panel]) -> Verdict:
    """Statement 9."""
    cases = []
    for panel, solver, found in _profiles(panels):
        low, high = int(np.argmin(found.mean)), int(np.argmax(found.mean))
        ends = np.array([low, high])
        ratio = found.mean[high] / found.mean[low]
        error = float(np.sqrt(np.sum((found.error[ends] / found.mean[ends]) ** 2)))
        answer = _at_most(float(np.log(ratio)), error, float(np.log(NEARLY)), len(found.mean))
        told = (
            f"{solver}, ρ = {BALANCED[solver]}: {found.mean[low]:.2g} (σ = {found.sigma[low]:.2g})"
            f" to {found.mean[high]:.2g} (σ = {found.sigma[high]:.2g}), a factor of"
            f" {factor(ratio)} ± {ratio * error:.1g}"
        )
        why = (
            f"its error is smallest at σ = {found.sigma[low]:.2g}, where little is left to resolve"
        )
        cases.append(case(panel, answer, told, why, solver))
    return together(cases, "local errors in the √t schedule", tuple(BALANCED))


def samples_alike(panels: Sequence[Panel]) -> Verdict:
    """Statement 11: standard deviation over samples, relative to the mean, at every σ."""
    cases = []
    for panel, solver, found in _profiles(panels):
        at = int(np.argmax(found.ratio))
        most = float(found.ratio[at])
        error = most * float(np.sqrt((0.5 + most**2) / found.samples))
        answer = _at_most(most, error, HARDLY, len(found.ratio))
        told = (
            f"{solver}: SD over samples at most {100 * most:.0f} ± {100 * error:.1g} % of the mean"
            f" (at σ = {found.sigma[at]:.2g}; median {100 * float(np.median(found.ratio)):.0f} %)"
        )
        why = f"samples differ most at σ = {found.sigma[at]:.2g}"
        cases.append(case(panel, answer, told, why))
    return together(cases, "local errors in the √t schedule")


def rho(panels: Sequence[Panel]) -> Verdict:
    """Statement 10."""
    cases = []
    settings = {name: value for name, value in DETERMINISTIC.items() if name != "rho"}
    for panel in (one for one in panels if one.metric == "fid"):
        for steps, same in _by_steps(panel.where(**settings)):
            base = [p for p in same if p.has(rho=3)]
            others = [p for p in same if p.has(rho=lambda r: BETTER_RHO[0] <= r <= BETTER_RHO[1])]
            if not base or not others:
                continue
            gaps = [relative(p.value, base[0].value) for p in others]
            told = ", ".join(
                f"ρ = {p.row['rho']:g} {percent(g)}" for p, g in zip(others, gaps, strict=True)
            )
            why = f"with {steps:g} steps ρ hardly matters" if _all_equal(gaps) else ""
            cases.append(case(panel, _all_lower(gaps), f"{steps:g} steps: {told}", why))
    return together(cases, "FID at ρ = 3 and from 5 to 10, at equal steps")


def alpha(panels: Sequence[Panel]) -> Verdict:
    """Statement 12; truncation errors are asked only where a model has no FID over α."""
    cases = []
    with_fid = {p.model for p in panels if p.metric == "fid" and p.where(solver="rk2")}
    for panel in panels:
        wanted = "fid" if panel.model in with_fid else "truncation-error"
        if panel.metric != wanted:
            continue
        for steps, same in _by_steps(panel.where(solver="rk2", S_churn=0)):
            base = [p for p in same if p.has(alpha=1)]
            others = [p for p in same if not p.has(alpha=1)]
            if not base or not others:
                continue
            gaps = [relative(p.value, base[0].value) for p in others]
            at, found = lowest(gaps)
            answer = {"lower": FAILS, "not lower": HOLDS}.get(found, UNDECIDED)
            best = f"the surest gain is {percent(gaps[at])} at α = {others[at].row['alpha']:.3g}"
            cases.append(case(panel, answer, f"{steps:g} steps, {len(gaps)} other α: {best}"))
    return together(cases, "the second-order family over α, α = 1 among them")


def _profiles(panels: Sequence[Panel]) -> Iterator[tuple[Panel, str, Profile]]:
    for panel in (one for one in panels if one.metric == "local-error"):
        for solver, at in BALANCED.items():
            for point in panel.where(solver=solver, schedule="ve", scaling="none", rho=at):
                found = profile(point)
                found = found.within(*READ) if found else None
                if found and len(found.sigma) >= 3:
                    yield panel, solver, found


def _by_steps(points: Sequence[Point]) -> list[tuple[float, list[Point]]]:
    steps = sorted({point.steps for point in points if point.steps > 0})
    return [(n, [point for point in points if point.steps == n]) for n in steps]


def _at_most(value: float, error: float, limit: float, levels: int) -> Answer:
    """Whether the largest of so many is at most a limit; chance makes one look large."""
    if value + LEVEL * error <= limit:
        return HOLDS
    return FAILS if value - among(levels) * error > limit else UNDECIDED


def _all_equal(gaps: Sequence[Estimate]) -> bool:
    return all(gap.word() == "equal" for gap in gaps)


def _all_lower(gaps: Sequence[Estimate]) -> Answer:
    """Holds if each is lower, fails if for any a decrease by more than 3 % can be ruled out."""
    each = [lowest([gap])[1] for gap in gaps]
    level = among(len(gaps))
    if any(gap.value - level * gap.se > 0 or gap.word(level=level) == "equal" for gap in gaps):
        return FAILS
    return all_of([HOLDS if one == "lower" else UNDECIDED for one in each])
