"""NFE, counted where it happens: the only truth about it."""

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

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``."""
        return self.denoiser.round_sigma(sigma)

    def __call__(self, x: Tensor, sigma: Tensor, *labels: Tensor | None) -> Tensor:
        """Denoise, and count one evaluation for each sample of the batch.

        Guidance calls twice, once without labels: it costs two evaluations.
        """
        if not self.samples:  # called by something other than our samplers
            self.begin(len(x))
        self.evaluations += len(x)
        return self.denoiser(x, sigma, *labels)
