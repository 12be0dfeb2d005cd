"""What ``bench run --plan`` prints."""

import time

import torch
from rich.console import Console
from rich.table import Table

from bench.plan import Plan, Work
from bench.progress import duration


def show(plan: Plan, device: torch.device, batch: int, console: Console) -> None:
    """Print cells, skipped combinations with reasons, total NFE and an estimate of the time."""
    table = Table("sampler", "model", "metric", "samples", "seeds from", "NFE", "key", box=None)
    for work in plan.work:
        about = "" if work.sampler.steps else "≈ "
        for cell in work.cells:
            table.add_row(
                work.label,
                cell.model,
                cell.metric,
                f"{cell.samples:,}",
                f"{cell.seed_start:,}",
                f"{about}{work.nfe:g}",
                cell.key,
            )
    console.print(table)
    for item in plan.skipped:
        console.print(f"skipped: {item.entry} ({item.combination}): {item.reason}", markup=False)
    timed = {work.cell.model: _seconds_per_evaluation(work, batch) for work in _one_each(plan)}
    seconds = sum(timed[w.cell.model] * w.nfe * w.cell.samples for w in plan.work)
    console.print(
        f"{plan.cells} cells, {len(plan.skipped)} combinations skipped, {plan.evaluations:,.0f} "
        f"denoiser evaluations; about {duration(seconds)} of them on {device}, from timing one "
        "batch (features, distances and reference trajectories come on top; nothing was run)",
        soft_wrap=True,
    )


def _one_each(plan: Plan) -> list[Work]:
    return list({work.cell.model: work for work in plan.work}.values())


def _seconds_per_evaluation(work: Work, batch: int) -> float:
    """Return the time of one denoiser evaluation per sample, from one batch."""
    size = min(batch, work.cell.samples)
    device = getattr(work.model, "device", torch.device("cpu"))
    x = torch.zeros(size, *work.model.shape, dtype=torch.float64, device=device)
    sigma = torch.tensor(1.0, dtype=torch.float64)
    with torch.inference_mode():
        return min(_seconds(work, x, sigma) for _ in range(3)) / size


def _seconds(work: Work, x: torch.Tensor, sigma: torch.Tensor) -> float:
    started = time.perf_counter()
    work.model(x, sigma).sum().item()
    return time.perf_counter() - started
