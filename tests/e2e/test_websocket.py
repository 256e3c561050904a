"""Websockets: any path, no setting, every byte, both ends' good-byes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator

import pytest

from conftest import House, connect
from lib.backend import Visit
from lib.edge import Edge
from lib.ws import Sockets, ws_connect, ws_session
from websockets import ConnectionClosed, ConnectionClosedError


@pytest.fixture(scope="module")
def sockets() -> Iterator[Sockets]:
    with Sockets() as s:
        yield s


@pytest.fixture
def edge(make_edge, sockets: Sockets, ca) -> Edge:
    return make_edge(f"photos.edge.test {{ proxy {sockets.address}\n {ca.tls('photos.edge.test')} }}")


def test_echo(edge: Edge, ca) -> None:
    async def run() -> None:
        async with ws_session(edge, ca) as ws:
            for message in ("hello", b"\x00\xff" * 10, "", "ünïcödé"):
                await ws.send(message)
                assert await ws.recv() == message

    asyncio.run(run())


@pytest.mark.parametrize("size", [1 << 20, 16 << 20], ids=["1 MiB", "16 MiB"])
def test_large_messages(edge: Edge, ca, size: int) -> None:
    async def run() -> None:
        message = os.urandom(1 << 16) * (size >> 16)
        async with ws_session(edge, ca, compression=None) as ws:
            await ws.send(message)
            assert await asyncio.wait_for(ws.recv(), 60) == message

    asyncio.run(run())


def test_pings_both_ways(edge: Edge, ca) -> None:
    async def run() -> None:
        async with ws_session(edge, ca) as ws:
            for data in (b"", b"payload"):
                await asyncio.wait_for(await ws.ping(data), 10)

    asyncio.run(run())


def test_the_first_frames_ride_with_the_101(edge: Edge, ca) -> None:
    """A server that speaks at once: what follows the 101 in the same segment is not lost."""

    async def run() -> None:
        for _ in range(5):
            async with ws_session(edge, ca, "/burst/20") as ws:
                assert [await asyncio.wait_for(ws.recv(), 10) for _ in range(20)] == [str(i) for i in range(20)]

    asyncio.run(run())


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4321])
def test_close_code_of_the_server(edge: Edge, ca, code: int) -> None:
    async def run() -> None:
        async with ws_session(edge, ca, f"/close/{code}") as ws:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(ws.recv(), 10)
            assert (ws.close_code, ws.close_reason) == (code, "as you wish")

    asyncio.run(run())


def test_close_code_of_the_client(edge: Edge, ca, sockets: Sockets) -> None:
    async def run() -> None:
        sockets.ended.clear()
        ws = await ws_connect(edge, ca)
        await ws.close(4000, "enough")
        for _ in range(500):
            if sockets.ended:
                break
            await asyncio.sleep(0.01)
        assert sockets.ended == [4000]

    asyncio.run(run())


def test_fifty_at_once(edge: Edge, ca) -> None:
    async def one(number: int) -> None:
        async with ws_session(edge, ca, open_timeout=60) as ws:
            for turn in range(20):
                await ws.send(f"{number} {turn}")
                assert await asyncio.wait_for(ws.recv(), 30) == f"{number} {turn}"

    async def run() -> None:
        await asyncio.gather(*(one(i) for i in range(50)))

    asyncio.run(run())


def test_a_server_that_vanishes(edge: Edge, ca, make_edge) -> None:
    """The client sees an abnormal end (1006), not a good-bye."""

    async def run() -> None:
        with Sockets() as short:
            other = make_edge(f"photos.edge.test {{ proxy {short.address}\n {ca.tls('photos.edge.test')} }}")
            ws = await ws_connect(other, ca)
            other.signal(9)
            with pytest.raises(ConnectionClosedError):
                await asyncio.wait_for(ws.recv(), 10)
            assert ws.close_code in (None, 1006)
            other.exit_status()
            other.process = None

    asyncio.run(run())


# --- the tunnel itself, byte by byte ---


def tunnel(visit: Visit) -> None:
    """Agrees to any upgrade, then echoes raw bytes until the client's half-close; says good-bye after it."""
    visit.begin("101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", visit.fields.get("Upgrade")), ("X-Kept", "yes")])
    while data := (visit.reader.buf or visit.sock.recv(1 << 16)):
        visit.reader.buf = b""
        visit.send(data)
    visit.send(b"good-bye")
    visit.close()


UPGRADE = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"), ("Sec-WebSocket-Version", "13")]


def test_101_comes_with_all_its_fields(house: House) -> None:
    house.backend.app = tunnel
    with house.connect() as client:
        client.send(client.head("GET", "/ws", UPGRADE))
        head = client.response_head()
        assert head.status == 101
        assert head.fields.get("X-Kept") == "yes" and head.fields.get("Upgrade") == "websocket"
        assert "upgrade" in head.fields.get("Connection").lower()
        sent = dict(house.backend.visits[-1].fields)
        assert (sent["Upgrade"], sent["Sec-WebSocket-Key"]) == ("websocket", "x")


def test_the_tunnel_touches_no_byte(house: House) -> None:
    """Not even what looks like HTTP or like the end of a chunk."""
    house.backend.app = tunnel
    data = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\n" + bytes(range(256)) * 5000
    with house.connect(duplex=True) as client:
        client.send(client.head("GET", "/ws", UPGRADE))
        assert client.response_head().status == 101
        sender = threading.Thread(target=client.send, args=(data,))
        sender.start()
        assert client.reader.exactly(len(data)) == data
        sender.join()


def test_bytes_behind_the_upgrade_request(house: House) -> None:
    """A client that speaks before the 101 has come."""
    house.backend.app = tunnel
    with house.connect() as client:
        client.send(client.head("GET", "/ws", UPGRADE) + b"early")
        assert client.response_head().status == 101
        assert client.reader.exactly(5) == b"early"


def test_half_close_in_a_tunnel(house: House) -> None:
    """The client's end reaches the backend, whose last words still reach the client."""
    house.backend.app = tunnel
    with house.connect("both.edge.test", plain=True) as client:
        client.send(client.head("GET", "/ws", UPGRADE))
        assert client.response_head().status == 101
        client.send(b"last")
        client.sock.shutdown(socket.SHUT_WR)
        assert b"".join(client.reader.rest()) == b"lastgood-bye"


def test_the_end_of_the_backend_ends_the_tunnel(house: House) -> None:
    def leaves(visit: Visit) -> None:
        visit.begin("101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", "websocket")])
        visit.send(b"bye")
        visit.close()

    house.backend.app = leaves
    with house.connect() as client:
        client.send(client.head("GET", "/ws", UPGRADE))
        assert client.response_head().status == 101
        assert client.reader.exactly(3) == b"bye"
        client.await_end()


def test_other_upgrades_pass_too(house: House) -> None:
    house.backend.app = tunnel
    with house.connect() as client:
        client.send(client.head("POST", "/", [("Connection", "upgrade"), ("Upgrade", "tcp"), ("Content-Length", "0")]))
        assert client.response_head().status == 101
        client.send(b"x")
        assert client.reader.exactly(1) == b"x"


def test_refused_upgrade(house: House) -> None:
    """401 instead of 101: an ordinary answer, and the connection goes on."""
    house.backend.app = lambda visit: visit.answer(b"who?", "401 Unauthorized")
    with house.connect() as client:
        client.send(client.head("GET", "/ws", UPGRADE))
        assert client.response().status == 401
        assert client.request().status == 401


def test_tunnel_under_backpressure(make_edge, make_backend, ca) -> None:
    """Neither end reads while the other floods: nothing is lost when both go on."""
    size = 24 << 20
    go = threading.Event()

    def flood(visit: Visit) -> None:
        visit.begin("101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", "websocket")])
        sender = threading.Thread(target=visit.send, args=(b"s" * size,))
        sender.start()
        go.wait(20)
        visit.reader.exactly(size)
        sender.join()
        visit.send(b"all")
        visit.close()

    backend = make_backend(flood)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')}\n http serve }}")
    with connect(edge, ca, plain=True) as client:
        client.send(client.head("GET", "/ws", UPGRADE))
        assert client.response_head().status == 101
        sender = threading.Thread(target=client.send, args=(b"c" * size,))
        sender.start()
        go.set()
        assert client.reader.exactly(size) == b"s" * size
        sender.join()
        assert client.reader.exactly(3) == b"all"
