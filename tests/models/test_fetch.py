"""Downloads from a server that behaves, and from servers that do not."""

import hashlib
import io
import json
import pickle
import random
import resource
import shutil
import signal
import socket
import threading
import zipfile
from pathlib import Path

import httpx
import pytest

from sampler_bench.kit.files import TEMPORARY
from sampler_bench.models import cache, download, fetch
from sampler_bench.models.cache import FetchError
from tests.models.serving import Page, publish, site

__all__ = ["publish", "site"]

DATA = pickle.dumps(random.Random(0).randbytes(299_991), 4)
OTHER = pickle.dumps(random.Random(1).randbytes(299_991), 4)
CUT = 100_000


def sha(content):
    return hashlib.sha256(content).hexdigest()


def refused(name, *words, **options):
    """Fetch in vain; return the error after seeing that nothing half done was left in its place."""
    with pytest.raises(FetchError) as caught:
        fetch.fetch(name, **options)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 500
    for word in words:
        assert word in text, text
    return text


def pins():
    path = cache.Cache.usual().root / "pins.json"
    return json.loads(path.read_text()) if path.exists() else {}


def nothing_came(name="small"):
    return fetch.path_of(name) is None and pins() == {}


def leftovers():
    """Files of the cache that are neither whole files, nor pins, nor locks."""
    root = cache.Cache.usual().root
    names = [path.name for path in root.rglob("*") if path.is_file()]
    return [name for name in names if ".part" in name or name.startswith(TEMPORARY)]


@pytest.fixture
def once(monkeypatch):
    """No second attempt within a call."""
    monkeypatch.setattr(download, "ATTEMPTS", 0)


# ---- what works ---------------------------------------------------------------------------------


def test_downloaded_once_and_verified_ever_after(publish, site):
    publish("small", {"a.pkl": Page(DATA)})
    seen = []
    assert fetch.path_of("small") is None
    path = fetch.fetch("small", lambda *told: seen.append(told))
    assert path.read_bytes() == DATA and path.name == "a.pkl"
    assert seen[-1] == ("small", len(DATA), len(DATA))
    assert site.asked(0, "Accept-Encoding") == "identity" and site.asked(0, "Range") is None
    assert fetch.fetch("small") == fetch.verified("small") == fetch.path_of("small") == path
    assert len(site.requests) == 1 and not leftovers()
    (pin,) = pins().values()
    assert pin["sha256"] == sha(DATA) and pin["bytes"] == len(DATA)
    assert pin["source"] == f"{site.url}/small/a.pkl"


def test_several_files_make_a_folder_and_only_what_is_missing_comes(publish, site):
    publish("several", {"config.json": Page(b"{}"), "weights.bin": Page(DATA, codes=[404])})
    refused("several", "several/weights.bin", "no such file")
    assert fetch.path_of("several") is None
    path = fetch.fetch("several")
    assert sorted(file.name for file in path.iterdir()) == ["config.json", "weights.bin"]
    assert [request[0].rpartition("/")[2] for request in site.requests] == [
        "config.json",
        "weights.bin",
        "weights.bin",
    ]
    (path / "weights.bin").write_bytes(OTHER)
    with pytest.raises(FetchError, match=r"weights\.bin: its SHA-256"):
        fetch.verified("several")


def test_two_names_do_not_meddle(publish):
    publish("one", {"a.pkl": Page(DATA)})
    publish("two", {"a.pkl": Page(OTHER)})
    one, two = fetch.fetch("one"), fetch.fetch("two")
    assert one.read_bytes() == DATA and two.read_bytes() == OTHER and len(pins()) == 2


def test_the_cache_folder(monkeypatch, tmp_path, publish):
    publish("small", {"a.pkl": Page(DATA)})
    assert cache.Cache.usual().root == tmp_path / "cache"
    assert fetch.fetch("small", cache=tmp_path / "other").is_relative_to(tmp_path / "other")
    assert not (tmp_path / "cache").exists()
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", "")
    assert cache.Cache.usual().root.name == "sampler-bench"
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", "~/x")
    assert cache.Cache.usual().root == Path.home() / "x"


def test_chunked_without_a_length(publish):
    publish("small", {"a.pkl": Page(DATA, announced="chunked")})
    assert fetch.fetch("small").read_bytes() == DATA


def test_through_a_proxy_of_the_environment(monkeypatch, publish, site):
    publish("small", {"a.pkl": Page(DATA)})
    site.pages["http://example.org/a.pkl"] = Page(OTHER)
    monkeypatch.setenv("HTTP_PROXY", site.url)
    monkeypatch.setenv("NO_PROXY", "")
    assert fetch.fetch("http://example.org/a.pkl").read_bytes() == OTHER


# ---- cut connections ----------------------------------------------------------------------------


def test_resumed_within_a_call(publish, site):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT, 50_000])})
    assert fetch.fetch("small").read_bytes() == DATA
    assert [site.asked(n, "Range") for n in range(3)] == [None, "bytes=100000-", "bytes=150000-"]
    assert site.asked(1, "If-Range") == '"one"'
    assert next(iter(pins().values()))["sha256"] == sha(DATA) and not leftovers()


def test_resumed_by_the_same_command(publish, site, once):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT])})
    refused("small", "100,000 bytes are kept, the same command resumes")
    assert nothing_came()
    assert fetch.fetch("small").read_bytes() == DATA
    assert site.asked(1, "Range") == "bytes=100000-"
    assert next(iter(pins().values()))["sha256"] == sha(DATA)


def test_interrupted_by_the_user(publish, site):
    publish("small", {"a.pkl": Page(DATA)})

    def stop(what, done, total):
        if done > CUT:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("small", stop)
    assert nothing_came()
    assert fetch.fetch("small").read_bytes() == DATA
    assert int(site.asked(1, "Range")[len("bytes=") : -1]) > CUT


def test_all_of_it_came_but_the_process_ended(publish, site):
    publish("small", {"a.pkl": Page(DATA)})

    def stop(what, done, total):
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch("small", stop)
    assert fetch.fetch("small").read_bytes() == DATA and len(site.requests) == 1


def test_a_server_that_cannot_resume(publish, site):
    publish("small", {"a.pkl": Page(DATA, ranges=False, cuts=[CUT])})
    assert fetch.fetch("small").read_bytes() == DATA
    assert site.asked(1, "Range") == "bytes=100000-"


@pytest.mark.parametrize("etag", [None, 'W/"one"'])
def test_without_a_strong_etag_it_starts_over(publish, site, etag):
    publish("small", {"a.pkl": Page(DATA, etag=etag, cuts=[CUT])})
    assert fetch.fetch("small").read_bytes() == DATA
    assert site.asked(1, "Range") is None


def test_what_cannot_be_resumed_is_not_said_to_be_kept(publish, once):
    publish("small", {"a.pkl": Page(DATA, etag=None, cuts=[CUT])})
    assert "kept" not in refused("small", "the same command tries again")


def test_an_old_etag_is_forgotten_with_its_bytes(publish, once):
    page = Page(DATA, cuts=[CUT, CUT // 2])
    publish("small", {"a.pkl": page})
    refused("small")
    page.content, page.etag = OTHER, None
    refused("small")
    page.content, page.etag = DATA, '"one"'
    assert fetch.fetch("small").read_bytes() == DATA


def test_a_part_that_is_longer_than_the_file(publish, site, once):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT])})
    refused("small")
    (part,) = cache.Cache.usual().root.rglob("*.part")
    part.write_bytes(DATA + b"more")
    assert fetch.fetch("small").read_bytes() == DATA and site.asked(1, "Range") is None


@pytest.mark.parametrize("ranges", [True, "always"])
def test_a_file_that_changed_in_between(publish, once, ranges):
    page = Page(DATA, ranges=ranges, cuts=[CUT])
    publish("small", {"a.pkl": page})
    refused("small")
    page.content, page.etag = OTHER, '"two"'
    if ranges == "always":
        refused("small", "another part than the missing one")
    assert fetch.fetch("small").read_bytes() == OTHER


@pytest.mark.parametrize("wrong", ["bytes 7-299999/300000", "bytes 100000-299999/400000", "junk"])
def test_a_part_that_was_not_asked_for(publish, site, wrong):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT], content_range=wrong)})
    assert fetch.fetch("small").read_bytes() == DATA
    assert [site.asked(n, "Range") for n in range(3)] == [None, "bytes=100000-", None]


def test_another_address_does_not_go_on_with_a_part(publish, site, once):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT])})
    refused("small")
    publish("small", {"a.pkl": Page(OTHER)})
    site.pages["/moved"] = Page(OTHER)
    row = fetch.PUBLISHED["small"]
    moved = row.files[0].model_copy(update={"url": f"{site.url}/moved"})
    fetch.PUBLISHED["small"] = row.model_copy(update={"files": (moved,)})
    assert fetch.fetch("small").read_bytes() == OTHER and site.asked(1, "Range") is None


def test_gives_up_where_nothing_new_comes(publish, site):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT] + [0] * 99)})
    refused("small", "the connection was cut, 5 times in a row", "100,000 bytes are kept")
    assert len(site.requests) == 6 and nothing_came()


def test_progress_allows_as_many_cuts_as_it_takes(publish, site):
    publish("small", {"a.pkl": Page(DATA, cuts=[20_000] * 14)})
    assert fetch.fetch("small").read_bytes() == DATA and len(site.requests) == 15


# ---- wrong answers ------------------------------------------------------------------------------


def test_a_length_that_is_too_large(publish, site):
    publish("small", {"a.pkl": Page(DATA, announced=len(DATA) + 10)})
    refused("small", "small: http://127.0.0.1", "5 times in a row")
    assert nothing_came()


def test_a_length_that_is_not_the_published_one(publish, site):
    publish("small", {"a.pkl": Page(DATA)}, bytes=len(DATA) + 1)
    refused("small", "has 300,000 bytes, 300,001 were expected")
    assert nothing_came() and not leftovers()
    publish("small", {"a.pkl": Page(DATA, announced="chunked")}, bytes=len(DATA) + 1)
    refused("small", "300,000 bytes came, 300,001 were expected")
    assert nothing_came() and not leftovers()
    publish("small", {"a.pkl": Page(DATA)}, bytes=len(DATA))
    assert fetch.fetch("small").read_bytes() == DATA


def test_no_length_at_all(publish):
    page = Page(DATA, announced="none")
    publish("small", {"a.pkl": page})
    refused("small", "does not say how long the file is")
    publish("small", {"a.pkl": page}, bytes=len(DATA))
    assert fetch.fetch("small").read_bytes() == DATA


def test_a_digest_that_is_not_the_published_one(publish, tmp_path):
    publish("small", {"a.pkl": Page(DATA)}, sha256=sha(OTHER))
    refused("small", sha(DATA), f"{sha(OTHER)} was published", "bench fetch small --again")
    assert nothing_came() and not leftovers()
    publish("small", {"a.pkl": Page(DATA)}, sha256=sha(DATA))
    assert fetch.fetch("small").read_bytes() == DATA


def test_a_file_that_changed_on_this_machine(publish, site):
    publish("small", {"a.pkl": Page(DATA)})
    path = fetch.fetch("small")
    path.write_bytes(DATA[:-1] + b"x")
    for get in (fetch.verified, fetch.fetch):
        with pytest.raises(FetchError) as caught:
            get("small")
        text = str(caught.value)
        assert str(path) in text and sha(DATA) in text and sha(path.read_bytes()) in text
        assert "bench fetch small --again" in text and "\n" not in text
    assert fetch.fetch("small", again=True).read_bytes() == DATA and len(site.requests) == 2


def test_a_file_that_changed_at_its_source(publish):
    page = Page(DATA)
    publish("small", {"a.pkl": page})
    fetch.fetch("small").unlink()
    page.content, page.etag = OTHER, '"two"'
    refused("small", sha(DATA), sha(OTHER), "if that is wanted, type: bench fetch small --again")
    assert fetch.path_of("small") is None and not leftovers()
    assert next(iter(pins().values()))["sha256"] == sha(DATA)
    assert fetch.fetch("small", again=True).read_bytes() == OTHER
    assert fetch.verified("small").read_bytes() == OTHER


def test_a_file_without_a_pin_is_pinned_at_first_use(publish):
    publish("small", {"a.pkl": Page(DATA)})
    path = fetch.fetch("small")
    (cache.Cache.usual().root / "pins.json").unlink()
    assert fetch.verified("small") == path
    assert next(iter(pins().values()))["sha256"] == sha(DATA)


@pytest.mark.parametrize("content", ["", "[]", '{"models/small/a.pkl": 3}', "{"])
def test_damaged_pins(publish, content):
    publish("small", {"a.pkl": Page(DATA)})
    fetch.fetch("small")
    path = cache.Cache.usual().root / "pins.json"
    path.write_text(content)
    with pytest.raises(FetchError, match=r"pins\.json: damaged"):
        fetch.verified("small")
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (404, "there is no such file (HTTP 404)"),
        (410, "there is no such file any more (HTTP 410)"),
        (403, "access is refused (HTTP 403)"),
        (401, "a login is needed (HTTP 401)"),
        (418, "the server refuses (HTTP 418)"),
    ],
)
def test_refusals_are_final(publish, site, code, words):
    publish("small", {"a.pkl": Page(DATA, codes=[code] * 9)})
    refused("small", f"small: {site.url}/small/a.pkl", words)
    assert nothing_came() and not leftovers() and len(site.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_troubles_are_waited_for(publish, site, code):
    publish("small", {"a.pkl": Page(DATA, codes=[code, code])})
    assert fetch.fetch("small").read_bytes() == DATA and len(site.requests) == 3


def test_troubles_that_last(publish, site):
    publish("small", {"a.pkl": Page(DATA, codes=[500] * 99)})
    refused("small", "the server answers HTTP 500, 5 times in a row")
    assert len(site.requests) == 5 and nothing_came()


def test_waits_are_longer_each_time(publish, monkeypatch):
    waits = []
    monkeypatch.setattr(download, "BACKOFF", 1.0)
    monkeypatch.setattr(download.time, "sleep", waits.append)
    publish("small", {"a.pkl": Page(DATA, codes=[500] * 4)})
    fetch.fetch("small")
    assert waits == [1, 2, 4, 8]


def test_a_redirect(publish, site):
    publish("small", {"a.pkl": Page(location="/elsewhere")})
    site.pages["/elsewhere"] = Page(DATA, cuts=[CUT])
    assert fetch.fetch("small").read_bytes() == DATA
    assert [request[0] for request in site.requests] == ["/small/a.pkl", "/elsewhere"] * 2
    assert site.asked(3, "Range") == "bytes=100000-"


def test_a_redirect_loop(publish, site):
    publish("small", {"a.pkl": Page(location="/loop")})
    site.pages["/loop"] = Page(location="/loop")
    refused("small", "redirected more than 10 times")
    assert nothing_came() and len(site.requests) == 11


def test_a_redirect_to_something_else(publish):
    publish("small", {"a.pkl": Page(location="file:///etc/passwd")})
    refused("small", "file://")
    assert nothing_came()


def test_a_redirect_that_drops_encryption(site, monkeypatch):
    def answer(request):
        if request.url.path == "/a.pkl":
            return httpx.Response(302, headers={"Location": "http://example.org/b.pkl"})
        if request.url.path == "/there-and-back.pkl":
            return httpx.Response(302, headers={"Location": "http://example.org/back.pkl"})
        if request.url.path == "/back.pkl":
            return httpx.Response(302, headers={"Location": "https://example.org/b.pkl"})
        return httpx.Response(
            200, headers={"Content-Length": str(len(DATA))}, stream=httpx.ByteStream(DATA)
        )

    make = httpx.Client
    monkeypatch.setattr(
        download.httpx, "Client", lambda **o: make(transport=httpx.MockTransport(answer), **o)
    )
    for name in ("a.pkl", "there-and-back.pkl"):
        refused(f"https://example.org/{name}", "redirected to example.org without encryption")
    assert fetch.fetch("http://example.org/b.pkl").read_bytes() == DATA


@pytest.mark.parametrize("start", [b"<!DOCTYPE html>", b"\n <HTML lang=en>"])
def test_a_web_page_instead(publish, start):
    publish("small", {"a.pkl": Page(start + b"log in", type="binary/octet-stream")})
    refused("small", "a web page came instead of the file", "--from FILE")
    assert nothing_came() and not leftovers()


def test_a_web_page_by_its_type_does_not_cost_a_part(publish, once):
    page = Page(DATA, cuts=[CUT])
    publish("small", {"a.pkl": page})
    refused("small")
    page.type = "text/html; charset=utf-8"
    refused("small", "a web page came instead of the file")
    page.type = "application/octet-stream"
    assert fetch.fetch("small").read_bytes() == DATA


def test_compressed_though_asked_not_to_be(publish):
    publish("small", {"a.pkl": Page(DATA, extra={"Content-Encoding": "gzip"})})
    refused("small", "sent compressed")
    assert nothing_came()


def test_a_silent_server(publish, monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    monkeypatch.setattr(download, "ATTEMPTS", 2)
    publish("small", {"a.pkl": Page(DATA, before=lambda: done.wait(5) and None)})
    refused("small", "no answer within 0.05 s, 2 times in a row")
    done.set()


# ---- this machine -------------------------------------------------------------------------------


def test_no_network(publish, site, monkeypatch):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monkeypatch.setattr(download.time, "sleep", lambda _: pytest.fail("waited"))
        refused(f"http://127.0.0.1:{port}/a.pkl", "a.pkl: http://127", "cannot be reached")
    refused("http://nowhere.invalid/a.pkl", "http://nowhere.invalid/a.pkl: cannot be reached")
    assert pins() == {} and not leftovers()


def test_no_network_any_more(publish, site, once):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT])})
    refused("small")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        site.pages["/small/a.pkl"].location = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        refused("small", "cannot be reached", "100,000 bytes are kept, the same command resumes")


def test_a_cache_that_cannot_be_written(publish, tmp_path):
    publish("small", {"a.pkl": Page(DATA)})
    (tmp_path / "file").touch()
    refused("small", "cannot write to the cache", "file/cache", cache=tmp_path / "file" / "cache")
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "models").touch()
    refused("small", "cannot write to the cache", "SAMPLER_BENCH_CACHE")


def test_a_disk_without_room(publish, site, monkeypatch):
    publish("small", {"a.pkl": Page(DATA)})
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage._replace(free=299_999))
    refused("small", "300,000 bytes are needed, 299,999 are free")
    assert nothing_came()


def test_a_disk_that_gets_full(publish, site):
    publish("small", {"a.pkl": Page(DATA)})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        refused("small", "File too large", "bytes are kept, the same command resumes")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert nothing_came()
    assert fetch.fetch("small").read_bytes() == DATA and site.asked(1, "Range")


def test_two_at_once_download_once(publish, site):
    waiting = threading.Event()
    publish("small", {"a.pkl": Page(DATA, before=lambda: waiting.wait(10) and None)})
    found = []

    def told(what, done, total):
        if what.startswith("waiting"):
            waiting.set()

    threads = [
        threading.Thread(target=lambda: found.append(fetch.fetch("small", told))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waiting.is_set() and len(site.requests) == 1
    assert [path.read_bytes() == DATA for path in found] == [True, True]


def test_pins_of_many_at_once_are_all_kept(publish):
    names = [f"n{number}" for number in range(12)]
    content = {name: pickle.dumps(name, 4) for name in names}
    for name in names:
        publish(name, {"a.pkl": Page(content[name])})
    threads = [threading.Thread(target=fetch.fetch, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {pin["sha256"] for pin in pins().values()} == {sha(text) for text in content.values()}


# ---- files that a person brought ----------------------------------------------------------------


def test_without_a_direct_link(publish, tmp_path):
    publish("manual", {"checkpoint_8.pth": None})
    refused(
        "manual",
        "no direct link; download checkpoint_8.pth from https://example.org/folder",
        "bench fetch manual --from checkpoint_8.pth",
    )
    (tmp_path / "any-name").write_bytes(DATA)
    path = fetch.fetch("manual", source=tmp_path / "any-name")
    assert path.name == "checkpoint_8.pth" and path.read_bytes() == DATA and not leftovers()
    assert fetch.fetch("manual") == fetch.verified("manual") == path
    assert (tmp_path / "any-name").exists()
    (tmp_path / "another").write_bytes(OTHER)
    refused("manual", sha(OTHER), "--again --from checkpoint_8.pth", source=tmp_path / "another")
    assert path.read_bytes() == DATA
    fetch.fetch("manual", source=tmp_path / "another", again=True)
    assert fetch.verified("manual").read_bytes() == OTHER


def test_files_brought_that_are_none(publish, tmp_path):
    publish("manual", {"a.pth": None}, bytes=5)
    refused("manual", "there is no file", "gone", source=tmp_path / "gone")
    refused("manual", "there is no file", source=tmp_path)
    (tmp_path / "page").write_bytes(b"<!doctype html>virus scan")
    refused("manual", "is a web page", source=tmp_path / "page")
    assert not leftovers()
    (tmp_path / "short").write_bytes(b"1234")
    refused("manual", "has 4 bytes, 5 were published", source=tmp_path / "short")
    assert nothing_came("manual") and not leftovers()


def test_a_folder_brought(publish, tmp_path, site):
    publish("several", {"config.json": Page(b"{}"), "weights.bin": Page(DATA)})
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    refused("several", "there is no file", "weights.bin", source=folder)
    (folder / "weights.bin").write_bytes(DATA)
    path = fetch.fetch("several", source=folder)
    assert (path / "weights.bin").read_bytes() == DATA and not site.requests


# ---- what is no checkpoint ----------------------------------------------------------------------

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 223000000\n"
MISTAKEN = {
    b"": "is empty",
    POINTER: "is a git-lfs pointer",
    b"\n <!DOCTYPE html><html>": "web page",
    b'<?xml version="1.0"?><Error><Code>AccessDenied': "an XML text",
    b"\x1f\x8b\x08" + bytes(99): "is packed (gzip)",
    b"\xfd7zXZ\x00" + bytes(99): "is packed (xz)",
    b"BZh91AY" + bytes(99): "is packed (bzip2)",
}
NAMED = {
    "a.pkl": "begin as a file of a pickle",
    "a.npz": "begin as a file of NumPy's arrays",
    "a.pth": "begin as a file of PyTorch",
    "a.PT": "begin as a file of PyTorch",
    "a.safetensors": "begin as a safetensors file",
    "a.json": "is no JSON",
}


@pytest.mark.parametrize("way", ["download", "brought"])
def test_what_is_no_checkpoint_is_not_pinned(publish, tmp_path, way):
    for name in ("a.pkl",) if way == "download" else (*NAMED, "a.anything"):
        wrong = dict(MISTAKEN) if name in ("a.pkl", "a.anything") else {POINTER: "git-lfs pointer"}
        if name in NAMED:
            wrong |= {b"Not found": NAMED[name], b"{": NAMED[name], b"x" * 99: NAMED[name]}
        for content, said in wrong.items():
            (tmp_path / "mine").write_bytes(content)
            publish("small", {name: Page(content) if way == "download" else None})
            refused("small", said, **({"source": tmp_path / "mine"} if way == "brought" else {}))
            assert nothing_came() and not leftovers()


LEGACY = pickle.dumps(1, 2) + b"numbers of an older file of PyTorch's"


def packed():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        made.writestr("a", "b")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (DATA[:-1], "is cut short: 1 bytes are claimed where 0 are left"),
        (packed()[:-30], "does not end as a file of a pickle does"),
        (DATA[:1000] + b".", "is cut short: 299,991 bytes are claimed where 994 are left"),
        (b"\x80\x04(ios\nsystem\n.", "has the opcode INST, which no checkpoint needs"),
    ],
    ids=["a pickle", "an archive", "a pickle with an end", "another opcode"],
)
def test_what_was_cut_by_its_server_is_not_pinned(publish, content, said):
    publish("small", {"a.pkl": Page(content)})
    refused("small", "what came as a.pkl", said)
    assert nothing_came() and not leftovers()


def test_what_a_checkpoint_begins_and_ends_with_is_pinned(publish):
    right = {
        "a.pkl": [pickle.dumps("x", 4), packed(), LEGACY],
        "a.npz": [packed()],
        "a.pth": [b"\x80\x02x", packed()],
        "a.safetensors": [(2).to_bytes(8, "little") + b"{}"],
        "a.json": [b'{"a": 1}'],
        "a.gz": [b"\x1f\x8b\x08xyz"],
        "a.anything": [b"whatever"],
    }
    for number, (name, content) in enumerate(
        (name, content) for name, contents in right.items() for content in contents
    ):
        publish(f"n{number}", {name: Page(content)})
        assert fetch.fetch(f"n{number}").read_bytes() == content


def test_the_real_file_comes_after_a_pointer(publish, tmp_path):
    publish("small", {"a.pkl": Page(POINTER)})
    refused("small", "git lfs pull")
    publish("small", {"a.pkl": Page(DATA)})
    assert fetch.fetch("small").read_bytes() == DATA


def test_a_pointer_found_in_the_cache_is_not_pinned(publish):
    publish("small", {"a.pkl": Page(DATA)})
    folder = cache.Cache.usual().root / "models" / "small"
    folder.mkdir(parents=True)
    (folder / "a.pkl").write_bytes(POINTER)
    refused("small", "git-lfs pointer", "bench fetch small --again")
    assert pins() == {}
    assert fetch.fetch("small", again=True).read_bytes() == DATA


# ---- downloads without end, and power cuts ------------------------------------------------------


@pytest.mark.parametrize("more", ["bytes", "space"])
def test_a_file_without_a_length_has_bounds(publish, monkeypatch, more):
    if more == "bytes":
        monkeypatch.setattr(download, "MOST_UNTOLD", 100_000)
    else:
        monkeypatch.setattr(download, "SPARE", 1 << 62)
    publish("small", {"a.pkl": Page(DATA, announced="chunked")})
    refused("small", "does not say how long the file is", "are allowed", "are free in")
    assert nothing_came() and not leftovers()


def test_more_than_was_published(publish):
    publish("small", {"a.pkl": Page(DATA, announced="chunked")}, bytes=100_000)
    refused("small", "more than the 100,000 bytes came")
    assert nothing_came() and not leftovers()


def test_a_drop_at_a_time(publish, monkeypatch, site):
    clock = [0.0]
    monkeypatch.setattr(download, "monotonic", lambda: clock.append(clock[-1] + 30) or clock[-1])
    monkeypatch.setattr(download, "LOWEST", 1e6)
    publish("small", {"a.pkl": Page(DATA)})
    refused("small", "fewer than 1e+06 bytes a second came for 60 s")
    assert nothing_came() and len(site.requests) == 1
    monkeypatch.setattr(download, "LOWEST", 1.0)
    assert fetch.fetch("small").read_bytes() == DATA


@pytest.mark.parametrize("safe", [0, 1, CUT - 1, CUT])
@pytest.mark.parametrize("kept", [CUT, CUT + 50_000, len(DATA)])
def test_zeros_after_a_power_cut(publish, once, safe, kept):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT])})
    refused("small", "100,000 bytes are kept")
    folder = cache.Cache.usual().root / "models" / "small"
    state = json.loads((folder / "a.pkl.part.json").read_text())
    assert state["synced"] == CUT  # a cut of the connection costs nothing
    (folder / "a.pkl.part.json").write_text(json.dumps({**state, "synced": safe}))
    (folder / "a.pkl.part").write_bytes(DATA[:safe] + bytes(kept - safe))
    assert fetch.fetch("small").read_bytes() == DATA
    assert next(iter(pins().values()))["sha256"] == sha(DATA) and not leftovers()


@pytest.mark.parametrize("synced", [None, "x", -1, CUT + 1, len(DATA) + 1])
def test_a_note_that_cannot_be_starts_anew(publish, once, site, synced):
    publish("small", {"a.pkl": Page(DATA, cuts=[CUT])})
    refused("small")
    note = cache.Cache.usual().root / "models" / "small" / "a.pkl.part.json"
    state = json.loads(note.read_text())
    del state["synced"]
    note.write_text(json.dumps(state if synced is None else {**state, "synced": synced}))
    assert fetch.fetch("small").read_bytes() == DATA
    assert site.asked(1, "Range") is None


def test_what_came_is_synced_as_it_comes(publish, monkeypatch):
    synced = []
    monkeypatch.setattr(download, "SYNC", 50_000)
    monkeypatch.setattr(download.Part, "synced", lambda self, size: synced.append(size))
    publish("small", {"a.pkl": Page(DATA)})
    fetch.fetch("small")
    assert len(synced) >= 4 and synced == sorted(synced) and synced[-1] == len(DATA)


# ---- names and addresses ------------------------------------------------------------------------


def test_unknown_names(site):
    refused("edm-cifar10-32x32-cond-vq", "did you mean 'edm-cifar10-32x32-cond-vp'?")
    for ask in (fetch.path_of, fetch.verified, fetch.find):
        with pytest.raises(FetchError, match="unknown checkpoint or reference"):
            ask("cifar10-32x31")


def test_what_is_not_here(publish):
    publish("small", {"a.pkl": Page(DATA)})
    with pytest.raises(fetch.NotHere, match="type: bench fetch small") as caught:
        fetch.verified("small")
    assert (caught.value.name, caught.value.command) == ("small", "bench fetch small")


def test_addresses(site):
    site.pages["/x/net.pkl"] = Page(DATA)
    url = f"{site.url}/x/net.pkl"
    path = fetch.fetch(url)
    assert path.name == "net.pkl" and path.read_bytes() == DATA
    assert fetch.fetch(url) == fetch.verified(url) == path and len(site.requests) == 1
    other = fetch.fetch(url + "?version=2")
    assert other != path and other.name == "net.pkl"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("/%2e%2e", "file"),
        ("/", "file"),
        ("/.hidden", "hidden"),
        ("/-rf", "rf"),
        ("/a%00b%0Ac", "a_b_c"),
        ("/gewichte%20f%C3%BCr.pt", "gewichte_f_r.pt"),
        ("/" + "n" * 300 + ".pkl", "n" * 96 + ".pkl"),
    ],
)
def test_file_names_of_addresses_stay_in_their_folder(tmp_path, path, name):
    item = fetch.find(f"https://example.org{path}")
    place = item.path(cache.Cache(tmp_path))
    assert place.name == name and place.parent.parent == tmp_path / "urls"


@pytest.mark.parametrize("url", ["ftp://example.org/a", "file:///etc/passwd", "http://"])
def test_addresses_of_another_kind(url):
    with pytest.raises(FetchError, match="only http:// and https:// addresses can be fetched"):
        fetch.find(url)


def test_addresses_that_are_none():
    with pytest.raises(FetchError, match="http://a b/c: not an address"):
        fetch.find("http://a b/c")


def test_secrets_in_addresses_are_not_shown_or_kept(site):
    site.pages["/a.pkl"] = Page(DATA, codes=[403])
    url = site.url.replace("//", "//user:password@") + "/a.pkl?token=secret"
    text = refused(url, "access is refused")
    fetch.fetch(url)
    kept = [p.read_text(errors="replace") for p in cache.Cache.usual().root.rglob("*.json")]
    for secret in ("password", "secret"):
        assert secret not in text and not any(secret in content for content in kept)
