"""NFE, counted where it happens: the only truth about it."""

import torch
from torch import Tensor

from sampler_bench.models.model import Wrapped
from sampler_bench.solvers.denoiser import Denoiser


class Counted(Wrapped):
    """Any denoiser, with its evaluations counted per sample.

    A call on a batch of B samples costs B evaluations. Samplers announce through :meth:`begin` how
    many samples they are about to make, so solvers that take their batch in groups, or stop early
    on some samples, are measured fairly.

    Args:
        denoiser: The denoiser to count.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__(denoiser)
        self.evaluations = 0
        self.samples = 0
        self._counts: list[Tensor] = []

    @property
    def nfe(self) -> float:
        """Evaluations per sample, the mean over all samples so far; whole for fixed steps."""
        return self.evaluations / self.samples if self.samples else 0.0

    def begin(self, samples: int) -> None:
        """Note that ``samples`` more samples are about to be made."""
        super().begin(samples)
        self.samples += samples
        self._counts.append(torch.zeros(samples, dtype=torch.int64))

    @property
    def per_sample(self) -> Tensor:
        """Evaluations of each sample so far, float64 [samples].

        Where a solver evaluated a part of its batch without saying which (:meth:`only`), each
        sample is given the mean.
        """
        counts = torch.cat(self._counts) if self._counts else torch.zeros(0)
        if int(counts.sum()) != self.evaluations:
            return torch.full((self.samples,), self.nfe, dtype=torch.float64)
        return counts.to(torch.float64)

    def only(self, rows: Tensor) -> "View":
        """Return a denoiser for some of the samples last begun, counted as theirs."""
        return View(self, self.denoiser.only(rows), rows)

    def with_variance(self) -> "View":
        """Return it with the variance its network learned, counted as before.

        Raises:
            ValueError: If it has learned none.
        """
        return View(self, self.denoiser.with_variance())

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Denoise, and count one evaluation for each sample of the batch.

        Guidance calls twice, once without labels: it costs two evaluations.
        """
        self.count(len(x))
        return self.denoiser(x, sigma, *labels)

    def count(self, samples: int, rows: Tensor | None = None) -> None:
        """Count one evaluation of so many samples: of which of those last begun, if it is known."""
        if not self.samples:  # called by something other than our samplers
            self.begin(samples)
        if rows is not None:
            self._counts[-1][rows.cpu()] += 1
        elif samples == len(self._counts[-1]):
            self._counts[-1] += 1
        self.evaluations += samples


class View(Wrapped):
    """A model whose evaluations are counted elsewhere.

    Args:
        counted: What counts.
        denoiser: What is evaluated.
        rows: Which of the samples last begun these are, int64 [b]; all if ``None``.
    """

    def __init__(self, counted: Counted, denoiser: Denoiser, rows: Tensor | None = None) -> None:
        super().__init__(denoiser)
        self.counted, self.rows = counted, rows

    def begin(self, samples: int) -> None:
        """Note that ``samples`` more samples are about to be made."""
        self.counted.begin(samples)

    def only(self, rows: Tensor) -> "View":
        """Return a denoiser for some of these samples, counted as theirs."""
        mine = rows if self.rows is None else self.rows[rows.to(self.rows.device)]
        return View(self.counted, self.denoiser.only(rows), mine)

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Denoise ``x`` [b, *shape], and count one evaluation for each sample."""
        self.counted.count(len(x), self.rows)
        return self.denoiser(x, sigma, *labels)
