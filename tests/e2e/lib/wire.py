"""HTTP/1.1 as the tests read it: strict and small, the same for clients and for backends."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

BLOCK = 1 << 20


class Closed(Exception):
    """The connection ended cleanly before a message began."""


class Cut(Exception):
    """The connection ended in the middle of a message, or was reset."""


class Fields(list):
    """Header fields as (name, value) in the order received."""

    def all(self, name: str) -> list[str]:
        return [v for n, v in self if n.lower() == name.lower()]

    def get(self, name: str, default: str = "") -> str:
        values = self.all(name)
        return ", ".join(values) if values else default

    def __contains__(self, name: object) -> bool:
        return any(n.lower() == str(name).lower() for n, _ in self)

    def without(self, *names: str) -> list[tuple[str, str]]:
        drop = {n.lower() for n in names}
        return [(n, v) for n, v in self if n.lower() not in drop]


@dataclass
class Head:
    start: str
    fields: Fields

    @property
    def status(self) -> int:
        return int(self.start.split(" ", 2)[1])


@dataclass
class Response:
    head: Head
    body: bytes = b""
    trailers: Fields = field(default_factory=Fields)
    interim: list[Head] = field(default_factory=list)

    @property
    def status(self) -> int:
        return self.head.status

    @property
    def fields(self) -> Fields:
        return self.head.fields


def _unexpected_end(e: ssl.SSLError) -> bool:
    """Python before 3.12 has no type of its own for what OpenSSL 3 says here."""
    return isinstance(e, ssl.SSLEOFError) or e.reason == "UNEXPECTED_EOF_WHILE_READING"


class Reader:
    """Reads messages from a socket or an SSLSocket; `sock.recv` is all it needs."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buf = b""

    def fill(self) -> bool:
        try:
            more = self.sock.recv(BLOCK)
        except (ConnectionError, ssl.SSLError) as e:
            if isinstance(e, ssl.SSLError) and not _unexpected_end(e):
                raise
            raise Cut(f"{type(e).__name__} with {len(self.buf)} bytes read") from e
        self.buf += more
        return bool(more)

    def line(self) -> str:
        while b"\n" not in self.buf:
            if not self.fill():
                raise Cut(f"the end inside a line: {self.buf[:100]!r}")
        line, self.buf = self.buf.split(b"\n", 1)
        assert line.endswith(b"\r"), f"a line without CR: {line!r}"
        return line[:-1].decode("latin-1")

    def fields(self) -> Fields:
        found = Fields()
        while line := self.line():
            name, _, value = line.partition(":")
            found.append((name, value.strip(" \t")))
        return found

    def head(self) -> Head:
        if not self.buf and not self.fill():
            raise Closed()
        return Head(self.line(), self.fields())

    def pieces(self, n: int) -> Iterator[bytes]:
        """n bytes, as they come."""
        while n > 0:
            if not self.buf and not self.fill():
                raise Cut(f"{n} bytes are missing")
            piece, self.buf = self.buf[:n], self.buf[n:]
            n -= len(piece)
            yield piece

    def exactly(self, n: int) -> bytes:
        return b"".join(self.pieces(n))

    def chunk(self) -> bytes:
        """The next chunk's data; empty: it was the last one, the trailers follow."""
        size = int(self.line().split(";")[0], 16)
        if size == 0:
            return b""
        data = self.exactly(size)
        assert self.line() == "", "no line end behind a chunk"
        return data

    def rest(self) -> Iterator[bytes]:
        while True:
            if self.buf:
                piece, self.buf = self.buf, b""
                yield piece
            elif not self.fill():
                return

    def body(self, head: Head, trailers: Fields, *, until_close: bool) -> Iterator[bytes]:
        """The body as head announces it; trailers are added to `trailers`."""
        if "Transfer-Encoding" in head.fields:
            assert head.fields.get("Transfer-Encoding").lower() == "chunked"
            assert "Content-Length" not in head.fields, "two framings"
            while data := self.chunk():
                yield data
            trailers.extend(self.fields())
        elif "Content-Length" in head.fields:
            yield from self.pieces(int(head.fields.get("Content-Length")))
        elif until_close:
            yield from self.rest()

    def response(self, method: str = "GET") -> Response:
        """A final response with all its body, and the 1xx before it."""
        interim: list[Head] = []
        while 100 <= (head := self.head()).status < 200 and head.status != 101:
            interim.append(head)
        answer = Response(head, interim=interim)
        if method != "HEAD" and head.status not in (101, 204, 304):
            answer.body = b"".join(self.body(head, answer.trailers, until_close=True))
        return answer


def head_bytes(start: str, fields: list[tuple[str, str]]) -> bytes:
    lines = [start] + [f"{n}: {v}" for n, v in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunk_bytes(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def pattern(n: int) -> Iterator[bytes]:
    """n bytes in blocks that differ from each other, without holding them: a lost or moved block shows in a checksum."""
    base = bytes(range(251)) * (BLOCK // 251 + 1)
    view = memoryview(base[:BLOCK])
    at = 0
    while at < n:
        block = at.to_bytes(16, "big") + view[16:]
        yield block[: n - at]
        at += BLOCK
