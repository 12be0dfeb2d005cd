"""Golden cases of released programs, in one form whatever file they come from."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sampler_bench.solvers.point import Point


@dataclass(frozen=True)
class Mixture:
    """D of a mixture of isotropic Gaussians, float64; it notes σ (or t) of every evaluation.

    Attributes:
        mu: Means [K, C, H, W].
        c: Standard deviations [K].
        w: Weights [K].
    """

    mu: Tensor
    c: Tensor
    w: Tensor

    def denoise(self, z: Tensor, s: float, b: float) -> Tensor:
        """Return E[x₀ | z] of z = s·x₀ + b·n, [B, C, H, W]; defined for s = 0, too."""
        variance = (s * self.c) ** 2 + b**2
        away = z[:, None] - s * self.mu
        dim = self.mu[0].numel()
        log = (
            self.w.log()
            - away.flatten(2).square().sum(2) / (2 * variance)
            - 0.5 * dim * variance.log()
        )
        r = log.softmax(1)
        wide = (-1, *[1] * (self.mu.ndim - 1))
        gain = (s * self.c**2 / variance).reshape(wide)
        return (r.reshape(*r.shape, *[1] * (self.mu.ndim - 1)) * (self.mu + gain * away)).sum(1)


@dataclass
class Recorded:
    """A model of the flow, which notes where it is asked, and draws noise from a list."""

    net: Mixture
    noise: Tensor
    asked: list[Point] = field(default_factory=list)
    drawn: int = 0

    def denoise(self, z: Tensor, at: Point) -> Tensor:
        """Return D at a level."""
        self.asked.append(at)
        return self.net.denoise(z, at.s, at.b)

    def draw(self, z: Tensor, high: Point, low: Point) -> Tensor:
        """Return the next draw."""
        self.drawn += 1
        if not len(self.noise):  # the program multiplied every draw by 0, and they were not kept
            return torch.zeros_like(z)
        return self.noise[self.drawn - 1]


@dataclass(frozen=True)
class Case:
    """One run of a released program.

    Attributes:
        stem: Which file it is from: "solvers" or "libraries".
        program: "k-diffusion", "diffusers", …
        function: Its function or class.
        args: Its arguments, by the program's own names.
        steps: The number of steps given to it.
        given: All else that is known of it.
        net: The exact denoiser's mixture.
        x: What it started from, in its own scaling; for "solvers" the latents.
        grid: The levels passed in (σ, or t of a flow), or ``None``.
        noise: What it drew, in order.
        out: What it returned.
        asked: σ (or t) of every evaluation.
        draws: How many draws it took.
        tolerance: Of max |difference| / max(1, max |out|).
    """

    stem: str
    id: int
    program: str
    function: str
    args: Mapping[str, Any]
    steps: int
    given: Mapping[str, Any]
    net: Mixture
    x: Tensor
    grid: np.ndarray | None
    noise: Tensor
    out: Tensor
    asked: np.ndarray
    draws: int
    tolerance: float

    @cached_property
    def name(self) -> str:
        """What it is called in reports."""
        return f"{self.stem} {self.id}: {self.program} {self.function} {dict(self.args)}"


def read(folder: Path, stem: str) -> list[Case]:
    """Return the cases of ``folder/stem.json`` and ``.npz``."""
    index = json.loads((folder / f"{stem}.json").read_text("utf-8"))
    arrays = np.load(folder / f"{stem}.npz")
    make = _of_libraries if "nets" in index else _of_solvers
    return make(stem, index, arrays)


def _of_solvers(stem: str, index: Any, arrays: Any) -> list[Case]:
    net = Mixture(*(torch.from_numpy(arrays[name]) for name in ("mu", "c", "w")))
    latents, noise = (torch.from_numpy(arrays[name]).double() for name in ("latents", "noise"))
    return [
        Case(
            stem=stem,
            id=case["id"],
            program=case["family"],
            function=case["sampler"],
            args=case["given"],
            steps=case["steps"],
            given=case,
            net=net,
            x=latents,
            grid=_array(arrays, f"sigmas{case['id']}"),
            noise=noise,
            out=_tensor(arrays, f"out{case['id']}"),
            asked=_array(arrays, f"calls{case['id']}", ()),
            draws=case.get("draws", 0),
            tolerance=case.get("tol", 1e-9),
        )
        for case in index["cases"]
    ]


def _of_libraries(stem: str, index: Any, arrays: Any) -> list[Case]:
    nets = {
        name: Mixture(*(torch.from_numpy(arrays[f"{part}_{name}"]) for part in ("mu", "c", "w")))
        for name in index["nets"]
    }
    return [
        Case(
            stem=stem,
            id=case["id"],
            program=case["family"],
            function=case["function"],
            args=case["args"],
            steps=case["steps"],
            given=case,
            net=nets[case["net"]],
            x=_tensor(arrays, f"x{case['id']}"),
            grid=_array(arrays, f"grid{case['id']}"),
            noise=_tensor(arrays, f"noise{case['id']}"),
            out=_tensor(arrays, f"out{case['id']}"),
            asked=_array(arrays, f"sigmas{case['id']}", ()),
            draws=case["draws"],
            tolerance=case["tol"],
        )
        for case in index["cases"]
    ]


def _array(arrays: Any, name: str, instead: Any = None) -> Any:
    return np.asarray(arrays[name], np.float64) if name in arrays else _made(instead)


def _made(instead: Any) -> Any:
    return None if instead is None else np.asarray(instead, np.float64)


def _tensor(arrays: Any, name: str) -> Tensor:
    return torch.from_numpy(np.asarray(arrays[name], np.float64)) if name in arrays else EMPTY


EMPTY = torch.zeros(0, dtype=torch.float64)
Mapped = Callable[[Case], Any]
