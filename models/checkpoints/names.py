"""One network's tensors by their own names, whatever a training program wrapped them in."""

from collections.abc import Callable, Mapping
from typing import Any

from sampler_bench.models.checkpoints.source import problem

_WRAPPERS = (
    "module",  # DataParallel, AveragedModel
    "_orig_mod",  # torch.compile
    *("model", "ema_model", "unet", "net", "network", "denoiser", "diffusion_model"),
)
_MOST_WRAPPERS = 8
_COUNTERS = {"n_averaged"}
"""What ``torch.optim.swa_utils.AveragedModel`` keeps beside ``module.…``."""


def bare(tensors: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return tensors by names without the wrappers' that all of them have in front.

    Some wrap a network twice: ``module._orig_mod.conv.weight`` becomes ``conv.weight``.
    """
    found = dict(tensors)
    names = [name for name in found if name not in _COUNTERS]
    shared = 0
    for _ in range(_MOST_WRAPPERS):
        shared += len(_shared([str(name)[shared:] for name in names]))
    if not shared or not all(isinstance(name, str) for name in names):
        return found
    return {name[shared:]: found[name] for name in names}


def _shared(names: list[str]) -> str:
    first = names[0].partition(".")[0] if names else ""
    prefix = f"{first}."
    return prefix if first in _WRAPPERS and all(n.startswith(prefix) for n in names) else ""


def network_in(
    loaded: Any, is_network: Callable[[Mapping[Any, Any]], bool], where: str
) -> dict[Any, Any] | None:
    """Return the tensors of the one network that a file holds, or one of the dicts in it.

    Args:
        loaded: What the file holds.
        is_network: Whether tensors of these names are the network looked for.
        where: The file, for messages.

    Returns:
        The tensors by their own names; ``None`` if there is no such network.

    Raises:
        CheckpointError: If there are several: which to take is not said.
    """
    if not isinstance(loaded, Mapping):
        return None
    if is_network(whole := bare(loaded)):
        return whole
    inner = {key: bare(value) for key, value in loaded.items() if isinstance(value, Mapping)}
    found = {key: tensors for key, tensors in inner.items() if is_network(tensors)}
    if len(found) > 1:
        keys = ", ".join(f"{key!r:.40}" for key in found)
        raise problem(
            where,
            f"holds {len(found)} networks ({keys:.200}), and does not say which to sample with: "
            "torch.save the one (usually the moving average) to a file of its own",
        )
    return next(iter(found.values()), None)


def is_optimizer(loaded: Any) -> bool:
    """Return whether this is the state of an optimizer of PyTorch's."""
    return isinstance(loaded, Mapping) and {"state", "param_groups"} == set(loaded)
