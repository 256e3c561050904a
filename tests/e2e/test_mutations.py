"""Messages with random faults, the same in each run: whatever becomes of them, nobody gets what was meant for somebody else."""

from __future__ import annotations

import random
import re
import socket
from contextlib import suppress

from conftest import connect
from lib.backend import Visit
from lib.edge import Edge
from lib.wire import Closed, Cut, Fields, Response

ROUNDS = 2000
SPLINTERS = [
    b" ", b"\t", b"\r", b"\n", b"\r\n", b"\n\n", b"\r\n ", b"\r\n\r\n", b"\0", b"\x0b", b"\x7f", b"\x85", b"\xa0", b"\xff", b",", b";", b":", b"=", b'"',
    b"\\", b"_", b".", b"0", b"+", b"-", b"%0d%0a", b"/", b"?", b"#", b"@", b"[", b"]", b"\xe2\x80\xa8", b"Content-Length: 3\r\n", b"HTTP/1.1 200 OK\r\n",
]  # fmt: skip
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
TARGET = re.compile(r"/[\x21-\x22\x24-\x7e]*")


def damaged(dice: random.Random, whole: bytes) -> bytes:
    data = bytearray(whole)
    for _ in range(dice.choice([0, 1, 1, 1, 2, 3])):
        at = dice.randrange(len(data))
        kind = dice.random()
        if kind < 0.5:
            data[at:at] = dice.choice(SPLINTERS)
        elif kind < 0.7:
            del data[at : at + dice.choice([1, 1, 2, 4])]
        elif kind < 0.9:
            data[at : at + 1] = dice.choice(SPLINTERS)
        else:
            data[at] = dice.randrange(256)
    return bytes(data)


def assert_strict(fields: Fields) -> None:
    for name, value in fields:
        assert TOKEN.fullmatch(name), name
        assert not set(value) & set("\0\r\n\x0b\x7f"), (name, value)
    assert len(fields.all("Content-Length")) + len(fields.all("Transfer-Encoding")) <= 1, fields


# --- clients ---

CODINGS = [b"", b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity, chunked", b"Transfer_Encoding: chunked", b"Connection: TE\r\nTE: chunked"]
BODIES = [b"0\r\n\r\n", b"1\r\na\r\n0\r\n\r\n", b'5;a="b"\r\nhello\r\n0\r\nX-T: y\r\n\r\n', b"2\r\n\r\n\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n"]
UPGRADES = [b"", b"", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA", b"Connection: upgrade\r\nUpgrade: websocket"]
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\nX: "


def request(dice: random.Random) -> bytes:
    body = dice.choice(BODIES)
    lengths = [b"", b"", b"Content-Length: %d" % len(body), b"Content-Length: %d" % (len(body) + len(SMUGGLED)), b"Content-Length: 4, 4"]
    fields = [f for f in (b"Host: a.test", dice.choice(CODINGS), dice.choice(lengths), dice.choice(UPGRADES)) if f]
    dice.shuffle(fields)
    start = b"%s %s HTTP/1.1\r\n" % (dice.choice([b"POST", b"GET", b"PUT"]), dice.choice([b"/g", b"//g?x", b"http://a.test/g", b"/g;x"]))
    return start + b"\r\n".join(fields) + b"\r\n\r\n" + body + dice.choice([b"", SMUGGLED + b"\r\n\r\n"])


def answers(edge: Edge, raw: bytes) -> list[Response]:
    """All that the client gets before the connection ends. It ends its own side, so that nobody waits for more."""
    got: list[Response] = []
    with connect(edge, None, "a.test", plain=True) as client:
        with suppress(OSError):  # refused already: the answer is there all the same
            client.send(raw)
            client.sock.shutdown(socket.SHUT_WR)
        with suppress(Closed, Cut):
            while True:
                got.append(client.response())
    return got


def test_damaged_requests(make_edge, make_backend) -> None:
    """The backend gets only strictly valid messages, and each whole one has its answer at the client, in order."""
    seen: list[str] = []

    def app(visit: Visit) -> None:
        assert TOKEN.fullmatch(visit.method) and TARGET.fullmatch(visit.target), visit.head.start
        assert_strict(visit.fields)
        assert len(visit.fields.all("Host")) == 1
        visit.body()
        assert_strict(visit.trailers)
        seen.append(visit.target)
        visit.answer(visit.target.encode(), fields=[("X-Backend", "1")])

    backend = make_backend(app)
    edge = make_edge(f"a.test {{ proxy {backend.address}\n tls off }}", workers=1)
    dice, whole = random.Random(20), 0
    for _ in range(ROUNDS):
        raw = damaged(dice, request(dice))
        seen.clear()
        got = [a.body.decode() for a in answers(edge, raw) if "X-Backend" in a.fields]
        assert got == seen, raw
        whole += len(seen)
        assert answers(edge, b"GET /canary HTTP/1.1\r\nHost: a.test\r\n\r\n")[0].body == b"/canary", raw
    assert whole > ROUNDS / 10, "the dice have left hardly a request whole"


# --- backends ---

STARTS = [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 304 No", b"HTTP/1.1 205 R", b"HTTP/1.1 404"]
INTERIMS = [b"", b"", b"", b"HTTP/1.1 103 x\r\nLink: <a>\r\n\r\n", b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"]
FRAMINGS = [
    (b"Content-Length: 5", b"hello"), (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"), (b"Content-Length: 0", b""), (b"X: y", b"hello"),
    (b"Transfer-Encoding: chunked", b"5;a=b\r\nhello\r\n0\r\nX-T: y\r\n\r\n"), (b"Content-Length: 5\r\nConnection: close", b"hello"),
]  # fmt: skip
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def answer(dice: random.Random) -> bytes:
    framing, body = dice.choice(FRAMINGS)
    return dice.choice(INTERIMS) + dice.choice(STARTS) + b"\r\n" + framing + b"\r\n\r\n" + body + dice.choice([b"", EVIL])


def test_damaged_answers(make_edge, make_backend) -> None:
    """The client gets a strictly valid answer or a cut one, and the next request its own."""
    raw = b""

    def app(visit: Visit) -> None:
        if visit.target == "/canary":
            visit.answer(b"canary")
        else:
            visit.send(raw)
            visit.sock.shutdown(socket.SHUT_WR)
            visit.close()

    backend = make_backend(app)
    edge = make_edge(f"a.test {{ proxy {backend.address}\n tls off }}", workers=1)
    dice, whole = random.Random(5), 0
    for _ in range(ROUNDS):
        raw = damaged(dice, answer(dice))
        with connect(edge, None, "a.test", plain=True) as client:
            client.send(client.head())
            try:
                got = client.response()
            except Cut:
                continue
            assert_strict(got.fields)
            assert got.status != 101, raw
            whole += got.status != 502
            client.send(client.head("GET", "/canary"))
            assert client.response().body == b"canary", raw
        with connect(edge, None, "a.test", plain=True) as client:
            assert client.request("GET", "/canary").body == b"canary", raw
    assert whole > ROUNDS / 10, "the dice have left hardly an answer whole"
