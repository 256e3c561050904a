"""A proxy before a CA that counts what a client POSTs and makes what real CAs do and Pebble does not: silence, lost replies, refusals."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lib.certs import Authority
from lib.pebble import Pebble

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Answer:
    """What the CA, or the gate in its place, answers."""

    status: int
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


def problem(status: int, kind: str, detail: str, *fields: tuple[str, str]) -> Answer:
    body = json.dumps({"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": status}).encode()
    return Answer(status, [("Content-Type", "application/problem+json"), *fields], body)


@dataclass
class Post:
    """One POST of the client. A fault calls ask() (or does not), and returns what the client gets; None: the connection ends."""

    number: int  # from 1
    path: str
    ask: Callable[[], Answer]


Fault = Callable[[Post], Answer | None]


class Gate:
    """Stands before `pebble`; edge's configuration holds pebble.directive(gate.port). `fault` may be changed at any time."""

    def __init__(self, pebble: Pebble, ca: Authority, fault: Fault = lambda post: post.ask()) -> None:
        self.pebble, self.fault = pebble, fault
        self.paths: list[str] = []
        self.answers: list[tuple[str, Answer]] = []
        self._lock = threading.Lock()
        self._trust = ssl.create_default_context(cafile=str(ca.ca))
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.load_cert_chain(*ca.leaf("localhost"))
        self._server = _server(self, own)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def directive(self) -> str:
        return self.pebble.directive(self.port)

    def get(self, method: str, path: str, fields: dict[str, str], body: bytes) -> Answer:
        """Asks Pebble; Host stays, so that its URLs lead through here."""
        connection = http.client.HTTPSConnection("localhost", self.pebble.port, context=self._trust, timeout=20)
        try:
            connection.request(method, path, body=body or None, headers=fields)
            reply = connection.getresponse()
            answer = Answer(reply.status, [f for f in reply.getheaders() if f[0].lower() not in HOP_BY_HOP], reply.read())
        finally:
            connection.close()
        self.answers.append((path, answer))
        return answer

    def post(self, path: str, fields: dict[str, str], body: bytes) -> Answer | None:
        with self._lock:
            self.paths.append(path)
            number = len(self.paths)
        return self.fault(Post(number, path, lambda: self.get("POST", path, fields, body)))


def _server(gate: Gate, own: ssl.SSLContext) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def setup(self) -> None:
            # In the connection's own thread: a client that is killed in its handshake stops nobody else.
            self.request = own.wrap_socket(self.request, server_side=True)
            super().setup()

        def log_message(self, *_: object) -> None:
            pass

        def reply(self, answer: Answer | None) -> None:
            if answer is None:
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for name, value in answer.fields:
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else answer.body)

        def fields(self) -> dict[str, str]:
            return {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}

        def do_GET(self) -> None:
            self.reply(gate.get(self.command, self.path, self.fields(), b""))

        do_HEAD = do_GET

        def do_POST(self) -> None:
            self.reply(gate.post(self.path, self.fields(), self.rfile.read(int(self.headers["Content-Length"]))))

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            """Clients that are killed in the middle are what this is for."""

    return Server(("127.0.0.1", 0), Handler)


class Hold:
    """A fault that lets POST `number` wait for ever: before the CA gets it, or after, its reply lost."""

    def __init__(self, number: int, *, asked: bool, settled: Callable[[Post], None] = lambda post: None) -> None:
        """`settled` waits for what the CA does meanwhile, before anybody is told that the POST is held."""
        self.number, self.asked, self.settled = number, asked, settled
        self.held = threading.Event()
        self.path = ""
        self._over = threading.Event()

    def __call__(self, post: Post) -> Answer | None:
        if post.number != self.number:
            return post.ask()
        if self.asked:
            post.ask()
        self.settled(post)
        self.path = post.path
        self.held.set()
        self._over.wait(60)
        return None

    def end(self) -> None:
        """For the thread that holds."""
        self._over.set()
