"""What FORMAT 1 held of a sampler in a key, flat, beside the arguments it was built of.

    cd /a/tree/at/d4ae597; python /this/tests/soak/format_1_pairs.py OUT.json      # seconds

The committed ``golden/format_1.json`` is from d4ae597, the last commit of FORMAT 1: made anew from
a later one it would prove nothing. ``tests/results/test_format_1.py`` holds the converter to it.
Every row is there with every other row at least once; what else a sampler can be told is drawn.
"""

import itertools
import json
import math
import random
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

Keys = dict[str, Any]
CHURNS: list[Keys] = [
    {},
    {"S_churn": 40.0, "S_min": 0.05, "S_max": 50.0, "S_noise": 1.003},
    {"S_churn": 10.0},
    {"S_churn": 0.0, "S_noise": 1.007, "S_min": 0.1},
    {"S_churn": 30.0, "S_max": math.inf, "S_noise": 0.0},
]
OPTIONS: list[Keys] = [
    {},
    {"first_step": "analytic"},
    {"threshold": 0.995, "threshold_limit": 2.0},
    {"threshold_limit": 2.0},
    {"initial": "latents"},
    {"state": "float32"},
]
ENDS: list[Keys] = [{}, {"end": "sigma-min"}, {"end": "denoise"}]
RANGES: list[Keys] = [{}, {"sigma_min": 0.02, "sigma_max": 20.0}, {"sigma_max": 40.0, "steps": 7}]
LEVELS: list[Keys] = [{"levels": [80.0, 7.5, 1.0, 0.1]}, {"levels": [40.0, 3.0, 0.5, 0.0]}]
GRIDS: list[Keys] = [
    *({"discretization": name} for name in ("edm", "karras", "exponential", "log-snr", "ve")),
    *({"discretization": name} for name in ("vp", "iddpm", "uniform-t", "polyexponential")),
    {"discretization": "edm", "rho": 5.0},
    {"discretization": "vp", "epsilon_s": 0.01},
    {"discretization": "polyexponential", "power": 1.5},
    {"discretization": "iddpm", "M": 500, "C_1": 0.002, "j_0": 4},
    *LEVELS,
]
FLOWS: list[Keys] = [
    {"schedule": schedule, "scaling": scaling}
    for schedule in ("linear", "ve", "vp", "geometric", "flow")
    for scaling in ("none", "unit-variance")
]
OWN: dict[str, list[Keys]] = {
    "rk2": [{"alpha": 0.5}, {"alpha": 1}],
    "rk45": [{"rtol": 1e-3}, {"rtol": 1e-3, "atol": 1e-5, "group": 10}],
    "dpmpp-2m": [{"second": "exact", "lowered": "falls<15"}],
    "dpm-adaptive": [{"control": "proportional", "eta": 0.5}, {"rtol": 0.01}],
    "deis": [{"k": 2}],
    "pndm": [{"start": "prk"}],
    "gradient": [{"gamma": 1.5}],
    "unipc-2": [{"half": "bh1", "form": "noise"}],
    "song-vp": [{"corrector": "langevin", "predictor": "ancestral", "snr": 0.1}],
    "song-ve": [{"corrector": "none", "sigma_max": 50.0}, {"process": "flow"}],
    "adaptive-vp": [{"reltol": 0.05}, {"h_init": 0.02, "exponent": 0.5}],
    "adaptive-ve": [{"reltol": 0.05}, {"sigma_min": 0.01}],
    "ddim": [{"eta": 1.0}, {"spacing": "stride", "clip": "off"}],
    "ddpm": [{"variance": "small"}, {"M": 500}],
    "churned": [{"sigma": 0.5, "denoised": "no"}, {"sigma": 0}, {"gamma": 0.2, "S_noise": 1.01}],
}
"""Parameters of their own."""
PROBES: list[tuple[str, Keys, Keys]] = [
    *(("curvature", {}, {"end": "sigma-min", **flow}) for flow in FLOWS),
    ("curvature", {"sigma_data": 1.0}, {"schedule": "vp", "epsilon_s": 0.01, "sigma_max": 50.0}),
    *(("local-error", {}, {"solver": name}) for name in ("euler", "heun", "rk4", "dpm-2")),
    ("local-error", {"substeps": 50, "truth": "rk4"}, {"solver": "rk2", "alpha": 0.5}),
    ("local-error", {}, {"solver": "dpmpp-2s", "schedule": "vp", "scaling": "unit-variance"}),
    ("local-error", {}, {"solver": "euler", "rho": 5.0, "steps": 36}),
    ("denoising-loss", {}, {}),
    ("denoising-loss", {"sigma_data": 1.0, "P_mean": -0.4}, {}),
]


AXES = (FLOWS, GRIDS, CHURNS, OPTIONS, ENDS, RANGES)


def candidates(names: list[str], takes_parts: dict[str, bool]) -> Iterator[Keys]:
    """Yield arguments, some of which are refused: every row with each of the others, and draws."""
    drawn = random.Random(1)
    for name in names:
        own = [{}, *OWN.get(name, [])]
        if takes_parts[name]:
            yield from ({"solver": name, **more} for more in own)
            yield from ({"solver": name, **_draw(own, drawn)} for _ in range(20))
        else:
            for more, steps in itertools.product(own, ({"steps": 12}, {})):
                yield {"solver": name, **more, **steps}
    for axis in AXES:
        for name, one in itertools.product(("euler", "dpmpp-2m"), axis):
            yield {"solver": name, **one}


def _draw(own: list[Keys], drawn: random.Random) -> Keys:
    merged = dict(drawn.choice(own))
    for one in [drawn.choice(axis) for axis in AXES]:
        merged |= one
    if "levels" in merged:
        for key in ("steps", "sigma_min", "sigma_max"):
            merged.pop(key, None)
    return merged


def main(out: str) -> None:
    """Write the file."""
    sys.path.insert(0, str(Path.cwd()))
    solvers: Any = import_module("sampler_bench.solvers")
    plain = import_module("sampler_bench.kit.canonical").plain
    room = "sampler_bench.bench.measure.profiles"
    curvature: Any = import_module(f"{room}.curvature").Curvature
    local_error: Any = import_module(f"{room}.local_error").LocalError
    loss: Any = import_module(f"{room}.denoising_loss").DenoisingLoss
    kinds = {"curvature": curvature, "local-error": local_error, "denoising-loss": loss}
    mixture: Any = import_module("sampler_bench.models").GaussianMixture
    import torch

    model = mixture.isotropic(torch.tensor([[0.4, -0.7]]), [0.5], [1.0])
    rows: Any = import_module("sampler_bench.solvers.registry").EVERY_SOLVER
    parted = {name: bool(rows[name].takes_parts) for name in rows}
    names = [name for name in rows if getattr(rows[name], "own_path", None) is None]
    found: dict[str, Any] = {}
    for arguments in candidates(names, parted):
        try:
            flat = solvers.build(**arguments).declared(model)
        except (ValueError, RuntimeError, ZeroDivisionError, OverflowError):
            continue
        pair = {"build": plain(arguments), "flat": plain(flat)}
        found[json.dumps(pair["build"], sort_keys=True)] = pair
    for metric, own, of in PROBES:
        about = {} if metric == "denoising-loss" else {"sampler": solvers.build(**of)}
        probe = kinds[metric](levels=(0.01, 0.5, 10.0), **about, **own)
        pair = {
            "metric": metric,
            "own": own,
            "build": plain(of),
            "flat": plain(probe.declared(model)),
        }
        found[metric + json.dumps([own, of], sort_keys=True)] = pair
    lines = ",\n".join(json.dumps(pair, separators=(",", ":")) for pair in found.values())
    Path(out).write_text(f"[\n{lines}\n]\n", "utf-8")
    print(f"{len(found)} pairs")


if __name__ == "__main__":
    main(sys.argv[1])
