"""Song et al.'s checkpoints (score_sde_pytorch, ``.pth``): DDPM++ for VP, NCSN++ for VE.

A file is ``{optimizer, model, ema: {decay, num_updates, shadow_params}, step}``. Nothing says what
the network is: it is recognised from names and shapes. The weights to sample with are the EMA's,
a list without names in the order of the model's trained parameters.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from sampler_bench.models.checkpoints.checkpoint import Checkpoint
from sampler_bench.models.checkpoints.names import bare
from sampler_bench.models.checkpoints.score_sde_network import (
    FOURIER,
    MODULES,
    Architecture,
    recognised,
    renamed,
)
from sampler_bench.models.checkpoints.source import (
    Level,
    Size,
    Source,
    check_tensor,
    parsed_options,
    problem,
)

FORMAT = "score_sde_pytorch"
_OPTIONS: dict[str, Any] = {
    "image_size": Size,
    "sigma_min": Level,
    "sigma_max": Level,
    "ema": bool,
}
_USUAL_ATTENTION = 16


def recognises(loaded: Any) -> bool:
    """Return whether a loaded file is one of score_sde_pytorch's, or such a network's weights."""
    return _network(loaded) is not None


def convert(loaded: Any, options: Mapping[str, Any], where: str) -> Checkpoint:
    """Return a checkpoint from what ``torch.load`` returned.

    Args:
        loaded: The file's content; tensors may be on the meta device.
        options: ``image_size``, unless attention at 16×16 decides it; ``sigma_min`` and
            ``sigma_max`` of a VE network for images in [−1, 1], unless the file has its noise
            levels; ``ema = False`` for the raw weights.
        where: The file, for messages.

    Raises:
        CheckpointError: If the file is damaged, or of an architecture that is not known here.
    """
    chosen = parsed_options(options, _OPTIONS, where)
    model = _model(loaded, where)
    levels = model.pop("sigmas", None)
    weights, notes = _weights(loaded, model, chosen.get("ema", True), where)
    source = Source(weights, where)
    found = recognised(source)
    size, assumed = _image_size(found, chosen.get("image_size"), source)
    preconditioning, constants = _preconditioning(found, levels, chosen, source)
    return Checkpoint(
        network="SongUNet",
        arguments=found.arguments(size),
        preconditioning=preconditioning,
        constants=constants,
        tensors=renamed(source, found, size),
        format=FORMAT,
        notes={**notes, **assumed, **_SDE_NOTES[preconditioning]},
    )


_SDE_NOTES = {
    "vp": {"sde": "VP with β from 0.1 to 20 assumed; networks trained on sub-VP look the same"},
    "ve": {"sde": "VE; the file's data range [0, 1] becomes [−1, 1], its noise levels double"},
}


# ---- the weights and their names ----------------------------------------------------------------


def _network(loaded: Any) -> dict[str, Any] | None:
    """Return the raw state dict by its own names: the file's ``model``, or all that it holds."""
    if not isinstance(loaded, Mapping):
        return None
    model = loaded.get("model")
    tensors = {str(k): v for k, v in bare(model if isinstance(model, Mapping) else loaded).items()}
    return tensors if any(key.startswith(MODULES) for key in tensors) else None


def _model(loaded: Any, where: str) -> dict[str, Any]:
    model = _network(loaded)
    if model is None:
        raise problem(where, "no score_sde checkpoint: it has no model.all_modules")
    return model


def _weights(
    loaded: Mapping[str, Any], model: dict[str, Any], averaged: bool, where: str
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the weights to sample with by name, and notes on them."""
    count = loaded.get("step")
    step = {"step": str(count)} if isinstance(count, int) and 0 <= count < 1e12 else {}
    if not averaged:
        return model, {"weights": "raw, as of the last step: not the EMA", **step}
    ema = loaded.get("ema")
    if not isinstance(ema, Mapping):
        ema = {}
    shadow = ema.get("shadow_params")
    if not isinstance(shadow, list | tuple):
        raise problem(
            where,
            "it has no ema.shadow_params, the weights to sample with; samples of the raw ones are "
            "much worse (option ema = false takes them all the same)",
        )
    # The Fourier features are random numbers that are not trained: the EMA has no copy of them.
    names = [name for name in model if name != FOURIER]
    if len(shadow) != len(names):
        raise problem(
            where, f"ema.shadow_params has {len(shadow)} tensors for {len(names)} parameters"
        )
    for index, (name, value) in enumerate(zip(names, shadow, strict=True)):
        _check_pair(index, name, model[name], value, where)
    fixed = {FOURIER: model[FOURIER]} if FOURIER in model else {}
    decay = ema["decay"] if isinstance(ema.get("decay"), float) else "unknown"
    return fixed | dict(zip(names, shadow, strict=True)), {"weights": f"EMA, decay {decay}", **step}


def _check_pair(index: int, name: str, raw: Any, averaged: Any, where: str) -> None:
    if not isinstance(averaged, Tensor) or not isinstance(raw, Tensor):
        raise problem(where, f"ema.shadow_params[{index}] or {name} is no tensor")
    if raw.shape != averaged.shape:
        raise problem(
            where,
            f"ema.shadow_params[{index}] has shape {list(averaged.shape)}, its parameter {name} "
            f"has {list(raw.shape)}",
        )


def _image_size(
    found: Architecture, given: int | None, source: Source
) -> tuple[int, dict[str, str]]:
    """Return the image size, and a note if it was assumed."""
    halvings = len(found.channel_mult) - 1
    if given is not None:
        if given % (1 << halvings):
            raise source.error(f"option image_size = {given} cannot be halved {halvings} times")
        return given, {}
    if len(found.attention) != 1:
        raise source.error(
            f"option image_size is needed (usual: 32, 64, 256): {len(found.attention)} levels have "
            "attention, where one at 16×16 would decide"
        )
    size = _USUAL_ATTENTION << found.attention[0]
    return size, {"image_size": f"{size}, assuming attention at 16×16"}


# ---- preconditioning ----------------------------------------------------------------------------


def _preconditioning(
    found: Architecture, levels: Any, chosen: Mapping[str, Any], source: Source
) -> tuple[str, dict[str, Any]]:
    if found.fourier:
        return "ve", _sigma_range(levels, chosen, source)
    for name in ("sigma_min", "sigma_max"):
        if name in chosen:
            raise source.error(f"option {name} is for VE networks; this one is VP (DDPM++)")
    return "vp", {"beta_d": 19.9, "beta_min": 0.1, "M": 1000, "epsilon_t": 1e-5}


def _sigma_range(levels: Any, chosen: Mapping[str, Any], source: Source) -> dict[str, float]:
    given = {name: chosen[name] for name in ("sigma_min", "sigma_max") if name in chosen}
    if len(given) < 2:
        given = {**_file_range(levels, source), **given}
    if given["sigma_min"] >= given["sigma_max"]:
        raise source.error("sigma_min = {sigma_min:g} ≥ sigma_max = {sigma_max:g}".format(**given))
    return given


def _file_range(levels: Any, source: Source) -> dict[str, float]:
    if levels is not None:
        check_tensor("module.sigmas", levels, source.where)
    if levels is None or levels.is_meta or levels.numel() < 2:
        raise source.error(
            "it has no noise levels (module.sigmas): options sigma_min and sigma_max are needed "
            "(for images in [−1, 1]; usual for 32×32: 0.02 and 100)"
        )
    low, high = levels.double().aminmax()
    if not 0 < float(low) < float(high) < 1e9:
        raise source.error(f"module.sigmas runs from {float(low):g} to {float(high):g}")
    # They were made by exp(linspace(log …)): rounding finds 0.02 in 0.02000000000000001.
    return {"sigma_min": float(f"{2 * low:.10g}"), "sigma_max": float(f"{2 * high:.10g}")}
