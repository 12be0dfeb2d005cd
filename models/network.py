"""A network as a denoiser: what checkpoints become."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from sampler_bench.kit.names import lookup
from sampler_bench.models.card import Card
from sampler_bench.models.checkpoints.checkpoint import Checkpoint, CheckpointError
from sampler_bench.models.digest import content_digest
from sampler_bench.models.model import Model, Wrapped
from sampler_bench.models.networks import build
from sampler_bench.models.preconditioning import IDDPM, Preconditioning, precondition
from sampler_bench.solvers.denoiser import Denoiser, Plain

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True)
class Execution:
    """How a network is evaluated.

    Attributes:
        precision: ``"float32"``, or ``"bfloat16"`` or ``"float16"``: matrix products and
            convolutions in it, the rest in float32 (autocast).
        compile: Whether the network is compiled by ``torch.compile``.
        channels_last: Whether images are laid out with channels last in memory.

    Raises:
        ValueError: If there is no such precision.
    """

    precision: str = "float32"
    compile: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        lookup(PRECISIONS, self.precision, "precision")

    @property
    def dtype(self) -> torch.dtype:
        """What matrix products are computed in."""
        return PRECISIONS[self.precision]


class NetworkDenoiser(nn.Module, Plain, Model):
    """D(x; σ) = c_skip·x + c_out·F_θ(c_in·x; c_noise), EDM's Eq. 7.

    Images have values in [−1, 1], whatever convention the network was trained with.

    Args:
        model: The raw network F_θ.
        preconditioning: Its four coefficients, and the noise levels it knows.
        digest: SHA-256 of what it is made of.
        execution: Precision, compilation and memory layout.
        notes: Where it came from.

    Attributes:
        reference: The published statistics of its training data, by name, if there are any.
        recipe: The raw network's name and arguments, if it was built from them.
        null_class: Which class means no class, if one does: then no label means this one.
    """

    _network: Any

    def __init__(
        self,
        model: nn.Module,
        preconditioning: Preconditioning,
        digest: str = "",
        execution: Execution | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.model: Any = model
        self.preconditioning = preconditioning
        self.digest = digest
        self.execution = execution or Execution()
        self.notes = dict(notes or {})
        self.reference: str | None = None
        self.recipe: tuple[str, Mapping[str, Any]] = ("", {})
        self.null_class: int | None = None
        if isinstance(preconditioning, IDDPM):
            # A buffer, so that it has its place in the state dict as in EDM's released networks.
            self.register_buffer("u", preconditioning.u)
        # Not registered as a module: the compiled network has the same weights under other names.
        self.__dict__["_network"] = torch.compile(model) if self.execution.compile else model
        if self.execution.channels_last:
            model.to(memory_format=torch.channels_last)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image: channels, height, width."""
        return (self.model.img_channels, self.model.img_resolution, self.model.img_resolution)

    @property
    def sigma_min(self) -> float:
        """Lowest noise level; 0 if any positive level will do."""
        return self.preconditioning.sigma_min

    @property
    def sigma_max(self) -> float:
        """Highest noise level; ``inf`` if any will do."""
        return self.preconditioning.sigma_max

    @property
    def own_levels(self) -> tuple[float, ...] | None:  # type: ignore[override]
        """The noise levels above 0 it was trained at, the highest first; ``None`` if at any."""
        levels = self.preconditioning.own_levels
        return None if levels is None else tuple(levels.tolist())

    @property
    def label_dim(self) -> int:
        """Number of classes; 0 if unconditional."""
        return self.model.label_dim

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.model.parameters()).device

    @property
    def card(self) -> Card:
        """What it is."""
        return Card(
            digest=self.digest,
            classes=self.label_dim,
            precision=self.execution.precision,
            device=self.device,
            reference=self.reference,
            variance=self._has_variance,
            notes=self.notes,
            no_class=self._no_class,
            null_class=self.null_class,
            network=self,
        )

    @property
    def _no_class(self) -> Literal["trained", "untrained", "impossible", "unknown"]:
        network, arguments = self.recipe
        if self.null_class is not None:
            return "trained"
        if getattr(self.model, "needs_class", False):
            return "impossible"
        if not network:
            return "unknown"
        return "trained" if arguments.get("label_dropout") else "untrained"

    @property
    def _has_variance(self) -> bool:
        return self.model.out_channels == 2 * self.model.img_channels

    def round_sigma(self, sigma: Tensor) -> Tensor:
        """Return the supported noise level nearest to each ``sigma``, in its dtype."""
        return self.preconditioning.round_sigma(sigma)

    def forward(
        self,
        x: Tensor,
        sigma: Tensor,
        labels: Tensor | None = None,
        augment_labels: Tensor | None = None,
    ) -> Tensor:
        """Denoise ``x`` at noise level ``sigma`` > 0.

        Args:
            x: Noisy images [B, C, H, W], of any floating dtype, which is the result's as well.
            sigma: 0-d, or [B]: one per image.
            labels: Classes int64 [B], or one-hot [B, label_dim]; ``None`` for none.
            augment_labels: [B, augment_dim]; ``None`` for no augmentation.

        Raises:
            ValueError: If labels are given to an unconditional network or do not fit.
        """
        return self._evaluate(x, sigma, labels, augment_labels)[:, : x.shape[1]]

    def with_variance(self) -> Denoiser:
        """Return D(x; σ) followed by the variance's channels v.

        Raises:
            ValueError: If the network has none.
        """
        return WithVariance(self) if self._has_variance else super().with_variance()

    def _evaluate(
        self,
        x: Tensor,
        sigma: Tensor,
        labels: Tensor | None = None,
        augment_labels: Tensor | None = None,
    ) -> Tensor:
        """Return D(x; σ), and after it whatever more the network has."""
        noisy = x.to(torch.float32)
        level = sigma.to(x.device, torch.float32).reshape(-1, 1, 1, 1)
        c_skip, c_out, c_in, c_noise = self.preconditioning.coefficients(level)
        scaled = c_in * noisy
        if self.execution.channels_last:
            scaled = scaled.contiguous(memory_format=torch.channels_last)
        noise_labels = c_noise.flatten().expand(len(x))
        F = self._raw(scaled, noise_labels, self._one_hot(labels, x), augment_labels)
        D = c_skip * noisy + c_out * F[:, : x.shape[1]]
        return (
            torch.cat([D, F[:, x.shape[1] :]], 1).to(x.dtype)
            if F.shape != x.shape
            else D.to(x.dtype)
        )

    def _raw(
        self, x: Tensor, noise_labels: Tensor, labels: Tensor | None, augment: Tensor | None
    ) -> Tensor:
        """Return F_θ in float32."""
        with self._autocast(x.device.type):
            F = self._network(x, noise_labels, labels, augment)
        return F.to(torch.float32)

    def _autocast(self, device: str) -> AbstractContextManager[Any]:
        """Return autocast; in float32 nothing, which leaves it to who trains the network."""
        if self.execution.precision == "float32":
            return nullcontext()
        return torch.autocast(device, self.execution.dtype)

    def _one_hot(self, labels: Tensor | None, x: Tensor) -> Tensor | None:
        if labels is None and self.null_class is not None:
            labels = torch.full((len(x),), self.null_class, device=x.device)
        if labels is None:
            return None
        if not self.label_dim:
            raise ValueError("labels were given to an unconditional network")
        if labels.ndim == 1 and not labels.is_floating_point():
            if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.label_dim:
                raise ValueError(f"labels must be whole numbers from 0 to {self.label_dim - 1}")
            labels = nn.functional.one_hot(labels.long(), self.label_dim)
        if labels.shape[1:] != (self.label_dim,):
            raise ValueError(f"labels have shape {tuple(labels.shape)}, not [B, {self.label_dim}]")
        return labels.to(x.device, torch.float32)


class WithVariance(Wrapped):
    """A network's denoiser with the variance it learned: results are [B, 2·C, H, W].

    Args:
        denoiser: The denoiser.
    """

    def __init__(self, denoiser: NetworkDenoiser) -> None:
        super().__init__(denoiser)
        self._evaluate = denoiser._evaluate

    def with_variance(self) -> "WithVariance":
        """Return it as it is."""
        return self

    def __call__(self, x: Tensor, sigma: Tensor, /, *labels: Tensor | None) -> Tensor:
        """Return D(x; σ) and v, one after the other."""
        return self._evaluate(x, sigma, *labels)


def assemble(
    checkpoint: Checkpoint,
    device: str | torch.device = "cpu",
    execution: Execution | None = None,
) -> NetworkDenoiser:
    """Return a checkpoint as a denoiser, ready to evaluate. Its tensors are used, not copied.

    Raises:
        CheckpointError: If the architecture is impossible, or tensors are missing, unexpected, of
            another shape or not finite; one line that names the first of them.
    """
    try:
        network = build(checkpoint.network, checkpoint.arguments)
        preconditioning = precondition(checkpoint.preconditioning, checkpoint.constants)
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    tensors = _fitting(network, checkpoint.tensors)
    _keep_derived(network, tensors)
    network.load_state_dict(tensors, strict=True, assign=True)
    network.requires_grad_(False).eval()
    arguments = {**checkpoint.arguments, **_null_class(checkpoint, network)}
    digest = content_digest(checkpoint.network, arguments, preconditioning, network.state_dict())
    notes = {"format": checkpoint.format, **checkpoint.notes}
    denoiser = NetworkDenoiser(network, preconditioning, digest, execution, notes)
    denoiser.recipe = (checkpoint.network, checkpoint.arguments)
    denoiser.null_class = checkpoint.null_class
    return denoiser.eval().to(device)


def _null_class(checkpoint: Checkpoint, network: Any) -> dict[str, int]:
    """Return what it says of no class, which is part of what a model is; nothing if nothing."""
    null, classes = checkpoint.null_class, network.label_dim
    if null is None:
        return {}
    if not (null < classes and classes > 1):
        has = f"its classes are 0 to {classes - 1}" if classes else "it has no classes"
        raise CheckpointError(f"null_class = {null}: {has}")
    return {"null_class": null}


def _fitting(network: nn.Module, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors in float32 if they are exactly what the network has."""
    expected = network.state_dict()
    derived = {name for name in expected if name.endswith("resample_filter")}
    missing = [name for name in expected if name not in given and name not in derived]
    extra = [name for name in given if name not in expected]
    if missing or extra:
        kind, names = ("missing", missing) if missing else ("unexpected", extra)
        raise CheckpointError(
            f"tensor {names[0]!r} is {kind}, the first of {len(names)}: the weights are not of the "
            "architecture the checkpoint says or seems to have"
        )
    return {name: _checked(name, given[name], expected[name]) for name in expected if name in given}


def _checked(name: str, tensor: Tensor, expected: Tensor) -> Tensor:
    if tensor.shape != expected.shape:
        raise CheckpointError(
            f"tensor {name!r} has shape {list(tensor.shape)}, where the architecture has "
            f"{list(expected.shape)}"
        )
    if not tensor.is_floating_point() and expected.is_floating_point():
        raise CheckpointError(f"tensor {name!r} has type {tensor.dtype}, not a floating one")
    if tensor.is_meta:
        return tensor
    if tensor.numel() > tensor.untyped_storage().nbytes() // tensor.element_size():
        raise CheckpointError(f"tensor {name!r} claims more values than the file holds")
    tensor = tensor.detach().to(expected.dtype)
    if expected.is_floating_point() and not bool(torch.isfinite(tensor.sum(dtype=torch.float64))):
        raise CheckpointError(f"tensor {name!r} has values that are not finite")
    return tensor.contiguous()


def _keep_derived(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Put buffers that follow from the architecture in the place of those given, or missing.

    Raises:
        CheckpointError: If one was given that is another.
    """
    for name, module in network.named_modules():
        if getattr(module, "resampling", None) is None:
            continue
        key = f"{name}.resample_filter"
        own = module.taps_filter()
        given = tensors.get(key)
        if given is not None and not given.is_meta and not torch.allclose(given, own, rtol=1e-5):
            raise CheckpointError(f"tensor {key!r} is another filter than the architecture's")
        tensors[key] = own
