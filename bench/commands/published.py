"""Lines on what is published, for ``bench list models`` and ``bench list references``."""

from sampler_bench.models import fetch
from sampler_bench.models.published import PUBLISHED, REFERENCES, Published, PublishedReference


def checkpoints() -> list[tuple[str, str]]:
    """Return the names of published checkpoints, and what they are."""
    return [
        (name, _line(row.family, row, f"{row.parameters / 1e6:.1f} M parameters"))
        for name, row in PUBLISHED.items()
    ]


def references() -> list[tuple[str, str]]:
    """Return the names of published statistics, and what they are."""
    return [
        (name, _line("Statistics", row, f"{row.features} {row.extractor} features"))
        for name, row in REFERENCES.items()
    ]


def state(name: str) -> str:
    """Return ``here``, or how it gets here."""
    if fetch.path_of(name):
        return "here"
    by_hand = any(file.url is None for file in fetch.find(name).files)
    return "to fetch, by hand" if by_hand else "to fetch"


def _line(what: str, row: Published | PublishedReference, size: str) -> str:
    _, height, width = row.shape
    page = row.source.removeprefix("https://")
    images = f"{row.dataset} {height}×{width}"
    return f"{what}; {images}; {row.licence}; {size}; {page}; {state(row.name)}"
