"""Records of format 1, made into those of format 2: nothing is measured again.

A record of format 1 told its sampler flat, with every number, whether it was neutral or not, and
with versions of its parts. `PLACES` below says where each of them belongs now; what is at its
neutral value is in no key any more, and versions have given way to the code. Values, left-out
values, counts and provenance are what they were; the code is said to be unknown.
"""

import contextlib
import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sampler_bench.kit import files
from sampler_bench.kit.canonical import faithful, hash_of, restored
from sampler_bench.kit.toml import parse
from sampler_bench.results.cell import Cell
from sampler_bench.results.damaged import set_aside
from sampler_bench.results.record import Record
from sampler_bench.results.schema import (
    Code,
    FailureFile,
    Line,
    PlanFile,
    Rung,
    fitting,
    read_json,
)

CODE = Code(digest="unknown (format 1)")
_KEY = re.compile(r"[0-9a-f]{16}\Z")
_BEGINS = b'{\n "format": 1,'

RULES: Mapping[str, Mapping[str, Any]] = {
    **{name: {} for name in ("euler", "heun", "rk3", "rk4")},
    "rk2": {"alpha": 1.0},
    "rk45": {"rtol": 1e-4, "atol": None, "group": 50},
}
"""Rules that told all their numbers, with the neutral ones."""
NAMED = ("pndm", "deis", "deis-released", "dpm-adaptive")
"""Rules that told what differed from their defaults, and see σ(t) and s(t)."""
BLIND = (
    *("dpm-2", "dpm-solver-1", "dpm-solver-2", "dpm-solver-3", "dpmpp-2s", "dpmpp-3s"),
    *("dpmpp-2m", "dpmpp-3m", "dpmpp-3m-released", "res-2m", "dpm-fast", "lms", "ipndm"),
    *("ipndm-v", "ipndm-v-released", "gradient", "unipc-1", "unipc-2", "unipc-3"),
)
"""Those that do not."""
_SONG = {"process": "sde", "snr": 0.16, "norms": "group", "group": 50}
_ADAPTIVE = {"abstol": 0.0078, "reltol": 0.01, "safety": 0.9, "exponent": 0.9}
_DDIM = {"clip": "on", "spacing": "even", "M": 1000, "C_1": 0.001, "C_2": 0.008}
_VP, _VE = {"epsilon": 1e-3, "beta_min": 0.1, "beta_max": 20.0}, {"epsilon": 1e-5}
_ENDS_VE = {"sigma_min": 0.02, "sigma_max": 100.0}
WHOLE: Mapping[str, Mapping[str, Any]] = {
    "song-vp": {"predictor": "euler-maruyama", "corrector": "none", **_SONG, **_VP},
    "song-ve": {"predictor": "reverse-diffusion", "corrector": "langevin", **_SONG, **_VE}
    | _ENDS_VE,
    "adaptive-vp": {**_ADAPTIVE, "h_init": 0.01, **_VP},
    "adaptive-ve": {**_ADAPTIVE, "h_init": 0.5, **_VE, **_ENDS_VE},
    "ddim": {"eta": 0.0, **_DDIM},
    "ddpm": {"variance": "learned", **_DDIM},
    "churned": {"sigma": 0.2, "gamma": math.sqrt(2) - 1, "S_noise": 1.0, "denoised": "yes"},
}
"""The authors' samplers, with their neutral numbers. Ends that are not there are results."""
GRIDS: Mapping[str, tuple[str, ...]] = {
    **{"edm": ("rho",), "karras": ("rho",), "polyexponential": ("power",), "vp": ("epsilon_s",)},
    **{"iddpm": ("M", "C_1", "C_2", "j_0"), "ve": (), "log-snr": (), "exponential": ()},
    "uniform-t": (),
}
SCHEDULES: Mapping[str, tuple[str, ...]] = {
    **{"linear": (), "ve": (), "geometric": (), "flow": (), "vp": ("epsilon_s",)}
}
CHURN: Mapping[str, Any] = {"S_churn": 0.0, "S_min": 0.0, "S_max": math.inf, "S_noise": 1.0}
OPTIONS: Mapping[str, Any] = {
    **{"first_step": "evaluated", "threshold": None, "threshold_limit": 1.0},
    **{"initial": "marginal", "state": "float64"},
}
MEASUREMENTS: Mapping[str, Mapping[str, Any]] = {
    "curvature": {"sigma_data": 0.5},
    "local-error": {"substeps": 200, "truth": "euler"},
    "denoising-loss": {"weights": "trained", "sigma_data": 0.5, "P_mean": -1.2, "P_std": 1.2}
    | {"weights_seed": None},
}
_VERSIONS = ("_version", "_file")
_ENDS = ("sigma_min", "sigma_max")


class _NotConverted(ValueError):  # noqa: N818 - a state of a record, named as users read it
    pass


def parts(told: Mapping[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    """The parts of format 2 that a flat sampler of format 1 stands for.

    Raises ValueError for a sampler whose neutral numbers are not known here: one of a user's own,
    or one with a path other than churn (they were there for a day).
    """
    left = {name: value for name, value in told.items() if not name.endswith(_VERSIONS)}
    found: dict[str, dict[str, Any]] = {}
    if metric in MEASUREMENTS:
        levels = [float(level) for level in str(left.pop("levels")).split()]
        own = _taken(left, MEASUREMENTS[metric])
        found["measurement"] = {"levels": levels, **own}
    solver = left.pop("solver", None)
    if solver in WHOLE:
        steps = {} if left["steps"] is None else {"steps": left["steps"]}
        found["whole"] = {"name": solver, **_taken(left, WHOLE[solver]), **steps}
        return found
    flow = _flow(left)
    if solver is not None:
        sees = _sees(solver, left, metric)
        found["grid"] = _grid(left)
        found["path"] = _churn(left)
        found["options"] = _taken(left, OPTIONS)
        rest = _taken(left, RULES[solver]) if solver in RULES else left
        found["rule"] = {"name": solver, **rest}
        if not sees:
            flow = {}
    elif metric == "curvature":
        found["grid"] = {name: left[name] for name in ("sigma_min", "sigma_max")}
    return {name: own for name, own in (found | flow).items() if own}


def _sees(solver: str, left: Mapping[str, Any], metric: str) -> bool:
    """Whether anything sees σ(t) and s(t). Raises ValueError for a solver that is not known."""
    if solver not in (*RULES, *NAMED, *BLIND) or "path" in left:
        raise _NotConverted(f"solver {solver!r}, path {left.get('path', '')!r}")
    seen = left.get("discretization") == "uniform-t" or left.get("initial") == "latents"
    return solver not in BLIND or seen or left.get("state") == "float32" or metric in MEASUREMENTS


def _flow(left: dict[str, Any]) -> dict[str, dict[str, Any]]:
    if "schedule" not in left:
        return {}
    schedule, scaling = left.pop("schedule"), left.pop("scaling")
    own = {name: left[name] for name in SCHEDULES[schedule]}
    plain = {} if scaling == "none" else {"scaling": {"name": scaling}}
    return {"schedule": {"name": schedule, **own}, **plain}


def _grid(left: dict[str, Any]) -> dict[str, Any]:
    end = {} if left["end"] == "zero" else {"end": left["end"]}
    names = ("end", "steps", "sigma_min", "sigma_max", "discretization", "epsilon_s")
    told = {name: left.pop(name) for name in names if name in left}
    if "levels" in left:
        return {"levels": json.loads(left.pop("levels")), **end}
    own = {name: left.pop(name) if name in left else told[name] for name in _of_grid(told)}
    steps = {} if told["steps"] is None else {"steps": told["steps"]}
    ends = {name: told[name] for name in ("sigma_min", "sigma_max")}
    return {"name": told["discretization"], **own, **ends, **steps, **end}


def _of_grid(told: Mapping[str, Any]) -> tuple[str, ...]:
    return GRIDS[told["discretization"]]


def _churn(left: dict[str, Any]) -> dict[str, Any]:
    S_churn = left["S_churn"]
    differing = _taken(left, CHURN)
    return {"name": "churn", **differing} if S_churn > 0 else {}


def _taken(left: dict[str, Any], neutral: Mapping[str, Any]) -> dict[str, Any]:
    """Take numbers of one part; those that are not neutral are its."""
    own = {name: left.pop(name) for name in neutral if name in left}
    return {name: value for name, value in own.items() if value != neutral[name]}


def settings(told: Mapping[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    """The settings of format 2: every number, resolved.

    What format 1 left out of them is not known here: the neutral numbers of rules and paths that
    told only what differed.
    """
    plain = {name: value for name, value in told.items() if not name.endswith(_VERSIONS)}
    names = ("levels", *MEASUREMENTS[metric]) if metric in MEASUREMENTS else ()
    own = {name: plain.pop(name) for name in names if name in plain}
    if "levels" in plain:  # which say both ends
        plain = {name: value for name, value in plain.items() if name not in _ENDS}
    return {name: each for name, each in (("sampler", plain), ("measurement", own)) if each}


@dataclass(frozen=True)
class _Old:
    path: Path
    key: str
    work_key: str
    record: Record


def converted(data: Mapping[str, Any]) -> Record:
    """The record of format 2 that one of format 1 stands for.

    Raises ValueError if it is no such record, or its sampler cannot be converted.
    """
    try:
        cell = dict(data["cell"])
        told, metric = restored(cell.pop("sampler")), cell["metric"]
        model = cell.pop("model")
        del cell["format"]
        made = Cell(**cell, sampler=parts(told, metric))
        record = {
            **{name: value for name, value in data.items() if name not in {"format", "cell"}},
            "format": 2,
            "cell": made.to_json(),
            "model": model,
            "settings": faithful(settings(told, metric)),
            "code": CODE.model_dump(),
        }
    except _NotConverted:
        raise
    except (KeyError, TypeError, AttributeError) as wrong:
        raise ValueError(f"record: field missing or of the wrong kind: {wrong}") from None
    return Record.from_json(record)


def convert_if_any(root: Path) -> None:
    """Convert a run's folder of format 1, if it is one: once, and again where it was interrupted.

    Records are written anew, samples, shards and failures renamed with their keys, the plan written
    anew; the old records are removed last. What cannot be converted is set aside. Cells without a
    record stay in the plan, as missing; what lies of them is set aside, too, and measured anew.

    Raises ValueError, in one line, where the folder cannot be written.
    """
    if old := list(_old_files(root)):
        _convert(root, old)


def _old_files(root: Path) -> Iterator[Path]:
    for path in files.listed(root / "records", "*.json"):
        try:
            with files.system.open(path, "rb") as file:
                begins = file.read(len(_BEGINS))
        except OSError:
            continue
        if begins == _BEGINS:
            yield path


def _convert(root: Path, paths: list[Path]) -> None:
    old: list[_Old] = []
    for path in paths:
        content = files.read(path)
        try:
            data = json.loads(content.decode())
            record = converted(data)
            _hold_against_name(path, data["cell"], record)
        except (ValueError, RecursionError) as wrong:
            if path.exists():  # not converted by another process
                set_aside(root, path, ValueError(f"{path}: not converted from format 1 ({wrong})"))
            continue
        old.append(_Old(path, hash_of(data["cell"]), _old_work_key(data["cell"]), record))
    for one in old:
        files.write_whole(root / "records" / one.record.file_name, one.record.text())
    for one in old:
        _rename_work(root, one.work_key, one.record.cell.work_key)
    _convert_plan(root, {one.key: one.record for one in old})
    for one in old:
        if one.path.name != one.record.file_name:
            files.remove(one.path)


def _hold_against_name(path: Path, cell: Mapping[str, Any], record: Record) -> None:
    """Raise ValueError unless a file of format 1 holds what its name, two digests, says."""
    named = f"{hash_of(cell)}-{record.digest}.json"
    if path.name != named:
        raise ValueError(f"holds another record, {named}")


def _old_work_key(cell: Mapping[str, Any]) -> str:
    without = (
        ("metric", "reference", "reference_digest") if cell["metric"] not in MEASUREMENTS else ()
    )
    return hash_of({name: value for name, value in cell.items() if name not in without})


def _rename_work(root: Path, old: str, new: str) -> None:
    pairs = [(root / "samples" / f"{old}.npz", root / "samples" / f"{new}.npz")]
    pairs += [(root / "shards" / old, root / "shards" / new)]
    for path, target in pairs:
        if not target.exists():
            _move(path, target)
        elif path.is_file() and files.read(path) == files.read(target):
            files.remove(path)  # of two that are one measurement now
    for path in files.listed(root / "failures", f"{old}-*.json"):
        with contextlib.suppress(ValueError):  # it is set aside with those of unknown work
            told = read_json(path, FailureFile).model_copy(update={"work_key": new})
            name = path.name.replace(old, new)
            files.write_whole(path.with_name(name), told.model_dump_json(indent=1))
            files.remove(path)


def _move(path: Path, target: Path) -> None:
    try:
        if path.exists():
            files.move(path, target)
    except files.Unwritable:
        if path.exists():  # not moved by another process
            raise


def _set_others_aside(root: Path, known: Collection[str]) -> None:
    """Set shards and failures aside whose cells have no record: no key is known for them."""
    paths = [*files.listed(root / "shards"), *files.listed(root / "failures", "*.json")]
    for path in paths:
        if path.name.partition("-")[0] not in known:
            reason = "of format 1, without a record that says what it was of: it is measured anew"
            set_aside(root, path, ValueError(f"{path}: {reason}"))


def _convert_plan(root: Path, records: Mapping[str, Record]) -> None:
    path = root / "plan.json"
    told = _told_plan(path)
    if told is None:
        if path.exists():  # one of format 2, or of nothing that is known
            return
        told = {}, PlanFile()
    cells, known = told
    rungs = _rungs(root)
    _set_others_aside(root, {record.cell.work_key for record in records.values()})
    if not cells or rungs:
        # Each rung of a search was a plan of its own, and the last one was kept.
        rest = sorted(records.items(), key=lambda one: (one[1].cell.samples, one[0]))
        cells |= {key: record.label for key, record in rest if key not in cells}
    lines = [_line(key, label, records.get(key), rungs) for key, label in cells.items()]
    made = known.model_copy(update={"lines": lines})
    files.write_whole(path, made.text())


def _told_plan(path: Path) -> tuple[dict[str, str], PlanFile] | None:
    """The labels of a plan of format 1, by old keys, and the rest of it; None if it is none."""
    try:
        plan = json.loads(path.read_text("utf-8"))
        cells = {str(key): str(label) for key, label in plan["cells"].items() if _KEY.match(key)}
        for key, label in cells.items():
            _line(key, label, None, {})  # fits a plan's schema
        rest = {name: plan[name] for name in ("skipped", "files") if name in plan}
        return cells, fitting(rest, PlanFile, str(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


Rungs = Mapping[tuple[int, int], "int | Literal['fresh']"]
"""The rung of each range of seeds: its first, and how many."""


def _line(key: str, label: str, record: Record | None, rungs: Rungs) -> Line:
    """A line of the plan. Of a cell without a record nothing but its label is known: it is missing,
    and a run plans it anew.
    """
    if record is None:
        return Line(label=label, model="", key=key, work_key=key, settings={})
    return Line(
        label=label,
        model=record.model,
        key=record.cell.key,
        work_key=record.cell.work_key,
        settings=faithful(record.settings),
        samples=record.cell.samples,
        shards=record.cell.shards,
        nfe=record.nfe,
        rung=rung_of(record, rungs),
    )


def _rungs(root: Path) -> Rungs:
    """The rungs of a folder's search; {} if it is none."""
    try:
        return rungs(parse((root / "grid.toml").read_text("utf-8"), "grid.toml"))
    except (OSError, ValueError):
        return {}


def rungs(search: Mapping[str, Any]) -> Rungs:
    """The rungs of a search, from the table that declares it; {} if it declares none.

    Ranges follow one another, each three times as long as the one before, up to half the samples
    of the last measurement, whose seeds come before all of them.
    """
    first, samples = search.get("first_seed", 0), search.get("samples", 0)
    size = search.get("first_samples", 0)
    if not ("budget" in search and all(isinstance(n, int) for n in (first, samples, size))):
        return {}
    if not 0 < size < samples:
        return {}
    found: dict[tuple[int, int], int | Literal["fresh"]] = {(first, samples): "fresh"}
    start = first + samples
    while 2 * size <= samples:
        found[start, size] = len(found) - 1
        start, size = start + size, 3 * size
    return found


def rung_of(record: Record, rungs: Rungs) -> Rung | None:
    """The place of a record in the search of its model, by its seeds; None if it has none."""
    place = rungs.get((record.cell.seed_start, record.cell.samples))
    return None if place is None else Rung(search=record.model, rung=place)
