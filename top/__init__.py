"""The benchmark that diffusion samplers are judged by.

    import sampler_bench as sb

    denoiser = sb.Counted(sb.load_model("exact-fashion"))
    noise = sb.SeedNoise(range(64), "cpu")
    samples = sb.build(solver="heun", steps=18)(denoiser, noise.latents(denoiser.shape), noise)

The rooms are :mod:`~sampler_bench.solvers`, :mod:`~sampler_bench.models`,
:mod:`~sampler_bench.results`, :mod:`~sampler_bench.reports` and :mod:`~sampler_bench.bench`;
:mod:`~sampler_bench.kit` lies below them all.
Everything here is imported when it is first used: PyTorch takes seconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sampler_bench.models import Counted
    from sampler_bench.models import load as load_model
    from sampler_bench.reports import write as write_report
    from sampler_bench.results import load as load_results
    from sampler_bench.solvers import Incompatible, SeedNoise, build

_PLACES = {
    "Counted": "models:Counted",
    "Incompatible": "solvers:Incompatible",
    "SeedNoise": "solvers:SeedNoise",
    "build": "solvers:build",
    "load_model": "models:load",
    "load_results": "results:load",
    "write_report": "reports:write",
}
_ROOMS = ("bench", "kit", "models", "reports", "results", "solvers")

__all__ = [
    "Counted",
    "Incompatible",
    "SeedNoise",
    "build",
    "load_model",
    "load_results",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Return a room, or a name that one of them has."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name in _PLACES:
        room, _, found = _PLACES[name].partition(":")
        return getattr(import_module(f"{__name__}.{room}"), found)
    if name == "__version__":
        from importlib.metadata import version

        return version("sampler-bench")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what can be asked for, imported or not."""
    return sorted([*globals(), *_ROOMS, *_PLACES, "__version__"])
