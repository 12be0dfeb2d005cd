"""NFE, counted where it happens: the only truth about it."""

import torch
from torch import Tensor

from solvers.denoiser import Denoiser


class Counted:
    """Any denoiser, with its evaluations counted per sample.

    A call on a batch of B samples costs B evaluations. Samplers announce through :meth:`begin` how
    many samples they are about to make, so solvers that take their batch in groups, or stop early
    on some samples, are measured fairly.

    Args:
        denoiser: The denoiser to count.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        self.evaluations = 0
        self.samples = 0
        self._counts: list[Tensor] = []

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return self.denoiser.shape

    @property
    def sigma_min(self) -> float:
        """Lowest supported noise level."""
        return self.denoiser.sigma_min

    @property
    def sigma_max(self) -> float:
        """Highest supported noise level."""
        return self.denoiser.sigma_max

    @property
    def nfe(self) -> float:
        """Evaluations per sample, the mean over all samples so far; whole for fixed steps."""
        return self.evaluations / self.samples if self.samples else 0.0

    def begin(self, samples: int) -> None:
        """Note that ``samples`` more samples are about to be made."""
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

    def only(self, rows: Tensor) -> "Rows":
        """Return a denoiser for some of the samples last begun, counted as theirs."""
        return Rows(self, rows)

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``."""
        return self.denoiser.round_sigma(sigma)

    def __call__(self, x: Tensor, sigma: Tensor, *labels: Tensor | None) -> Tensor:
        """Denoise, and count one evaluation for each sample of the batch.

        Guidance calls twice, once without labels: it costs two evaluations.
        """
        if not self.samples:  # called by something other than our samplers
            self.begin(len(x))
        if len(x) == len(self._counts[-1]):
            self._counts[-1] += 1
        self.evaluations += len(x)
        return self.denoiser(x, sigma, *labels)

    def count(self, rows: Tensor) -> None:
        """Count one evaluation of some of the samples last begun."""
        self._counts[-1][rows.cpu()] += 1
        self.evaluations += len(rows)


class Rows:
    """A counted denoiser for some samples of a batch.

    Args:
        counted: The denoiser that counts.
        rows: Which samples of its batch these are, int64 [b].
    """

    def __init__(self, counted: Counted, rows: Tensor) -> None:
        self.counted, self.rows = counted, rows
        self.shape = counted.shape
        self.sigma_min, self.sigma_max = counted.sigma_min, counted.sigma_max
        self.round_sigma = counted.round_sigma

    def __call__(self, x: Tensor, sigma: Tensor, *labels: Tensor | None) -> Tensor:
        """Denoise ``x`` [b, *shape], and count an evaluation of each of these samples."""
        self.counted.count(self.rows)
        return self.counted.denoiser(x, sigma, *labels)
