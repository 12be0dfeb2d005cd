"""EDM's .pkl files: ``pickle.dump({"ema": network, …})`` of a preconditioned network.

The objects in it are of the classes in EDM's ``training/networks.py``; the arguments they were made
with are stored beside their weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from sampler_bench.models.checkpoints import restricted
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError
from sampler_bench.models.checkpoints.inert import Module, Weights
from sampler_bench.models.checkpoints.source import parsed_options

_MAGIC = tuple(bytes([0x80, protocol]) for protocol in (2, 3, 4, 5))
_TORCH_LEGACY = b"\x80\x02\x8a\x0a"
_VERSION = 6
_NETWORKS = ("SongUNet", "DhariwalUNet")
_MOST_MODULES = 10_000
_DEEPEST = 32


@dataclass(frozen=True)
class _Class:
    """A preconditioner's class in EDM: what its constructor takes behind ``use_fp16``."""

    preconditioning: str
    constants: Mapping[str, float]
    model_type: str
    learned_variance: bool = False


_CLASSES = {
    "VPPrecond": _Class(
        "vp", {"beta_d": 19.9, "beta_min": 0.1, "M": 1000, "epsilon_t": 1e-5}, "SongUNet"
    ),
    "VEPrecond": _Class("ve", {"sigma_min": 0.02, "sigma_max": 100.0}, "SongUNet"),
    "iDDPMPrecond": _Class(
        "iddpm", {"C_1": 0.001, "C_2": 0.008, "M": 1000}, "DhariwalUNet", learned_variance=True
    ),
    "EDMPrecond": _Class(
        "edm", {"sigma_min": 0.0, "sigma_max": float("inf"), "sigma_data": 0.5}, "DhariwalUNet"
    ),
}


def recognises(path: Path) -> bool:
    """Return whether a file is a plain pickle, as no other kind of checkpoint is."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(4)
    return start.startswith(_MAGIC) and start != _TORCH_LEGACY


def read(path: Path, options: Mapping[str, Any] | None = None) -> Checkpoint:
    """Return the network of a .pkl file of EDM's, its averaged weights.

    Args:
        path: The file, one of ``edm-*.pkl`` or ``baseline-*.pkl`` or made by EDM's training.
        options: None are known: the file says everything.

    Raises:
        CheckpointError: If it is damaged, or holds something else; one line.
    """
    parsed_options(options or {}, {}, str(path))
    return _Reader(str(path)).checkpoint(restricted.load(path))


class _Reader:
    """Reads the objects of one file.

    Args:
        where: The file, for messages.
    """

    def __init__(self, where: str) -> None:
        self.where = where

    def error(self, text: str) -> CheckpointError:
        return CheckpointError(f"{self.where}: {text}")

    def checkpoint(self, loaded: Any) -> Checkpoint:
        if not isinstance(loaded, dict) or not isinstance(loaded.get("ema"), Module):
            raise self.error("this pickle has no network called 'ema', as EDM's have")
        self._check_encoder(loaded.get("encoder"))
        top: Module = loaded["ema"]
        cls = _CLASSES[self._class_name(top, tuple(_CLASSES), "preconditioner")]
        given = self._given(top, cls)
        constants = {name: given.pop(name) for name in cls.constants}
        model_type, use_fp16 = given.pop("model_type"), given.pop("use_fp16")
        model = self._mapping(top.state, "_modules", top.class_name).get("model")
        if not isinstance(model, Module):
            raise self.error(f"its {top.class_name} has no network called 'model'")
        network = self._class_name(model, _NETWORKS, "network")
        if network != model_type:
            raise self.error(f"its network is a {network}, and should be a {model_type}")
        if cls.learned_variance and type(given.get("img_channels")) is int:
            given["out_channels"] = 2 * given["img_channels"]
        notes = {"class": top.class_name, "weights": "EMA", "trained in float16": str(use_fp16)}
        return Checkpoint(
            network=network,
            arguments=given,
            preconditioning=cls.preconditioning,
            constants=constants,
            tensors=self._tensors(model),
            format="EDM pickle",
            notes=notes,
        )

    def _check_encoder(self, encoder: Any) -> None:
        if isinstance(encoder, Module) and encoder.class_name != "StandardRGBEncoder":
            raise self.error(
                f"its images are encoded by {encoder.class_name}; only networks on images "
                "themselves (StandardRGBEncoder) can be used"
            )

    def _class_name(self, module: Module, allowed: tuple[str, ...], what: str) -> str:
        if module.class_name not in allowed:
            raise self.error(
                f"its {what} is of class {module.class_name!r}; known are {', '.join(allowed)}"
            )
        if type(module.version) is not int or module.version != _VERSION:
            version = self._value("version", module.version)
            raise self.error(f"its {what} is of version {version!r:.20}; known is {_VERSION}")
        return module.class_name

    def _mapping(self, state: Mapping[Any, Any], key: str, owner: str) -> dict[Any, Any]:
        found = state.get(key, {})
        if not isinstance(found, dict):
            raise self.error(f"{key} of its {owner or 'module'} is no dict")
        return found

    def _given(self, top: Module, cls: _Class) -> dict[str, Any]:
        """Return all arguments of the preconditioner by name, defaults included."""
        first = ("img_resolution", "img_channels", "label_dim", "use_fp16")
        names = (*first, *cls.constants, "model_type")
        positional = top.state.get("_init_args", ())
        if not isinstance(positional, list | tuple) or len(positional) > len(names):
            raise self.error(f"_init_args of its {top.class_name} are not {', '.join(names)}")
        by_position = dict(zip(names, positional, strict=False))
        by_name = self._mapping(top.state, "_init_kwargs", top.class_name)
        defaults = {"label_dim": 0, "use_fp16": False, "model_type": cls.model_type}
        given = {}
        for name, value in [
            *(defaults | dict(cls.constants)).items(),
            *by_position.items(),
            *by_name.items(),
        ]:
            given[self._name(name, "argument")] = self._value(name, value)
        self._check_consistent(top, cls, given, set(by_position) & set(by_name))
        return given

    def _check_consistent(
        self, top: Module, cls: _Class, given: dict[str, Any], twice: set[str]
    ) -> None:
        if twice:
            raise self.error(f"its {top.class_name} has the argument {min(twice)!r} twice")
        for name in ("img_resolution", "img_channels"):
            if name not in given:
                raise self.error(f"its {top.class_name} lacks the argument {name!r}")
        for name in ("img_resolution", "img_channels", "label_dim", *cls.constants):
            stored = self._value(name, top.state.get(name, given[name]))
            if stored != given[name]:
                raise self.error(
                    f"its {top.class_name} was made with {name} = {given[name]!r:.40}, and has "
                    f"{stored!r:.40}"
                )

    def _name(self, name: Any, what: str) -> str:
        if not isinstance(name, str) or not 0 < len(name) <= 100:
            raise self.error(f"it has an {what} whose name is not text")
        return name

    def _value(self, name: str, value: Any) -> Any:
        items = value if isinstance(value, list | tuple) else [value]
        plain = all(item is None or type(item) in {int, float, bool, str} for item in items)
        if not plain or len(items) > 64 or any(len(i) > 100 for i in items if type(i) is str):
            raise self.error(f"argument {name!r:.60} of its network is not a number, text or list")
        return list(value) if isinstance(value, tuple) else value

    def _tensors(self, model: Module) -> dict[str, Tensor]:
        """Return the state dict of a network: parameters and buffers of all modules in it."""
        tensors: dict[str, Tensor] = {}
        seen: set[int] = set()
        waiting: list[tuple[str, Module, int]] = [("", model, 0)]
        while waiting:
            prefix, module, depth = waiting.pop()
            # Objects that occur twice can contain each other, or double with each level.
            if id(module) in seen or len(seen) >= _MOST_MODULES or depth > _DEEPEST:
                raise self.error(f"its network is no tree of modules, at {prefix[:100]!r}")
            seen.add(id(module))
            for key in ("_parameters", "_buffers"):
                for name, value in self._mapping(module.state, key, prefix[:100]).items():
                    self._add(tensors, prefix + self._name(name, "tensor"), value)
            for name, child in self._mapping(module.state, "_modules", prefix[:100]).items():
                path = prefix + self._name(name, "module")
                if isinstance(child, Module):
                    waiting.append((path + ".", child, depth + 1))
                elif child is not None:
                    raise self.error(f"{path[:100]} in its network is no module")
        return tensors

    def _add(self, tensors: dict[str, Tensor], name: str, value: Any) -> None:
        if value is None:  # e.g. a convolution without a bias
            return
        if not isinstance(value, Weights) or not value.value.is_floating_point():
            raise self.error(f"{name[:100]} is not a tensor of floating-point numbers")
        if name in tensors:
            raise self.error(f"{name[:100]} is in it twice")
        tensors[name] = value.value
