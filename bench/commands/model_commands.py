"""``bench train | fetch | convert``: where models come from."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sampler_bench.bench.commands import completion
from sampler_bench.bench.commands.app import FAILED, INTERRUPTED, command, console, refused, tell


@command(
    panel="Models",
    examples=[
        "bench fetch edm-cifar10-32x32-cond-vp --references",
        "bench fetch score-sde-cifar10-32x32-uncond-ve --from checkpoint_24.pth",
    ],
)
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="A checkpoint or reference (bench list models), or an address.",
            autocompletion=completion.published,
        ),
    ],
    source: Annotated[
        Path | None, typer.Option("--from", help="Take this file or folder: no download.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Even if it is here; its digest is pinned anew.")
    ] = False,
    references: Annotated[
        bool, typer.Option("--references", help="Also the statistics a checkpoint is judged by.")
    ] = False,
) -> None:
    """Bring a published checkpoint or reference to this machine; goes on after an interruption."""
    from sampler_bench.bench.commands import fetching

    with refused():
        fetching.fetch(name, console, again, source, references)


@command(
    panel="Models",
    examples=[
        "bench convert network.pkl network.safetensors",
        "bench convert model.pt model.safetensors --set schedule=cosine --set steps=4000",
    ],
)
def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="A checkpoint: a published name, path or address.",
            autocompletion=completion.models,
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The .safetensors file to write.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="What the checkpoint does not say."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
) -> None:
    """Turn any checkpoint into one .safetensors file that says what it is."""
    from sampler_bench.bench.commands import convert as converting

    with refused():
        made = converting.convert(source, out, settings or [], force)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for what, value in made:
        table.add_row(what, value)
    console.print(table)


@command(
    panel="Train",
    examples=[
        "bench train fashion-edm-vp --out runs/mine",
        "bench train mine.toml --data images.zip",
        "torchrun --nproc-per-node 8 -m sampler_bench train f-vp",
    ],
)
def train(
    configuration: Annotated[
        str,
        typer.Argument(
            help="A shipped configuration's name, or a TOML file.",
            autocompletion=completion.configurations,
        ),
    ],
    data: Annotated[
        str | None, typer.Option(help="Where the data lie, instead of the configuration's source.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder; runs/train-NAME unless given.")] = None,
    device: Annotated[str, typer.Option(help="auto or cpu.")] = "auto",
    images: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many images, instead of the file's.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Stop after so many seconds of training in all.")
    ] = None,
    save_seconds: Annotated[
        float, typer.Option(min=0, help="Time between saved states and sample sheets.")
    ] = 300.0,
    compile_: Annotated[bool, typer.Option("--compile", help="Compile the network.")] = False,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Lay images out with channels last.")
    ] = False,
) -> None:
    """Train a network, or go on; in several processes by torchrun."""
    from sampler_bench.bench.commands import training
    from sampler_bench.models.network import Execution
    from sampler_bench.models.training.trainer import DivergedError

    with refused():
        if device not in {"auto", "cpu"}:
            raise ValueError(f"device = {device!r}: auto or cpu; see CUDA_VISIBLE_DEVICES")
        wishes = training.Wishes(
            data=data,
            images=images,
            seconds=seconds,
            save_seconds=save_seconds,
            cpu=device == "cpu",
            execution=Execution(compile=compile_, channels_last=channels_last),
        )
        try:
            finished = training.train(configuration, out, wishes, console)
        except DivergedError as error:
            tell(str(error))
            raise typer.Exit(FAILED) from None
    if not finished:
        raise typer.Exit(INTERRUPTED)
