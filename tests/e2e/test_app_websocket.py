"""
Websockets between two libraries that know nothing of each other: Debian's python3-websockets before edge, ws from npm behind it.

Field note: websockets need a setting (immich#28984, owncast#4322, photoprism#376). What the two ends agree on - fragments,
compression, pings, the codes of their good-byes - is theirs: edge carries bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import House
from lib.backend import App, Visit
from lib.clients import Client
from lib.edge import Edge
from lib.node import NodeServer
from lib.ws import ws_connect, ws_session
from websockets import ConnectionClosed

MESSAGE = 16 << 20
FRAGMENT = 200_000
WAIT = 60


@pytest.fixture(scope="module")
def server(top: Path) -> Iterator[NodeServer]:
    with NodeServer(top, "ws_server.js") as running:
        yield running


@pytest.fixture
def edge(make_edge: Callable, server: NodeServer, ca) -> Edge:
    return make_edge(f"photos.edge.test {{ proxy {server.address}\n {ca.tls('photos.edge.test')} }}")


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, WAIT))


def fragments(message: bytes) -> list[bytes]:
    return [message[at : at + FRAGMENT] for at in range(0, len(message), FRAGMENT)]


@pytest.mark.parametrize("compression", [None, "deflate"], ids=["plain", "compressed"])
def test_large_fragmented_messages_both_ways_at_once(edge: Edge, ca, compression: str | None) -> None:
    """While the second message goes out, the first one comes back."""

    async def talk() -> None:
        async with ws_session(edge, ca, compression=compression, ping_interval=None) as ws:
            messages = [os.urandom(MESSAGE // 2) * 2, os.urandom(MESSAGE // 2) * 2]

            async def send() -> None:
                for message in messages:
                    await ws.send(fragments(message))

            sending = asyncio.ensure_future(send())
            for message in messages:
                assert await ws.recv() == message
            await sending

    run(talk())


def test_a_ping_between_fragments(edge: Edge, ca) -> None:
    """It is answered while the message is still being sent; by the other end, which tells of it."""

    async def talk() -> None:
        async with ws_session(edge, ca, ping_interval=None) as ws:

            async def pieces() -> AsyncIterator[bytes]:
                yield b"before "
                await (await ws.ping(b"in between"))
                yield b"after"

            await ws.send(pieces())
            assert await ws.recv() == b"before after"
            await ws.send("pings")
            assert json.loads(await ws.recv()) == ["in between"]

    run(talk())


def test_the_server_pings(edge: Edge, ca) -> None:
    async def talk() -> None:
        async with ws_session(edge, ca, ping_interval=None) as ws:
            await ws.send("ping hello")
            assert await ws.recv() == "pong hello"

    run(talk())


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_the_server_says_good_bye(edge: Edge, ca, code: int) -> None:
    async def talk() -> None:
        ws = await ws_connect(edge, ca)
        await ws.send(f"close {code}")
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert (ws.close_code, ws.close_reason) == (code, "as you wish")

    run(talk())


def test_the_client_says_good_bye(edge: Edge, ca, server: NodeServer) -> None:
    async def talk() -> None:
        ws = await ws_connect(edge, ca)
        await ws.close(4321, "enough of this")

    run(talk())
    server.program.await_matches(r"^closed 4321 enough of this$")


def test_the_server_vanishes(edge: Edge, ca) -> None:
    """No good-bye is invented."""

    async def talk() -> None:
        ws = await ws_connect(edge, ca)
        await ws.send("terminate")
        with pytest.raises(ConnectionClosed):
            await ws.recv()
        assert ws.close_code in (None, 1006)

    run(talk())


def test_the_client_vanishes(edge: Edge, ca, server: NodeServer) -> None:
    before = len(server.program.matches("^closed 1006"))

    async def talk() -> None:
        ws = await ws_connect(edge, ca)
        ws.transport.abort()

    run(talk())
    server.program.await_matches("^closed 1006", before + 1)


# --- half of the TCP connection ends ---

UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"), ("Sec-WebSocket-Version", "13")]


def agree(visit: Visit) -> None:
    visit.begin("101 Switching Protocols", [("Connection", "Upgrade"), ("Upgrade", "websocket")])


@contextlib.contextmanager
def tunnel(house: House, app: App, plain: bool) -> Iterator[Client]:
    house.backend.app = app
    with house.connect("both.edge.test", plain=plain, duplex=True) as client:
        client.send(client.head("GET", "/ws", UPGRADE))
        assert client.response_head().status == 101
        yield client


def says_no_more(client: Client, plain: bool) -> None:
    if plain:
        client.sock.shutdown(socket.SHUT_WR)
    else:
        client.sock.half_close()


@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
def test_the_client_has_said_everything(house: House, plain: bool) -> None:
    """The end of what it sends reaches the backend behind the last byte; what the backend still has to say reaches the client."""
    said = os.urandom(1 << 20)

    def repeats_at_the_end(visit: Visit) -> None:
        agree(visit)
        visit.send(b"".join(visit.reader.rest()))
        visit.close()

    with tunnel(house, repeats_at_the_end, plain) as client:
        client.send(said)
        says_no_more(client, plain)
        assert b"".join(client.reader.rest()) == said


@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
def test_the_backend_has_said_everything(house: House, plain: bool) -> None:
    """The same the other way round."""
    said = os.urandom(1 << 20)
    heard: queue.Queue[bytes] = queue.Queue()

    def listens(visit: Visit) -> None:
        agree(visit)
        visit.sock.shutdown(socket.SHUT_WR)
        heard.put(b"".join(visit.reader.rest()))
        visit.close()

    with tunnel(house, listens, plain) as client:
        assert client.await_end() == "close"
        client.send(said)
        says_no_more(client, plain)
        assert heard.get(timeout=10) == said
