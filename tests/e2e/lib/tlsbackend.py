"""A Backend behind TLS, by OpenSSL."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

from lib.backend import App, Backend, echo


class TlsBackend(Backend):
    """Beside what a Backend knows: the name (SNI) and whether the session was resumed, of each connection."""

    def __init__(self, cert: Path, key: Path, app: App = echo) -> None:
        self.names: list[str | None] = []
        self.resumed: list[bool] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)
        self._context.sni_callback = lambda _, name, __: self.names.append(name)
        super().__init__(app)

    def serve(self, sock: socket.socket, number: int) -> None:
        with self._context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False) as tls:
            self.resumed.append(tls.session_reused)
            super().serve(tls, number)
            with contextlib.suppress(OSError):
                tls.unwrap().close()

    @staticmethod
    def cut(sock: ssl.SSLSocket) -> None:
        """An end of TCP alone."""
        socket.socket(fileno=sock.detach()).shutdown(socket.SHUT_RDWR)
