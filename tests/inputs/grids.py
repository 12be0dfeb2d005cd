"""Grids that something happened to, and what their plan must then be."""

import datetime
import math
import random
import re
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.inputs.case import Case, Ran, bench
from tests.inputs.spoil import spoiled

KEY = re.compile(r"\b[0-9a-f]{16}\b")
BASES = (
    """name = "one"
models = ["exact-mixture-moons"]
samples = 40
extractor = "pixels"

[[sampler]]
label = "Heun"
solver = "heun"
rho = [5, 7]
steps = 4

[[sampler]]
solver = ["euler", "dpmpp-2m"]
schedule = "vp"
nfe = [4, 6]
S_churn = 0
""",
    """name = "two"
models = ["exact-mixture-moons", "exact-two-points"]
samples = 60
first_seed = 100
metrics = ["truncation-error"]

[[sampler]]
solver = "euler"
path = "ancestral"
eta = [0.5, 1.0]
steps = [2, 3]
sigma_max = 40.0
end = "denoise"

[[sampler]]
levels = [9.0, 3.0, 1.0]
""",
    """name = "three"
models = ["exact-mixture-moons"]
samples = 40

[[profile]]
metric = "local-error"
solver = ["euler", "heun"]
schedule = "ve"
rho = 7
steps = 8
levels = [0.1, 1.0, 10.0]
""",
)
SAME = {"name", "label", "floor", "unchecked"}
"""Keys that are in no cell's key."""
VALUES: tuple[Any, ...] = (
    *(True, False, 0, 1, -1, 2, 3, 7, 10**9, 10**18, 10**30, -(10**9), 2**32, 2**32 - 1, 2**63),
    *(0.0, -0.0, 0.5, 1e-300, 1e300, math.inf, -math.inf, math.nan, 1.5, 7.0),
    *("", " ", "heun", "huen", "x" * 3000, "a\nb", "\x1b[31mred", "\u202e", "σ", "~", "/dev/zero"),
    *(
        "[bold]x[/bold]",
        "../../x",
        "=1+1",
        "model",
        "pixels",
        "all",
        "$HOME",
        "mine.py:f",
        "nul\x00",
    ),
    *([], [[]], {}, {"a": 1}, [1, "a"], [None], [0] * 500, list(range(5000)), [[[[[[1]]]]]]),
    *(datetime.date(2026, 12, 1), datetime.time(1, 2), ["heun", "heun"], {"from": 1, "to": 2}),
)


def case(draw: random.Random) -> Case:
    """Draw a grid."""
    base = draw.choice(BASES)
    change = draw.choice((_value, _value, _value, _key, _key, _text, _text, _same, _size))
    done, content, must = change(base, draw)
    right = partial(_compared, base, content)
    words = ["run", "mine.toml", "--plan"]
    return Case(f"grid: {done}", {"mine.toml": content}, words, ("mine.toml",), right, must)


def _compared(base: str, content: bytes, ran: Ran) -> str:
    """A plan has the base's cells if and only if what is asked for is the same."""
    text = content.decode("utf-8-sig")
    asked, usual = _asked(tomllib.loads(text)), _asked(tomllib.loads(base))
    keys, before = _keys(ran.output), _plan(base)
    if asked == usual:
        return "" if keys == before else "the same is asked for, and other cells are planned"
    if (
        keys != before
        or "skipped" in ran.output
        or "lowered" in ran.output
        or "raised" in ran.output
    ):
        return ""
    return f"the cells of another grid: {_difference(asked, usual)}"


def _asked(values: dict[str, Any]) -> Any:
    """What a grid asks for: without names, its numbers as numbers, one value for a list of it."""
    return {key: _plain(value) for key, value in values.items() if key not in SAME}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key not in SAME}
    if isinstance(value, list):
        plain = [_plain(one) for one in value]
        return plain[0] if len(plain) == 1 and not isinstance(plain[0], dict) else plain
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _difference(asked: Any, usual: Any) -> str:
    return f"{asked} for {usual}"[:400]


def _keys(output: str) -> list[str]:
    return sorted(KEY.findall(output))


@cache
def _plan(base: str) -> list[str]:
    Path("base.toml").write_text(base, "utf-8")
    ran = bench(["run", "base.toml", "--plan"])
    assert ran.accepted, ran.told
    return _keys(ran.output)


# Changes: what was done, the bytes, and whether it must be refused or accepted


def _value(base: str, draw: random.Random) -> tuple[str, bytes, str]:
    """Another value of a key, at any depth."""
    values = tomllib.loads(base)
    places = list(_places(values))
    holder, key = draw.choice(places)
    value = draw.choice(VALUES)
    if draw.random() < 0.3 and isinstance(holder[key], list):
        value = [*holder[key], value]
    told = f"{key} = {value!r:.60}"
    holder[key] = value
    return told, _toml(values).encode("utf-8", "surrogatepass"), ""


def _key(base: str, draw: random.Random) -> tuple[str, bytes, str]:
    """A key less, twice, misspelt, or of another table."""
    values = tomllib.loads(base)
    holder, key = draw.choice([place for place in _places(values) if isinstance(place[0], dict)])
    way = draw.choice(("less", "misspelt", "moved", "new"))
    if way == "less":
        del holder[key]
        return f"no {key}", _toml(values).encode(), ""
    if way == "misspelt":
        i = draw.randrange(len(key))
        wrong = key[:i] + draw.choice("xyz_ -é") + key[i + draw.randrange(2) :]
        holder[wrong] = holder.pop(key)
        must = "accept" if wrong == key else "refuse"
        return f"{wrong!r} for {key!r}", _toml(values).encode(), must
    if way == "moved":
        other, _ = draw.choice([p for p in _places(values) if isinstance(p[0], dict)])
        if key in other:
            return "nothing", _toml(values).encode(), "accept"
        other[key] = holder.pop(key)
        return f"{key} in another table", _toml(values).encode(), ""
    name = draw.choice(("sampler", "Sampler", "grid", "x", "", "a b", "σ", "S_churn2", "__class__"))
    if name in holder or name == "sampler":
        return "nothing", _toml(values).encode(), "accept"
    holder[name] = draw.choice(VALUES[:20])
    return f"a key {name!r}", _toml(values).encode(), "refuse"


def _text(base: str, draw: random.Random) -> tuple[str, bytes, str]:
    """Bytes that are lost, moved, added or changed."""
    content = base.encode()
    at, until = sorted(draw.randrange(len(content)) for _ in range(2))
    way = draw.choice(("flip", "cut", "hole", "twice", "more", "zeros", "line"))
    if way == "line":
        lines = content.splitlines(keepends=True)
        draw.shuffle(lines)
        return "lines in another order", b"".join(lines), ""
    return f"{way} at {at}", spoiled(content, way, at, until, draw), ""


def _same(base: str, draw: random.Random) -> tuple[str, bytes, str]:
    """What changes nothing."""
    values = tomllib.loads(base)
    ways = {
        "written anew": _toml(values).encode(),
        "a byte-order mark": b"\xef\xbb\xbf" + base.encode(),
        "lines of Windows": base.replace("\n", "\r\n").encode(),
        "comments": ("# σ\n" + base.replace("\n", "  # x\n")).encode(),
        "keys in another order": _toml(_shuffled(values, draw)).encode(),
        "numbers as floats": re.sub(r"(rho = )7\n", r"\g<1>7.0\n", base).encode(),
        "another name": base.replace("name = ", 'name = "a-', 1).replace("a-" + '"', "a-").encode(),
    }
    way = draw.choice([*ways])
    return way, ways[way], "accept"


def _size(base: str, draw: random.Random) -> tuple[str, bytes, str]:
    """More than anybody would write."""
    depth = draw.choice((50, 500, 5000, 100_000))
    many = draw.choice((100, 500, 20_000))
    ways = {
        f"lists {depth} deep": base + f"x = {'[' * depth}{']' * depth}\n",
        f"tables {depth} deep": base + f"[{'.'.join(['a'] * depth)}]\n",
        f"{many} samplers": base + '[[sampler]]\nsolver = "euler"\nsteps = 2\n' * many,
        f"{many} steps": base + f"[[sampler]]\nsolver = 'euler'\nsteps = {list(range(1, many))}\n",
        f"{many}³ settings": base
        + "[[sampler]]\n"
        + "".join(f"{key} = {list(range(1, many))}\n" for key in ("steps", "rho", "sigma_max")),
        f"a line of {many} signs": base.replace("heun", "h" * many),
        f"{many} levels": base
        + f"[[sampler]]\nlevels = {[float(i) for i in range(many, 0, -1)]}\n",
        f"a number of {many} digits": base.replace("samples = ", "samples = " + "9" * many),
    }
    way = draw.choice([*ways])
    return way, ways[way].encode(), ""


def _places(values: Any) -> Any:
    """Every (holder, key) of a document."""
    pairs = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in list(pairs):
        yield values, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _shuffled(values: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The same with its keys in another order; of tables in a list the order counts."""
    keys = [*values]
    draw.shuffle(keys)
    return {key: _ordered(values[key], draw) for key in keys}


def _ordered(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict):
        return _shuffled(value, draw)
    return [_ordered(one, draw) for one in value] if isinstance(value, list) else value


def _toml(values: dict[str, Any]) -> str:
    """A document with all tables inline."""
    return "".join(f"{_name(key)} = {_written(value)}\n" for key, value in values.items())


def _name(key: str) -> str:
    return _written(str(key))


def _written(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return repr(value)
        case str():
            escaped = "".join(
                f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in value
            )
            return f'"{escaped}"'
        case dict():
            inner = ", ".join(f"{_name(key)} = {_written(one)}" for key, one in value.items())
            return f"{{{inner}}}"
        case list():
            return f"[{', '.join(_written(one) for one in value if one is not None)}]"
        case datetime.date() | datetime.time():
            return value.isoformat()
    return str(value)
