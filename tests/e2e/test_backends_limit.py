"""max_connections: a bound for all workers together, a line before it, and the end of patience."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from conftest import connect
from lib.backend import Backend
from lib.clients import Client
from lib.edge import Edge
from lib.net import await_true
from lib.wire import Reader


class Hall(Backend):
    """Knows how many requests are in it, and the most there ever were. They leave when they are let out."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.door = threading.Semaphore(0)
        self.count = threading.Lock()
        super().__init__(self.visit)

    def visit(self, visit) -> None:
        body = visit.body()
        with self.count:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.door.acquire(timeout=30)
        # Before the answer: whoever reads that may come again at once.
        with self.count:
            self.inside -= 1
        visit.answer(body or b"done")

    def let_out(self, n: int) -> None:
        self.door.release(n)


@pytest.fixture
def hall() -> Hall:
    backend = Hall()
    yield backend
    backend.let_out(1000)
    backend.stop()


def site(hall: Hall, limit: int, more: str = "") -> str:
    return f"a.edge.test {{\n tls off\n {more}\n proxy {hall.address} {{\n max_connections {limit}\n }}\n}}"


def come(edge: Edge, ca, n: int, **kwargs: object) -> list[Client]:
    clients = [connect(edge, ca, "a.edge.test", plain=True) for _ in range(n)]
    for client in clients:
        client.send(client.head(**kwargs))
    return clients


@pytest.mark.parametrize("workers", [1, 2])
def test_never_more_than_the_limit_and_all_are_served(make_edge, ca, hall: Hall, workers: int) -> None:
    edge = make_edge(site(hall, 3, "timeout queue 30s"), workers=workers)
    clients = come(edge, ca, 12)
    await_true("three are in", lambda: hall.inside == 3)
    for left in range(12, 0, -1):
        hall.let_out(1)
        await_true("one left and another came", lambda left=left: hall.inside == min(3, left - 1))
    assert hall.most == 3
    for client in clients:
        assert client.response().status == 200
        client.close()


def test_uploads_wait_and_arrive_whole(make_edge, ca, hall: Hall) -> None:
    edge = make_edge(site(hall, 1, "timeout queue 30s"), workers=1)
    bodies = [bytes([65 + i]) * 200_000 for i in range(4)]
    got: dict[int, bytes] = {}

    def upload(i: int) -> None:
        with connect(edge, ca, "a.edge.test", plain=True) as client:
            got[i] = client.request("POST", body=bodies[i]).body

    threads = [threading.Thread(target=upload, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    hall.let_out(4)
    for thread in threads:
        thread.join()
    assert got == dict(enumerate(bodies))
    assert hall.most == 1


def test_the_line_is_served_in_its_order(make_edge, ca, hall: Hall) -> None:
    edge = make_edge(site(hall, 1, "timeout queue 30s"), workers=1)
    first = come(edge, ca, 1)
    await_true("one is in", lambda: hall.inside == 1)
    waiting = []
    for i in range(5):
        client = connect(edge, ca, "a.edge.test", plain=True)
        client.send(client.head(target=f"/{i}"))
        waiting.append(client)
        # An answer over another connection to the same worker says that this one was read.
        with connect(edge, ca, "other.edge.test", plain=True) as other:
            assert other.request().status == 404
    hall.let_out(6)
    for client in first + waiting:
        assert client.response().status == 200
        client.close()
    assert [v.target for v in hall.visits] == ["/"] + [f"/{i}" for i in range(5)]


def test_the_end_of_patience_is_a_503_that_says_when_to_come_again(make_edge, ca, hall: Hall) -> None:
    edge = make_edge(site(hall, 1, "timeout queue 300ms"), workers=2)
    inside = come(edge, ca, 1)
    await_true("one is in", lambda: hall.inside == 1)
    for client in come(edge, ca, 4):
        answer = client.response()
        assert answer.status == 503
        assert int(answer.fields.get("Retry-After")) > 0
        assert b"queue" in answer.body
        client.close()
    assert len(hall.visits) == 1, "who gave up never came to the backend"
    hall.let_out(1)
    assert inside[0].response().status == 200


def test_who_leaves_the_line_is_forgotten(make_edge, ca, hall: Hall) -> None:
    edge = make_edge(site(hall, 1, "timeout queue 30s"), workers=1)
    inside = come(edge, ca, 1)
    await_true("one is in", lambda: hall.inside == 1)
    for client in come(edge, ca, 3):
        client.close()
    (last,) = come(edge, ca, 1, target="/last")
    # Who has left looks like one who listens on, until it is answered: it may cost a visit, and no more.
    hall.let_out(5)
    assert inside[0].response().status == 200
    assert last.response().status == 200


def test_a_worker_that_dies_holds_no_place(make_edge, ca, hall: Hall) -> None:
    edge = make_edge(site(hall, 1, "timeout queue 30s"), workers=2)
    edge.accept_crashes = True
    come(edge, ca, 1)
    await_true("one is in", lambda: hall.inside == 1)
    before = edge.workers
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    edge.await_workers(2, without=before, seconds=15)
    hall.let_out(2)
    (next_one,) = come(edge, ca, 1)
    assert next_one.response().status == 200


def test_websockets_hold_their_place(make_edge, ca, make_raw_backend) -> None:
    """A tunnel is a connection in use for as long as it lasts."""

    def script(sock) -> None:
        Reader(sock).head()
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        sock.recv(1)

    backend = make_raw_backend(script)
    edge = make_edge(
        f"a.edge.test {{\n tls off\n timeout queue 300ms\n proxy {backend.address} {{\n max_connections 1\n }}\n}}", workers=1
    )
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    first = connect(edge, ca, "a.edge.test", plain=True)
    first.send(first.head(fields=upgrade))
    assert first.response_head().start.split()[1] == "101"
    with connect(edge, ca, "a.edge.test", plain=True) as second:
        assert second.request(fields=upgrade).status == 503
    first.close()
    with connect(edge, ca, "a.edge.test", plain=True) as third:
        third.send(third.head(fields=upgrade))
        assert third.response_head().start.split()[1] == "101"
