"""Requests that two servers could read in two ways, or that are too much: refused, and the backend never hears of them."""

from __future__ import annotations

import pytest

from conftest import House

HOST = b"Host: photos.edge.test\r\n"

# status, what it is, the request
BAD = [
    (400, "no host", b"GET / HTTP/1.1\r\n\r\n"),
    (400, "two hosts", b"GET / HTTP/1.1\r\n" + HOST + b"Host: other\r\n\r\n"),
    (400, "the same host twice", b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n"),
    (400, "host with userinfo", b"GET / HTTP/1.1\r\nHost: a@photos.edge.test\r\n\r\n"),
    (400, "host with a blank", b"GET / HTTP/1.1\r\nHost: photos.edge.test x\r\n\r\n"),
    (400, "host with a comma", b"GET / HTTP/1.1\r\nHost: photos.edge.test,x\r\n\r\n"),
    (400, "length and chunks", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, "two lengths", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na"),
    (400, "length with plus", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +1\r\n\r\na"),
    (400, "length in hex", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 0x1\r\n\r\na"),
    (400, "negative length", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\na"),
    (400, "empty length", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\na"),
    (400, "length too large for 64 bits", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 18446744073709551617\r\n\r\na"),
    (400, "chunks in HTTP/1.0", b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, "chunked twice", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    (400, "blank before the colon", b"GET / HTTP/1.1\r\n" + HOST + b"X-A : b\r\n\r\n"),
    (400, "blank before framing's colon", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 1\r\n\r\na"),
    (400, "folded line", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: b\r\n c\r\n\r\n"),
    (400, "line without colon", b"GET / HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n"),
    (400, "empty name", b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n"),
    (400, "NUL in a value", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\0b\r\n\r\n"),
    (400, "CR in a value", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: a\rb\r\n\r\n"),
    (400, "CR ends a head line", b"GET / HTTP/1.1\rHost: photos.edge.test\r\n\r\n"),
    (400, "blank in the target", b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "two blanks", b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n"),
    (505, "no version", b"GET /\r\n" + HOST + b"\r\n"),
    (400, "target without slash", b"GET foo HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "fragment", b"GET /a#b HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "method that is no token", b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "http in lower case", b"GET / http/1.1\r\n" + HOST + b"\r\n"),
    (400, "protected field as hop-by-hop", b"GET / HTTP/1.1\r\n" + HOST + b"Connection: host\r\n\r\n"),
    (400, "authorization as hop-by-hop", b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close, Authorization\r\nAuthorization: x\r\n\r\n"),
    (414, "a target of 20 KB", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    (431, "a field of 70 KB", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 70000 + b"\r\n\r\n"),
    (431, "a thousand fields", b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 1000 + b"\r\n"),
    (501, "unknown coding", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (501, "CONNECT", b"CONNECT photos.edge.test:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    (505, "HTTP/2.0", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
    (505, "HTTP/3.1", b"GET / HTTP/3.1\r\n" + HOST + b"\r\n"),
]  # fmt: skip
# Known only when the head has gone to the backend: the request is cut there, never completed.
BAD_CHUNKS = [b"x\r\na\r\n", b"-1\r\na\r\n", b"1 \r\na\r\n", b"0x1\r\na\r\n", b"1\r\nabc\r\n", b"1\na\n0\n\n", b"ffffffffffffffff1\r\na", b"1\r\na\n0\r\n\r\n"]


@pytest.mark.parametrize(("status", "request_"), [(s, r) for s, _, r in BAD], ids=[n for _, n, _ in BAD])
@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
def test_refused(house: House, status: int, request_: bytes, plain: bool) -> None:
    """One answer, then the end: what follows on the connection cannot be trusted any more."""
    with house.connect("both.edge.test" if plain else "photos.edge.test", plain=plain) as client:
        client.send(request_.replace(b"photos", b"both") if plain else request_)
        client.send(b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = client.response()
        assert answer.status == status, answer
        assert 0 < len(answer.body) < 2000, "a short page"
        client.await_end()
    assert not house.backend.visits


@pytest.mark.parametrize("chunks", BAD_CHUNKS)
def test_malformed_chunks(house: House, chunks: bytes) -> None:
    """The backend sees the body cut, never a complete request made from it."""
    complete: list[bytes] = []
    house.backend.app = lambda visit: (complete.append(visit.body()), visit.answer(b"ok"))
    with house.connect() as client:
        client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]) + chunks)
        client.send(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n")
        assert client.response().status == 400
        client.await_end()
    assert not complete
    assert "/smuggled" not in [v.target for v in house.backend.visits]


def test_empty_lines_before_a_request_are_allowed(house: House) -> None:
    """RFC 9112 section 2.2: at least one is ignored."""
    with house.connect() as client:
        client.send(b"\r\n" + client.head())
        assert client.response().status == 200


def test_a_client_that_sends_nothing_else_than_garbage(house: House) -> None:
    with house.connect("both.edge.test", plain=True) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"A" * 100 + b"\r\n\r\n")
        assert client.response().status == 400
        client.await_end()
