"""
Chromium before edge: a page of 300 images, a stream that a script reads, a websocket, server-sent events, an upload of 50 MB.

Field notes: large uploads die (immich#27985); websockets need a setting (owncast#4322); response buffering pauses event streams
(jellyfin#3198). Here nothing is set, and the browser verifies the certificate as a user's does.
"""

from __future__ import annotations

import random
import struct
import subprocess
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import running_edge
from lib.backend import Backend, Visit, checksum
from lib.certs import Authority
from lib.node import node_client
from lib.ws import Sockets

IMAGES = 300
HEIGHT = 20
PIECES = 20
BROWSERS_LIMIT = 6  # connections to one host


def png(width: int) -> bytes:
    """Noise, so that it has some size; how wide it is tells which one it is."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    noise = random.Random(width)
    rows = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(HEIGHT))
    head = struct.pack(">IIBBBBB", width, HEIGHT, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")


class Site:
    """The backend of the page and of its scripts."""

    def __init__(self) -> None:
        self.seen = threading.Semaphore(0)

    def __call__(self, visit: Visit) -> None:
        _, name, *rest = visit.target.split("/")
        {
            "gallery": self.gallery,
            "image": lambda v: v.answer(png(int(rest[0])), fields=[("Content-Type", "image/png")]),
            "pieces": self.pieces,
            "seen": self.note_seen,
            "events": self.events,
            "upload": checksum,
        }[name](visit)

    def gallery(self, visit: Visit) -> None:
        images = "".join(f"<img src=/image/{n}>" for n in range(1, IMAGES + 1))
        html = f"""<!doctype html><title>gallery</title><link rel=icon href="data:,">
            <script>performance.setResourceTimingBufferSize({2 * IMAGES})</script>{images}"""
        visit.answer(html.encode(), fields=[("Content-Type", "text/html")])

    def pieces(self, visit: Visit) -> None:
        visit.begin(fields=[("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked")])
        for number in range(PIECES):
            visit.chunk(b"piece %d" % number)
            assert self.seen.acquire(timeout=20), f"piece {number} was not seen"
        visit.last_chunk()

    def note_seen(self, visit: Visit) -> None:
        visit.body()
        self.seen.release()
        visit.answer()

    def events(self, visit: Visit) -> None:
        last = int(visit.fields.get("Last-Event-ID") or 0)
        visit.begin(fields=[("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])
        visit.chunk(b"retry: 50\n\n")
        for number in range(last + 1, last + 4):
            visit.chunk(b"id: %d\nevent: state\ndata: on\n\n" % number)
        visit.last_chunk()


def trusting(home: Path, ca: Authority) -> dict[str, str]:
    """The environment of a browser whose user has added the CA."""
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    for args in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "edge tests", "-i", str(ca.ca)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *args], check=True, timeout=20)
    return {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_CACHE_HOME": str(home / "cache")}


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    made = Backend(Site())
    yield made
    made.stop()


@pytest.fixture(scope="module")
def found(top: Path, ca: Authority, backend: Backend) -> Iterator[dict]:
    """What the browser found, in one visit."""
    home = trusting(top / "browser", ca)
    with Sockets() as sockets:
        site = f"route /ws proxy {sockets.address}\n route * proxy {backend.address}\n {ca.tls('app.edge.test')}"
        with running_edge(top, f"app.edge.test {{ {site} }}") as edge:
            yield node_client(ca, "browser.js", f"https://app.edge.test:{edge.https}", env=home, seconds=90)


def test_300_images(found: dict, backend: Backend) -> None:
    """Each one is the one that was asked for, over as few connections as browsers make; edge needs no more towards the backend."""
    gallery = found["gallery"]
    assert gallery["widths"] == list(range(1, IMAGES + 1))
    assert gallery["requests"] == IMAGES
    assert gallery["connections"] <= BROWSERS_LIMIT
    images = [visit for visit in backend.visits if visit.target.startswith("/image/")]
    assert len(images) == IMAGES, "some were asked for twice"
    assert len({visit.connection for visit in images}) <= 2 * BROWSERS_LIMIT


def test_no_complaints(found: dict) -> None:
    """Neither the console nor a request that failed."""
    assert found["complaints"] == []


def test_a_stream_that_a_script_reads(found: dict) -> None:
    assert found["stream"] == [f"piece {number}" for number in range(PIECES)]


def test_websocket(found: dict) -> None:
    assert found["websocket"] == {"text": "hello", "binary": True, "code": 4000, "reason": "done", "wasClean": True}


def test_server_sent_events(found: dict, backend: Backend) -> None:
    """The browser comes back twice, each time with the last event it has."""
    assert found["events"] == list(range(1, 10))
    asked = [visit.fields.get("Last-Event-ID") for visit in backend.visits if visit.target == "/events"]
    assert asked[:3] == ["", "3", "6"]


def test_upload(found: dict) -> None:
    assert found["upload"]["got"] == found["upload"]["expected"]
