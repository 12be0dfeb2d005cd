"""What a scheduler's configuration of diffusers says of its network's training."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sampler_bench.models.checkpoints.checkpoint import CheckpointError

_DDPM = {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
_SCORE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "linear"}
_LATENT = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
BETAS = {
    **dict.fromkeys(
        (
            "DDIMInverseScheduler",
            "DDIMParallelScheduler",
            "DDIMScheduler",
            "DDPMParallelScheduler",
            "DDPMScheduler",
            "DEISMultistepScheduler",
            "DPMSolverMultistepInverseScheduler",
            "DPMSolverMultistepScheduler",
            "DPMSolverSinglestepScheduler",
            "EulerAncestralDiscreteScheduler",
            "EulerDiscreteScheduler",
            "GaussianDDPMScheduler",  # before diffusers 0.1
            "LMSDiscreteScheduler",
            "PNDMScheduler",
            "RePaintScheduler",
            "SASolverScheduler",
            "UniPCMultistepScheduler",
        ),
        _DDPM,
    ),
    **dict.fromkeys(
        (
            "DPMSolverSDEScheduler",
            "HeunDiscreteScheduler",
            "KDPM2AncestralDiscreteScheduler",
            "KDPM2DiscreteScheduler",
        ),
        _SCORE,
    ),
    **dict.fromkeys(("LCMScheduler", "TCDScheduler"), _LATENT),
}
"""Schedulers that are defined by a table of betas, and what they take for keys that are missing."""
EDM = ("EDMDPMSolverMultistepScheduler", "EDMEulerScheduler")

_DEFAULTS = {
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "trained_betas": None,
    "rescale_betas_zero_snr": False,
}
_EDM_DEFAULTS = {"sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5}
_UNUSABLE = {
    "use_flow_sigmas": "flow matching",
    "timestep_type": "continuous timesteps",
}
_HARMLESS = (False, None, "discrete")
_OF_OPTIONS = {
    "prediction": "prediction_type",
    "schedule": "beta_schedule",
    "beta_start": "beta_start",
    "beta_end": "beta_end",
    "steps": "num_train_timesteps",
}


@dataclass(frozen=True)
class Training:
    """A preconditioning by name, its constants, and what was noticed."""

    preconditioning: str
    constants: dict[str, Any]
    notes: dict[str, str] = field(default_factory=dict)


def training(config: Mapping[str, Any] | None, options: Mapping[str, Any], where: str) -> Training:
    """Return how a network was trained.

    Args:
        config: The scheduler's configuration; ``None`` if there is none.
        options: ``prediction``, ``schedule`` (``"edm"`` or a name of
            :data:`models.levels.SCHEDULES`), ``beta_start``, ``beta_end``, ``steps``,
            ``sigma_min``, ``sigma_max``, ``sigma_data``: these override the file.
        where: The configuration's file, for messages.

    Raises:
        CheckpointError: If it was trained in a way not known here, or options are needed.
    """
    if config is None:
        return _asked(options, where)
    name = str(config.get("_class_name"))
    if name not in BETAS and name not in EDM:
        raise CheckpointError(
            f"{where}: _class_name = {name!r:.60}: not a scheduler with a table of betas or of EDM "
            f"(known: {', '.join(sorted([*BETAS, *EDM]))})"
        )
    for key, meaning in _UNUSABLE.items():
        if config.get(key) not in _HARMLESS:
            raise CheckpointError(
                f"{where}: {key} = {config[key]!r:.60}: {meaning} is not known here"
            )
    notes = {"scheduler": name}
    if config.get("clip_sample") or config.get("thresholding"):
        notes["clipping"] = "its scheduler clips D to the data's range; here D is not clipped"
    if options:
        notes["options"] = ", ".join(f"{key} = {value}" for key, value in options.items())
    if (name in EDM and "schedule" not in options) or options.get("schedule") == "edm":
        return _edm(config, options, notes, where)
    return _table({**_DDPM, **BETAS.get(name, {})}, config, options, notes)


def _asked(options: Mapping[str, Any], where: str) -> Training:
    missing = [name for name in ("schedule", "prediction") if name not in options]
    if options.get("schedule") == "edm":
        missing = []
    if missing:
        raise CheckpointError(
            f"{where}: there is no scheduler_config.json, so options are needed: schedule (linear, "
            "scaled_linear, squaredcos_cap_v2, sigmoid or edm; usual: linear) and prediction "
            "(epsilon, v_prediction or sample; usual: epsilon)"
        )
    given = ", ".join(f"{key} = {value}" for key, value in options.items())
    notes = {"options": given, "scheduler": "none; the rest is what DDPMScheduler's defaults are"}
    if options["schedule"] == "edm":
        return _edm({}, options, {**notes, "scheduler": "none; EDM's defaults"}, where)
    return _table(_DDPM, {}, options, notes)


def _table(
    defaults: Mapping[str, Any],
    config: Mapping[str, Any],
    options: Mapping[str, Any],
    notes: dict[str, str],
) -> Training:
    said = dict(config)
    if "timesteps" in said:  # its name before diffusers 0.2
        said.setdefault("num_train_timesteps", said["timesteps"])
    assumed = {**_DEFAULTS, **defaults}
    chosen = {**assumed, **{key: said[key] for key in assumed if key in said}}
    chosen |= {_OF_OPTIONS[key]: value for key, value in options.items() if key in _OF_OPTIONS}
    constants = {
        "prediction": chosen["prediction_type"],
        "schedule": chosen["beta_schedule"],
        "beta_start": chosen["beta_start"],
        "beta_end": chosen["beta_end"],
        "M": chosen["num_train_timesteps"],
        "zero_terminal_snr": bool(chosen["rescale_betas_zero_snr"]),
    }
    if chosen["trained_betas"] is not None and "schedule" not in options:
        betas = chosen["trained_betas"]
        count = len(betas) if isinstance(betas, list) else 0
        constants |= {"schedule": "betas", "betas": betas, "M": count}
        del constants["beta_start"], constants["beta_end"]
    if constants["zero_terminal_snr"]:
        notes["levels"] = "rescaled to zero terminal SNR; the infinite last level is left out"
    return Training("levels", constants, notes)


def _edm(
    config: Mapping[str, Any], options: Mapping[str, Any], notes: dict[str, str], where: str
) -> Training:
    prediction = options.get("prediction", config.get("prediction_type", "epsilon"))
    if prediction != "epsilon":
        raise CheckpointError(
            f"{where}: prediction_type = {prediction!r:.60}: of EDM's networks only 'epsilon' "
            "(EDM's own c_out) is known here"
        )
    constants = {
        key: options.get(key, config.get(key, value)) for key, value in _EDM_DEFAULTS.items()
    }
    return Training("edm", constants, notes)
