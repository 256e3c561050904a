"""Backends that are away, die, stammer or keep silent."""

from __future__ import annotations

import socket
import threading

import pytest

from conftest import House, connect
from lib.backend import Backend, Visit
from lib.wire import Cut, Response


def page(answer: Response, status: int) -> None:
    """A short page that a person can read."""
    assert answer.status == status, answer
    assert 10 < len(answer.body) < 2000
    assert answer.fields.get("Content-Type").startswith("text/")
    assert str(status).encode() in answer.body
    text = answer.body.decode()
    assert "127.0.0.1" not in text, "where the backend lives is not the visitor's business"


def test_closed_port(house: House) -> None:
    with house.connect("dead.edge.test") as client:
        for _ in range(3):
            page(client.request(), 502)


def test_closed_port_with_an_upload(house: House) -> None:
    """The answer is delivered though the body still comes."""
    with house.connect("dead.edge.test") as client:
        page(client.request("POST", "/", body=b"x" * 2_000_000), 502)


def test_missing_socket_file(make_edge, ca, place) -> None:
    edge = make_edge(f"photos.edge.test {{ proxy unix:{place}/none.sock\n {ca.tls('photos.edge.test')} }}")
    with connect(edge, ca) as client:
        page(client.request(), 502)


def test_a_backend_that_comes_back(make_edge, ca, place) -> None:
    """No state of failure is kept: as soon as it listens it is served."""
    path = place / "late.sock"
    edge = make_edge(f"photos.edge.test {{ proxy unix:{path}\n {ca.tls('photos.edge.test')} }}")
    with connect(edge, ca) as client:
        assert client.request().status == 502
        backend = Backend(unix=str(path))
        assert client.request().status == 200
        backend.stop()


def close_at_once(sock: socket.socket) -> None:
    sock.recv(1 << 16)


def close_in_head(sock: socket.socket) -> None:
    sock.recv(1 << 16)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


def reset_at_once(sock: socket.socket) -> None:
    sock.recv(10)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def garbage(data: bytes):
    def script(sock: socket.socket) -> None:
        sock.recv(1 << 16)
        sock.sendall(data)
        try:
            sock.recv(1)
        except OSError:
            pass

    return script


SCRIPTS = {
    "closes without a byte": close_at_once,
    "closes inside the head": close_in_head,
    "resets": reset_at_once,
    "speaks ssh": garbage(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "speaks tls": garbage(b"\x15\x03\x01\x00\x02\x02\x46"),
    "speaks http2": garbage(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18),
    "two lengths": garbage(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "length and chunks": garbage(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "list of lengths": garbage(b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab"),
    "negative length": garbage(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab"),
    "length beyond 64 bits": garbage(b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\na"),
    "chunked twice": garbage(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "chunks in HTTP/1.0": garbage(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "name that reads as Content-Length": garbage(b"HTTP/1.1 200 OK\r\nContent_Length: 1\r\n\r\na"),
    "folded line": garbage(b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
    "LF in the head": garbage(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    "CR in a value": garbage(b"HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"),
    "CR in the reason": garbage(b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n"),
    "no colon": garbage(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n"),
    "HTTP/0.9": garbage(b"<html>hello</html>\n"),
    "HTTP/2.0 in words": garbage(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "garbage after a 1xx": garbage(b"HTTP/1.1 103 Early Hints\r\n\r\nnonsense\r\n\r\n"),
    "a body in a 1xx": garbage(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "bad status": garbage(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "blank before colon": garbage(b"HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 0\r\n\r\n"),
    "NUL": garbage(b"HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 0\r\n\r\n"),
    "endless head": garbage(b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200_000),
    "unknown coding": garbage(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: rot13\r\n\r\n"),
    "101 that nobody asked for": garbage(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_backends_that_fail(make_edge, make_raw_backend, ca, script) -> None:
    """502, and the client's connection can go on."""
    backend = make_raw_backend(script)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        page(client.request(), 502)
        page(client.request("POST", "/", body=b"abc"), 502)


CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
# What comes behind the first chunk.
LIES = {
    "no size": b"x\r\n", "signed size": b"+3\r\nabc\r\n", "size in 0x": b"0x3\r\nabc\r\n", "blank behind the size": b"3 \r\nabc\r\n",
    "LF behind the size": b"3\nabc\r\n", "data too long": b"1\r\nabc\r\n", "size beyond 64 bits": b"10000000000000003\r\nabc\r\n",
    "an extension that is none": b'3;"a"\r\nabc\r\n', "LF in the trailers": b"0\r\nX-A: b\n\r\n", "no colon in the trailers": b"0\r\nnonsense\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_backends_that_lie_in_the_body(make_edge, make_raw_backend, ca, lie: bytes) -> None:
    """The head is out already: the answer is cut, so that nobody takes it for a whole one."""
    backend = make_raw_backend(garbage(CHUNKS + lie + b"0\r\n\r\n"))
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        client.send(client.head())
        with pytest.raises(Cut):
            client.response()


# An answer that has no body, and behind it what would be one, or another answer.
SURPLUS = {
    "204": b"HTTP/1.1 204 No Content\r\nContent-Length: 51\r\n\r\n", "304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 51\r\n\r\n",
    "length 0": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "204 in chunks": b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("answer", SURPLUS.values(), ids=SURPLUS)
def test_bytes_behind_an_answer_without_a_body(make_edge, make_raw_backend, ca, answer: bytes) -> None:
    """They are nobody's answer, and the connection that brought them is not used again."""
    evil = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-E: 1\r\n\r\nevil"

    def script(sock: socket.socket) -> None:
        requests = 0
        while sock.recv(1 << 16):
            requests += 1
            sock.sendall((answer if requests == 1 else b"HTTP/1.1 500 reused\r\nContent-Length: 0\r\n\r\n") + evil)

    backend = make_raw_backend(script)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        for _ in range(4):
            got = client.request()
            assert got.status == int(answer[9:12]) and got.body == b""


def test_answer_split_anywhere(make_edge, make_raw_backend, ca) -> None:
    """A backend that sends each byte alone."""

    def stammer(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while sock.recv(1 << 16):
            for octet in b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n":
                sock.sendall(bytes([octet]))

    backend = make_raw_backend(stammer)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        for _ in range(3):
            answer = client.request()
            assert (answer.status, answer.body, len(answer.interim), list(answer.trailers)) == (200, b"abc", 1, [("X-T", "1")])


def test_more_than_was_asked_for(make_edge, make_raw_backend, ca) -> None:
    """A second, unasked answer must not become the answer to the next client's request."""

    def twice(sock: socket.socket) -> None:
        while sock.recv(1 << 16):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond")

    backend = make_raw_backend(twice)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    for _ in range(5):
        with connect(edge, ca) as client:
            assert client.request().body == b"first"


def test_silent_backend(make_edge, make_backend, ca) -> None:
    release = threading.Event()

    def silent(visit: Visit) -> None:
        release.wait(20)
        visit.close()

    backend = make_backend(silent)
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')}\n timeout response 1s }}")
    with connect(edge, ca) as client:
        page(client.request(), 504)
    release.set()


def test_backend_that_dies_in_the_body(house: House) -> None:
    """See test_records.py for each framing; here: edge and the other connections live on."""

    def dies(visit: Visit) -> None:
        visit.begin(fields=[("Content-Length", "1000000")])
        visit.send(b"x" * 300_000)
        visit.die()

    house.backend.app = dies
    with house.connect() as other:
        for _ in range(5):
            with house.connect() as client:
                client.send(client.head())
                with pytest.raises(Cut):
                    client.response()
        house.backend.forget()
        assert other.request().status == 200


def test_upload_to_a_backend_that_dies(house: House) -> None:
    """It reads a little and resets: the client gets an answer, or at the very least an end."""

    def dies(visit: Visit) -> None:
        visit.sock.recv(1000)
        visit.die()

    house.backend.app = dies
    with house.connect() as client:
        client.send(client.head("POST", "/", [("Content-Length", "2000000")]))
        try:
            client.send(b"x" * 2_000_000)
        except OSError:
            pass
        page(client.response(), 502)


def test_client_that_dies_in_its_upload(house: House) -> None:
    """The backend sees a cut body, never a complete one."""
    complete: list[int] = []
    house.backend.app = lambda visit: complete.append(len(visit.body()))
    for fields, data in ([("Content-Length", "1000")], b"x" * 999), ([("Transfer-Encoding", "chunked")], b"3\r\nabc\r\n"):
        before = len(house.backend.visits)
        client = house.connect()
        client.send(client.head("POST", "/", fields) + data)
        house.backend.await_visits(before + 1)
        opened = house.backend.open
        client.close()
        house.backend.await_open(opened - 1)
    assert not complete
