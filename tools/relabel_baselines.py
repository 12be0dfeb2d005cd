"""Bring the labels of baselines to those of the grids that ship; records are not touched.

    python -m tools.relabel_baselines [results/baselines/quick …]  # all, unless some are named

What is shown of a record is called as its folder's plan calls it. A grid's tables and a baseline's
are taken in their order: where a table's label has changed, ``grid.toml`` and ``plan.json`` of the
baseline follow; samplers, keys and numbers stay. A second run changes nothing.
"""

import argparse
import re
from pathlib import Path

from sampler_bench.kit.files import write_whole
from sampler_bench.kit.toml import parse
from sampler_bench.results.schema import PlanFile, read_json
from tools import ROOT

TABLES = ("sampler", "profile", "measurement")
_LABEL = re.compile(r'^(label\s*=\s*)"((?:[^"\\]|\\.)*)"', re.MULTILINE)
_LISTS = {"label", "steps", "rtol", "atol", "reltol", "abstol", "alpha", "rho", "S_churn", "sigma"}
"""What a baseline may have otherwise than the grid: its labels, and the points of its curves."""


def main() -> None:
    """Relabel folders, and say of each how many points have another label."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    chosen = parser.parse_args().folders
    for folder in chosen or sorted((ROOT / "results" / "baselines").iterdir()):
        grid = ROOT / "bench" / "grids" / f"{folder.resolve().name}.toml"
        if grid.is_file() and (folder / "plan.json").is_file():
            print(f"{folder.name}: {relabel(folder, grid)} points have another label")


def relabel(folder: Path, grid: Path) -> int:
    """Give a folder's grid and plan the labels of a grid; return how many points changed.

    Raises:
        ValueError: If their tables are not the same, or one label would become two; nothing is
            written then.
    """
    old_text, new_text = (path.read_text("utf-8") for path in (folder / "grid.toml", grid))
    old, new = _tables(old_text, folder), _tables(new_text, grid)
    same = [_told(one) for one in old] == [_told(one) for one in new]
    if not same:
        raise ValueError(f"{folder}: its tables are not those of {grid}; measure it anew")
    names: dict[str, str] = {}
    for one, other in zip(old, new, strict=True):
        if names.setdefault(one["label"], other["label"]) != other["label"]:
            raise ValueError(f"{folder}: {one['label']!r} would have two names")
    plan = read_json(folder / "plan.json", PlanFile)
    lines = [line.model_copy(update={"label": renamed(line.label, names)}) for line in plan.lines]
    made = plan.model_copy(update={"lines": lines})
    assert _unlabelled(made) == _unlabelled(plan), "only labels may change"
    write_whole(folder / "grid.toml", _text(old_text, names).encode())
    write_whole(folder / "plan.json", made.text().encode())
    return sum(a.label != b.label for a, b in zip(plan.lines, lines, strict=True))


def renamed(label: str, names: dict[str, str]) -> str:
    """Return a point's label with its table's new name; what a grid appends to it stays.

    >>> renamed("Heun & more, rho = 7", {"Heun": "H", "Heun & more": "M"})
    'M, rho = 7'
    """
    for name in sorted(names, key=len, reverse=True):
        if label == name or label.startswith(f"{name}, "):
            return names[name] + label.removeprefix(name)
    return label


def _tables(text: str, where: Path) -> list[dict]:
    found = parse(text, str(where))
    tables = [one for kind in TABLES for one in found.get(kind, [])]
    return [one for one in tables if "label" in one]


def _told(table: dict) -> dict:
    return {name: value for name, value in table.items() if name not in _LISTS}


def _text(text: str, names: dict[str, str]) -> str:
    return _LABEL.sub(lambda hit: f'{hit[1]}"{names.get(hit[2], hit[2])}"', text)


def _unlabelled(plan: PlanFile) -> list[dict]:
    return [line.model_dump(exclude={"label"}) for line in plan.lines]


if __name__ == "__main__":
    main()
