"""socket.io from npm, server and client, as Immich uses them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.edge import Edge

HERE = Path(__file__).parent / "node"


def node(script: str, *args: str) -> list[str]:
    assert os.environ.get("NODE_PATH"), "NODE_PATH must name the node_modules that tests/run.sh installs"
    return ["node", str(HERE / script), *args]


@pytest.fixture
def server() -> Iterator[int]:
    with subprocess.Popen(node("server.js"), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.fixture
def edge(make_edge, server: int, ca) -> Edge:
    return make_edge(f"photos.edge.test {{ proxy 127.0.0.1:{server}\n {ca.tls('photos.edge.test')} }}")


@pytest.mark.parametrize(
    ("transports", "last"), [("polling,websocket", "websocket"), ("websocket", "websocket"), ("polling", "polling")]
)
def test_socketio(edge: Edge, ca, transports: str, last: str) -> None:
    """Acknowledged events, binary data and broadcasts; polling is upgraded to a websocket where allowed."""
    done = subprocess.run(
        node("client.js", f"https://photos.edge.test:{edge.https}", str(ca.ca), transports),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["transport"] == last
    assert told["echo"] == {"hello": "wörld", "n": 3}
    assert told["binary"] == 300_000
    assert told["news"] == [0, 1, 2, 3, 4]
    assert told["proto"] == "https" and told["address"] == "127.0.0.1"


def test_many_socketio_clients(edge: Edge, ca) -> None:
    url = f"https://photos.edge.test:{edge.https}"
    running = [
        subprocess.Popen(node("client.js", url, str(ca.ca), "polling,websocket"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(4)
    ]
    for process in running:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out


