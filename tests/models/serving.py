"""A web site on this machine whose files can be told to misbehave."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sampler_bench.models import download
from sampler_bench.models.published import PUBLISHED, PublishedFile


@dataclass
class Page:
    """What is served at one path.

    Attributes:
        content, etag, type, extra: Its bytes and headers.
        ranges: Whether parts are served; ``"always"``: whatever If-Range says.
        cuts: After how many bytes the connection is cut, request by request; then no more.
        codes: HTTP codes to answer with instead, request by request; then no more.
        location: Where to go instead.
        announced: A wrong Content-Length; ``"none"``: no length; ``"chunked"``.
        content_range: A wrong Content-Range.
        before: Called before the answer.
    """

    content: bytes = b""
    etag: str | None = '"one"'
    type: str = "application/octet-stream"
    extra: dict[str, str] = field(default_factory=dict)
    ranges: bool | str = True
    cuts: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    location: str | None = None
    announced: int | str | None = None
    content_range: str | None = None
    before: Callable[[], None] = lambda: None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers)))
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            self.answer(404)
            return
        page.before()
        if page.codes:
            self.answer(page.codes.pop(0))
        elif page.location:
            self.answer(302, {"Location": page.location})
        else:
            self.serve(page)

    def answer(self, code, headers=(), body=b""):
        self.send_response(code)
        for name, value in {"Content-Length": len(body), **dict(headers)}.items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def serve(self, page):
        start = self.start(page)
        if start and start >= len(page.content):
            self.answer(416)
            return
        body = page.content[start:]
        cut = page.cuts.pop(0) if page.cuts else None
        headers = {"Content-Type": page.type, "ETag": page.etag, **page.extra}
        if page.announced == "chunked":
            headers |= {"Transfer-Encoding": "chunked", "Content-Length": None}
            chunks = [body[i : i + 50_000] for i in range(0, len(body), 50_000)] + [b""]
            body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        elif page.announced == "none":
            headers["Content-Length"] = None
        else:
            headers["Content-Length"] = len(body) if page.announced is None else page.announced
        if start:
            total = len(page.content)
            right = f"bytes {start}-{total - 1}/{total}"
            headers["Content-Range"] = page.content_range or right
        self.answer(206 if start else 200, headers, body[:cut])
        if cut is not None or page.announced not in {None, "chunked"}:
            self.close_connection = True

    def start(self, page):
        asked = self.headers.get("Range")
        if not asked or not page.ranges:
            return 0
        same = self.headers.get("If-Range") in {None, page.etag}
        return int(asked[len("bytes=") : -1]) if same or page.ranges == "always" else 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Say nothing of clients that leave early."""


class Site:
    """Pages by path, and the requests that came: path and headers."""

    def __init__(self):
        self._server = _Server(("127.0.0.1", 0), Handler)
        self.pages = self._server.pages = {}
        self.requests = self._server.requests = []
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def asked(self, number, header):
        """Return a header of one request."""
        return self.requests[number][1].get(header)


@pytest.fixture
def site(monkeypatch, tmp_path):
    """A site, nothing of the environment's proxies and cache, and no waiting."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SAMPLER_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "BACKOFF", 0.0)
    with Site() as site:
        yield site


@pytest.fixture
def publish(monkeypatch, site):
    """Declare a checkpoint whose files, by name, are the given pages."""

    def declare(name, pages, **declared):
        files = []
        for file, page in pages.items():
            url = None
            if page is not None:
                site.pages[f"/{name}/{file}"], url = page, f"{site.url}/{name}/{file}"
            where = {"url": url, "page": None if url else "https://example.org/folder"}
            files.append(PublishedFile(name=file, **where, **declared))
        row = PUBLISHED["edm-cifar10-32x32-cond-vp"]
        row = row.model_copy(update={"name": name, "files": tuple(files)})
        monkeypatch.setitem(PUBLISHED, name, row)
        return row

    return declare
