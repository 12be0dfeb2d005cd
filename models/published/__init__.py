"""Published checkpoints and reference statistics, by name: what they are, and where they lie.

Nothing is downloaded or loaded here: :mod:`models.fetch` brings the files.
"""

from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, PositiveInt

from sampler_bench.kit.toml import parse

Text = Annotated[str, Field(min_length=1, pattern=r"^\S[^\n]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=100)]
# Names become paths in the cache: no separators, and nothing hidden.
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]


def _is_address(text: str) -> str:
    HttpUrl(text)
    return text


Address = Annotated[str, AfterValidator(_is_address)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedFile(_Row):
    """One file of a release.

    Attributes:
        name: What it is called in the cache.
        url: Where it is downloaded from; ``None`` if there is no direct link.
        page: Where a person finds it, if there is none.
        bytes, sha256: Its size and digest, where published.
    """

    name: FileName
    url: Address | None = None
    page: Address | None = None
    bytes: PositiveInt | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class _Release(_Row):
    name: Name
    dataset: Text
    shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    licence: Text
    source: Address
    files: Annotated[tuple[PublishedFile, ...], Field(min_length=1)]
    notes: str = ""


class PublishedReference(_Release):
    """Statistics of a data set's features.

    Attributes:
        name, dataset: What it is called here, and the data set.
        shape: Channels, height and width of its images.
        extractor, features: What looked at them, and how many numbers it gave.
        licence, source: Of the file, and whose it is.
        files: The file.
        notes: What else is known.
    """

    extractor: Text
    features: PositiveInt


class Published(_Release):
    """One published checkpoint.

    Attributes:
        name, family: What it is called here, and what kind it is.
        dataset, shape: What it was trained on; channels, height and width of its images.
        classes: Number of classes; 0 if unconditional.
        licence, source: Of the weights, and the page of the code they belong to.
        files: What is downloaded: one file, or the content of a diffusers directory.
        format: The kind of file, as :attr:`models.checkpoints.checkpoint.Checkpoint.format`.
        architecture: What it is called in EDM's Table 8.
        network, arguments: What :func:`models.networks.build` takes.
        preconditioning, constants: What :func:`models.preconditioning.precondition` takes.
        parameters: Number of trained weights.
        options: What its file does not say, by its reader's names.
        reference: The statistics to judge it by, a name of ``REFERENCES``.
        notes: What else is known.
    """

    family: Text
    classes: Annotated[int, Field(ge=0)]
    format: Literal["EDM pickle", "score_sde", "guided-diffusion", "diffusers"]
    architecture: Text
    network: Text
    arguments: dict[str, Any]
    preconditioning: Text
    constants: dict[str, Any]
    parameters: PositiveInt
    options: dict[str, Any] = Field(default_factory=dict)
    reference: Name


def parsed(text: str) -> tuple[dict[str, Published], dict[str, PublishedReference]]:
    """Return the checkpoints and references declared in a TOML text, by name.

    Raises:
        ValueError: If a row is not valid, a name is taken twice, or a reference does not fit.
    """
    declared = parse(text, "published")
    models: dict[str, Published] = {}
    references: dict[str, PublishedReference] = {}
    for row in declared["reference"]:
        _add(references, PublishedReference.model_validate(row), references)
    for row in declared["checkpoint"]:
        architecture = declared["architectures"][row["architecture"]]
        arguments = architecture["arguments"] | row["arguments"]
        row = row | {"network": architecture["network"], "arguments": arguments}
        _add(models, Published.model_validate(row), models | references)
    for model in models.values():
        if model.reference not in references or references[model.reference].shape != model.shape:
            raise ValueError(
                f"{model.name}: no reference {model.reference!r} of shape {model.shape}"
            )
    return models, references


def _add(table: dict[str, Any], row: _Release, taken: dict[str, Any]) -> None:
    if row.name in taken:
        raise ValueError(f"{row.name}: the name is taken twice")
    table[row.name] = row


PUBLISHED, REFERENCES = parsed((files(__name__) / "published.toml").read_text("utf-8"))
