"""What stands in a key and acts on nothing, each with its reason; no rule is made for it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from sampler_bench.solvers.registry import EVERY_SOLVER

Keys = Mapping[str, Any]
When = Callable[[Keys, Keys], bool]


@dataclass(frozen=True)
class Row:
    """Of two samplers, whose arguments ``when`` takes: what may differ and act on nothing.

    names  what of the key, as patterns
    why    the reason
    """

    names: str
    why: str
    when: When

    def explains(self, name: str, one: Keys, other: Keys) -> bool:
        return any(fnmatchcase(name, each) for each in self.names.split()) and self.when(one, other)


def unexplained(names: Collection[str], one: Keys, other: Keys) -> tuple[list[str], set[str]]:
    """Return what no row explains of what differs, and the reasons of the rest."""
    found = {name: [row for row in TABLE if row.explains(name, one, other)] for name in names}
    reasons = {row.why for rows in found.values() for row in rows}
    return [name for name, rows in found.items() if not rows], reasons


def of(*solvers: str) -> When:
    return lambda one, other: one["solver"] in solvers


def either(name: str, *values: Any) -> When:
    """Either has a value; any, if none is given."""
    return lambda one, other: any(
        keys.get(name) in values if values else name in keys for keys in (one, other)
    )


def same_levels(one: Keys, other: Keys) -> bool:
    names = {str(_LEVELS.get(keys.get("discretization", "edm"), keys)) for keys in (one, other)}
    return len(names) == 1


def stops_itself(one: Keys, other: Keys) -> bool:
    return not EVERY_SOLVER[one["solver"]].takes_steps


def one_step(one: Keys, other: Keys) -> bool:
    return one.get("steps") == 1 == other.get("steps")


def few_steps(one: Keys, other: Keys) -> bool:
    return max(keys.get("steps") or len(keys.get("levels") or ()) for keys in (one, other)) <= 6


def always(one: Keys, other: Keys) -> bool:
    return True


_LEVELS = {"edm": "edm", "karras": "edm", "vp": "vp", "iddpm": "iddpm", "uniform-t": "uniform-t"}
_LEVELS |= dict.fromkeys(("log-snr", "exponential", "ve", "polyexponential"), "log-snr")
_GRID = "grid.name grid.rho grid.power grid.epsilon_s grid.M grid.C_1 grid.C_2 grid.j_0"
_SDE = "path.name path.clipped path.level path.quiet_end path.scale"

TABLE = [
    Row(_GRID, "a solver that chooses its steps visits the ends alone", stops_itself),
    Row(_GRID, "one step has but its ends", one_step),
    Row("grid.name grid.rho grid.power", "other names of the same levels", same_levels),
    Row("grid.sigma_min", "a step to σ = 0 visits no σ_min", one_step),
    Row(
        "grid.end",
        "a first-order step to σ = 0 is D, which denoising at the same last level returns",
        lambda one, other: of("rk45")(one, other) or either("levels")(one, other),
    ),
    Row("rule.* path.* schedule.*", "one step to σ = 0 is first order and draws nothing", one_step),
    Row(
        "path.*",
        "a window without levels, or without churn",
        lambda one, other: either("S_min")(one, other) or either("S_max")(one, other),
    ),
    Row("path.*", "returns without churn inside", either("gamma_inside")),
    Row("path.name path.times", "repeated once is churn", either("times", 1)),
    Row("grid.steps", "orders 3, …, 3, 1 or 2, the last step to σ = 0 first order", of("dpm-fast")),
    Row("options.threshold_limit", "without a threshold its limit limits nothing", always),
    Row("options.threshold", "nothing that is evaluated exceeds it", always),
    Row(
        "options.first_step",
        "a first D that hardly matters, on the longest of first steps",
        either("discretization", "uniform-t"),
    ),
    Row("options.state", "float32 rounds by less than the store's noise, or by more", always),
    Row(
        "schedule.* scaling.*",
        "s(t) is what latents are divided by, and where a short state rounds: most have s = 1",
        lambda one, other: either("initial")(one, other) or either("state")(one, other),
    ),
    Row(
        "scaling.name",
        "a rule, levels or rate that σ(t) alone decides: scalings of one's own may change σ(t)",
        lambda one, other: (
            of("deis", "deis-released", "pndm")(one, other)
            or either("discretization", "uniform-t")(one, other)
            or either("path", "edm-sde", "edm-sde-split")(one, other)
        ),
    ),
    Row("schedule.*", "pndm's start in t is 'prk', and not 'plms'", of("pndm")),
    Row("schedule.*", "errors are of the scaled state, and most have s = 1", of("dpm-adaptive")),
    Row("schedule.name", "Euler under a flow is Euler under σ = t", of("euler")),
    Row("rule.lowered", "orders that fall at the end, where there is no more than one", always),
    Row("rule.k rule.corrector", "more evaluations than there are", few_steps),
    Row("rule.integral", "a sum of 10,000 points is nearly the integral", of("deis")),
    Row("rule.theta rule.?coeff rule.accept_safety", "of the other control", of("dpm-adaptive")),
    Row(
        "rule.atol whole.abstol",
        "a tolerance that the other one exceeds",
        of("rk45", "adaptive-vp", "adaptive-ve"),
    ),
    Row(_SDE, "the reverse SDE, or churn, by other names", always),
    Row("path.S_churn", "more than N·(√2 − 1), the most that is added", either("S_churn")),
    Row("whole.snr whole.norms whole.group", "no corrector", of("song-vp")),
    Row("whole.epsilon", "where the drawn times end", of("adaptive-ve")),
    Row("whole.clip", "D of these data lies inside", of("ddim", "ddpm")),
]
