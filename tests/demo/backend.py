"""A small application behind edge: a page, Immich's well-known file, uploads with their checksum, a websocket echo.

usage: backend.py NAME    prints its loopback port, then serves until it is ended. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
PAGE = """<!doctype html><meta charset="utf-8"><title>{name}</title><body style="font: 16px sans-serif; margin: 3em">
<h1>Hello from {name}</h1><p>This page came over {proto} through edge, for {host}, to you at {address}.</p>
<p>Websocket: <output id="o">connecting</output></p>
<script>
const ws = new WebSocket(`${{location.protocol === 'https:' ? 'wss' : 'ws'}}://${{location.host}}/ws`);
ws.onopen = () => ws.send('echo works');
ws.onmessage = (m) => {{ document.getElementById('o').value = m.data; }};
ws.onclose = () => {{ document.getElementById('o').value += ' (closed)'; }};
</script>"""


class Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = "demo"

    def version_string(self) -> str:
        return f"{self.name}-backend"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/.well-known/immich":
            self.answer(json.dumps({"api": {"endpoint": "/api"}}).encode(), "application/json")
        elif self.headers.get("Upgrade", "").lower() == "websocket":
            self.websocket()
        else:
            seen = {k: self.headers.get(h, "nothing") for k, h in PAGE_FIELDS.items()}
            self.answer(PAGE.format(name=self.name, **seen).encode(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        """An upload: its length and checksum, without keeping it."""
        digest, left = hashlib.sha256(), int(self.headers.get("Content-Length", 0))
        length = left
        while left > 0 and (piece := self.rfile.read(min(left, 1 << 20))):
            digest.update(piece)
            left -= len(piece)
        self.answer(json.dumps({"received": length - left, "sha256": digest.hexdigest()}).encode(), "application/json")

    do_PUT = do_POST

    # --- RFC 6455, as much as an echo needs ---

    def websocket(self) -> None:
        key = self.headers.get("Sec-WebSocket-Key", "").encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest()).decode())
        self.end_headers()
        self.close_connection = True
        while frame := self.read_frame():
            first, payload = frame
            opcode = first & 15
            if opcode == PING:
                first = 0x80 | PONG
            if opcode != PONG:
                self.write_frame(first, payload)
            if opcode == CLOSE:
                return

    def read_frame(self) -> tuple[int, bytes] | None:
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        length = head[1] & 127
        if length > 125:
            size, code = (2, "!H") if length == 126 else (8, "!Q")
            length = struct.unpack(code, self.rfile.read(size))[0]
        mask = self.rfile.read(4)
        data = self.rfile.read(length)
        long_mask = (mask * (length // 4 + 1))[:length]
        return head[0], (int.from_bytes(data, "big") ^ int.from_bytes(long_mask, "big")).to_bytes(length, "big")

    def write_frame(self, first: int, payload: bytes) -> None:
        n = len(payload)
        size = bytes([n]) if n < 126 else b"\x7e" + struct.pack("!H", n) if n < 65536 else b"\x7f" + struct.pack("!Q", n)
        self.wfile.write(bytes([first]) + size + payload)


PAGE_FIELDS = {"proto": "X-Forwarded-Proto", "host": "Host", "address": "X-Real-IP"}


def main() -> None:
    Application.name = sys.argv[1]
    ThreadingHTTPServer.daemon_threads = True
    with ThreadingHTTPServer(("127.0.0.1", 0), Application) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
