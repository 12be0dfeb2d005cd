"""Servers that something is wrong with: what is pinned is all that lies there, and a checkpoint."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

from sampler_bench.models import download
from sampler_bench.models.cache import Cache
from sampler_bench.models.checkpoints.checkpoint import CheckpointError
from sampler_bench.models.checkpoints.reading import read
from sampler_bench.models.published import PUBLISHED, PublishedFile
from tests.inputs import checkpoints
from tests.inputs.case import Case, Ran
from tests.models.serving import Page, Site

NAME = "small"
CODES, ODD = (500, 502, 503, 429, 404, 403, 410), (204, 206, 300, 304, 418, 599, 999)
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def case(draw: random.Random) -> Case:
    """Draw a server, or a file that is given instead, and have it fetched; now and then again."""
    kind = draw.choice(("server", "server", "server", "content", "given"))
    content = checkpoints.bytes_of("edm")
    done, must = kind, ""
    files: dict[str, bytes] = {}
    page, told = Page(content), {}
    if kind == "server":
        done, must = _server(page, draw)
        if draw.random() < 0.2:
            told = {"bytes": len(content) + draw.choice((0, 0, 1))}
            must = "refuse" if told["bytes"] != len(content) else must
    else:
        done, _, made, _, _ = draw.choice((checkpoints.other, checkpoints.hostile_one))(draw)
        page.content = next(iter(made.values()))
        # Pickles and archives that are no checkpoint are told when they are read; nothing runs.
        must = "refuse" if not page.content.startswith((b"\x80", b"PK")) else ""
    words = ["fetch", NAME]
    if kind == "given":
        files = {"given.pkl": page.content}
        words += ["--from", "given.pkl"]
    right = partial(_compared, page, kind == "server")
    around = partial(_served, page, told)
    return Case(f"download: {done}, {told or ''}", files, words, (NAME,), right, must, around)


def _compared(page: Page, readable: bool, ran: Ran) -> str:
    """What was pinned is whole, and is what it is to be."""
    found = [path for path in Cache.usual().root.rglob("*.pkl") if path.is_file()]
    if [path.read_bytes() for path in found] != [page.content]:
        return f"pinned: {[path.stat().st_size for path in found]} bytes of {len(page.content)}"
    if not readable:
        return ""
    try:
        read(found[0], {})
    except CheckpointError as error:
        return f"pinned what is no checkpoint: {error}"
    return ""


def _server(page: Page, draw: random.Random) -> tuple[str, str]:
    """Change how a page is served; return what was done, and what must become of it."""
    size = len(page.content)
    cut, put = draw.randrange(size), partial(setattr, page)
    ways: dict[str, tuple[Callable[[], object], str]] = {
        "nothing": (lambda: None, "accept"),
        "cuts": (lambda: page.cuts.extend([cut] * draw.randrange(1, 4)), ""),
        "cut at once, for ever": (lambda: page.cuts.extend([0] * 99), "refuse"),
        "codes": (lambda: page.codes.extend(draw.choices(CODES, k=2)), ""),
        "never there": (
            lambda: page.codes.extend([draw.choice(CODES)] * 99),
            "refuse",
        ),
        "odd code": (
            lambda: page.codes.append(draw.choice(ODD)),
            "",
        ),
        "too long": (lambda: put("announced", size + draw.randrange(1, 10**6)), "refuse"),
        "too short": (lambda: put("announced", cut), "refuse"),
        "a length of 10^15": (lambda: put("announced", 10**15), "refuse"),
        "no length": (lambda: put("announced", "none"), ""),
        "chunked": (lambda: put("announced", "chunked"), ""),
        "length below 0": (lambda: put("announced", -5), ""),
        "length in words": (lambda: put("announced", "many"), ""),
        "in circles": (lambda: put("location", f"/{NAME}/a.pkl"), "refuse"),
        "moved to nowhere": (lambda: put("location", "/nowhere"), "refuse"),
        "moved to a file": (lambda: put("location", "file:///etc/passwd"), "refuse"),
        "moved to words": (lambda: put("location", "http://[::1"), "refuse"),
        "no ranges": (lambda: (put("ranges", False), page.cuts.append(cut)), ""),
        "wrong ranges": (
            lambda: (put("content_range", "bytes 3-9/10"), page.cuts.append(cut)),
            "",
        ),
        "no etag": (lambda: (put("etag", None), page.cuts.append(cut)), ""),
        "another etag": (
            lambda: (put("before", _changing(page)), page.cuts.append(cut)),
            "",
        ),
        "gzip said": (lambda: page.extra.update({"Content-Encoding": "gzip"}), ""),
        "a page's type": (lambda: put("type", "text/html"), ""),
        "long headers": (lambda: page.extra.update({"X-Long": "x" * 60_000}), ""),
    }
    way = draw.choice([*ways])
    ways[way][0]()
    return f"{way} ({cut} of {size})", ways[way][1]


def _changing(page: Page) -> Callable[[], None]:
    numbers = iter(range(1000))
    return lambda: setattr(page, "etag", f'"{next(numbers)}"')


@contextmanager
def _served(page: Page, told: dict[str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        site = stack.enter_context(Site())
        environment = {"SAMPLER_BENCH_CACHE": "cache"}
        stack.enter_context(mock.patch.dict("os.environ", environment))
        for name in PROXIES:
            stack.enter_context(mock.patch.dict("os.environ", {name: ""}))
        stack.enter_context(mock.patch.object(download, "BACKOFF", 0.0))
        # Each request is another page: what was done to one is done once.
        site.pages[f"/{NAME}/a.pkl"] = replace(page, cuts=[*page.cuts], codes=[*page.codes])
        if page.before.__name__ == "<lambda>":
            site.pages[f"/{NAME}/a.pkl"] = page
        file = PublishedFile(name="a.pkl", url=f"{site.url}/{NAME}/a.pkl", page=None, **told)
        row = PUBLISHED["edm-cifar10-32x32-cond-vp"]
        row = row.model_copy(update={"name": NAME, "files": (file,)})
        PUBLISHED[NAME] = row
        try:
            yield
        finally:
            del PUBLISHED[NAME]
