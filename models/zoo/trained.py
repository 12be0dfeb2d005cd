"""The networks that ship: trained by this project's own code on Fashion-MNIST."""

import json
from pathlib import Path

from safetensors import safe_open

FOLDER = Path(__file__).with_name("networks")
TRAINED = {path.stem: path for path in sorted(FOLDER.glob("*.safetensors"))}
REFERENCES = {28: "fashion-mnist-28x28", 16: "fashion-mnist-16x16"}
"""The statistics they are judged by, by the images' side."""


def description(name: str) -> str:
    """Return one line on a network: what it is, and how long it was trained."""
    with safe_open(TRAINED[name], framework="np") as file:
        (metadata,) = file.metadata().values()  # models.checkpoints.own: one key
    found = json.loads(metadata)
    arguments, notes = found["arguments"], found["notes"]
    configuration = json.loads(notes["configuration"])
    side = arguments["img_resolution"]
    kind = "NCSN++" if arguments.get("encoder_type") == "residual" else "DDPM++"
    if found["network"] == "DhariwalUNet":
        kind = "ADM"
    classes = ", class-conditional" if arguments["label_dim"] else ""
    told = ", augmentation" if (configuration["augmentation"] or {}).get("probability") else ""
    return (
        f"{kind}{classes}; {found['preconditioning']} preconditioning, "
        f"{configuration['noise']['name']} noise, {configuration['loss']['name']} loss{told}; "
        f"Fashion-MNIST {side}×{side}, {int(notes['images']):,} training images"
    )
