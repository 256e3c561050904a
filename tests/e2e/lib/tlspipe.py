"""A TLS client whose records and segments the test decides about, and whose two directions two threads may use at once."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

from lib.wire import Reader


class Pipe:
    """
    Each send() is one record (up to 16,384 bytes each); each record goes out in `slice` bytes at a time. Python's SSLSocket lets
    two threads into OpenSSL at the same time, which OpenSSL does not allow: here a lock keeps them apart.
    """

    def __init__(self, port: int, host: str, context: ssl.SSLContext, *, slice: int = 0) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), 20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.slice, self.tamper, self._cork = slice, False, False
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self.reader = Reader(self)  # type: ignore[arg-type]  # has recv()
        self._handshake()

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def _handshake(self) -> None:
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
        self._flush()

    def _flush(self) -> None:
        if self._cork:
            return
        with self._lock:
            data = self.outgoing.read()
        if self.tamper and data:
            data = data[:-1] + bytes([data[-1] ^ 1])
        step = self.slice or len(data) or 1
        for at in range(0, len(data), step):
            self.sock.sendall(data[at : at + step])

    def _fill(self) -> None:
        data = self.sock.recv(1 << 18)
        with self._lock:
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    @contextlib.contextmanager
    def corked(self) -> Iterator[None]:
        """What is sent inside goes out together."""
        self._cork = True
        yield
        self._cork = False
        self._flush()

    def send(self, data: bytes) -> None:
        with self._sending:
            with self._lock:
                self.tls.write(data)
            self._flush()

    sendall = send

    def close(self) -> None:
        self.sock.close()

    def shutdown(self, how: int) -> None:
        self.sock.shutdown(how)

    def half_close(self) -> None:
        """close_notify, then the end of what this side sends; what comes can still be read."""
        with self._lock:
            try:
                self.tls.unwrap()
            except ssl.SSLWantReadError:
                pass
        self._flush()
        self.sock.shutdown(socket.SHUT_WR)

    def settimeout(self, seconds: float) -> None:
        self.sock.settimeout(seconds)

    def recv(self, n: int) -> bytes:
        while True:
            try:
                with self._lock:
                    return self.tls.read(n)
            except ssl.SSLWantReadError:
                self._fill()
            except ssl.SSLZeroReturnError:
                return b""
