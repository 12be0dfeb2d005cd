"""Records of format 1, made into those of format 2: nothing is measured again.

A record of format 1 told its sampler flat, with every number, whether it was neutral or not, and
with versions of its parts. `PLACES` below says where each of them belongs now; what is at its
neutral value is in no key any more, and versions have given way to the code. Values, left-out
values, counts and provenance are what they were; the code is said to be unknown.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sampler_bench.kit import files
from sampler_bench.kit.canonical import faithful, hash_of, restored
from sampler_bench.kit.toml import parse
from sampler_bench.results.cell import Cell
from sampler_bench.results.damaged import set_aside
from sampler_bench.results.record import Record
from sampler_bench.results.schema import Code, Line, PlanFile, SkippedLine, fitting

CODE = Code(digest="unknown (format 1)")
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
    """The settings of format 2: every number, resolved."""
    plain = {name: value for name, value in told.items() if not name.endswith(_VERSIONS)}
    names = ("levels", *MEASUREMENTS[metric]) if metric in MEASUREMENTS else ()
    own = {name: plain.pop(name) for name in names if name in plain}
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
    anew; the old records are removed last. What cannot be converted is set aside.

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
    for path in (root / "failures").glob(f"{old}-*.json"):
        pairs.append((path, path.with_name(path.name.replace(old, new))))
    for path, target in pairs:
        if path.exists() and not target.exists():
            files.move(path, target)


def _convert_plan(root: Path, records: Mapping[str, Record]) -> None:
    path = root / "plan.json"
    try:
        plan = json.loads(path.read_text("utf-8"))
        cells = dict(plan["cells"])
        skipped = [fitting(one, SkippedLine, str(path)) for one in plan.get("skipped", [])]
        grid_files = dict(plan.get("files", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        if path.exists():  # one of format 2, or of nothing that is known
            return
        cells, skipped, grid_files = {}, [], {}
    if not cells or _is_search(root):
        # Each rung of a search was a plan of its own, and the last one was kept.
        rest = sorted(records.items(), key=lambda one: (one[1].cell.samples, one[0]))
        cells |= {key: record.label for key, record in rest if key not in cells}
    lines = [
        Line(
            label=str(label),
            model=records[key].model,
            key=records[key].cell.key,
            work_key=records[key].cell.work_key,
            settings=faithful(records[key].settings),
            samples=records[key].cell.samples,
            shards=records[key].cell.shards,
            nfe=records[key].nfe,
        )
        for key, label in cells.items()
        if key in records
    ]
    made = PlanFile(lines=lines, skipped=skipped, files=grid_files)
    files.write_whole(path, made.text())


def _is_search(root: Path) -> bool:
    try:
        return "candidates" in parse((root / "grid.toml").read_text("utf-8"), "grid.toml")
    except (OSError, ValueError):
        return False
