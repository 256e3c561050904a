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
    (400, "host with a percent", b"GET / HTTP/1.1\r\nHost: %70hotos.edge.test\r\n\r\n"),
    (400, "host with UTF-8", b"GET / HTTP/1.1\r\nHost: ph\xc3\xb6tos.edge.test\r\n\r\n"),
    (400, "host with a zone", b"GET / HTTP/1.1\r\nHost: [fe80::1%25lo]\r\n\r\n"),
    (400, "host of a dot", b"GET / HTTP/1.1\r\nHost: .\r\n\r\n"),
    (400, "absolute form, no host", b"GET http://photos.edge.test/ HTTP/1.1\r\n\r\n"),
    (400, "absolute form with userinfo", b"GET http://u@photos.edge.test/ HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "asterisk without OPTIONS", b"GET * HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "authority form", b"GET photos.edge.test:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "list of lengths", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1, 1\r\n\r\na"),
    (400, "the same length twice", b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na"),
    (400, "quoted coding", b"POST / HTTP/1.1\r\n" + HOST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n'),
    (400, "coding with a parameter", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
    (400, "two codings", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    (400, "name that reads as Content-Length", b"POST / HTTP/1.1\r\n" + HOST + b"Content_Length: 1\r\n\r\na"),
    (400, "name that reads as Transfer-Encoding", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer.Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, "name with UTF-8", b"GET / HTTP/1.1\r\n" + HOST + b"X-\xc3\xa9: a\r\n\r\n"),
    (400, "name with a control", b"GET / HTTP/1.1\r\n" + HOST + b"X\x01: a\r\n\r\n"),
    (400, "LF after the request line", b"GET / HTTP/1.1\n" + HOST + b"\r\n"),
    (400, "LF after a field", b"GET / HTTP/1.1\r\nHost: photos.edge.test\n\r\n"),
    (400, "UTF-8 in the target", b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "control in the target", b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "cookie as hop-by-hop", b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Cookie\r\nCookie: a\r\n\r\n"),
    (400, "framing as hop-by-hop", b"POST / HTTP/1.1\r\n" + HOST + b"Connection: Content-Length\r\nContent-Length: 1\r\n\r\na"),
    (400, "five empty lines", b"\r\n" * 5 + b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"),
    (400, "the first bytes of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (414, "a target of 20 KB", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    (431, "a field of 70 KB", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 70000 + b"\r\n\r\n"),
    (431, "a thousand fields", b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 1000 + b"\r\n"),
    (501, "unknown coding", b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (431, "a hundred names in Connection", b"GET / HTTP/1.1\r\n" + HOST + b"Connection: " + b"a," * 100 + b"\r\n\r\n"),
    (501, "a method of 65", b"M" * 65 + b" / HTTP/1.1\r\n" + HOST + b"\r\n"),
    (501, "a method without an end", b"M" * 20000),
    (501, "CONNECT", b"CONNECT photos.edge.test:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    (505, "HTTP/2.0", b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
    (505, "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
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


# Two servers could read them in two ways.
ODD_PATHS = [
    "/a/../b", "/..", "/a/%2e%2e/b", "/a/.%2E/b", "/a/%252e%252e/b", "/%25zz/%252e%252e/b", "/a/..;/b", "/a/..;x=1/b", "/a/..%2fb", "/a%2f../b",
    "/a\\..\\b", "/a/..%5cb", "/a/%c0%ae%c0%ae/b", "/a%c0%afb", "/a/%e0%80%ae./b", "/a%00b", "/a%2500b", "/a%2", "/a%zz", "/a%u002e",
]  # fmt: skip


@pytest.mark.parametrize("path", ODD_PATHS)
def test_odd_paths(house: House, path: str) -> None:
    """The request is refused; where it ends is known, so the connection goes on."""
    with house.connect() as client:
        assert client.request("GET", path).status == 400
        assert not house.backend.visits
        assert client.request("GET", "/?x=" + path).status == 200, "a query is nobody's path"


ODD_DESTINATIONS = ["https://photos.edge.test/a/../b", "https://u@photos.edge.test/b", "//photos.edge.test/b", "https://photos.edge.test#/b", "/a/%2e%2e/b"]


@pytest.mark.parametrize("value", ODD_DESTINATIONS)
def test_odd_destinations(house: House, value: str) -> None:
    """WebDAV's second target is held to the rules of the first."""
    with house.connect() as client:
        assert client.request("MOVE", "/a", [("Destination", value)]).status == 400
    assert not house.backend.visits


def test_an_https_url_in_plain(house: House) -> None:
    """RFC 9110 section 7.4: who asked for https must not get it over a connection that is none."""
    with house.connect("both.edge.test", plain=True) as client:
        client.send(b"GET https://both.edge.test/ HTTP/1.1\r\nHost: both.edge.test\r\n\r\n")
        assert client.response().status == 421
    assert not house.backend.visits


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
