"""A gallery of made-up records that meets the claims' premises, with a known truth.

Its numbers are drawn: values with the noise of so many samples, and jackknives that know of it.
Correlations are those of the shipped records: ODE samplers of one network 0.998 exp(−0.3 |Δ ln|),
with churn 0.75, other stochastic samplers 0.7, between networks 0.5; trainings spread by 3 %.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from sampler_bench.reports.claims.panel import Panel, Point
from sampler_bench.results.estimate import Estimate
from sampler_bench.results.floor import Floor

SHARDS = 20
NOISE = {200: 0.15, 500: 0.10, 1000: 0.045, 2000: 0.028, 5000: 0.018}
"""Relative standard error of a distance, by samples."""
FLOORS = {200: (0.76, 0.17), 500: (0.30, 0.086), 1000: (0.16, 0.03), 2000: (0.081, 0.012)}
FLOORS |= {5000: (0.033, 0.005)}
"""What perfect samples reach, and its standard deviation from set to set."""
SPREAD = 0.03
TRAININGS = 5
EXCESS = 1.3
_LINEAR = {"schedule": "linear", "scaling": "none"}
EDM = {"solver": "heun", "discretization": "edm", "rho": 7, "end": "zero", **_LINEAR}
NO_CHURN = {"S_churn": 0, "S_min": 0.0, "S_max": math.inf, "S_noise": 1.0}
FULL = {"S_churn": 30, "S_min": 0.05, "S_max": 10.0, "S_noise": 1.007}


@dataclass(frozen=True)
class Spec:
    """One record to be: `truth` is its excess over the floor."""

    model: str
    row: dict
    nfe: float
    truth: float
    training: int = 0

    @property
    def kind(self):
        """Which noise it shares with others of its network."""
        if self.row.get("solver") in ("adaptive-vp", "adaptive-ve", "ddpm"):
            return "sde"
        if self.row.get("process") == "sde":
            return "sde"
        churned = self.row.get("S_churn", 0) or self.row.get("solver") == "churned"
        return "churn" if churned else "ode"


def falling(end, dot, power):
    """A curve over NFE that is 2 % above its end at its dot."""
    return lambda nfe: end * (1 + 0.02 * (dot / nfe) ** power)


def grid(low, high, factor=2.0):
    found = [float(low)]
    while found[-1] * factor <= high * 1.001:
        found.append(found[-1] * factor)
    return found


FAMILIES = {
    # suffix, own schedule, steps; ends and dots of: original, reimplementation, Heun alone, EDM,
    # RK45 (Table 3, VE's 8192 as 1024); stochastic: none, no window and noise, no window, no noise,
    # all, original (Table 4)
    "VP": {
        "model": "fashion-vp",
        "parts": {"schedule": "vp", "scaling": "unit-variance"},
        "steps": "vp",
        "flow": {"solver": "song-vp", "process": "flow", "predictor": "euler-maruyama"},
        "sde": {"solver": "song-vp", "process": "sde", "predictor": "euler-maruyama"},
        "ends": (2.85, 2.79, 2.88, 2.93, 2.94),
        "dots": (256, 512, 255, 35, 115),
        "churn": (2.93, 2.69, 2.54, 2.52, 2.27, 2.55),
        "stochastic": 768,
    },
    "VE": {
        "model": "fashion-ve",
        "parts": {"schedule": "ve", "scaling": "none"},
        "steps": "ve",
        "flow": {"solver": "song-ve", "process": "flow", "predictor": "reverse-diffusion"},
        "sde": {"solver": "song-ve", "process": "sde", "predictor": "reverse-diffusion"},
        "ends": (5.45, 4.78, 4.23, 3.73, 3.69),
        "dots": (1024, 1024, 191, 27, 93),
        "churn": (3.73, 2.97, 2.51, 2.84, 2.23, 2.46),
        "stochastic": 1024,
    },
    "ADM": {
        "model": "fashion-adm",
        "parts": _LINEAR,
        "steps": "iddpm",
        "flow": {"solver": "ddim", "eta": 0},
        "sde": {"solver": "ddpm"},
        "ends": (2.85, 2.73, 2.64, 2.64, 2.66),
        "dots": (250, 384, 79, 79, 131),
        "churn": (2.64, 1.86, 1.63, 1.84, 1.55, 2.01),
        "stochastic": 384,
    },
}
TABLE_2 = {"vp": (3.01, 2.51, 2.31, 2.29, 2.05, 1.97), "ve": (3.77, 2.94, 2.83, 3.10, 1.99, 1.98)}


def gallery(truth="paper"):
    """The records: of the paper's effects, of none ("flat"), or of curves alone ("curves")."""
    specs = [one for name in FAMILIES for one in _family(name)]
    specs += _swept("fashion-edm-vp") + _repeated("fashion-vp") + _exact() + _columns() + _better()
    if truth == "flat":
        return [replace(one, truth=EXCESS) for one in specs]
    if truth == "curves":
        return [replace(one, truth=falling(EXCESS, 35, 2.2)(one.nfe)) for one in specs]
    return specs


def _family(name):
    f = FAMILIES[name]
    scale = EXCESS / f["ends"][3]
    ends = [scale * one for one in f["ends"]]
    none = {"corrector": "none"} if name != "ADM" else {}
    model, dots = f["model"], f["dots"]
    heun = {**EDM, **NO_CHURN}
    lines = [
        ({**f["flow"], **none}, ends[0], dots[0], 2.2, 1),
        (
            {"solver": "euler", "discretization": f["steps"], "end": "zero", "S_churn": 0}
            | f["parts"],
            *(ends[1], dots[1], 1.0, 1),
        ),
        ({**heun, **f["parts"]}, ends[2], dots[2], 1.0, 2),
        (heun, ends[3], dots[3], 2.2, 2),
    ]
    made = []
    for settings, end, dot, power, cost in lines[: 3 if name == "ADM" else 4]:
        if name == "ADM" and cost == 2:
            power = 2.2
        value = falling(end, dot, power)
        for steps in grid(4, max(4 * dot, 64)):
            nfe = cost * steps - (cost - 1)
            made.append(Spec(model, {**settings, "steps": steps}, nfe, value(nfe)))
    value = falling(ends[4], dots[4], 2.2)
    rk45 = {"solver": "rk45", "end": "zero", **_LINEAR}
    for i, nfe in enumerate(grid(dots[4] / 8, 4 * dots[4])):
        made.append(Spec(model, {**rk45, "rtol": 10.0**-i}, nfe, value(nfe)))
    return made + _stochastic(name, f, scale)


def _stochastic(name, f, scale):
    none, plain, no_window, no_noise, full, original = (scale * one for one in f["churn"])
    model, steps = f["model"], 128.0
    wide, still = {"S_min": 0.0, "S_max": math.inf}, {"S_noise": 1.0}
    settings = [
        ({**NO_CHURN}, none),
        ({**FULL, **wide, **still}, plain),
        ({**FULL, **wide}, no_window),
        ({**FULL, **still}, no_noise),
        ({**FULL, "rung": "fresh"}, full),
        *(({**FULL, "S_churn": c}, full * m) for c, m in ((10, 1.15), (60, 1.05), (90, 1.2))),
    ]
    made = [
        Spec(model, {**EDM, **s, "steps": steps + 1}, 2 * steps + 1, value) for s, value in settings
    ]
    made.append(Spec(model, {**EDM, **FULL, "steps": 192.0}, 383.0, full))
    corrector = {} if name == "ADM" else {"corrector": "langevin" if name == "VE" else "none"}
    for nfe in grid(f["stochastic"] / 8, f["stochastic"] * 4):
        value = falling(original, f["stochastic"], 1.2)(nfe)
        made.append(Spec(model, {**f["sde"], **corrector, "steps": nfe}, nfe, value))
    if name != "ADM":
        for i, nfe in enumerate((96.0, 192.0, 384.0, 768.0)):
            row = {"solver": f"adaptive-{name.lower()}", "reltol": 0.1 / 2**i}
            made.append(Spec(model, row, nfe, falling(original * 1.05, 384, 1.2)(nfe)))
    return made


def _swept(model):
    """ρ and α of a network that EDM's recipe trained."""
    made = []
    for rho, value in {3: 1.0, 5: 0.9, 7: 0.9, 10: 0.9}.items():
        row = {**EDM, **NO_CHURN, "rho": rho, "steps": 18.0}
        made.append(Spec(model, row, 35, value * EXCESS * 0.8))
    for alpha in (0.5, 2 / 3, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0):
        row = {"solver": "rk2", "S_churn": 0, "alpha": alpha, "steps": 18.0}
        off = 0.1 * min(1.0, abs(math.log(alpha)) / math.log(2))
        made.append(Spec(model, row, 35, EXCESS * 0.8 * (1 + off)))
    return made


def _repeated(model):
    made = []
    for sigma in (0.1, 0.2, 0.5):
        for steps in (0.0, 1000.0, 2000.0):
            for noise in (1.0, 1.007):
                lost = steps / 2000 * (0.5 if noise == 1 else 0.5 - 0.405)
                row = {"solver": "churned", "sigma": sigma, "gamma": 0.4, "denoised": "yes"}
                row |= {"steps": steps, "S_noise": noise}
                made.append(Spec(model, row, steps + 35, EXCESS * (1 + lost)))
    return made


def _exact():
    made = []
    for sigma in (0.1, 0.2, 0.5):
        for steps in (0.0, 2000.0):
            row = {"solver": "churned", "sigma": sigma, "gamma": 0.4, "denoised": "yes"}
            made.append(Spec("exact-fashion", {**row, "steps": steps, "S_noise": 1.0}, 35, 0.1))
    return made


def _columns():
    return [
        Spec(
            f"table2-{letter}-{kind}",
            {**EDM, **NO_CHURN, "steps": 18.0, "prov_checkpoint_images": 200_000_000},
            *(35, EXCESS * value / 3.01, training),
        )
        for kind, values in TABLE_2.items()
        for letter, value in zip("abcdef", values, strict=True)
        for training in range(TRAININGS)
    ]


def _better():
    """Churn before and after better training: a gain of 21 %, then a loss (Figure 5b)."""
    made = []
    gains = {10: (0.82, 1.05), 30: (0.79, 1.08), 60: (0.82, 1.12)}
    for place, (model, none) in enumerate((("fashion-vp", 1.0), ("fashion-edm-vp", 0.8))):
        made.append(Spec(model, {**EDM, **NO_CHURN, "steps": 65.0}, 129, EXCESS * none))
        for churn, both in gains.items():
            row = {**EDM, **FULL, "S_churn": churn, "steps": 65.0}
            row |= {"rung": "fresh"} if churn == 30 else {}
            made.append(Spec(model, row, 129, EXCESS * none * both[place]))
    return made


class Drawn:
    """A gallery from which panels are drawn: so many samples, the noise that they leave."""

    def __init__(self, specs, samples):
        self.specs, self.samples = specs, samples
        self.floor, self.spread = FLOORS[samples]
        self.truth = np.array([one.truth for one in specs]) + self.floor
        self.root = _root(_correlations(specs, np.log(self.truth)))

    def draw(self, rng):
        """The panels of one made-up measurement."""
        shards = self.root @ rng.standard_normal((len(self.specs), SHARDS))
        spread = {}
        noise = NOISE[self.samples]
        sets = self.floor + self.spread * rng.standard_normal(20)
        floor = Floor.of(sets)
        found = {}
        for one, truth, z in zip(self.specs, self.truth, shards, strict=True):
            if one.model.startswith("table2"):
                place = (one.model, one.training)
                if place not in spread:
                    spread[place] = math.exp(SPREAD * rng.standard_normal())
                truth = self.floor + (truth - self.floor) * spread[place]
            value = truth * (1 + noise * z.sum() / math.sqrt(SHARDS))
            rest = value - truth * noise * math.sqrt(SHARDS) * (z - z.mean()) / (SHARDS - 1)
            estimate = Estimate.of(float(value), rest, (0.0, float(self.samples)))
            point = Point(estimate, one.nfe, one.row, {})
            found.setdefault((one.model, one.training), []).append(point)
        space = ("fashion", "made-up")
        return [
            Panel(
                *(model, "fid", "FD", space, tuple(sorted(points, key=lambda p: p.nfe))),
                *("fashion", float(self.samples), floor),
            )
            for (model, _), points in found.items()
        ]


def _correlations(specs, logs):
    kinds = np.array([one.kind for one in specs])
    nets = np.array([f"{one.model} {one.training}" for one in specs])
    found = np.full((len(specs), len(specs)), 0.5)
    same = nets[:, None] == nets
    found[same] = 0.7
    churn = (kinds == "churn")[:, None] | (kinds == "churn")
    found[same & churn & ~((kinds == "sde")[:, None] | (kinds == "sde"))] = 0.75
    ode = (kinds == "ode")[:, None] & (kinds == "ode")
    found = np.where(same & ode, 0.998 * np.exp(-0.3 * np.abs(logs[:, None] - logs)), found)
    np.fill_diagonal(found, 1.0)
    return found


def _root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return root / np.linalg.norm(root, axis=1, keepdims=True)
