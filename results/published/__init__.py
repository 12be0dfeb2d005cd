"""Published FID values, with one loader."""

from functools import cache
from importlib import resources

import pandas as pd

from sampler_bench.kit.toml import parse

TABLES = ("edm", "samplers")
COLUMNS = [
    "table",
    "source",
    "figure_or_table",
    "dataset",
    "conditioning",
    "model",
    "config",
    "sampler",
    "schedule",
    "nfe",
    "fid",
    "params",
    "notes",
]
_OUR_COLUMN = {"solver": "sampler"}
_ANOTHER_NETWORK = "reproduction report"  # an independent retraining, under the same name
_TRUE_FID_SAMPLES = 50_000


def load(name: str | None = None) -> pd.DataFrame:
    """The published values of one table, "edm" or "samplers", or of both.

    Columns: table, source, figure_or_table, dataset, conditioning, model, config, sampler,
    schedule, nfe and fid (floats, nan where not printed), params, notes; missing text is "".
    Raises ValueError on another name.
    """
    if name is not None and name not in TABLES:
        raise ValueError(f"no published table {name!r}; allowed: {', '.join(TABLES)}")
    parts = [_read(one) for one in TABLES if name in (None, one)]
    return pd.concat(parts, ignore_index=True)


def matching(records: pd.DataFrame) -> pd.DataFrame:
    """The published values that belong to the checkpoints in `records` (from `results.load`).

    Only models measured with the true FID (Inception features, at least 50,000 samples) have
    any, and neither guided ones nor those of one class. The columns are those of `load`, and
    `bench_model`: the model's name in `records`.
    """
    models = sorted(set(records.loc[comparable(records), "model"]))
    parts = [of_model(model).assign(bench_model=model) for model in models]
    return pd.concat(parts, ignore_index=True) if parts else _nothing()


def comparable(records: pd.DataFrame) -> pd.Series:
    """True for records (from `results.load`) of the true FID of a checkpoint with known values."""
    return (
        (records["metric"] == "fid")
        & (records["extractor"] == "inception")
        & (records["samples"] >= _TRUE_FID_SAMPLES)
        & records["model"].isin(list(_checkpoints()))
        & _as_published(records)
    )


def _as_published(records: pd.DataFrame) -> pd.Series:
    """Rows without guidance, and with labels drawn as they were for the published values."""
    as_published = pd.Series(True, index=records.index)
    if "guidance" in records:
        as_published &= records["guidance"].isna()
    if "class_label" in records:
        labels = records["class_label"]
        as_published &= labels.isna() | (labels == "uniform")
    return as_published


def of_model(model: str) -> pd.DataFrame:
    """The published (NFE, FID) values of one checkpoint, without repetitions."""
    everything = load()
    chosen = pd.Series(False, index=everything.index)
    for selector in _checkpoints()[model]:
        hit = everything["table"] == selector["table"]
        for column, value in selector["where"].items():
            hit &= everything[column] == value
        chosen |= hit
    chosen &= everything["figure_or_table"] != _ANOTHER_NETWORK
    rows = everything[chosen].dropna(subset=["nfe", "fid"])
    return rows.drop_duplicates(["sampler", "schedule", "nfe", "fid"]).sort_values(
        ["nfe", "fid"], ignore_index=True
    )


def _nothing() -> pd.DataFrame:
    return load().iloc[:0].assign(bench_model="")


@cache
def _read(name: str) -> pd.DataFrame:
    with resources.files(__name__).joinpath(f"{name}.csv").open(encoding="utf-8") as file:
        frame = pd.read_csv(file).rename(columns=_OUR_COLUMN)
    frame = frame.assign(table=name).reindex(columns=COLUMNS)
    text = [column for column in COLUMNS if column not in ("nfe", "fid")]
    return frame.assign(**{column: frame[column].astype(object).fillna("") for column in text})


@cache
def _checkpoints() -> dict[str, list[dict]]:
    text = resources.files(__name__).joinpath("checkpoints.toml").read_text(encoding="utf-8")
    return parse(text, "checkpoints.toml")
