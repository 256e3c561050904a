"""A network that breaks: a TCP forwarder that resets connections in the middle of what is sent."""

from __future__ import annotations

import socket
import struct
import threading


class Cutter:
    """Forwards a port of its own to `target`. The first connection that sends `after` bytes is reset at both ends, no other."""

    def __init__(self, target: int, after: int) -> None:
        self.target, self.after = target, after
        self.cuts = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Cutter:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self._up, args=(near, far), daemon=True).start()
            threading.Thread(target=self._down, args=(near, far), daemon=True).start()

    def _cut_now(self, sent: int) -> bool:
        with self._lock:
            if self.cuts or sent < self.after:
                return False
            self.cuts += 1
            return True

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        sent = 0
        try:
            while data := near.recv(1 << 16):
                far.sendall(data)
                sent += len(data)
                if self._cut_now(sent):
                    return _reset(near, far)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(near, far)

    def _down(self, near: socket.socket, far: socket.socket) -> None:
        try:
            while data := far.recv(1 << 16):
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(near, far)


def _reset(*socks: socket.socket) -> None:
    for sock in socks:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.shutdown(socket.SHUT_RD)  # wakes the other thread, which would hold the socket open
        except OSError:
            pass
        sock.close()
