"""Connections to backends that are used again, and what becomes of requests when such a connection dies at the worst moment."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from conftest import connect
from lib.backend import Backend, echo
from lib.net import await_true
from lib.wire import Reader


def site(address: str, options: str = "") -> str:
    block = f" {{\n {options}\n }}" if options else ""
    return f"a.edge.test {{\n tls off\n proxy {address}{block}\n}}"


def test_a_connection_is_used_again(make_edge, ca, make_backend) -> None:
    backend = make_backend()
    edge = make_edge(site(backend.address), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        assert {client.echo()["connection"] for _ in range(10)} == {1}
    with connect(edge, ca, "a.edge.test", plain=True) as other:
        assert other.echo()["connection"] == 1, "the next client gets it as well"


def test_keepalive_off(make_edge, ca, make_backend) -> None:
    backend = make_backend()
    edge = make_edge(site(backend.address, "keepalive off"), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        told = [client.echo() for _ in range(5)]
    assert [t["connection"] for t in told] == [1, 2, 3, 4, 5]
    assert all(["Connection", "close"] in t["fields"] for t in told)
    backend.await_open(0)


class Fickle(Backend):
    """Answers the first request of each connection, and dies over the second one: just as it comes, unread or read."""

    def __init__(self, read: bool, how: str) -> None:
        self.read, self.how = read, how
        self.asked: list[str] = []
        super().__init__()

    def serve(self, sock: socket.socket, number: int) -> None:
        reader = Reader(sock)
        head = reader.head()
        for _ in reader.body(head, head.fields, until_close=False):
            pass
        self.asked.append(head.start)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
        if self.read:
            self.asked.append(reader.head().start)
        else:
            sock.recv(1, socket.MSG_PEEK)
        if self.how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # With unread input even an orderly close becomes a reset; without, the client sees an end in the middle of nothing.


@pytest.fixture(params=[(True, "close"), (True, "reset"), (False, "reset")], ids=["read-close", "read-reset", "unread-reset"])
def fickle(request) -> Backend:
    backend = Fickle(*request.param)
    yield backend
    backend.stop()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PROPFIND"])
def test_what_is_safe_to_repeat_is_repeated(make_edge, ca, fickle: Fickle, method: str) -> None:
    """The connection dies before a byte of the answer: the request goes out again on a new one, and the client sees nothing of it."""
    edge = make_edge(site(fickle.address), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        for i in range(6):
            assert client.request(method, f"/{i}").status == 200
    assert fickle.connections >= 3
    for i in range(6):
        assert 1 <= sum(f"/{i} " in start for start in fickle.asked) <= 2


@pytest.mark.parametrize("body", [None, b"x", b"x" * 100_000], ids=["none", "small", "large"])
def test_what_is_not_safe_is_never_repeated(make_edge, ca, fickle: Fickle, body: bytes | None) -> None:
    """A POST may have been done: it is told as a 502. Each one came to the backend once at most."""
    edge = make_edge(site(fickle.address), workers=1)
    lost = 0
    for i in range(6):
        with connect(edge, ca, "a.edge.test", plain=True) as client:
            lost += client.request("POST", f"/{i}", body=body).status == 502
    assert lost >= 1, "no connection died under a request"
    for i in range(6):
        assert sum(f"/{i} " in start for start in fickle.asked) <= 1


def test_a_request_is_repeated_once_only(make_edge, ca, make_raw_backend) -> None:
    """A backend that dies over this request each time is not asked for ever."""
    asked: list[bytes] = []

    def script(sock: socket.socket) -> None:
        reader = Reader(sock)
        while True:
            start = reader.head().start
            asked.append(start)
            if "/die" in start:
                return
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    backend = make_raw_backend(script)
    edge = make_edge(site(backend.address), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        assert client.request(target="/ok").status == 200
        assert client.request(target="/die").status == 502
    assert sum("/die" in a for a in asked) == 2


def test_an_answer_that_has_begun_is_not_asked_for_again(make_edge, ca, make_raw_backend) -> None:
    asked: list[bytes] = []

    def script(sock: socket.socket) -> None:
        reader = Reader(sock)
        while True:
            start = reader.head().start
            asked.append(start)
            if "/half" in start:
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
                return
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    backend = make_raw_backend(script)
    edge = make_edge(site(backend.address), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        assert client.request().status == 200
        assert client.request(target="/half").status == 502
    assert sum("/half" in a for a in asked) == 1


def test_under_load_with_restarts_nothing_is_lost(make_edge, ca, make_backend) -> None:
    """
    Two backends are restarted again and again under load. No GET fails, no POST is done twice; of the POSTs, those that were under way
    in a backend that died are told as failed.
    """
    done: list[str] = []

    def app(visit) -> None:
        body = visit.body().decode()
        if visit.method == "POST":
            done.append(body)
        visit.answer(b"ok")

    backends = [make_backend(app), make_backend(app)]
    addresses = " ".join(b.address for b in backends)
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy {addresses}\n}}")
    stop = threading.Event()
    failed: list[str] = []
    posts: dict[str, int] = {}

    def load(number: int) -> None:
        i = 0
        with connect(edge, ca, "a.edge.test", plain=True) as client:
            while not stop.is_set():
                got = client.request(target=f"/{i}")
                if got.status != 200:
                    failed.append(f"GET {got.status} {got.body!r}")
                key = f"{number}-{i}"
                posts[key] = client.request("POST", body=key.encode()).status
                i += 1

    threads = [threading.Thread(target=load, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for turn in range(8):
        before = len(done)
        await_true("requests go on", lambda: len(done) > before + 50, 30)
        which = turn % 2
        port = backends[which].port
        backends[which].stop()
        backends[which] = Backend(app, at=("127.0.0.1", port))
    stop.set()
    for thread in threads:
        thread.join()
    for backend in backends:
        backend.stop()
    assert not failed
    assert len(done) == len(set(done)), "a POST was done twice"
    assert {key for key, status in posts.items() if status == 200} <= set(done)
    lost = sum(status != 200 for status in posts.values())
    print(f"{len(posts)} POSTs, {lost} told as failed")
    # One for each connection that was cut, at most.
    assert lost <= 8 * 6


def test_idle_connections_are_not_kept_for_long(make_edge, ca, make_backend) -> None:
    backend = make_backend(echo)
    edge = make_edge(site(backend.address), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        client.echo()
        backend.await_open(0, 10)
        assert client.echo()["connection"] == 2
