"""What ``bench merge`` prints."""

from pathlib import Path

from rich.console import Console

from sampler_bench.bench.run.folders import Merged
from sampler_bench.kit.text import cut, one_line


def show(merged: Merged, out: Path, console: Console, errors: Console) -> None:
    """Print what the folder holds now, and what was left out."""
    for text in merged.left_out:
        errors.print(cut(one_line(f"left out: {text}")), markup=False, soft_wrap=True)
    shards = f", {merged.shards} shards of unfinished jobs" if merged.shards else ""
    console.print(
        f"{merged.records} records{shards} in {out}; what is missing: bench status {out}",
        markup=False,
        soft_wrap=True,
    )
