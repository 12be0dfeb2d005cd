"""Writes pickles laid out as EDM's, from names and tensors alone.

The classes in a real file are EDM's; of them a pickle holds the name of one function that rebuilds
them, ``torch_utils.persistence._reconstruct_persistent_obj``, and a dict of what they are. That
function exists here only while a pickle is written.
"""

import contextlib
import pickle
import sys
import types
from collections import OrderedDict

import torch

SOURCE = "raise AssertionError('the source code in a checkpoint was executed')\n"


class Persistent:
    """What one of EDM's persistent objects reduces to."""

    def __init__(self, class_name, state, version=6, source=SOURCE, **changed):
        self.meta = {
            "type": "class",
            "version": version,
            "module_src": source,
            "class_name": class_name,
            "state": state,
        } | changed

    def __reduce__(self):
        persistence = sys.modules["torch_utils.persistence"]
        return persistence._reconstruct_persistent_obj, (self.meta,), None


class EasyDict(dict):
    """EDM's dict, which a pickle names ``dnnlib.util.EasyDict``."""


@contextlib.contextmanager
def names():
    """While this lasts, the modules that EDM's pickles name can be pickled by name."""

    def _reconstruct_persistent_obj(meta):
        raise AssertionError("a persistent object was rebuilt by its own function")

    persistence = types.ModuleType("torch_utils.persistence")
    _reconstruct_persistent_obj.__module__ = persistence.__name__
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    persistence._reconstruct_persistent_obj = _reconstruct_persistent_obj
    util = types.ModuleType("dnnlib.util")
    util.EasyDict = EasyDict
    EasyDict.__module__ = "dnnlib.util"
    made = {
        "torch_utils": types.ModuleType("torch_utils"),
        "torch_utils.persistence": persistence,
        "dnnlib": types.ModuleType("dnnlib"),
        "dnnlib.util": util,
    }
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in made:
            del sys.modules[name]


def module_state(**more):
    """Return the attributes that every torch.nn.Module has, and some more."""
    return {
        "training": False,
        "_parameters": OrderedDict(),
        "_buffers": OrderedDict(),
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": OrderedDict(),
        "_forward_hooks": OrderedDict(),
        "_modules": OrderedDict(),
        "_init_args": (),
        "_init_kwargs": {},
    } | more


def _tree(class_name, init_kwargs, tensors):
    """Return a persistent module with the tensors of a state dict in it."""
    state = module_state(_init_kwargs=init_kwargs)
    children = OrderedDict()
    for name, tensor in tensors.items():
        first, _, rest = name.partition(".")
        if rest:
            children.setdefault(first, OrderedDict())[rest] = tensor
        elif first in {"resample_filter", "u", "freqs"}:
            state["_buffers"][first] = tensor
        else:
            state["_parameters"][first] = torch.nn.Parameter(tensor)
    for name, below in children.items():
        plain = name in {"enc", "dec"}
        made = _tree("UNetBlock", {}, below)
        if plain:
            made = plain_module(made.meta["state"]["_modules"])
        elif "bias" not in below and "weight" in below:
            made.meta["state"]["_parameters"]["bias"] = None
        state["_modules"][name] = made
    return Persistent(class_name, state)


def plain_module(modules):
    """Return a module of PyTorch's own, as ``enc`` and ``dec`` are in EDM's networks."""
    made = torch.nn.ModuleDict()
    made.__dict__["_modules"] = modules
    return made


def contents(preconditioner, init_kwargs, state_dict, init_args=(), **stored):
    """Return what EDM's training pickles.

    Args:
        preconditioner: Name of the class, such as ``"EDMPrecond"``.
        init_kwargs: What it was made with, ``model_type`` and the network's arguments included.
        state_dict: Its tensors, ``model.…`` and ``u``.
        init_args: What it was made with by position.
        **stored: Attributes of the preconditioner to be stored with other values.
    """
    defaults = {"iDDPMPrecond": "DhariwalUNet", "EDMPrecond": "DhariwalUNet"}
    network = init_kwargs.get("model_type", defaults.get(preconditioner, "SongUNet"))
    inner = {k.removeprefix("model."): v for k, v in state_dict.items() if k.startswith("model.")}
    state = module_state(_init_kwargs=dict(init_kwargs), _init_args=tuple(init_args))
    for name in ("img_resolution", "img_channels", "label_dim", "sigma_min", "sigma_max"):
        if name in init_kwargs:
            state[name] = init_kwargs[name]
    state |= stored
    state["_modules"]["model"] = _tree(network, {}, inner)
    state["_buffers"] |= {k: v for k, v in state_dict.items() if not k.startswith("model.")}
    return {
        "ema": Persistent(preconditioner, state),
        "loss_fn": Persistent("EDMLoss", {"P_mean": -1.2, "P_std": 1.2, "sigma_data": 0.5}),
        "augment_pipe": None,
        "dataset_kwargs": EasyDict(path="somewhere.zip", use_labels=False, xflip=False),
    }


def dump(path, content, protocol=4):
    """Pickle an object that may hold :class:`Persistent` ones."""
    with names(), path.open("wb") as file:
        pickle.dump(content, file, protocol=protocol)
    return path


def write(path, preconditioner_class, init_kwargs, state_dict, protocol=4, **more):
    """Write an EDM pickle; see :func:`contents`."""
    return dump(path, contents(preconditioner_class, init_kwargs, state_dict, **more), protocol)
