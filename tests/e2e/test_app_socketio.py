"""
socket.io from npm, server and clients, as Immich uses it.

Field note: websockets need a setting, or `Connection: upgrade` on every request breaks the app (immich#28984, owncast#4322,
photoprism#376; jellyfin#4345). Here there is no setting, and polling is plain HTTP on the same path.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.edge import Edge
from lib.node import NodeServer, node_client


@pytest.fixture(scope="module")
def server(top: Path) -> Iterator[NodeServer]:
    with NodeServer(top, "socketio_server.js") as running:
        yield running


@pytest.fixture
def edge(make_edge, server: NodeServer, ca) -> Edge:
    return make_edge(f"photos.edge.test {{ proxy {server.address}\n {ca.tls('photos.edge.test')} }}")


def talk(edge: Edge, ca, transports: str, count: int = 1, cut: str = "") -> dict:
    return node_client(ca, "socketio_client.js", f"https://photos.edge.test:{edge.https}", transports, count, cut)


@pytest.mark.parametrize(
    ("transports", "last"), [("polling,websocket", "websocket"), ("websocket", "websocket"), ("polling", "polling")]
)
def test_socketio(edge: Edge, ca, transports: str, last: str) -> None:
    """Acknowledged events, 3 MB of binary data both ways, a burst; polling is upgraded to a websocket where allowed."""
    told = talk(edge, ca, transports)
    assert told["transport"] == last
    assert told["echo"] == {"hello": "wörld", "n": 3}
    assert told["binary"]
    assert told["news"] == [0, 1, 2, 3, 4]
    assert told["proto"] == "https" and told["address"] == "127.0.0.1"


@pytest.mark.parametrize("transports", ["polling,websocket", "polling"])
def test_many_clients(edge: Edge, ca, transports: str) -> None:
    """Each of eight hears what each of them says to all."""
    assert talk(edge, ca, transports, count=8)["heard"] == [list(range(8))] * 8


def test_reconnect(edge: Edge, ca) -> None:
    """The backend's end of the websocket is torn off: the client learns of it, comes back, and gets what it missed."""
    told = talk(edge, ca, "websocket", cut="cut")
    assert told["recovered"] is True
    assert told["missed"] == ["missed"]
