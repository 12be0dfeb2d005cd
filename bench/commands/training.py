"""``bench train``: a configuration, data and a folder become a network, its log and pictures."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sampler_bench.bench.commands.sheet import write_sheet
from sampler_bench.bench.run.duration import duration
from sampler_bench.bench.run.provenance import collect
from sampler_bench.kit.files import make_folder, sweep, write_whole
from sampler_bench.models.checkpoints import own
from sampler_bench.models.data.dataset import Dataset, to_unit
from sampler_bench.models.data.loading import load
from sampler_bench.models.network import Execution
from sampler_bench.models.training import config as configurations
from sampler_bench.models.training.alone import alone
from sampler_bench.models.training.config import Configuration
from sampler_bench.models.training.exporting import checkpoint
from sampler_bench.models.training.launch import accelerator
from sampler_bench.models.training.loss import loss_over_sigma
from sampler_bench.models.training.trainer import Trainer

LOSS_IMAGES = 128
LOSS_LEVELS = 25


@dataclass(frozen=True)
class Wishes:
    """What a user asks for besides the configuration; none of it changes what is learned.

    Attributes:
        data: Where the data lie, instead of the configuration's source.
        images: When to stop, instead of the configuration's.
        seconds: Stop after so much training in all, interruptions left out.
        save_seconds: Time between saved states.
        cpu: Whether to stay off accelerators.
        execution: Compilation and memory layout.
    """

    data: str | None = None
    images: int | None = None
    seconds: float | None = None
    save_seconds: float = 300.0
    cpu: bool = False
    execution: Execution = field(default_factory=Execution)


def train(name_or_path: str, out: Path | None, wishes: Wishes, console: Console) -> bool:
    """Train, or go on training; return whether it came to its end, or was interrupted.

    Args:
        name_or_path: A shipped configuration's name, or a TOML file.
        out: Where everything goes: state, ``log.jsonl``, ``samples/``, ``loss-over-sigma.json`` and
            NAME.safetensors; ``runs/train-NAME`` if ``None``.
        wishes: See there.
        console: Where progress is shown.

    Raises:
        ValueError: If configuration, data or folder cannot be used, or a file cannot be written;
            one line.
        models.training.trainer.DivergedError: If the loss is not finite.
        OSError: If log or state cannot be written.
    """
    configuration = configurations.read(name_or_path)
    _check_length(configuration, wishes.images)
    helper = accelerator(configuration, wishes.cpu)
    data = read_data(configuration, wishes.data)
    folder = out or Path("runs") / f"train-{configuration.name}"
    trainer = Trainer(configuration, data, folder, helper, wishes.execution)
    try:
        make_folder(folder)
        sweep([folder, folder / "samples", folder / "snapshots"])
    except OSError as error:
        raise ValueError(f"--out {folder}: cannot be made a folder: {error.strerror}") from None
    # Of several processes the first holds the folder; without it they come to no step.
    with alone(folder) if helper.is_main_process else nullcontext("") as doubt:
        session = Session(trainer, folder, wishes, console if helper.is_main_process else None)
        return session.run(doubt)


def _check_length(configuration: Configuration, images: int | None) -> None:
    """Refuse images after a cooldown: nothing would be learned from them."""
    last = configuration.training.images
    if configuration.optimizer.cooldown_images and images is not None and images > last:
        raise ValueError(
            f"--images {images} is not allowed: the learning rate of {configuration.name} reaches "
            f"0 at training.images = {last}"
        )


def read_data(configuration: Configuration, source: str | None = None) -> Dataset:
    """Return a configuration's data, from another source if one is given.

    Raises:
        ValueError: If they cannot be read or do not fit; one line.
    """
    asked = configuration.data
    try:
        data = load(source or asked.source, asked.labels, asked.pad, asked.resize)
    except ValueError as error:
        given = "--data" if source else "[data] source (--data takes another)"
        raise ValueError(f"{given}: {error}") from None
    return data.with_mirrored() if asked.xflip else data


class Session:
    """One stretch of a training run, up to its end, a time limit or an interruption.

    Args:
        trainer: What is trained.
        folder: Where files go.
        wishes: When to stop and save.
        console: Where to write; ``None`` for nowhere.
    """

    def __init__(
        self, trainer: Trainer, folder: Path, wishes: Wishes, console: Console | None
    ) -> None:
        self.trainer, self.folder, self.wishes = trainer, folder, wishes
        self.console = console or Console(quiet=True)
        self.main = console is not None
        self.until = wishes.images or trainer.configuration.training.images
        self._saved = time.monotonic()
        self._asked = False

    def run(self, doubt: str = "") -> bool:
        """Train, write all files, and return whether nobody interrupted it.

        Args:
            doubt: A line to say first.
        """
        trainer = self.trainer
        resumed = trainer.resume()
        for line in (doubt, *trainer.states.damaged.values()):
            if line:
                self._say(line)
        if not resumed and self.main:
            self._write_losses("initial")
        self._greet(resumed)
        with self._interruptible(), self._bar() as self._progress:
            trainer.run(self.until, self._stop, self._tick)
        self._publish()
        return not self._asked

    def _greet(self, resumed: bool) -> None:
        began, name = self.trainer.progress.images, self.trainer.configuration.name
        if resumed and began >= self.until:
            self._say(f"{name}: already at image {began:,}, {self.until:,} are asked for")
            return
        self._say(
            f"{name}: {len(self.trainer.data):,} images, "
            f"{'from' if resumed else 'beginning at'} image {began:,} of {self.until:,}"
        )

    def _stop(self) -> bool:
        limit = self.wishes.seconds
        return self._asked or (limit is not None and self.trainer.progress.seconds >= limit)

    def _tick(self, trainer: Trainer) -> None:
        """Show the last line of the log; now and then save, and draw."""
        progress = trainer.progress
        self._show()
        every = trainer.configuration.training.snapshot_images
        line = trainer.configuration.training.log_images
        if self.main and every and progress.images // every > (progress.images - line) // every:
            self._write_network(self.folder / "snapshots" / f"{progress.images:012d}.safetensors")
        due = time.monotonic() - self._saved >= self.wishes.save_seconds
        if trainer.any_of(due):
            trainer.save()
            self._saved = time.monotonic()
            if self.main:
                self._draw()

    def _show(self) -> None:
        progress = self.trainer.progress
        rate = progress.images / max(progress.seconds, 1e-9)
        left = (self.until - progress.images) / max(rate, 1e-9)
        if self.wishes.seconds is not None:
            left = min(left, self.wishes.seconds - progress.seconds)
        line = (
            f"{progress.images:,} images, loss {self.trainer.last_loss:.4f}, "
            f"{rate:,.0f} images/s, {duration(max(left, 0))} left"
        )
        if self.console.is_terminal:
            self._progress.update(self._task, completed=progress.images, description=line)
        else:
            self._say(line)

    def _publish(self) -> None:
        """Write what a finished or interrupted run leaves to be looked at."""
        path = self.folder / f"{self.trainer.configuration.name}.safetensors"
        if self.main:
            self._write_network(path)
            self._write_losses("now")
            self._draw()
            progress = self.trainer.progress
            stopped = "interrupted" if self._asked else "done"
            self._say(
                f"{stopped} at image {progress.images:,} after {duration(progress.seconds)} of "
                f"training: {path}"
            )
            if self._asked:
                self._say("the same command goes on from there")
        self.trainer.accelerator.wait_for_everyone()

    def _write_network(self, path: Path) -> None:
        make_folder(path.parent)
        device = self.trainer.accelerator.device
        model = self.trainer.average
        provenance = collect(device, self.trainer.configuration.training.batch, model)
        kept = ("torch", "python", "commit", "device", "created")
        own.write(checkpoint(self.trainer, {name: provenance[name] for name in kept}), path)

    def _write_losses(self, when: str) -> None:
        """Write the loss over σ under ``when``: what Figure 5a shows."""
        path = self.folder / "loss-over-sigma.json"
        found = _read_json(path)
        found[when] = losses_over_sigma(self.trainer)
        write_whole(path, json.dumps(found, indent=1))

    def _draw(self) -> None:
        name = f"{self.trainer.progress.images:012d}.png"
        write_sheet(self.trainer.average, self.folder / "samples" / name)

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _bar(self) -> Progress:
        bar = Progress(
            BarColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self._task = bar.add_task("", total=self.until, completed=self.trainer.progress.images)
        return bar

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let a first Ctrl-C or SIGTERM end the current step, and save."""

        def ask(number: int, frame: object) -> None:
            self._asked = True
            for this, handler in before.items():
                signal.signal(this, handler)  # a second one ends the process as always

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _read_json(path: Path) -> dict[str, Any]:
    """Return a file's object; empty if there is none, or it is damaged: training is worth more."""
    if not path.is_file():  # a pipe would be waited at
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def losses_over_sigma(trainer: Trainer) -> dict[str, list[float]]:
    """Return σ, mean and standard deviation of the loss per dimension of the averaged network."""
    quantiles = trainer.parts.noise.quantile(torch.tensor([1e-3, 1 - 1e-3]))
    low, high = sorted(float(value) for value in quantiles)
    sigmas = np.geomspace(low, high, LOSS_LEVELS).tolist()
    images, labels = _some(trainer.data)
    mean, std = loss_over_sigma(
        trainer.average,
        images.to(trainer.accelerator.device),
        sigmas,
        seed=0,
        weighting=trainer.parts.weighting,
        labels=labels,
    )
    return {"sigma": sigmas, "mean": mean.tolist(), "std": std.tolist()}


def _some(data: Dataset) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return images from all over a data set, which may be sorted."""
    rows = torch.linspace(0, len(data) - 1, min(LOSS_IMAGES, len(data))).long()
    return to_unit(data.images[rows]), None if data.labels is None else data.labels[rows]
