"""How much worse than the best of its panel is what ``bench recommend`` recommends? Run by hand.

    python -m tests.soak.recommend_regret FOLDER MODEL… [--nfe 12] [--samples 1000]

For each model the recommendation is made as the command makes it; then all samplers of the panel
are measured on the seeds of its last comparison, and the best of them and the recommended one on
seeds that neither was chosen by. Printed: both, their difference in pairs with its standard error,
and the share of evaluations that was spent.
The goal: within two standard errors for at least four models of five. The same command goes on
after a kill.
"""

import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console

from sampler_bench.bench.commands import verdict
from sampler_bench.bench.run.search import declared, panel
from sampler_bench.bench.run.search.ladder import Rung
from sampler_bench.bench.run.search.prepared import prepare
from sampler_bench.bench.run.search.run import Searcher
from sampler_bench.bench.run.search.tables import Tables
from sampler_bench.models.loading import load
from sampler_bench.results import Record, Store
from sampler_bench.results.best import gap
from sampler_bench.results.estimate import Estimate

CPU = torch.device("cpu")
NEW = 1_000_000
"""The first of the seeds that nothing was chosen by."""


def main() -> int:
    """Print a line for each model; return 1 if more than one in five is off by two errors."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--nfe", type=int, default=12)
    parser.add_argument("--samples", type=int, default=1000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    near = [regret(given.folder, name, given.nfe, given.samples) <= 2 for name in given.models]
    print(f"{sum(near)} of {len(near)} within two paired standard errors")
    return int(5 * (len(near) - sum(near)) > len(near))


def regret(folder: Path, name: str, nfe: int, samples: int) -> float:
    """Recommend for one model, measure all, and return the regret in its standard errors."""
    text = panel.search_text(name, nfe, samples, panel.extractor_for(load(name)))
    [search], _ = prepare(declared.parsed(text, "regret"), CPU)
    store, quiet = Store(folder / panel.name(name, nfe)), Console(file=sys.stderr)
    searcher = Searcher(search, store, text, CPU, 256, quiet)
    outcome = searcher.run(0)
    chosen = verdict.best(outcome)
    everything = searcher._records([one.setting for one in search.space], search.ladder.final)
    records = [record for record in everything if record is not None]
    share = outcome.spent / round(sum(one.nfe * one.cell.samples for one in records))
    winner = min(records, key=lambda record: record.value)
    # Both were chosen on those seeds: they are judged on others.
    both = [_place(search, one.label) for one in (chosen, winner)]
    chosen, best = searcher._records(both, Rung(NEW, samples))[1:]
    off = gap(_estimate(chosen), _estimate(best))
    print(
        f"{name}: {chosen.label} {chosen.value:.4g}, best of {len(records)}: {best.label} "
        f"{best.value:.4g}; {off.value:.2g} ± {off.se:.2g}; {share:.0%} of the evaluations",
        flush=True,
    )
    return 0.0 if off.value <= 0 else off.value / off.se


def _place(search: Tables, label: str) -> int:
    return next(i for i, work in enumerate(search.works) if work.label == label)


def _estimate(record: Record) -> Estimate:
    return Estimate.of(record.value, record.loo, seeds="fresh")


if __name__ == "__main__":
    sys.exit(main())
