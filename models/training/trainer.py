"""The training loop: plain PyTorch, on one process or several.

Accelerate does what is not ours: devices, processes, mixed precision, accumulation, saved states.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sampler_bench.models.data.dataset import Dataset, to_unit
from sampler_bench.models.network import Execution, NetworkDenoiser
from sampler_bench.models.training.config import Configuration, Parts
from sampler_bench.models.training.draws import draw, positions
from sampler_bench.models.training.ema import EMA
from sampler_bench.models.training.log import Log
from sampler_bench.models.training.loss import denoising_loss
from sampler_bench.models.training.progress import Progress
from sampler_bench.models.training.saved import Saved
from sampler_bench.models.training.schedule import learning_rate
from sampler_bench.models.training.states import States


class DivergedError(ValueError):
    """The loss or a weight is no longer a finite number."""


class Trainer:
    """One training run.

    Args:
        configuration: What is trained and how.
        data: The images.
        folder: Where log and states are; what is there is gone on with.
        accelerator: Accelerate's; :func:`accelerator` makes one.
        execution: Compilation and memory layout; precision is the configuration's.

    Attributes:
        progress: Where the run stands.
        average: D(x; σ) with averaged weights, to sample from.
        last_loss: Mean loss per dimension of the last logged line; NaN before the first.

    Raises:
        ValueError: If the configuration is impossible for these data or processes, or the folder
            holds another run; one line.
    """

    def __init__(
        self,
        configuration: Configuration,
        data: Dataset,
        folder: Path,
        accelerator: Any,
        execution: Execution | None = None,
    ) -> None:
        self.configuration, self.data, self.accelerator = configuration, data, accelerator
        self.parts = Parts(configuration, data.shape, data.classes)
        self.log = Log(folder / "log.jsonl")
        self.progress = Progress()
        self.last_loss = math.nan
        self._share = self._images_per_pass()
        self._build(execution or Execution())
        self.states = self._states(folder / "state")

    def _images_per_pass(self) -> int:
        length, processes = self.configuration.training, self.accelerator.num_processes
        passes = processes * length.accumulate
        if length.batch % passes:
            raise ValueError(
                f"[training]: batch = {length.batch} cannot be divided among {processes} processes "
                f"× accumulate = {length.accumulate}"
            )
        return length.batch // passes

    def _build(self, execution: Execution) -> None:
        self._denoiser = self.parts.denoiser(execution).to(self.accelerator.device).train()
        ema = self.configuration.ema
        self._ema = EMA(self._denoiser.model, ema.half_life_images, ema.ramp_up or None)
        self.average = NetworkDenoiser(self._ema.model, self.parts.preconditioning).eval()
        o = self.configuration.optimizer
        adam = torch.optim.Adam(self._denoiser.parameters(), lr=o.lr, betas=o.betas, eps=o.eps)
        self._model, self._adam = self.accelerator.prepare(self._denoiser, adam)
        self._bad = torch.full((), -1, dtype=torch.int64, device=self.accelerator.device)
        self._sum = torch.zeros((), dtype=torch.float64, device=self.accelerator.device)

    def _states(self, folder: Path) -> States:
        networks = self._denoiser.model, self._ema.model
        saved = Saved(*networks, self._adam.optimizer, self.progress, self.accelerator.scaler)
        about = {"configuration": self.configuration.identity, "data": self.data.digest}
        return States(folder, about, saved)

    def resume(self) -> bool:
        """Go on from the newest state that is whole, if there is one; the log goes back to it.

        Raises:
            ValueError: If there are states, but none to go on from; one line.
        """
        state = self.states.newest()
        if state is not None:
            self.states.load(state)
        if self.accelerator.is_main_process:
            self.log.rewind(self.progress.images)
        self.accelerator.wait_for_everyone()
        return state is not None

    def run(self, until: int, stop: Callable[[], bool], tick: Callable[["Trainer"], None]) -> None:
        """Train until so many images were seen in all, or asked to stop; then save.

        Args:
            until: Training images.
            stop: Asked between steps by a single process, by several whenever a line is logged.
            tick: Called whenever a line was logged and all is finite; a good time to save.

        Raises:
            DivergedError: If the loss is not finite.
            OSError: If log or state cannot be written.
        """
        length = self.configuration.training
        ended = self.any_of(stop())  # a time limit may have passed before
        while not ended and self.progress.images < until:
            before = self.progress.images
            self.step()
            at_line = self.progress.images // length.log_images > before // length.log_images
            if at_line:
                self._write_line()
                tick(self)
            alone = self.accelerator.num_processes == 1
            ended = (alone or at_line) and self.any_of(stop())
        self.save()

    def any_of(self, asked: bool) -> bool:
        """Return whether something holds in any of the processes; all have to ask."""
        if self.accelerator.num_processes == 1:
            return asked
        flag = torch.tensor(float(asked), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flag, "sum") > 0)

    def step(self) -> None:
        """Make one step of the optimizer on the next batch."""
        began = time.perf_counter()
        length, progress = self.configuration.training, self.progress
        # What is random in the network (dropout) depends on the step, not on what came before it.
        torch.manual_seed(self._mixed(progress.images))
        self._set_rate()
        for index in range(length.accumulate):
            with self.accelerator.accumulate(self._model):
                self._one_pass(progress.images + index * (length.batch // length.accumulate))
        self._ema.update(progress.images, length.batch)
        progress.images += length.batch
        progress.seconds += time.perf_counter() - began

    def _mixed(self, images: int) -> int:
        mixed = (self.configuration.training.seed * 1_000_003 + images) * 64
        return (mixed + self.accelerator.process_index) % (1 << 63)

    def _set_rate(self) -> None:
        o = self.configuration.optimizer
        end = self.configuration.training.images
        rate = learning_rate(o.lr, self.progress.images, o.ramp_images, o.cooldown_images, end)
        for group in self._adam.param_groups:
            group["lr"] = rate

    def _one_pass(self, first: int) -> None:
        """Add the gradient of this process's part of a pass; after the last pass make the step."""
        loss = self.losses(first + self.accelerator.process_index * self._share, self._share)
        # Summed over an image's values, averaged over images, as in the released loop.
        self.accelerator.backward(loss.sum() / self._share)
        clip = self.configuration.optimizer.clip_norm
        if clip and self.accelerator.sync_gradients:
            self.accelerator.clip_grad_norm_(self._model.parameters(), clip)
        self._adam.step()
        self._adam.zero_grad()
        self._note(loss.detach(), first)

    def losses(self, first: int, count: int) -> Tensor:
        """Return the loss of images ``first`` … of the run, element by element: [B, C, H, W]."""
        seed, device = self.configuration.training.seed, self.accelerator.device
        rows = torch.from_numpy(positions(seed, first, count, len(self.data)))
        images = to_unit(self.data.images[rows].to(device))
        labels = None if self.data.labels is None else self.data.labels[rows].to(device)
        drawn = draw(seed, first, count, self.data.shape)
        given = None
        if self.parts.augmentation is not None:
            parameters = self.parts.augmentation.parameters(drawn.augmentation)
            images, given = parameters.apply(images), parameters.labels().to(device)
        sigma = self.parts.noise.quantile(drawn.sigma).to(device, torch.float32)
        return denoising_loss(
            self._model,
            images,
            sigma,
            drawn.noise.to(device),
            self.parts.weighting,
            labels,
            given if self.parts.arguments.get("augment_dim") else None,
        )

    def _note(self, loss: Tensor, first: int) -> None:
        """Add to what is logged; all on the device, so that nothing waits for it."""
        mean = loss.double().mean()
        now = torch.full_like(self._bad, first)
        self._bad = torch.where((self._bad < 0) & ~mean.isfinite(), now, self._bad)
        self._sum += mean * len(loss)
        self.progress.loss_images += len(loss) * self.accelerator.num_processes

    def _settle(self) -> None:
        """Take the device's sums into the progress.

        Raises:
            DivergedError: If a loss was not finite.
        """
        bad = self.accelerator.gather(self._bad.reshape(1)).max().item()
        self.progress.loss_sum += self.accelerator.reduce(self._sum, "sum").item()
        self._sum.zero_()
        finite = all(p.isfinite().all() for p in self._ema.model.parameters())
        if bad >= 0 or not finite:
            raise DivergedError(self._where(bad))

    def _where(self, bad: int) -> str:
        length, progress = self.configuration.training, self.progress
        last = self.states.last
        kept = f"the last good state is {last}" if last else "no state was saved before"
        if bad < 0:
            return f"weights are not finite after {progress.images:,} images; {kept}"
        drawn = draw(length.seed, bad, self._share, self.data.shape)
        sigma = self.parts.noise.quantile(drawn.sigma)
        return (
            f"the loss is not finite at image {bad:,} (step {bad // length.batch:,}, σ from "
            f"{float(sigma.min()):.3g} to {float(sigma.max()):.3g}); {kept}"
        )

    def _write_line(self) -> None:
        self._settle()
        progress = self.progress
        if self.accelerator.is_main_process:
            self.log.append(
                images=progress.images,
                seconds=round(progress.seconds, 3),
                loss=progress.loss,
                lr=self._adam.param_groups[0]["lr"],
            )
        self.last_loss = progress.loss
        progress.loss_sum, progress.loss_images = 0.0, 0

    def save(self) -> Path:
        """Save the state: all of it, or the older one stays.

        Raises:
            DivergedError: If the loss or a weight is not finite.
            OSError: If it cannot be written.
        """
        self._settle()
        return self.states.save(self.progress.images, self.accelerator)
