"""
Resumable uploads with tus from npm, server and client.

Field note: large uploads die - 60 s total limits, 1 MB caps, spooling to disk, 100 MB tunnel caps (immich#27985, #24351, #6143).
Who uploads over a poor line needs the part that came to be there when the line is back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.certs import Authority
from lib.cutter import Cutter
from lib.edge import Edge
from lib.node import NodeServer, node_client
from lib.wire import pattern

MIB = 1 << 20
SIZE = 24 * MIB + 12345


@pytest.fixture(scope="module")
def film(top: Path) -> Path:
    path = top / "film"
    with path.open("wb") as file:
        file.writelines(pattern(SIZE))
    return path


@pytest.fixture
def server(place: Path) -> Iterator[NodeServer]:
    with NodeServer(place, "tus_server.js", place) as running:
        yield running


def site(ca: Authority, port: int) -> str:
    return f"photos.edge.test {{ proxy 127.0.0.1:{port}\n {ca.tls('photos.edge.test')} }}"


def upload(ca: Authority, film: Path, port: int, **options: object) -> dict:
    return node_client(ca, "tus_client.js", f"https://photos.edge.test:{port}/files", film, json.dumps(options))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_arrived(told: dict, port: int, place: Path, film: Path) -> None:
    """The server's file is the client's, and the server knew by what name the client reaches it."""
    base, _, name = told["url"].rpartition("/")
    assert base == f"https://photos.edge.test:{port}/files"
    assert sha256(place / name) == sha256(film)


@pytest.mark.parametrize(
    ("options", "requests"),
    [
        ({"chunkSize": 5 * MIB}, ["POST"] + ["PATCH"] * 5),
        ({}, ["POST", "PATCH"]),
        ({"uploadDataDuringCreation": True}, ["POST"]),
        ({"uploadDataDuringCreation": True, "chunkSize": 20 * MIB}, ["POST", "PATCH"]),
    ],
    ids=["chunks", "one piece", "creation with upload", "creation with a chunk"],
)
def test_upload(make_edge: Callable, server: NodeServer, ca, place: Path, film: Path, options: dict, requests: list[str]) -> None:
    edge: Edge = make_edge(site(ca, server.port))
    assert_arrived(upload(ca, film, edge.https, **options), edge.https, place, film)
    assert server.program.matches(r"^(\w+) with") == requests


@pytest.mark.parametrize("side", ["client", "backend"])
def test_resume_after_a_cut(make_edge: Callable, server: NodeServer, ca, place: Path, film: Path, side: str) -> None:
    """A connection is reset after 9 MiB: the server has kept what came, and the upload goes on from there."""
    if side == "client":
        edge = make_edge(site(ca, server.port))
        with Cutter(edge.https, 9 * MIB) as cutter:
            told = upload(ca, film, cutter.port)
            assert_arrived(told, cutter.port, place, film)
    else:
        with Cutter(server.port, 9 * MIB) as cutter:
            edge = make_edge(site(ca, cutter.port))
            told = upload(ca, film, edge.https)
            assert_arrived(told, edge.https, place, film)
    assert cutter.cuts == 1
    assert len(told["resumed"]) == 1 and MIB < told["resumed"][0] < 10 * MIB
