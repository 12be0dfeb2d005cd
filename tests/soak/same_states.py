"""States of this tree against another commit's, on one machine: how far the one loop moved them.

    python -m tests.soak.same_states /a/tree/at/5f82f6f     # minutes; prints a table

Euler, Heun, RK2, RK4 and churn, on exact models in float64, under linear, VE, and VP with unit
variance: the largest difference over the largest |x|, which is to be at most 1e-14. Beside it:

σ kept: the same against the other tree with σ kept. Before the one loop a level was known by its
    time, and the denoiser was given σ(t) of t = σ⁻¹(σ); now σ is kept to the last bit.
last bits: this tree against itself, every D moved by one unit in its last place, up or down: how
    far round-off alone takes the sample that is most sensitive to it, whatever the code.

A difference above the bar is explained by the last column where that is as large; it fails if not.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

BAR = 1e-14
MODELS = ("exact-mixture-moons", "exact-mixture-8x8")
FLOWS = {
    "linear": {},
    "VE": {"schedule": "ve"},
    "VP, unit variance": {"schedule": "vp", "scaling": "unit-variance"},
}
CHURN = {"S_churn": 40.0}
SOLVERS = {
    "euler": {"solver": "euler"},
    "heun": {"solver": "heun"},
    "rk2, midpoint": {"solver": "rk2", "alpha": 0.5},
    "rk4": {"solver": "rk4"},
    "euler, churned": {"solver": "euler", **CHURN},
    "heun, churned": {"solver": "heun", **CHURN},
}
STEPS, SEEDS, NUDGES = 18, range(64), 4


def states() -> Iterator[tuple[str, np.ndarray]]:
    """Yield the samples of every case, by the tree in the working folder."""
    prefix = "sampler_bench." if Path("kit").is_dir() else ""
    solvers: Any = import_module(f"{prefix}solvers")
    models: Any = import_module(f"{prefix}models")
    if "--kept" in sys.argv:
        keep_sigma(import_module("solvers.flow"), import_module("solvers.schedules"))
    for spec in MODELS:
        model = models.load(spec)
        if "--nudged" in sys.argv:
            model = Nudged(model, int(sys.argv[-1]))
        for flow, schedule in FLOWS.items():
            for name, keys in SOLVERS.items():
                noise = solvers.SeedNoise(SEEDS)
                sampler = solvers.build(steps=STEPS, **keys, **schedule)
                made = sampler(model, noise.latents(model.shape), noise)
                yield f"{spec} | {flow} | {name}", made.numpy()


class Nudged:
    """A model whose every answer is one unit in the last place off, up or down."""

    def __init__(self, model: Any, seed: int) -> None:
        self.model, self.shape = model, model.shape
        self.sigma_min, self.sigma_max = model.sigma_min, model.sigma_max
        self.round_sigma = model.round_sigma
        self.random = np.random.default_rng(seed)

    def __call__(self, x: Any, sigma: Any) -> Any:
        D = self.model(x, sigma)
        signs = 2 * self.random.integers(0, 2, D.shape) - 1
        return D * torch.from_numpy(1 + signs * 2.0**-52)


def keep_sigma(flows: Any, schedules: Any) -> None:
    """Let the older code give the denoiser the σ that a time was made from."""
    known: dict[float, Any] = {}
    time = schedules.Schedule.time

    def noted(self: Any, sigma: Any) -> Any:
        t = time(self, sigma)
        for one, level in zip(t.reshape(-1), sigma.reshape(-1), strict=True):
            known[float(one)] = level
        return t

    def kept(self: Any, x: Any, t: Any) -> Any:
        schedule = self.schedule
        sigma, sigma_deriv = schedule.sigma(t), schedule.sigma_deriv(t)
        s, s_deriv = schedule.s(t), schedule.s_deriv(t)
        denoised = self.denoiser(x / s, known.get(float(t), sigma)).to(x.dtype)
        return (sigma_deriv / sigma + s_deriv / s) * x - (sigma_deriv * s / sigma) * denoised

    schedules.Schedule.time = noted
    flows.Flow.__call__ = kept


def of_tree(tree: Path, *options: str) -> dict[str, np.ndarray]:
    """Return the samples of a tree, made by a process that knows no other."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "states.npz"
        command = [sys.executable, __file__, "--write", str(out), *options]
        subprocess.run(command, cwd=tree, check=True)
        with np.load(out) as arrays:
            return {name: arrays[name] for name in arrays.files}


def furthest(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference over the largest |x|."""
    return float(np.abs(one - other).max() / np.abs(other).max())


def main(other: str) -> int:
    """Print the table; return how many cases are above the bar for no reason."""
    here, there = Path.cwd(), Path(other)
    now, before, kept = of_tree(here), of_tree(there), of_tree(there, "--kept")
    nudged = [of_tree(here, "--nudged", str(seed)) for seed in range(NUDGES)]
    above, unexplained = [], []
    print(f"{'model | schedule | solver':56} difference  σ kept  last bits")
    for name, made in now.items():
        moved = furthest(made, before[name])
        spread = max(furthest(one[name], made) for one in nudged)
        print(f"{name:56} {moved:10.1e} {furthest(made, kept[name]):7.1e} {spread:10.1e}")
        above += [name] * (moved > BAR)
        unexplained += [name] * (moved > max(BAR, 3 * spread))
    print(f"{len(above)} of {len(now)} above {BAR:g}; beyond what last bits do: {unexplained}")
    return len(unexplained)


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        sys.path.insert(0, str(Path.cwd()))
        np.savez(sys.argv[2], **dict(states()))
    else:
        sys.exit(main(sys.argv[1]))
