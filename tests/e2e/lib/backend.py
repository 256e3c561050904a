"""Backends. What they do is a Python function of the test: it gets a Visit for each request and answers as it likes."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from lib.net import await_true
from lib.wire import Closed, Cut, Fields, Head, Reader, chunk_bytes, head_bytes, pattern

ACCEPTED_BUFFER = 1 << 18


class Visit:
    """One request at a backend, and the means to answer it."""

    def __init__(self, backend: Backend, reader: Reader, head: Head, connection: int) -> None:
        self.backend, self.reader, self.head, self.connection = backend, reader, head, connection
        self.sock = reader.sock
        self.method, self.target, self.version = head.start.split(" ")
        self.fields = head.fields
        self.trailers = Fields()
        self.keep = self.fields.get("Connection").lower() != "close"
        self._pieces: Iterator[bytes] | None = None

    # --- the request's body ---

    def pieces(self) -> Iterator[bytes]:
        if self._pieces is None:
            self._pieces = self.reader.body(self.head, self.trailers, until_close=False)
        return self._pieces

    def body(self) -> bytes:
        return b"".join(self.pieces())

    # --- the answer ---

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def begin(self, status: str = "200 OK", fields: list[tuple[str, str]] | None = None) -> None:
        self.send(head_bytes(f"HTTP/1.1 {status}", fields or []))

    def answer(self, body: bytes = b"", status: str = "200 OK", fields: list[tuple[str, str]] | None = None) -> None:
        length = [("Content-Length", str(len(body)))]
        self.send(head_bytes(f"HTTP/1.1 {status}", (fields or []) + length) + (b"" if self.method == "HEAD" else body))

    def chunk(self, data: bytes) -> None:
        self.send(chunk_bytes(data))

    def last_chunk(self, trailers: bytes = b"") -> None:
        self.send(b"0\r\n" + trailers + b"\r\n")

    def close(self) -> None:
        """An end like that of a program that closes its socket when it is done."""
        self.keep = False

    def die(self) -> None:
        """A reset, as a killed process with unread data gives."""
        self.keep = False
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


App = Callable[[Visit], None]


def echo(visit: Visit) -> None:
    """Tells what came, as JSON."""
    body = visit.body()
    told = {
        "method": visit.method,
        "target": visit.target,
        "version": visit.version,
        "fields": list(visit.fields),
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "trailers": list(visit.trailers),
        "connection": visit.connection,
    }
    visit.answer(json.dumps(told).encode(), fields=[("Content-Type", "application/json")])


def checksum(visit: Visit) -> None:
    """The length and SHA-256 of an upload of any size."""
    digest, length = hashlib.sha256(), 0
    for piece in visit.pieces():
        digest.update(piece)
        length += len(piece)
    visit.answer(f"{length} {digest.hexdigest()}".encode())


def download(size: int) -> App:
    """An app that answers with `size` bytes of pattern()."""

    def app(visit: Visit) -> None:
        visit.body()
        visit.begin(fields=[("Content-Length", str(size))])
        for block in pattern(size):
            visit.send(block)

    return app


class Backend:
    """Listens on a loopback port or a unix socket. `app` may be changed at any time and counts for the next request."""

    def __init__(self, app: App = echo, *, unix: str | None = None, at: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.app = app
        self.visits: list[Visit] = []
        self.connections = 0
        self.open = 0
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._socks: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        # A backend that comes back: connections of its former life may linger.
        if not unix:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(unix or at)
        if unix:
            os.chmod(unix, 0o666)
        self._listener.listen(256)
        self.port = 0 if unix else self._listener.getsockname()[1]
        self.address = f"unix:{unix}" if unix else f"{at[0]}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.open += 1
                self._socks.add(sock)
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            self.serve(sock, number)
        except (Cut, Closed, OSError):
            pass  # the peer's right; a test that cares looks at what the client saw
        except BaseException as e:  # noqa: BLE001 - shown by the test's end
            self.errors.append(e)
        finally:
            sock.close()
            with self._lock:
                self.open -= 1
                self._socks.discard(sock)

    def serve(self, sock: socket.socket, number: int) -> None:
        """One connection; RawBackend has its own."""
        reader, keep = Reader(sock), True
        while keep:
            visit = Visit(self, reader, reader.head(), number)
            self.visits.append(visit)
            self.app(visit)
            keep = visit.keep
            for _ in visit.pieces() if keep else ():
                pass

    def await_visits(self, count: int) -> list[Visit]:
        await_true(f"{count} requests at the backend", lambda: len(self.visits) >= count)
        return self.visits

    def await_open(self, count: int, seconds: float = 10) -> None:
        await_true(f"{count} connections open at the backend, now {self.open}", lambda: self.open == count, seconds)

    def forget(self, app: App = echo) -> None:
        """Ready for another test."""
        self.app = app
        self.visits.clear()
        self.errors.clear()

    def drop_connections(self) -> None:
        with self._lock:
            socks = list(self._socks)
        for sock in socks:
            sock.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Also for a second time."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            socks = list(self._socks)
        for sock in socks:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        assert not self.errors, self.errors


class RawBackend(Backend):
    """For byte-exact scripts: `script` gets each accepted socket and does the rest."""

    def __init__(self, script: Callable[[socket.socket], None]) -> None:
        self.script = script
        super().__init__()

    def serve(self, sock: socket.socket, number: int) -> None:
        self.script(sock)
