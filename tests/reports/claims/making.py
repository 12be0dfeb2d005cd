"""Made-up records of what has no floor: profiles over σ, slopes, exact models in one dimension."""

import math
import zlib

import numpy as np

from tests.records import made_cell, made_record

SURE, UNSURE = 0.002, 0.6
SIGMA = tuple(float(s) for s in np.geomspace(0.005, 80, 25))


def record(model, value, sampler, nfe=35.0, noise=SURE, metric="fid", samples=1000, profile=None):
    """One record; `noise` is its relative standard error, independent of all others."""
    sampler = {"steps": 18, **sampler}
    rng = np.random.default_rng(zlib.crc32(repr((model, metric, sorted(sampler.items()))).encode()))
    deviation = rng.standard_normal(20)
    deviation = (deviation - deviation.mean()) / math.sqrt(19 / 20 * np.sum(deviation**2) or 1)
    least = 0.1 if metric == "mode-mass" else 0.0  # a mass near 0 is known no better
    names = ("extractor", "extractor_digest", "reference", "reference_digest")
    cell = made_cell(
        sampler,
        model_digest=model,
        seed_start=0,
        samples=samples,
        precision="float32",
        quantizer="uint8",
        metric=metric,
        **dict.fromkeys(names, "made-up"),
    )
    return made_record(
        model,
        sampler,
        cell=cell,
        label="labels are not to be trusted",
        value=float(value),
        loo=tuple(value + max(abs(value), least) * noise * deviation),
        nfe=float(nfe),
        nfe_min=float(nfe),
        nfe_max=float(nfe),
        seconds=1.0,
        provenance={},
        **({"profile": profile} if profile else {}),
    )


def over(mean, relative=0.05, sigma=SIGMA):
    """A profile over σ; `mean` is a function of σ, `relative` the deviation over samples."""
    mean = np.broadcast_to(mean(np.array(sigma)), len(sigma))
    return {"sigma": sigma, "mean": tuple(mean), "std": tuple(relative * mean)}


def s8(good, noise):
    made = []
    for solver, order in (("euler", 1), ("heun", 2 if good else 1.2)):
        sampler = {"solver": solver, "end": "sigma-min", "S_churn": 0, "schedule": "linear"}
        made += [
            record("exact-mixture-8x8", n**-order, {**sampler, "steps": n}, n, noise, ERRORS)
            for n in (16, 32, 64, 128)
        ]
    return made


ERRORS = "truncation-error"


def local(mean, relative, samples=200):
    made = []
    for solver, rho in (("euler", 2), ("heun", 3)):
        sampler = {"solver": solver, "schedule": "ve", "scaling": "none", "rho": rho}
        profile = over(mean, relative)
        made.append(record("fashion-vp", 1, sampler, 1, 0, "local-error", samples, profile))
    return made


def s9(good, noise):
    relative = 0.05 if noise == SURE else 5.0
    return local(lambda s: 0.03 * s ** (0.02 if good else 0.5), relative)


def s11(good, noise):
    if noise == UNSURE:
        return local(lambda s: 0.03 + 0 * s, 0.24, samples=20)
    return local(lambda s: 0.03 + 0 * s, 0.1 if good else 0.6)


def s13(good, noise):
    values = {"linear": 1.0, "vp": 2.0 if good else 0.5, "ve": 3.0}
    relative = 0.05 if noise == SURE else 30.0
    narrow = over(lambda s: np.exp(-(np.log(s / 0.3) ** 2) / 2) + 1e-3, relative)
    made = []
    for schedule, value in values.items():
        scaling = "unit-variance" if schedule == "vp" else "none"
        sampler = {"solver": "heun", "schedule": schedule, "scaling": scaling}
        made.append(record("fashion-vp", value, sampler, 1, noise, "curvature", profile=narrow))
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


def s25(good, noise):
    heun = {"solver": "heun", "skew": 0.5}
    values = {"start": 0.19, "ode": 0.19 if good else 0.1, "churn": 0.003 if good else 0.17}
    settings = {
        "start": {"of": "start", "skew": 0.5},
        "ode": {**heun, "of": "end", "S_churn": 0},
        "churn": {**heun, "of": "end", "S_churn": 7.0},
    }
    return [
        record("exact-two-points", v, settings[name], 35, noise, "mode-mass")
        for name, v in values.items()
    ]


def s26(good, noise):
    sampler = {"solver": "euler", "end": "sigma-min", "S_churn": 0, "scaling": "none"}
    values = {"linear": 0.1, "ve": 0.5 if good else 0.11}
    return [
        record("exact-two-points", v, {**sampler, "schedule": s}, 18, noise, ERRORS)
        for s, v in values.items()
    ]


MAKERS = {8: s8, 9: s9, 11: s11, 13: s13, 20: s20, 21: s21, 25: s25, 26: s26}
