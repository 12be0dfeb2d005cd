"""What a key stands for."""

from pathlib import Path

from sampler_bench.results import Record, Store, load


def cell_text(run: Path, key: str) -> list[str]:
    """Return the declared inputs behind a key, one per line, then where its number comes from.

    Raises:
        ValueError: If the run has no such record, or several.
    """
    record = _find(run, key)
    cell = record.cell.to_json()
    parts = {f"sampler.{name}": own for name, own in cell.pop("sampler").items()}
    nested = {"condition": cell.pop("condition", {}), **parts}
    lines = [f"{name} = {value}" for name, value in cell.items()]
    for part, settings in nested.items():
        lines += [f"{part}.{name} = {value}" for name, value in settings.items()]
    count = f", {len(record.code.names)} definitions" if record.code.names else ""
    kept = "; kept, although the code has changed since" if record.kept else ""
    told = {"model": record.model, "code": f"{record.code.digest}{count}{kept}"}
    origin = [f"{name}: {value}" for name, value in {**told, **record.provenance}.items()]
    measured = f"{record.metric_name} = {record.value:.8g} ± {record.se:.2g}, NFE {record.nfe:g}"
    return [f"{record.cell.key}: {record.label}", *lines, "", measured, "", *origin]


def differences(run: Path, key: str, other: str) -> list[str]:
    """Return the fields in which two keys differ."""
    one, two = _find(run, key), _find(run, other)
    return one.cell.explain(two.cell) or ["the same cell"]


def _find(run: Path, key: str) -> Record:
    load(run)  # says what is wrong with a folder that is no run
    found = [record for record in Store(run).records() if record.cell.key.startswith(key)]
    if len(found) != 1:
        known = ", ".join(record.cell.key for record in Store(run).records())
        count = f"{len(found)} records have keys" if found else "no record has a key"
        raise ValueError(f"{run}: {count} that begins with {key!r} (known: {known})")
    return found[0]
