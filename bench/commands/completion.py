"""Names for the shell to complete; none of them needs PyTorch."""

from collections.abc import Callable, Iterable
from importlib import import_module

Complete = Callable[[str], list[str]]


def _names(module: str, registry: str) -> Callable[[], Iterable[str]]:
    return lambda: getattr(import_module(f"sampler_bench.{module}"), registry)


def _files(module: str, folder: str) -> Callable[[], Iterable[str]]:
    found = _names(module, folder)
    return lambda: sorted(path.stem for path in found().glob("*.toml"))  # type: ignore[attr-defined]


def _beginning(*sources: Callable[[], Iterable[str]]) -> Complete:
    """Return a function of what was typed so far to the names that begin so."""

    def complete(incomplete: str) -> list[str]:
        found = [name for source in sources for name in source()]
        return [name for name in found if name.startswith(incomplete)]

    return complete


grids = _beginning(_files("bench.plan.shipped", "GRIDS"))
searches = _beginning(_files("bench.plan.shipped", "SEARCHES"))
configurations = _beginning(_files("models.training", "CONFIGURATIONS"))
kinds = _beginning(_names("bench.commands.catalogue", "CATALOGUE"))
published = _beginning(
    _names("models.published", "PUBLISHED"), _names("models.published", "REFERENCES")
)
models = _beginning(
    _names("models", "MODELS"),
    _names("models.zoo.trained", "TRAINED"),
    _names("models.published", "PUBLISHED"),
)
extractors = _beginning(_names("bench.features.registry", "EXTRACTORS"))


def baselines(incomplete: str) -> list[str]:
    """Return the shipped baselines that begin so."""
    from sampler_bench.bench.commands.baselines import (
        shipped,  # completion is quick: only what it needs
    )

    return [name for name in shipped() if name.startswith(incomplete)]
