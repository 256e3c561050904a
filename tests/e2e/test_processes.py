"""The processes of edge: who dies comes back, who must end ends, and nobody else notices."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from conftest import connect
from lib import procs
from lib.backend import Backend, Visit, download
from lib.edge import ASAN, Edge
from lib.net import await_true
from lib.ws import Sockets, ws_connect, ws_session
from websockets import ConnectionClosed

BACK_WITHIN = 3.0 if ASAN else 1.5  # promised: a second
MIB = 1 << 20


@pytest.fixture
def backend(make_backend) -> Backend:
    return make_backend()


@pytest.fixture
def edge(make_edge, backend: Backend, ca) -> Edge:
    return make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}")


@pytest.fixture(scope="module")
def sockets() -> Iterator[Sockets]:
    with Sockets() as s:
        yield s


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    await_true(f"{pid} gone", lambda: not procs.alive(pid), 2)


def client_port(ws) -> int:
    return ws.local_address[1]


def test_what_a_dead_worker_had_in_use_is_free_again(make_edge, make_backend, ca) -> None:
    """Else a crash would take away places of `max_connections` for good."""
    go = threading.Event()

    def app(visit: Visit) -> None:
        if visit.target == "/held":
            go.wait(30)
        visit.answer(b"done")

    backend = make_backend(app)
    block = "max_connections 1"
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address} {{ {block} }}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        client.send(client.head(target="/held"))
        backend.await_visits(1)
        old = edge.workers
        kill(old[0])
    edge.await_workers(without=old)
    with connect(edge, ca) as client:
        assert client.request().status == 200
    go.set()


async def _websockets_on_both_workers(edge: Edge, ca) -> dict[int, list]:
    held: dict[int, list] = {pid: [] for pid in edge.workers}
    for _ in range(200):
        ws = await ws_connect(edge, ca, ping_interval=None)
        held[procs.owner(edge.workers, client_port(ws))].append(ws)
        if all(len(list_) >= 2 for list_ in held.values()):
            return held
    raise AssertionError(f"one worker takes all: { {p: len(w) for p, w in held.items()} }")


def test_a_killed_worker_comes_back(make_edge, sockets: Sockets, ca) -> None:
    """Its own connections end, those of the other worker do not notice."""
    edge = make_edge(f"photos.edge.test {{ proxy {sockets.address}\n {ca.tls('photos.edge.test')} }}")
    edge.accept_crashes = True

    async def run() -> None:
        held = await _websockets_on_both_workers(edge, ca)
        victim, other = held
        kill(victim)
        edge.await_workers(without=[victim], seconds=BACK_WITHIN)
        assert other in edge.workers
        for ws in held[other]:
            await ws.send("still there")
            assert await asyncio.wait_for(ws.recv(), 10) == "still there"
            await ws.close()
        for ws in held[victim]:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(ws.recv(), 10)
        async with ws_session(edge, ca) as ws:
            await ws.send("new")
            assert await asyncio.wait_for(ws.recv(), 10) == "new"

    asyncio.run(run())


def test_workers_killed_one_after_the_other(edge: Edge, ca) -> None:
    """At no time is a connection refused: the listening sockets are the supervisor's."""
    edge.accept_crashes = True
    for victim in edge.workers:
        kill(victim)
        with connect(edge, ca) as client:
            assert client.request().status == 200
    edge.await_workers(seconds=5)


def test_a_killed_keeper_comes_back(edge: Edge, ca) -> None:
    edge.accept_crashes = True
    old, workers = edge.keeper, edge.workers
    with connect(edge, ca) as client:
        assert client.request().status == 200
        kill(old)
        await_true("another keeper", lambda: [p for p in edge.role("keeper") if p != old], BACK_WITHIN)
        assert client.request().status == 200
    assert edge.workers == workers


def test_a_killed_supervisor_takes_all_with_it(edge: Edge) -> None:
    """No orphan goes on serving an old configuration on port 443."""
    pids = edge.pids()
    assert len(pids) >= 4
    edge.signal(signal.SIGKILL)
    edge.exit_status()
    await_true("all children gone", lambda: not [p for p in pids if procs.alive(p)], BACK_WITHIN)
    for port in (edge.http, edge.https):
        with socket.socket() as s:
            s.bind(("127.0.0.1", port))
    edge.check_log()
    edge.process = None


def slow_download(go: threading.Event):
    def app(visit: Visit) -> None:
        visit.begin(fields=[("Content-Length", str(2 * MIB))])
        visit.send(b"a" * MIB)
        assert go.wait(20)
        visit.send(b"b" * MIB)

    return app


def refused(port: int) -> bool:
    with socket.socket() as s:
        s.settimeout(5)
        return s.connect_ex(("127.0.0.1", port)) != 0


def test_sigterm_drains(edge: Edge, backend: Backend, ca) -> None:
    """What is under way is finished, nothing new begins, and the end is an orderly one."""
    go = threading.Event()
    backend.app = slow_download(go)
    with connect(edge, ca) as client, connect(edge, ca) as idle:
        client.send(client.head())
        assert client.response_head().status == 200
        assert len(client.reader.exactly(MIB)) == MIB
        edge.signal(signal.SIGTERM)
        await_true("new connections refused", lambda: refused(edge.https) and refused(edge.http), 5)
        assert idle.await_end() == "close", "connections that wait are closed at once"
        assert edge.process.poll() is None
        go.set()
        assert client.reader.exactly(MIB) == b"b" * MIB
        assert client.await_end() == "close"
    assert edge.exit_status(5) == 0


def test_second_sigterm_is_immediate(edge: Edge, backend: Backend, ca) -> None:
    go = threading.Event()
    backend.app = slow_download(go)
    with connect(edge, ca) as client:
        client.send(client.head())
        client.reader.head()
        pids = edge.pids()
        edge.signal(signal.SIGTERM)
        await_true("new connections refused", lambda: refused(edge.https), 5)
        edge.signal(signal.SIGTERM)
        edge.exit_status(3)
        await_true("all gone", lambda: not [p for p in pids if procs.alive(p)], 3)
        assert client.await_end() == "cut"
    go.set()


def test_the_drain_has_a_limit(make_edge, sockets: Sockets, ca) -> None:
    """A websocket that never ends does not hold the daemon for ever."""
    edge = make_edge(f"photos.edge.test {{ proxy {sockets.address}\n {ca.tls('photos.edge.test')} }}", options="timeout drain 1s")

    async def run() -> None:
        ws = await ws_connect(edge, ca, ping_interval=None)
        edge.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(ws.recv(), 8)

    asyncio.run(run())
    assert edge.exit_status(5) == 0


def test_interrupt_ends_too(edge: Edge) -> None:
    """Ctrl-C in a terminal."""
    edge.signal(signal.SIGINT)
    assert edge.exit_status(10) == 0


def test_an_idle_end_is_quick(edge: Edge, ca) -> None:
    with connect(edge, ca) as client:
        client.request()
        start = time.monotonic()
        edge.signal(signal.SIGTERM)
        assert edge.exit_status() == 0
        assert time.monotonic() - start < 5
        client.await_end()


# --- ports ---


def test_a_busy_port_is_named_and_the_other_serves(make_edge, backend: Backend, ca) -> None:
    """Pi-hole on port 80 must not keep 443 from being served (pi-hole#620)."""
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", start=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", edge.http))
        taken.listen()
        edge.start()
        line = edge.await_log(rf"\b{edge.http}\b.*")
        with open("/proc/self/comm", encoding="ascii") as comm:
            assert comm.read().strip() in line, line
        assert str(os.getpid()) in line, line
        with connect(edge, ca) as client:
            assert client.request().status == 200


def test_all_ports_busy(make_edge, backend: Backend, ca) -> None:
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", start=False)
    with socket.socket() as first, socket.socket() as second:
        for s, port in ((first, edge.http), (second, edge.https)):
            s.bind(("127.0.0.1", port))
            s.listen()
        edge.launch()
        assert edge.exit_status() == 1
    log = edge.log_text()
    assert str(edge.http) in log and str(edge.https) in log
    edge.check_log()
    edge.process = None


def test_started_again_at_once(make_edge, backend: Backend, ca) -> None:
    """Connections of the last run in TIME_WAIT do not hold the port."""
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}")
    for _ in range(3):
        with connect(edge, ca) as client:
            assert client.request().status == 200
            edge.stop()
        edge.start()


def test_ready_means_serving(make_edge, backend: Backend, ca) -> None:
    """At READY=1 a client is served by every worker, and the log says so in one line."""
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=3)
    assert len(edge.workers) == 3 and edge.keeper
    assert "READY=1" in edge.ready_text
    with connect(edge, ca) as client:
        assert client.request().status == 200
    edge.await_log("ready")


def test_a_large_download_survives_a_killed_neighbour(edge: Edge, backend: Backend, ca) -> None:
    edge.accept_crashes = True
    backend.app = download(64 * MIB)
    with connect(edge, ca) as client:
        client.send(client.head())
        assert client.response_head().status == 200
        mine = procs.owner(edge.workers, client.sock.getsockname()[1])
        for pid in [p for p in edge.workers if p != mine] + [edge.keeper]:
            kill(pid)
        assert sum(map(len, client.reader.pieces(64 * MIB))) == 64 * MIB
    edge.await_workers()
