"""A new certificate is used at once, and nobody who is connected notices."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from conftest import connect
from lib import procs
from lib.acme import Lab, MakeLab, await_issued, renewed
from lib.backend import Backend, Visit
from lib.edge import ASAN
from lib.net import await_true
from lib.ws import Sockets, ws_session

MIB = 1 << 20
AT_ONCE = 6.0 if ASAN else 2.0
PHOTOS, LIVE = "photos.edge.test", "live.edge.test"
LIFE = 10  # seconds; renewed with half of it left
RENEWALS = 3


@pytest.fixture
def backend(make_backend) -> Backend:
    return make_backend()


@pytest.fixture(scope="module")
def sockets() -> Iterator[Sockets]:
    with Sockets() as s:
        yield s


def test_hot_swap(make_lab: MakeLab, backend: Backend, sockets: Sockets) -> None:
    """A websocket and a download go on over `edge renew --force`; new connections get the new certificate at once."""
    lab = make_lab(f"{PHOTOS} {{ proxy {backend.address} }}\n{LIVE} {{ proxy {sockets.address} }}")
    edge, trust = lab.edge, lab.trust
    old = {host: lab.await_issued(host).serial for host in (PHOTOS, LIVE)}
    workers, go = edge.workers, threading.Event()

    def halves(visit: Visit) -> None:
        visit.begin(fields=[("Content-Length", str(2 * MIB))])
        visit.send(b"a" * MIB)
        assert go.wait(60)
        visit.send(b"b" * MIB)

    async def run() -> None:
        backend.app = halves
        async with ws_session(edge, trust, host=LIVE) as ws:
            with connect(edge, trust, PHOTOS) as client:
                client.send(client.head())
                assert client.response_head().status == 200
                assert client.reader.exactly(MIB) == b"a" * MIB
                await asyncio.to_thread(renewed, edge, "--force")
                start = time.monotonic()
                for host, serial in old.items():
                    await asyncio.to_thread(await_issued, edge, host, serial)
                assert time.monotonic() - start < AT_ONCE
                await ws.send("still there")
                assert await asyncio.wait_for(ws.recv(), 10) == "still there"
                go.set()
                assert client.reader.exactly(MIB) == b"b" * MIB
                backend.app = lambda visit: visit.answer(b"again")
                assert client.request().body == b"again", "the connection itself goes on"

    asyncio.run(run())
    assert edge.workers == workers, "a certificate is no reason for a new process"
    assert len(lab.pebble.issued) == 4


class Load:
    """Clients that connect, verify and ask, one connection after the other, until they are stopped."""

    def __init__(self, lab: Lab, threads: int) -> None:
        self.lab = lab
        self.serials: dict[int, int] = {}  # serial number -> connections
        self.errors: list[BaseException] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        context = self.lab.trust.client()
        while not self._over.is_set() and not self.errors:
            try:
                self._visit(context)
            except BaseException as e:  # noqa: BLE001 - shown by the test
                self.errors.append(e)

    def _visit(self, context) -> None:
        trust = _Fixed(context)
        with connect(self.lab.edge, trust, PHOTOS) as client:
            serial = int(client.sock.getpeercert()["serialNumber"], 16)
            assert client.request().status == 200
        self.serials[serial] = self.serials.get(serial, 0) + 1

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)


class _Fixed:
    """One context for many connections; Python resumes no session by itself."""

    def __init__(self, context) -> None:
        self._context = context

    def client(self):
        return self._context


def test_renewed_again_and_again_under_load(make_lab: MakeLab, backend: Backend, release: bool) -> None:
    """Certificates that live ten seconds: no request fails, none is served an expired one, and edge stays small."""
    lab = make_lab(f"{PHOTOS} {{ proxy {backend.address} }}", validity=LIFE)
    lab.await_issued(PHOTOS)
    with connect(lab.edge, lab.trust, PHOTOS) as held:
        load = Load(lab, threads=2)
        try:
            await_true(f"{RENEWALS} renewals", lambda: load.errors or len(load.serials) > RENEWALS, (RENEWALS + 3) * LIFE)
        finally:
            load.stop()
        assert not load.errors, load.errors
        assert held.request().status == 200, "a connection that outlived its certificate"
    assert sum(load.serials.values()) > 100, load.serials
    seen = {f"{serial:x}" for serial in load.serials}
    assert seen <= set(lab.pebble.issued)
    # Renewed in time, not in a hurry: a certificate every half of its life.
    assert lab.pebble.orders <= len(seen) + 1, lab.pebble.orders
    if release:
        await_true("no renewal under way", lambda: not lab.edge.role("renew"))
        assert procs.pss(lab.edge.pids()) < 12 * MIB
