"""Song et al.'s samplers: predictor–corrector on the VP and on the VE SDE, or their flows."""

from typing import Any, Literal

from torch import Tensor

from sampler_bench.kit.names import lookup
from sampler_bench.kit.parameters import Count, Fraction, Positive
from sampler_bench.solvers.denoiser import Denoiser
from sampler_bench.solvers.noise import Noise
from sampler_bench.solvers.original.predictor_corrector import CORRECTORS, PREDICTORS, sample
from sampler_bench.solvers.original.sde import SDE, ve, ve_of, vp, vp_of
from sampler_bench.solvers.original.whole import Original

PROCESSES = {"sde": False, "flow": True}
Norms = Literal["group", "sample"]


def song_vp(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: int,
    *,
    predictor: str = "euler-maruyama",
    corrector: str = "none",
    process: str = "sde",
    snr: Positive = 0.16,
    norms: Norms = "group",
    group: Count = 50,
    epsilon: Fraction = 1e-3,
    beta_min: float = 0.1,
    beta_max: float = 20.0,
) -> Tensor:
    """Sample the VP SDE, or its flow, by Song et al.'s predictor and corrector."""
    sde = vp(beta_min, beta_max, epsilon)
    together = group if norms == "group" else 1
    flow = PROCESSES[process]
    return sample(sde, denoiser, latents, noise, steps, predictor, corrector, snr, flow, together)


def song_ve(
    denoiser: Denoiser,
    latents: Tensor,
    noise: Noise,
    steps: int,
    *,
    predictor: str = "reverse-diffusion",
    corrector: str = "langevin",
    process: str = "sde",
    snr: Positive = 0.16,
    norms: Norms = "group",
    group: Count = 50,
    epsilon: Fraction = 1e-5,
    sigma_min: float = 0.02,
    sigma_max: float = 100.0,
) -> Tensor:
    """Sample the VE SDE, or its flow, by Song et al.'s predictor and corrector."""
    sde = ve(sigma_min, sigma_max, epsilon)
    together = group if norms == "group" else 1
    flow = PROCESSES[process]
    return sample(sde, denoiser, latents, noise, steps, predictor, corrector, snr, flow, together)


def _check(sde: SDE, steps: int, given: dict[str, Any]) -> None:
    lookup(PREDICTORS, given["predictor"], "predictor")
    lookup(dict.fromkeys(CORRECTORS), given["corrector"], "corrector")
    lookup(PROCESSES, given["process"], "process")
    if given["predictor"] != "euler-maruyama" or given["corrector"] != "none":
        sde.discrete(steps)


def _evaluations(denoiser: Denoiser, steps: int, given: dict[str, Any]) -> int:
    """Return N, or 2·N with a corrector."""
    return steps if given["corrector"] == "none" else 2 * steps


def _group(given: dict[str, Any]) -> int | None:
    """Return how many samples share the norms of the corrector's step, if any do."""
    coupled = given["corrector"] != "none" and given["norms"] == "group"
    return given["group"] if coupled else None


def _check_vp(steps: int, given: dict[str, Any]) -> None:
    _check(vp_of(given), steps, given)


def _check_ve(steps: int, given: dict[str, Any]) -> None:
    _check(ve_of(given), steps, given)


SONG_VP = Original(
    song_vp,
    ends=lambda given: vp_of(given).ends,
    check=_check_vp,
    evaluations=_evaluations,
    group=_group,
)
SONG_VE = Original(
    song_ve,
    ends=lambda given: ve_of(given).ends,
    check=_check_ve,
    evaluations=_evaluations,
    group=_group,
)
