"""Time limits count silence, not length: what still moves survives, what stands still ends. Each on both sides of the line."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from conftest import connect
from lib.backend import Visit
from lib.clients import Client
from lib.edge import Edge
from lib.net import await_true
from lib.wire import Cut
from lib.ws import Sockets, ws_connect

TICK = 0.3


@pytest.fixture
def limited(make_edge, make_backend, ca):
    """limited(timeouts, app) -> an edge with these limits, and its backend."""

    def make(timeouts: str, app=None, *, everywhere: bool = False):
        backend = make_backend(*([app] if app else []))
        block = "" if everywhere else f"timeout {timeouts}"
        edge = make_edge(
            f"photos.edge.test {{\n proxy {backend.address}\n {ca.tls('photos.edge.test')}\n http serve\n {block}\n}}",
            options=f"timeout {timeouts}" if everywhere else "",
        )
        return edge, backend

    return make


def ended_after(client, least: float, most: float) -> str:
    start = time.monotonic()
    how = client.await_end()
    took = time.monotonic() - start
    assert least <= took <= most, f"ended after {took:.2f} s"
    return how


def test_head_in_time(limited, ca) -> None:
    """The limit is a total one: a trickle of bytes does not stretch it (slowloris)."""
    edge, backend = limited("head 1s", everywhere=True)
    with connect(edge, ca) as quick, connect(edge, ca) as slow:
        for piece in (b"GET / HTTP/1.1\r\n", b"Host: photos.edge.test\r\n", b"\r\n"):
            quick.send(piece)
            time.sleep(TICK / 2)
        assert quick.response().status == 200
        start = time.monotonic()
        slow.send(b"GET / HTTP/1.1\r\nX-Slow: ")
        while not slow.readable(TICK / 2):
            assert time.monotonic() - start < 5, "still waiting for the head"
            slow.send(b"a")
        assert slow.response().status == 408
    assert len(backend.visits) == 1


def test_head_timeout_is_answered(limited, ca) -> None:
    edge, _ = limited("head 1s", everywhere=True)
    with connect(edge, ca, plain=True) as client:
        client.send(b"GET / HTTP/1.1\r\n")
        assert client.response().status == 408
        client.await_end()


def test_handshake_limit(limited, ca) -> None:
    edge, _ = limited("handshake 1s", everywhere=True)
    with Client(edge.https, "x", None) as silent, Client(edge.https, "x", None) as partial:
        partial.send(b"\x16\x03\x01\x02\x00\x01\x00")
        for client in (silent, partial):
            client.await_end()


def test_idle(limited, ca) -> None:
    """Between requests; each request starts it anew."""
    edge, _ = limited("idle 1s", everywhere=True)
    with connect(edge, ca) as client:
        for _ in range(4):
            assert client.request().status == 200
            time.sleep(0.5)
        assert client.request().status == 200
        assert ended_after(client, 0.5, 5) == "close"


def test_idle_before_the_first_request(limited, ca) -> None:
    edge, _ = limited("idle 1s", everywhere=True)
    with connect(edge, ca) as client:
        assert ended_after(client, 0.3, 5) == "close"


def test_idle_does_not_count_while_the_backend_thinks(limited, ca) -> None:
    def thinks(visit: Visit) -> None:
        time.sleep(2)
        visit.answer(b"at last")

    edge, _ = limited("idle 1s", thinks, everywhere=True)
    with connect(edge, ca) as client:
        assert client.request().body == b"at last"


def test_send_uploads(limited, ca) -> None:
    """A client that trickles its upload survives, one that stops is cut off."""
    edge, backend = limited("send 1s")
    with connect(edge, ca) as trickle, connect(edge, ca) as stopped:
        for client in (trickle, stopped):
            client.send(client.head("POST", "/", [("Content-Length", "8")]))
        stopped.send(b"x")
        start = time.monotonic()
        for _ in range(8):
            time.sleep(TICK)
            trickle.send(b"y")
        assert b'"length": 8' in trickle.response().body
        stopped.await_end()
        assert time.monotonic() - start < 10
    await_true("both connections at the backend seen", lambda: len(backend.visits) == 2)


def blocks(visit: Visit) -> None:
    visit.begin(fields=[("Content-Length", str(64 << 20))])
    for _ in range(64):
        visit.send(b"d" * (1 << 20))


def test_send_downloads(limited, ca) -> None:
    """The same toward a client that reads slowly, or not at all."""
    edge, backend = limited("send 1s", blocks)
    with connect(edge, ca, receive_buffer=8192) as slow, connect(edge, ca, receive_buffer=8192) as stopped:
        for client in (slow, stopped):
            client.send(client.head())
            assert client.response_head().status == 200
        for _ in range(12):
            time.sleep(TICK)
            slow.reader.exactly(100_000)
        assert slow.open_still(), "a slow reader was cut off"
        slow.close()
        # Nobody reads for more than a second: what had been in flight comes, then the cut, not the whole.
        backend.await_open(0)
        with pytest.raises((Cut, OSError)):
            list(stopped.reader.pieces(64 << 20))


def test_send_toward_the_backend(limited, ca) -> None:
    """A backend that stops reading an upload: the client is told."""
    stuck = threading.Event()

    def stops_reading(visit: Visit) -> None:
        stuck.wait(20)
        visit.close()

    edge, _ = limited("send 1s", stops_reading)
    with connect(edge, ca, duplex=True) as client:
        client.send(client.head("POST", "/", [("Content-Length", str(1 << 30))]))

        def upload() -> None:
            try:
                while True:
                    client.send(b"u" * (1 << 20))
            except OSError:
                pass

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        assert client.response().status in (502, 504)
        client.sock.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    stuck.set()


def test_response_is_silence_not_length(limited, ca) -> None:
    """An answer that trickles takes as long as it takes; one that stops is cut."""

    def app(visit: Visit) -> None:
        visit.begin(fields=[("Content-Length", "8")])
        for _ in range(8 if visit.target == "/trickle" else 1):
            time.sleep(TICK)
            visit.send(b"z")
        if visit.target != "/trickle":
            time.sleep(4)
            visit.close()

    edge, _ = limited("response 1s", app)
    with connect(edge, ca) as trickle, connect(edge, ca) as stops:
        stops.send(stops.head("GET", "/stops"))
        assert trickle.request("GET", "/trickle").body == b"z" * 8
        with pytest.raises(Cut):
            stops.response()


def test_response_does_not_count_while_the_client_uploads(limited, ca) -> None:
    """The backend owes nothing before it has the whole request (immich: 22 GB videos)."""
    edge, _ = limited("response 1s")
    with connect(edge, ca) as client:
        client.send(client.head("POST", "/", [("Content-Length", "8")]))
        for _ in range(8):
            time.sleep(TICK)
            client.send(b"y")
        assert client.response().status == 200


def test_tunnel(make_edge, ca) -> None:
    """A quiet websocket ends, one that whispers in one direction lives."""
    with Sockets() as sockets:
        edge: Edge = make_edge(f"photos.edge.test {{ proxy {sockets.address}\n {ca.tls('photos.edge.test')}\n timeout tunnel 1s }}")

        async def run() -> None:
            quiet = await ws_connect(edge, ca, "/sink", ping_interval=None)
            whispers = await ws_connect(edge, ca, "/sink", ping_interval=None)
            for _ in range(8):
                await asyncio.sleep(TICK)
                await whispers.send("psst")
            assert (await asyncio.wait_for(quiet.wait_closed(), 10)) is None
            await whispers.send("still there")
            await asyncio.wait_for(await whispers.ping(), 10)
            await whispers.close()

        asyncio.run(run())
