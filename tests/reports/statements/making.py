"""Made-up records on which a statement must hold, fail, or stay undecided."""

import math
import zlib

import numpy as np

from sampler_bench.reports.statements.families import DETERMINISTIC, EDM, FAMILIES
from sampler_bench.results.load import table
from tests.records import made_cell, made_record

VP, VE, DDIM = FAMILIES
NETWORK = "fashion-vp"
SURE, UNSURE = 0.002, 0.6
NO_CHURN = {**DETERMINISTIC, "S_min": 0.0, "S_max": math.inf, "S_noise": 1.0}
FULL = {**EDM, "S_churn": 30, "S_min": 0.05, "S_max": 1.0, "S_noise": 1.007}
SIGMA = tuple(float(s) for s in np.geomspace(0.005, 80, 25))


def record(model, value, sampler, nfe=35.0, noise=SURE, metric="fid", samples=1000, profile=None):
    """One record; `noise` is its relative standard error, independent of all others."""
    sampler = {"steps": 18, **sampler}
    rng = np.random.default_rng(zlib.crc32(repr((model, metric, sorted(sampler.items()))).encode()))
    deviation = rng.standard_normal(20)
    deviation = (deviation - deviation.mean()) / math.sqrt(19 / 20 * np.sum(deviation**2) or 1)
    cell = made_cell(
        sampler,
        model_digest=model,
        seed_start=0,
        samples=samples,
        precision="float32",
        quantizer="uint8",
        extractor="fashion",
        extractor_digest="made-up",
        metric=metric,
        reference="made-up",
        reference_digest="made-up",
    )
    return made_record(
        model,
        sampler,
        cell=cell,
        label="labels are not to be trusted",
        value=float(value),
        loo=tuple(value * (1 + noise * deviation)),
        nfe=float(nfe),
        nfe_min=float(nfe),
        nfe_max=float(nfe),
        seconds=1.0,
        provenance={},
        **({"profile": profile} if profile else {}),
    )


def curve(model, sampler, values, cost=1, noise=SURE, metric="fid"):
    """Records over steps: {steps: value}; `cost` 2 is Heun's, 2·steps − 1 evaluations."""
    return [
        record(model, v, {**sampler, "steps": n}, cost * n - (cost - 1), noise, metric)
        for n, v in values.items()
    ]


def over(mean, relative=0.05, sigma=SIGMA):
    """A profile over σ; `mean` is a function of σ, `relative` the deviation over samples."""
    mean = np.broadcast_to(mean(np.array(sigma)), len(sigma))
    return {"sigma": sigma, "mean": tuple(mean), "std": tuple(relative * mean)}


LATE = {16: 100, 32: 60, 64: 30, 128: 15, 256: 10, 512: 10}
EARLY = {4: 10, 8: 10, 16: 10, 32: 10}
OURS = {4: 40, 8: 20, 16: 10, 32: 10}


def fraction(family, good, noise):
    model = "fashion" + family.suffix
    first = LATE if good else {8: 10, **dict.fromkeys(LATE, 10)}
    made = curve(model, dict(family.original), first, noise=noise)
    return made + curve(model, NO_CHURN, OURS, 2, noise)


def s4(good, noise):
    made = curve(NETWORK, dict(VP.original), {16: 20, 32: 15}, noise=noise)
    ours = {8: 12, 16: 11} if good else {8: 30, 16: 20}
    return made + curve(NETWORK, dict(VP.own), ours, 2, noise)


def s5(good, noise):
    made = []
    for family in (VP, VE):
        model = "fashion" + family.suffix
        made += curve(model, dict(family.own), {8: 20, 16: 15}, 2, noise)
        ours = {8: 15, 16: 12} if good else {8: 25, 16: 20}
        made += curve(model, NO_CHURN, ours, 2, noise)
    return made


def s6(good, noise):
    adaptive = {60: 20, 120: 10, 240: 10} if good else {5: 20, 13: 10, 25: 10}
    settings = {"solver": "rk45", "schedule": "linear", "scaling": "none", "end": "zero"}
    made = [
        record(NETWORK, v, {**settings, "steps": None, "rtol": 1 / n}, n, noise)
        for n, v in adaptive.items()
    ]
    return made + curve(NETWORK, NO_CHURN, OURS, 2, noise)


def s7(good, noise):
    made = curve(NETWORK, dict(VP.original), {16: 20, 32: 15}, noise=noise)
    ours = {16: 18, 32: 15} if good else {16: 20, 32: 17}
    return made + curve(NETWORK, dict(VP.reimplementation), ours, noise=noise)


def s8(good, noise):
    made = []
    for solver, order in (("euler", 1), ("heun", 2 if good else 1.5)):
        sampler = {"solver": solver, "end": "sigma-min", "S_churn": 0, "schedule": "linear"}
        values = {n: n**-order for n in (16, 32, 64, 128)}
        made += curve("exact-mixture-8x8", sampler, values, 1, noise, "truncation-error")
    return made


def local(mean, relative, samples=200):
    made = []
    for solver, rho in (("euler", 2), ("heun", 3)):
        sampler = {"solver": solver, "schedule": "ve", "scaling": "none", "rho": rho}
        profile = over(mean, relative)
        made.append(record(NETWORK, 1, sampler, 1, 0, "local-error", samples, profile))
    return made


def s9(good, noise):
    relative = 0.05 if noise == SURE else 5.0
    return local(lambda s: 0.03 * s ** (0.02 if good else 0.5), relative)


def s10(good, noise):
    values = {3: 20, 5: 15, 7: 14, 10: 15} if good else {3: 15, 5: 15, 7: 18, 10: 19}
    return [record(NETWORK, v, {**NO_CHURN, "rho": rho}, 35, noise) for rho, v in values.items()]


def s11(good, noise):
    if noise == UNSURE:
        return local(lambda s: 0.03 + 0 * s, 0.24, samples=20)
    return local(lambda s: 0.03 + 0 * s, 0.1 if good else 0.6)


def s12(good, noise):
    values = {0.5: 15, 0.9: 12, 1: 10, 1.1: 10 if good else 8, 2: 13}
    settings = {"solver": "rk2", "S_churn": 0}
    return [record(NETWORK, v, {**settings, "alpha": a}, 35, noise) for a, v in values.items()]


def s13(good, noise):
    values = {"linear": 1.0, "vp": 2.0 if good else 0.5, "ve": 3.0}
    relative = 0.05 if noise == SURE else 30.0
    narrow = over(lambda s: np.exp(-(np.log(s / 0.3) ** 2) / 2) + 1e-3, relative)
    made = []
    for schedule, value in values.items():
        scaling = "unit-variance" if schedule == "vp" else "none"
        sampler = {"solver": "heun", "schedule": schedule, "scaling": scaling}
        made.append(record(NETWORK, value, sampler, 1, noise, "curvature", profile=narrow))
    return made


def s14(good, noise):
    made = [record(NETWORK, 10, NO_CHURN, 35, noise)]
    for churn, value in {10: 9.5, 30: 8 if good else 10.5, 80: 12}.items():
        value = value if good else max(value, 10.5)
        made.append(record(NETWORK, value, {**FULL, "S_churn": churn}, 35, noise))
    return made


def s15(good, noise):
    lacking = {
        9 if good else 7: {"S_noise": 1.0},
        9.5: {"S_min": 0.0, "S_max": math.inf},
        12: {"S_min": 0.0, "S_max": math.inf, "S_noise": 1.0},
    }
    made = [record(NETWORK, 10, NO_CHURN, 35, noise), record(NETWORK, 8, FULL, 35, noise)]
    return made + [record(NETWORK, v, {**FULL, **p}, 35, noise) for v, p in lacking.items()]


def s16(good, noise):
    original = {**VP.original, "process": "sde"}
    made = curve(NETWORK, original, {64: 20, 256: 12, 1024: 10}, noise=noise)
    return made + curve(NETWORK, FULL, {32: 9 if good else 14, 64: 8 if good else 11}, 2, noise)


def churned(model, values, noise):
    """Repeated churn at σ = 0.2: {(number of churns, S_noise): value}."""
    settings = {"solver": "churned", "sigma": 0.2, "gamma": 0.41, "denoised": "yes"}
    return [
        record(model, v, {**settings, "steps": n, "S_noise": s}, n + 1, noise)
        for (n, s), v in values.items()
    ]


def s17(good, noise):
    most = 20 if good else 10
    return churned(NETWORK, {(0, 1.0): 10, (1000, 1.0): most, (1000, 1.007): 12}, noise)


def s18(good, noise):
    return churned("exact-fashion", {(0, 1.0): 10, (1000, 1.0): 10 if good else 20}, noise)


def s19(good, noise):
    made = []
    for model, best in ((NETWORK, 7), ("fashion-edm-vp", 10.2 if good else 6)):
        made.append(record(model, 10, NO_CHURN, 35, noise))
        made += [
            record(model, v, {**FULL, "S_churn": c}, 35, noise) for c, v in ((10, 10.3), (30, best))
        ]
    return made


def losses(profiles):
    return [
        record("fashion-edm-vp", 1, {"weights": w}, 1, 0, "denoising-loss", 10_000, profile)
        for w, profile in profiles.items()
    ]


def s20(good, noise):
    relative = 0.5 if noise == SURE else 50.0
    return losses({"initial": over(lambda s: 1 + (0 if good else 1) * (s > 1), relative)})


def s21(good, noise):
    relative = 0.5 if noise == SURE else 50.0
    width = 1.5 if good else 20.0
    lowered = lambda s: 1 - 0.8 * np.exp(-(np.log(s / 0.3) ** 2) / (2 * width**2))  # noqa: E731
    return losses(
        {"initial": over(lambda s: 1 + 0 * s, relative), "trained": over(lowered, relative)}
    )


def columns(vp, ve, noise):
    return [
        record(f"table2-{letter}-{kind}", value, NO_CHURN, 35, noise)
        for kind, values in (("vp", vp), ("ve", ve))
        for letter, value in zip("abcdef", values, strict=True)
    ]


def s22(good, noise):
    last = 8 if good else 20
    return columns((20, 18, 16, 16, 12, last), (20, 18, 16, 16, 9, last), noise)


def s23(good, noise):
    return columns((20, 18, 16, 16, 12, 8), (20, 18, 16, 16, 9, 8 if good else 9), noise)


def s24(good, noise):
    last = 8 if good else 14
    return columns((20, 18, 16, 16, 12, last), (20, 18, 16, 16, 12, last), noise)


MAKERS = {
    1: lambda *a: fraction(VP, *a),
    2: lambda *a: fraction(VE, *a),
    3: lambda *a: fraction(DDIM, *a),
    **{n: globals()[f"s{n}"] for n in range(4, 25)},
}


def made(number, kind):
    """The table of records on which statement `number` must answer `kind`."""
    good, noise = {
        "holds": (True, SURE),
        "fails": (False, SURE),
        "undecided here": (True, UNSURE),
    }[kind]
    return table(MAKERS[number](good, noise))
