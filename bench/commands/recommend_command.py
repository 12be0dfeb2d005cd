"""``bench recommend``: which sampler for so many evaluations on a model, measured."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sampler_bench.bench.commands import completion
from sampler_bench.bench.commands.app import FAILED, command, console, errors, loading, refused
from sampler_bench.kit.paths import exists, expanded

if TYPE_CHECKING:  # PyTorch takes seconds to import: not for --help
    from collections.abc import Sequence

    from sampler_bench.bench.measure.work import Work
    from sampler_bench.bench.run.search.run import Outcome
    from sampler_bench.bench.run.search.tables import Tables


@command(
    panel="Measure",
    examples=[
        "bench recommend fashion-edm-vp --nfe 12",
        "bench recommend network.pkl --nfe 18 --reference images/ --device cuda",
    ],
)
def recommend(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A model's name, file or folder.",
            autocompletion=completion.models,
        ),
    ],
    nfe: Annotated[int, typer.Option(min=1, help="Evaluations per sample that it may cost.")],
    reference: Annotated[
        str | None,
        typer.Option(help="Images (folder, zip) or statistics (.npz), if the model's are unknown."),
    ] = None,
    extractor: Annotated[
        str | None,
        typer.Option(
            help="fashion, pixels, inception; by the model unless given.",
            autocompletion=completion.extractors,
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=200, help="Samples of the last comparison, on fresh seeds.")
    ] = 1000,
    out: Annotated[Path | None, typer.Option(help="Folder; runs/recommend-… unless given.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, …")] = "auto",
    batch: Annotated[
        int, typer.Option(min=1, help="Most samples per call; changes no result.")
    ] = 256,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run, and stop.")] = False,
) -> None:
    """Recommend a sampler for a model at a cost, from a panel that is measured on it."""
    loading(console)
    from sampler_bench.bench.commands.search_preview import show
    from sampler_bench.bench.measure.plugins import load_plugins
    from sampler_bench.bench.run.devices import choose
    from sampler_bench.bench.run.search import declared, panel
    from sampler_bench.bench.run.search.prepared import prepare
    from sampler_bench.bench.run.search.run import Searcher
    from sampler_bench.bench.run.search.tables import Tables
    from sampler_bench.models.loading import load
    from sampler_bench.results import Store

    with refused():
        load_plugins()
        chosen = choose(device)
        features = extractor or panel.extractor_for(load(model))
        folder = out or Path("runs") / panel.name(model, nfe)
        text = panel.search_text(model, nfe, samples, features, _against(reference))
        wanted = declared.parsed(text, "recommend")
        [prepared], missing = prepare(wanted, chosen, dry=plan)
        assert isinstance(prepared, Tables)
        if plan:
            show([prepared], missing, wanted.budget, console)
            return
        outcome = Searcher(prepared, Store(folder), text, chosen, batch, console).run(wanted.draw)
    _print(outcome, prepared, model, folder)
    if outcome.failed:
        told = f"bench: {len(outcome.failed)} jobs failed; tracebacks in {folder / 'failures'}"
        errors.print(told, markup=False, soft_wrap=True)
        raise typer.Exit(FAILED)


def _against(reference: str | None) -> str:
    """Return what the grid calls the reference: a path by its real place, anything else a name."""
    if reference is None:
        return "model"
    path = expanded(reference)
    return str(path.resolve()) if exists(path) else reference


def _print(outcome: "Outcome", search: "Tables", model: str, folder: Path) -> None:
    from sampler_bench.bench.commands import snippet, verdict

    console.print()
    for line in verdict.told(outcome):
        console.print(line, markup=False, soft_wrap=True)
    told = f"{outcome.settings + 1} samplers compared, {outcome.spent:,} evaluations spent"
    console.print(f"{told}; records in {folder}\n", markup=False, soft_wrap=True)
    best = verdict.best(outcome)
    works = {work.label: work for work in search.works}
    work = works[best.label]
    keys, classes = snippet.keys(work), work.model.card.classes
    console.print("In a grid:\n", markup=False)
    console.print(snippet.grid(keys), markup=False, soft_wrap=True)
    console.print("In Python:\n", markup=False)
    console.print(snippet.python(keys, model, classes), markup=False, soft_wrap=True)
    _print_diffusers([works[record.label] for record in verdict.ranked(outcome)])


def _print_diffusers(ranked: "Sequence[Work]") -> None:
    """Print the loop of the first that diffusers has a scheduler of."""
    from sampler_bench.bench.commands import snippet

    programs = {work.label: snippet.diffusers(snippet.keys(work), work) for work in ranked}
    label, program = next(((a, b) for a, b in programs.items() if b), ("", None))
    if program is None:
        console.print("Diffusers has no scheduler that makes the samples of any of these.")
        return
    which = "" if label == ranked[0].label else f" which has no scheduler of it, “{label}”"
    told = f"In diffusers,{which} with EDM's F(c_in·x; c_noise) as network:\n"
    console.print(told, markup=False, soft_wrap=True)
    console.print(program, markup=False, soft_wrap=True)
