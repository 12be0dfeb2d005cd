"""What ``bench run --plan`` prints."""

import copy
import time

import torch
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from sampler_bench.bench.measure.samples import quantize
from sampler_bench.bench.measure.work import Work
from sampler_bench.bench.plan.planning import Plan
from sampler_bench.bench.run.duration import duration, roughly
from sampler_bench.kit import own_files
from sampler_bench.kit.text import one_line
from sampler_bench.models.labels import Labelled
from sampler_bench.models.model import Model
from sampler_bench.models.network import NetworkDenoiser

FEATURES, ENOUGH = 256, 0.2
"""Most images of the batch whose features are timed, and the seconds that make it large enough."""
GPU_FLOPS = 10e12
"""Assumed, not measured: float32 convolutions without TF32 on a data-centre GPU."""


def show(plan: Plan, device: torch.device, batch: int, console: Console) -> None:
    """Print cells, skipped combinations with reasons, total NFE and an estimate of the time."""
    asked = ["steps", "asked"] if any(work.asked for work in plan.work) else []
    table = Table("sampler", "model", "metric", "seeds", *asked, "NFE", "key", box=None)
    for column in table.columns:
        column.overflow = "fold"
    table.columns[-1].no_wrap = True  # a key is of use only whole
    for work in plan.work:
        nfe = "?" if work.nfe is None else f"{work.nfe}"
        for cell in work.cells:
            table.add_row(
                one_line(work.label),
                one_line(work.name),
                cell.metric,
                f"{cell.seed_start}..{cell.seed_start + cell.samples - 1}",
                *([_steps(work), ", ".join(map(str, work.asked)) or "-"] if asked else []),
                nfe,
                cell.key if not plan.missing else "-",
            )
    console.print(table)
    _show_missing(plan, console)
    for remark in plan.remarks:
        console.print(f"note: {remark}", markup=False, soft_wrap=True)
    for item in plan.skipped:
        told = f"skipped: {item.entry} ({item.combination}): {item.reason}"
        console.print(told, markup=False, soft_wrap=True)
    _show_undeclared(plan, console)
    cost = _cost(plan, device, batch)
    beside = _beside(plan)
    least = "at least " if plan.undeclared else ""
    console.print(
        f"{plan.cells} cells, {len(plan.skipped)} combinations skipped, {least}"
        f"{plan.evaluations:,} denoiser evaluations{cost and f': {cost}'}; {beside} "
        "(nothing was run)",
        soft_wrap=True,
    )


def _steps(work: Work) -> str:
    steps = work.settings.get("sampler", {}).get("steps")
    return "-" if steps is None else f"{steps}"


def _show_missing(plan: Plan, console: Console) -> None:
    for name, what_to_do in plan.missing.items():
        console.print(f"not on this machine: {name}; {what_to_do}", markup=False)


def _show_undeclared(plan: Plan, console: Console) -> None:
    """Say whose evaluations are in no total: nothing is sampled to find out."""
    for label in dict.fromkeys(work.label for work in plan.undeclared):
        console.print(
            f"note: {label}: its number of evaluations is not known beforehand, and is in no total",
            markup=False,
            soft_wrap=True,
        )


def _cost(plan: Plan, device: torch.device, batch: int) -> str:
    """Say how long the evaluations will take: measured here, and of networks in GPU-hours."""
    parts = []
    known = [work for work in plan.work if work.nfe]
    least = "at least " if plan.undeclared else "about "
    here = [work for work in known if not _is_description(work.model)]
    if here:
        parts.append(_time(here, device, batch, least))
    found = {work.name: work.model.card.network for work in known}
    networks = {name: network for name, network in found.items() if network}
    if networks:
        each = {name: flops(model) for name, model in networks.items()}
        total = sum(each.get(w.name, 0) * (w.evaluations or 0) for w in known)
        parts.append(
            f"{total:.2g} floating-point operations in networks, {total / GPU_FLOPS / 3600:,.1f} "
            f"GPU-hours at an assumed {GPU_FLOPS / 1e12:g} TFLOP/s sustained"
        )
    return "; ".join(parts)


def _time(here: list[Work], device: torch.device, batch: int, least: str) -> str:
    try:
        timed = {work.name: _seconds_per_evaluation(work, batch) for work in _one_each(here)}
    except Exception as error:  # a model of a user's own: the run will say where, and go on
        return f"no time is known, for a batch fails: {own_files.told(error)}"
    seconds = sum(timed[work.name] * (work.evaluations or 0) for work in here)
    return f"{least}{duration(seconds)} on {device}, from timing one batch"


def _beside(plan: Plan) -> str:
    """Say what comes on top of the evaluations: features in seconds, where a batch can be timed."""
    rest = "distances and reference trajectories come on top"
    sources = {work.key: work.measurement.against for work in plan.work if not plan.missing}
    extractors = {key: one.extractor for key, one in sources.items() if one and one.extractor}
    works = [work for work in plan.work if work.key in extractors]
    if not works:
        return f"features, {rest}"
    try:
        each = {work.name: _seconds_of_features(work) for work in _one_each(works)}
    except Exception:  # an extractor of a user's own: the run will say where, and go on
        return f"features, {rest}"
    seconds = sum(each[work.name] * work.cell.samples for work in works)
    return f"features about {roughly(seconds)} more, and {rest}"


def _seconds_of_features(work: Work) -> float:
    """Return the time of the features of one sample, from growing batches of zeros."""
    source = work.measurement.against
    assert source is not None
    assert source.extractor is not None
    extractor = source.extractor

    def seconds(size: int) -> float:
        x = torch.zeros(size, *work.model.shape, dtype=torch.float64)
        seen = quantize(x) if work.cell.quantizer == "uint8" else x
        started = time.perf_counter()
        extractor(seen)
        return time.perf_counter() - started

    seconds(1)  # what is paid once
    size = 4
    while (took := min(seconds(size) for _ in range(2))) < ENOUGH and size < FEATURES:
        size *= 4
    return took / size


def flops(model: NetworkDenoiser) -> int:
    """Return the floating-point operations of one evaluation of one image, counted on a copy."""
    checkpoint = copy.deepcopy(model.model).to("meta")
    x = torch.empty(1, *model.shape, device="meta")
    labels = torch.zeros(1, model.label_dim, device="meta") if model.label_dim else None
    with FlopCounterMode(display=False) as counter:
        checkpoint(x, torch.empty(1, device="meta"), labels)
    return counter.get_total_flops()


def _is_description(model: Model) -> bool:
    return model.card.device.type == "meta"


def _one_each(works: list[Work]) -> list[Work]:
    return list({work.name: work for work in works}.values())


def _seconds_per_evaluation(work: Work, batch: int) -> float:
    """Return the time of one denoiser evaluation per sample, from one batch (a small one of a
    network: minutes would pass otherwise where there is no GPU).
    """
    device = work.model.card.device
    small = work.model.card.network and device.type == "cpu"
    size = min(4 if small else batch, work.cell.samples)
    x = torch.zeros(size, *work.model.shape, dtype=torch.float64, device=device)
    sigma = torch.tensor(1.0, dtype=torch.float64)
    model = work.model
    if model.card.classes:  # not every network has a meaning for no class
        model = Labelled(model, torch.zeros(size, dtype=torch.int64, device=device))
    with torch.inference_mode():
        return min(_seconds(model, x, sigma) for _ in range(2 if small else 3)) / size


def _seconds(model: Model, x: torch.Tensor, sigma: torch.Tensor) -> float:
    started = time.perf_counter()
    model(x, sigma).sum().item()
    return time.perf_counter() - started
