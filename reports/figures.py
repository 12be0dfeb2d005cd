"""The figures, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from reports.contact import contact_sheet
from reports.curves import fid_vs_nfe
from reports.truncation import truncation_vs_nfe


@dataclass(frozen=True)
class FigureRow:
    """A figure: how it is drawn, what it shows (its caption), and a shipped grid that feeds it."""

    draw: Callable[..., Figure]
    caption: str
    grid: str
    needs_samples: bool = False  # then called as draw(records, store.samples)

    def __call__(self, records: Any, samples: Any) -> Figure:
        """Draw it. Raises NothingToDrawError if the records hold nothing that it shows."""
        return self.draw(records, samples) if self.needs_samples else self.draw(records)


FIGURES: dict[str, FigureRow] = {
    "fid-vs-nfe": FigureRow(
        fid_vs_nfe,
        "Sample quality over the number of denoiser evaluations, on the same latents for every"
        " sampler. Large dot: the lowest NFE within 3 % of that sampler's best.",
        grid="quick",
    ),
    "truncation-vs-nfe": FigureRow(
        truncation_vs_nfe,
        "RMS distance to the reference trajectory from the same latents. Order: the slope over"
        " the finest range of NFE in which it is steady.",
        grid="order",
    ),
    "contact-sheet": FigureRow(
        contact_sheet,
        "What each sampler makes of the same latents, column by column, at the lowest NFE within"
        " 3 % of its best.",
        grid="quick",
        needs_samples=True,
    ),
}
