"""Puts trained networks into the zoo, and writes its README: no number in it is typed.

    python -m tools.zoo_ship FOLDER…

FOLDER is what ``bench train`` filled; without one README.md alone is written anew.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from sampler_bench.kit.files import write_whole
from sampler_bench.models.checkpoints import own
from sampler_bench.models.zoo.trained import TRAINED, description
from tools import ROOT
from tools.zoo_quality import CHURNED

FOLDER = ROOT / "models" / "zoo" / "networks"
QUALITY = FOLDER / "quality.json"
HEAD = """# Networks that ship

Trained by `bench train NAME` on Fashion-MNIST (Zalando SE, MIT licence) with the configurations in
[`models/training/configs`](../../training/configs), on one GPU or two CPU cores
(each log's end says how fast). Each `.safetensors`
holds the averaged weights, the configuration, the digest of the data, images seen and seconds of
training; `NAME.jsonl` is the log, `NAME.loss.json` the loss over σ at initialisation and at the
end, `NAME.png` samples of seeds 0 … 49 (Heun, NFE 35; a conditional network's columns are classes).
This file is written by `python -m tools.zoo_ship`.

"""


def main() -> None:
    """Copy what the folders given hold, and write README.md from all that is there."""
    for folder in sys.argv[1:]:
        copy(Path(folder))
    write_readme()


def copy(run: Path) -> None:
    """Take network, log, loss over σ and the last sheet of samples out of a training's folder."""
    (network,) = run.glob("*.safetensors")
    write_whole(FOLDER / network.name, network.read_bytes())
    write_whole(FOLDER / f"{network.stem}.jsonl", (run / "log.jsonl").read_bytes())
    write_whole(FOLDER / f"{network.stem}.loss.json", (run / "loss-over-sigma.json").read_bytes())
    sheet = max((run / "samples").glob("*.png"))
    write_whole(FOLDER / f"{network.stem}.png", sheet.read_bytes())


def write_readme() -> None:
    """Write README.md."""
    quality = json.loads(QUALITY.read_text())
    names = [name for name in TRAINED if name in quality]
    small = [name for name in TRAINED if name not in quality]
    parts = [
        HEAD,
        pd.DataFrame([_row(name) for name in names]).to_markdown(index=False),
        f"\n\n## How good they are\n\n{_judged(quality, names)}",
        "\n\n## Table 2 in miniature\n\nOne budget of images for all: see "
        "`bench run table2-fashion --report`.\n\n",
        pd.DataFrame([_row(name) for name in small]).to_markdown(index=False),
        "\n",
    ]
    write_whole(FOLDER / "README.md", "".join(parts))


def _row(name: str) -> dict[str, Any]:
    found = own.read(TRAINED[name])
    weights = sum(tensor.numel() for tensor in found.tensors.values())
    return {
        "name": name,
        "what": description(name),
        "weights": f"{weights:,}",
        "seconds": f"{int(found.notes['seconds']):,}",
        "data": found.notes["data_digest"][:12],
    }


def _judged(quality: dict[str, Any], names: list[str]) -> str:
    real, gaussian = quality["real"], quality["gaussian"]["distance"]
    text = (
        f"Fréchet distance of `fashion` features to the 60,000 training images, "
        f"{real['samples']:,} samples, Heun's method, `python -m tools.zoo_quality "
        "TRAIN.gz TEST.gz --only NAME --steps N --schedule σ(t) …` (NFE 2N − 1). For comparison: "
        f"{real['training_images']:.4f} for as many training images, "
        f"{real['test_images']:.4f} for the 10,000 test images, "
        f"{real['between_disjoint_halves']:.4f} between two disjoint halves of the training images "
        f"(30,000 each), {gaussian:.2f} for samples of a Gaussian with the pixels' mean and full "
        "covariance. Classes are those seen by the extractor's own classifier, whose accuracy "
        "`bench/features/weights/README.md` states.\n\n"
    )
    rows = [
        {
            "name": name,
            "distance": f"{found['distance']:.3f} ± {found['se']:.3f}",
            "of the Gaussian's": f"{found['distance'] / gaussian:.1%}",
            "NFE": found["nfe"],
            "σ(t)": found["schedule"],
            "σ_max": f"{found.get('sigma_max', 80):g}",
            "S_churn": f"{found.get('S_churn', 0):g}",
            "rarest class": f"{min(found['classes']):.1%}",
            "commonest class": f"{max(found['classes']):.1%}",
        }
        for name, found in quality.items()
        if name.removesuffix(CHURNED) in names
    ]
    return text + pd.DataFrame(rows).to_markdown(index=False)


if __name__ == "__main__":
    main()
