"""Where records, segments and requests do not fall together, and how connections end."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from conftest import House
from lib.tlspipe import Pipe
from lib.wire import Cut

GET = b"GET /%d HTTP/1.1\r\nHost: photos.edge.test\r\n\r\n"


@pytest.fixture
def pipe(house: House):
    with Pipe(house.edge.https, "photos.edge.test", house.ca.client()) as p:
        yield p


def test_everything_in_one_byte_segments(house: House) -> None:
    """Handshake and request, each byte a segment of its own."""
    with Pipe(house.edge.https, "photos.edge.test", house.ca.client(), slice=1) as pipe:
        pipe.send(b"POST /slow HTTP/1.1\r\nHost: photos.edge.test\r\nContent-Length: 5\r\n\r\nhello")
        assert b'"length": 5' in pipe.reader.response().body


def test_a_request_in_one_byte_records(pipe: Pipe) -> None:
    for octet in GET % 1:
        pipe.send(bytes([octet]))
    assert pipe.reader.response().status == 200


def test_two_requests_in_one_record_then_silence(house: House, pipe: Pipe) -> None:
    """What lies decrypted in edge must be served though the socket stays silent."""
    pipe.send(GET % 1 + GET % 2)
    assert [pipe.reader.response().status for _ in range(2)] == [200, 200]
    assert [v.target for v in house.backend.visits] == ["/1", "/2"]


def test_many_requests_and_a_body_in_one_record(house: House, pipe: Pipe) -> None:
    post = b"POST /p HTTP/1.1\r\nHost: photos.edge.test\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    pipe.send(GET % 1 + post + GET % 2 + post + GET % 3)
    assert [pipe.reader.response().status for _ in range(5)] == [200] * 5


def test_two_records_in_one_segment(house: House, pipe: Pipe) -> None:
    with pipe.corked():
        pipe.send(GET % 1)
        pipe.send(GET % 2)
    assert [pipe.reader.response().status for _ in range(2)] == [200, 200]


def test_largest_records(house: House, pipe: Pipe) -> None:
    """16,384 bytes of plaintext in a record, the most there can be."""
    body = b"y" * (16384 * 3)
    pipe.send(b"POST / HTTP/1.1\r\nHost: photos.edge.test\r\nContent-Length: %d\r\n\r\n" % len(body))
    pipe.send(body)
    assert b'"length": 49152' in pipe.reader.response().body


def test_a_record_that_was_changed_ends_the_connection(house: House, pipe: Pipe) -> None:
    pipe.tamper = True
    pipe.send(GET % 1)
    with pytest.raises((Cut, ssl.SSLError)) as end:
        pipe.reader.response()
    assert "bad record mac" in str(end.value).lower().replace("_", " "), end.value
    assert not house.backend.visits


def test_close_notify_from_the_client(house: House) -> None:
    """After the answer the client says good-bye; edge answers and closes."""
    with house.connect() as client:
        assert client.request().status == 200
        raw = client.sock.unwrap()  # sends close_notify and waits for edge's
        raw.settimeout(10)
        assert raw.recv(1) == b""


def test_close_notify_from_edge(house: House) -> None:
    """`Connection: close` ends with close_notify before the FIN: the client sees a clean end."""
    with house.connect() as client:
        answer = client.request("GET", "/", [("Connection", "close")])
        assert answer.fields.get("Connection").lower() == "close"
        assert client.await_end() == "close"


def test_half_close_after_the_request(house: House) -> None:
    """A client may shut its sending side and still wants its answer (plain: `nc -N`)."""
    with house.connect("plain.edge.test", plain=True) as client:
        client.send(client.head(fields=[("Connection", "close")]))
        client.sock.shutdown(socket.SHUT_WR)
        assert client.response().status == 200
        assert client.await_end() == "close"


def dies_with_length(visit) -> None:
    visit.begin(fields=[("Content-Length", "100000")])
    visit.send(b"z" * 5000)
    visit.die()


def dies_in_chunk(visit) -> None:
    visit.begin(fields=[("Transfer-Encoding", "chunked")])
    visit.chunk(b"z" * 5000)
    visit.send(b"ffff\r\nzzz")
    visit.die()


def leaves_between_chunks(visit) -> None:
    visit.begin(fields=[("Transfer-Encoding", "chunked")])
    visit.chunk(b"z" * 5000)
    visit.close()
    visit.sock.shutdown(socket.SHUT_RDWR)


def dies_without_length(visit) -> None:
    visit.begin(fields=[])
    visit.send(b"z" * 5000)
    visit.die()


@pytest.mark.parametrize("death", [dies_with_length, dies_in_chunk, leaves_between_chunks])
@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_cut_answer_is_seen_as_cut(house: House, death, plain: bool, version: str) -> None:
    """A download that broke must never look like a short, complete file."""
    house.backend.app = death
    with house.connect("both.edge.test", plain=plain) as client:
        client.send(client.head(version=version))
        with pytest.raises(Cut):
            client.response()


def test_a_reset_ends_an_answer_without_length(house: House) -> None:
    house.backend.app = dies_without_length
    with house.connect() as client:
        client.send(client.head())
        with pytest.raises(Cut):
            client.response()


@pytest.mark.parametrize("death", [dies_with_length, dies_in_chunk, leaves_between_chunks])
def test_curl_notices_the_cut(house: House, death) -> None:
    house.backend.app = death
    got = house.curl("photos.edge.test")
    assert got.exit in (18, 56, 92), (got.exit, got.errors)


def test_client_that_vanishes_is_told_to_the_backend(house: House) -> None:
    """The connection to the backend is given up, so that it can stop working for nobody."""

    def endless(visit) -> None:
        visit.begin(fields=[("Transfer-Encoding", "chunked")])
        while True:
            visit.chunk(b"tick" * 1000)

    house.backend.app = endless
    client = house.connect()
    client.send(client.head())
    assert client.response_head().status == 200
    opened = house.backend.open
    client.close()
    house.backend.await_open(opened - 1)


def test_client_that_waits_and_vanishes(house: House) -> None:
    """The same while the backend is still thinking: it must not be held for the hour that it may take."""
    woken = threading.Event()

    def silent(visit) -> None:
        try:
            visit.sock.recv(1)
        finally:
            woken.set()
            visit.close()

    house.backend.app = silent
    client = house.connect()
    client.send(client.head())
    house.backend.await_visits(1)
    client.close()
    assert woken.wait(5), "the backend's connection is still open"
