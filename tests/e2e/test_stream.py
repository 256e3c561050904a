"""What arrives is sent on at once, and what cannot be taken is not fetched."""

from __future__ import annotations

import threading

import pytest

from conftest import House, connect
from lib import procs
from lib.backend import Visit
from lib.edge import Edge
from lib.net import await_standstill

MIB = 1 << 20


def test_event_stream(house: House) -> None:
    """Each event reaches the browser before the next one is made (jellyfin#3198)."""
    go = threading.Semaphore(0)

    def events(visit: Visit) -> None:
        visit.begin(fields=[("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"), ("Transfer-Encoding", "chunked")])
        for i in range(10):
            assert go.acquire(timeout=10)
            visit.chunk(b"data: %d\n\n" % i)
        visit.last_chunk()

    house.backend.app = events
    with house.connect() as client:
        client.send(client.head("GET", "/events", [("Accept", "text/event-stream")]))
        assert client.response_head().fields.get("Content-Type") == "text/event-stream"
        for i in range(10):
            go.release()
            assert client.reader.chunk() == b"data: %d\n\n" % i
        assert client.reader.chunk() == b""


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_stream_without_length(house: House, version: str) -> None:
    """The same from a backend that ends by closing (Owncast, MJPEG cameras)."""
    go = threading.Semaphore(0)

    def pieces(visit: Visit) -> None:
        visit.begin(fields=[("Content-Type", "multipart/x-mixed-replace")])
        for _ in range(5):
            assert go.acquire(timeout=10)
            visit.send(b"frame")
        visit.close()

    house.backend.app = pieces
    with house.connect() as client:
        client.send(client.head(version=version))
        assert client.response_head().status == 200
        for _ in range(5):
            go.release()
            assert (client.reader.chunk() if version == "1.1" else client.reader.exactly(5)) == b"frame"
        if version == "1.0":
            assert client.await_end() == "close"
        else:
            assert client.reader.chunk() == b""


def test_the_head_comes_before_the_body(house: House) -> None:
    go = threading.Event()

    def app(visit: Visit) -> None:
        visit.begin(fields=[("Content-Length", "4")])
        assert go.wait(10)
        visit.send(b"body")

    house.backend.app = app
    with house.connect() as client:
        client.send(client.head())
        head = client.response_head()
        go.set()
        assert b"".join(client.reader.pieces(int(head.fields.get("Content-Length")))) == b"body"


def test_upload_pieces_arrive_at_once(house: House) -> None:
    """Each piece is with the backend before the client sends the next; nothing is collected."""
    got = threading.Semaphore(0)

    def app(visit: Visit) -> None:
        for _ in visit.pieces():
            got.release()
        visit.answer(b"ok")

    house.backend.app = app
    with house.connect() as client:
        client.send(client.head("POST", "/", [("Content-Length", "10")]))
        for _ in range(10):
            client.send(b"x")
            assert got.acquire(timeout=10)
        assert client.response().body == b"ok"


class Flood:
    """200 MiB that a backend sends; how far it came."""

    size = 200 * MIB

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self, visit: Visit) -> None:
        visit.begin(fields=[("Content-Length", str(self.size))])
        while self.sent < self.size:
            visit.send(b"f" * MIB)
            self.sent += MIB


def stalled_download(edge: Edge, ca, flood: Flood, plain: bool, release: bool) -> None:
    with connect(edge, ca, plain=plain) as client:
        client.request("GET", "/warm")
        before = procs.pss(edge.pids())
        client.send(client.head())
        assert client.response_head().status == 200
        stood = await_standstill(lambda: flood.sent)
        assert stood < 100 * MIB, f"edge took {stood // MIB} MiB that nobody reads"
        if release:
            grown = procs.pss(edge.pids()) - before
            assert grown < 6 * MIB, f"{grown // MIB} MiB held for one client that does not read"
        assert sum(map(len, client.reader.pieces(flood.size))) == flood.size


@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
def test_client_that_does_not_read(make_edge, make_backend, ca, release: bool, plain: bool) -> None:
    """The backend is slowed down, edge's memory stays, and nothing is lost when the client goes on."""
    flood = Flood()
    backend = make_backend(lambda visit: visit.answer(b"warm") if visit.target == "/warm" else flood(visit))
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')}\n http serve }}")
    stalled_download(edge, ca, flood, plain, release)


@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
def test_backend_that_does_not_read(make_edge, make_backend, ca, release: bool, plain: bool) -> None:
    """The same for an upload: the client is slowed down."""
    go, size = threading.Event(), 200 * MIB

    def app(visit: Visit) -> None:
        assert go.wait(60)
        visit.answer(str(sum(map(len, visit.pieces()))).encode())

    backend = make_backend(app)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')}\n http serve }}")
    sent = 0

    def upload() -> None:
        nonlocal sent
        for _ in range(size // MIB):
            client.send(b"u" * MIB)
            sent += MIB

    with connect(edge, ca, plain=plain, duplex=True) as client:
        before = procs.pss(edge.pids())
        client.send(client.head("POST", "/", [("Content-Length", str(size))]))
        client.sock.settimeout(60)
        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        stood = await_standstill(lambda: sent)
        assert stood < 100 * MIB, f"edge took {stood // MIB} MiB that nobody reads"
        if release:
            grown = procs.pss(edge.pids()) - before
            assert grown < 6 * MIB, f"{grown // MIB} MiB held for one backend that does not read"
        go.set()
        assert client.response().body == str(size).encode()
        thread.join(10)


def test_a_stalled_client_slows_nobody_else(make_edge, make_backend, ca) -> None:
    flood = Flood()
    backend = make_backend(lambda visit: flood(visit) if visit.target == "/flood" else visit.answer(b"quick"))
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as stalled, connect(edge, ca) as quick:
        stalled.send(stalled.head("GET", "/flood"))
        await_standstill(lambda: flood.sent, 0.3)
        for _ in range(20):
            assert quick.request().body == b"quick"
