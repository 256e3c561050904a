"""What passes between odd peers: clients that stop listening or talking, expectations, floods of 1xx, answers with a meaning of their own."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time

import pytest

from conftest import House, connect
from lib import procs
from lib.backend import Visit
from lib.clients import Client
from lib.net import await_standstill
from lib.wire import Cut, chunk_bytes, head_bytes

MIB = 1 << 20


# --- clients that have said all ---


def test_a_half_closed_client_gets_a_late_answer(house: House) -> None:
    """`printf … | nc` ends its side at once; the answer takes longer than edge's looks at the connection."""

    def late(visit: Visit) -> None:
        time.sleep(6)
        visit.answer(b"at last")

    house.backend.app = late
    with house.connect("both.edge.test", plain=True) as client:
        client.send(client.head())
        client.sock.shutdown(socket.SHUT_WR)
        assert client.response().body == b"at last"
        assert client.await_end() == "close"


def test_a_half_closed_client_that_leaves_frees_the_backend(house: House) -> None:
    over = threading.Event()
    house.backend.app = lambda visit: over.wait(60) and visit.close()
    client = house.connect("both.edge.test", plain=True)
    client.send(client.head())
    house.backend.await_visits(1)
    before = house.backend.open
    client.sock.shutdown(socket.SHUT_WR)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    # The backend's side, which only waits, is ended by edge.
    visit = house.backend.visits[0]
    visit.sock.settimeout(30)
    assert ends(visit.sock)
    over.set()
    house.backend.await_open(before - 1)


def ends(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionError:
        return True


# --- expectations ---


def test_other_expectations_are_the_backends(house: House, client: Client) -> None:
    """RFC 9110 section 10.1.1 lets a server refuse them with 417; edge knows none and leaves it to who might."""
    house.backend.app = lambda visit: visit.answer(b"no", "417 Expectation Failed")
    assert client.request("GET", "/", [("Expect", "200-ok")]).status == 417
    assert house.backend.visits[0].fields.get("Expect") == "200-ok"


def test_an_old_client_expects_nothing(house: House) -> None:
    with house.connect() as client:
        client.send(client.head("PUT", "/", [("Content-Length", "3"), ("Expect", "100-continue")], version="1.0") + b"abc")
        told = json.loads(client.response().body)
    assert told["length"] == 3
    assert "expect" not in {n.lower() for n, _ in told["fields"]}


def test_a_redirect_instead_of_100(house: House, client: Client) -> None:
    """Clients take it for a reason to keep their upload, or not: so the connection ends, and the client is told."""
    house.backend.app = lambda visit: visit.answer(b"", "307 Temporary Redirect", [("Location", "/there")])
    client.send(client.head("PUT", "/", [("Content-Length", "70000"), ("Expect", "100-continue")]))
    answer = client.response()
    assert (answer.status, answer.fields.get("Connection").lower()) == (307, "close")
    assert client.await_end() == "close"


# --- 1xx ---


class HintFlood:
    """40 MB of 1xx before the answer, and how many of them are on their way."""

    hint = head_bytes("HTTP/1.1 103 Early Hints", [("Link", "<" + "x" * 1000 + ">")])
    count = 40_000

    def __init__(self) -> None:
        self.sent = 0

    def __call__(self, visit: Visit) -> None:
        while self.sent < self.count:
            visit.send(self.hint * 100)
            self.sent += 100
        visit.answer(b"ok")


@pytest.mark.parametrize("stalls", [False, True], ids=["read", "unread"])
def test_a_flood_of_1xx(make_edge, make_backend, ca, release: bool, stalls: bool) -> None:
    """All of them reach the client, and none stays in edge's memory. Who does not read slows the backend down."""
    flood = HintFlood()
    backend = make_backend(flood)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca, receive_buffer=1 << 16) as client:
        before = procs.pss(edge.pids())
        client.send(client.head())
        if stalls:
            assert await_standstill(lambda: flood.sent) < flood.count, "edge takes 1xx that nobody reads"
        if stalls and release:
            grown = procs.pss(edge.pids()) - before
            assert grown < 3 * MIB, f"{grown // MIB} MiB of 1xx held"
        assert sum(client.response_head().status == 103 for _ in range(flood.count)) == flood.count
        assert client.response().body == b"ok"
        if release:
            grown = procs.pss(edge.pids()) - before
            assert grown < 3 * MIB, f"{grown // MIB} MiB kept of 1xx"


# --- early answers ---


def test_the_connection_after_an_early_answer(house: House, client: Client) -> None:
    """Little of the body is left: it is dropped, and the next request on the connection is its own."""
    house.backend.app = lambda visit: visit.answer(visit.target.encode(), "401 Unauthorized") if visit.target == "/1" else visit.answer(b"second")
    client.send(client.head("POST", "/1", [("Content-Length", "30")]) + b"GET /smuggled ")
    assert client.response().body == b"/1"
    client.send(b"HTTP/1.1\r\n\r\n1234" + client.head("GET", "/2"))
    assert client.response().body == b"second"
    assert "/smuggled" not in [v.target for v in house.backend.visits]


# --- answers with a meaning of their own ---


def test_205_has_no_body_and_says_so(house: House, client: Client) -> None:
    house.backend.app = lambda visit: visit.begin("205 Reset Content", [("Content-Length", "0")])
    for _ in range(2):
        answer = client.request()
        assert (answer.status, answer.fields.get("Content-Length"), answer.body) == (205, "0", b"")


def test_trailers_are_announced_where_they_pass(house: House, client: Client) -> None:
    """Trailer is an end-to-end field (RFC 9110 section 6.6.2): some clients look only for what it names."""

    def app(visit: Visit) -> None:
        visit.body()
        announced = visit.fields.get("Trailer").encode() + b" " + str(len(visit.trailers)).encode()
        visit.begin(fields=[("Transfer-Encoding", "chunked"), ("Trailer", "Server-Timing")])
        visit.chunk(announced)
        visit.last_chunk(b"Server-Timing: x;dur=1\r\n")

    house.backend.app = app
    client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")]))
    client.send(chunk_bytes(b"abc") + b"0\r\nX-Sum: 1\r\n\r\n")
    answer = client.response()
    assert (answer.body, answer.fields.get("Trailer")) == (b"X-Sum 1", "Server-Timing")
    assert list(answer.trailers) == [("Server-Timing", "x;dur=1")]


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_a_backend_of_http10(make_edge, make_raw_backend, ca, connection: str) -> None:
    """With a length its connection may last, without one its end is the body's."""

    def script(sock: socket.socket) -> None:
        while sock.recv(1 << 16):
            length = b"Content-Length: 3\r\n" if connection == "keep-alive" else b""
            sock.sendall(b"HTTP/1.0 200 OK\r\nConnection: %s\r\n%s\r\nold" % (connection.encode(), length))
            if not length:
                return

    backend = make_raw_backend(script)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        for _ in range(5):
            answer = client.request()
            assert (answer.status, answer.body) == (200, b"old")
    assert backend.connections == (1 if connection == "keep-alive" else 5)


def test_a_cut_answer_of_http10_is_not_seen_as_whole(make_edge, make_raw_backend, ca) -> None:
    """A body that lasts until the connection ends, and a reset instead of an end: cut, whatever the client's framing is."""
    cut = threading.Event()

    def script(sock: socket.socket) -> None:
        sock.recv(1 << 16)
        sock.sendall(b"HTTP/1.0 200 OK\r\n\r\nhalf")
        assert cut.wait(10)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    backend = make_raw_backend(script)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        client.send(client.head())
        assert client.response_head().status == 200
        assert client.reader.chunk() == b"half"
        cut.set()
        with pytest.raises(Cut):
            client.reader.chunk()
