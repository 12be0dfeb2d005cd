"""The networks that ship: trained by this project's own code on Fashion-MNIST."""

import json
from pathlib import Path

from sampler_bench.models.checkpoints import own

FOLDER = Path(__file__).with_name("networks")
TRAINED = {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}
REFERENCES = {28: "fashion-mnist-28x28", 16: "fashion-mnist-16x16"}
"""The statistics they are judged by, by the images' side."""


def description(name: str) -> str:
    """Return one line on a network: what it is, and how long it was trained."""
    found = own.read(TRAINED[name])
    configuration = json.loads(found.notes["configuration"])
    side = found.arguments["img_resolution"]
    kind = "NCSN++" if found.arguments.get("encoder_type") == "residual" else "DDPM++"
    if found.network == "DhariwalUNet":
        kind = "ADM"
    classes = ", class-conditional" if found.arguments["label_dim"] else ""
    told = ", augmentation" if (configuration["augmentation"] or {}).get("probability") else ""
    return (
        f"{kind}{classes}; {found.preconditioning} preconditioning, "
        f"{configuration['noise']['name']} noise, {configuration['loss']['name']} loss{told}; "
        f"Fashion-MNIST {side}×{side}, {int(found.notes['images']):,} training images"
    )
