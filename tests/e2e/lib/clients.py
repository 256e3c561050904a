"""Clients: raw sockets with and without TLS, curl, openssl s_client."""

from __future__ import annotations

import json
import re
import select
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.tlspipe import Pipe
from lib.wire import Closed, Cut, Head, Reader, Response, head_bytes

TIMEOUT = 20


def _connect(port: int, host: str, context: ssl.SSLContext | None, timeout: float, receive_buffer: int) -> socket.socket:
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(timeout)
    sock.connect(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not context:
        return sock
    # An end without close_notify is an error here (and see Authority.client).
    return context.wrap_socket(sock, server_hostname=host, suppress_ragged_eofs=False)


class Client:
    """One connection to edge. `requests` are built here, responses read strictly by lib.wire."""

    def __init__(
        self,
        port: int,
        host: str,
        context: ssl.SSLContext | None,
        *,
        timeout: float = TIMEOUT,
        receive_buffer: int = 0,
        duplex: bool = False,
    ) -> None:
        """`duplex`: one thread will send while another receives."""
        self.host = host
        self.sock: Any = Pipe(port, host, context) if duplex and context else _connect(port, host, context, timeout, receive_buffer)
        self.reader = Reader(self.sock)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def head(
        self, method: str = "GET", target: str = "/", fields: list[tuple[str, str]] | None = None, version: str = "1.1"
    ) -> bytes:
        return head_bytes(f"{method} {target} HTTP/{version}", [("Host", self.host)] + (fields or []))

    def request(
        self, method: str = "GET", target: str = "/", fields: list[tuple[str, str]] | None = None, body: bytes | None = None
    ) -> Response:
        """One exchange; a body goes with Content-Length."""
        fields = list(fields or [])
        if body is not None:
            fields.append(("Content-Length", str(len(body))))
        self.send(self.head(method, target, fields) + (body or b""))
        return self.response(method)

    def echo(self, *args: object, **kwargs: object) -> dict:
        """A request to lib.backend.echo, and what it told."""
        answer = self.request(*args, **kwargs)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def response(self, method: str = "GET") -> Response:
        return self.reader.response(method)

    def response_head(self) -> Head:
        return self.reader.head()

    def await_end(self) -> str:
        """Reads what is left until the connection ends: "close" or "cut"."""
        try:
            for _ in self.reader.rest():
                pass
        except Cut:
            return "cut"
        return "close"

    def readable(self, seconds: float) -> bool:
        """Something, or the end, comes within that time."""
        return bool(self.reader.buf or select.select([self.sock], [], [], seconds)[0])

    def open_still(self) -> bool:
        """Nothing has come, the end neither."""
        if self.reader.buf:
            return True
        self.sock.settimeout(0.05)
        try:
            return self.reader.fill()
        except (TimeoutError, ssl.SSLWantReadError):
            return True
        except (Cut, Closed):
            return False
        finally:
            self.sock.settimeout(TIMEOUT)


@dataclass
class Curl:
    status: int
    head: str
    body: bytes
    errors: str
    exit: int


def curl(ca: Path, place: Path, port: int, host: str, path: str = "/", *args: str, scheme: str = "https") -> Curl:
    """curl with that host name at our address; certificates are verified."""
    heads = place / "curl-heads"
    heads.unlink(missing_ok=True)
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--max-time", "60", "--resolve", f"{host}:{port}:127.0.0.1", "--cacert", str(ca),
         "-D", str(heads), *args, f"{scheme}://{host}:{port}{path}"],
        capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    head = heads.read_text() if heads.exists() else ""
    found = re.findall(r"^HTTP/1.1 (\d+)", head, re.M)
    return Curl(int(found[-1]) if found else 0, head, done.stdout, done.stderr.decode(), done.returncode)


@dataclass
class Shake:
    """What openssl s_client saw."""

    ok: bool
    text: str

    @property
    def alert(self) -> int:
        """The number of the alert that was received, 0 for none."""
        found = re.search(r"SSL alert number (\d+)", self.text)
        return int(found[1]) if found else 0

    def find(self, pattern: str) -> str:
        found = re.search(pattern, self.text, re.M)
        assert found, f"{pattern!r} not in:\n{self.text}"
        return found[1]


def s_client(ca: Path, port: int, *args: str, data: bytes = b"") -> Shake:
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(ca), "-verify_return_error", *args],
        input=data, capture_output=True, check=False, timeout=TIMEOUT,
    )  # fmt: skip
    return Shake(done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace"))
