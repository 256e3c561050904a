"""The PROXY header toward backends, read by a parser of its own that follows the specification; and `host`, `strip`."""

from __future__ import annotations

import json
import socket
import struct

import pytest

from conftest import connect
from lib.backend import Backend
from lib.wire import Reader

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def take(sock: socket.socket, n: int) -> bytes:
    data = b""
    while len(data) < n:
        piece = sock.recv(n - len(data))
        assert piece, "the connection ended in the PROXY header"
        data += piece
    return data


def read_header(sock: socket.socket) -> tuple[int, str, int, str, int]:
    """(version, client, its port, destination, its port)"""
    first = take(sock, 12)
    if first == SIGNATURE:
        command, family, length = struct.unpack(">BBH", take(sock, 4))
        assert command == 0x21
        body = take(sock, length)
        width, kind = {0x11: (4, socket.AF_INET), 0x21: (16, socket.AF_INET6)}[family]
        a, b = (socket.inet_ntop(kind, body[i : i + width]) for i in (0, width))
        return 2, a, *struct.unpack(">H", body[2 * width : 2 * width + 2]), b, *struct.unpack(">H", body[2 * width + 2 :])
    line = first
    while not line.endswith(b"\r\n"):
        line += take(sock, 1)
        assert len(line) <= 107
    word, family, a, b, a_port, b_port = line.decode().split()
    assert word == "PROXY" and family in ("TCP4", "TCP6")
    return 1, a, int(a_port), b, int(b_port)


class Told(Backend):
    """Requires a PROXY header on each connection and tells in each answer what it said."""

    def serve(self, sock: socket.socket, number: int) -> None:
        told = read_header(sock)
        reader = Reader(sock)
        while True:
            head = reader.head()
            body = b"".join(reader.body(head, head.fields, until_close=False))
            answer = json.dumps({"told": told, "connection": number, "length": len(body)}).encode()
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))


@pytest.fixture(params=["tcp", "unix"])
def backend(request, place) -> Told:
    place.chmod(0o755)
    made = Told(unix=str(place / "told.sock") if request.param == "unix" else None)
    yield made
    made.stop()


@pytest.mark.parametrize("version", [1, 2])
def test_the_backend_learns_who_the_client_is(make_edge, ca, backend: Told, version: int) -> None:
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy {backend.address} {{\n proxy_protocol v{version}\n }}\n}}", workers=1)
    seen = set()
    for _ in range(3):
        with connect(edge, ca, "a.edge.test", plain=True) as client:
            port = client.sock.getsockname()[1]
            for body in (b"", b"x" * 50_000):
                told = json.loads(client.request("POST", body=body).body)
                assert told["told"] == [version, "127.0.0.1", port, "127.0.0.1", edge.http]
                assert told["length"] == len(body)
                seen.add(told["connection"])
    assert len(seen) == 6, "a connection that speaks for one client is not lent to another"


def test_two_backends_one_dead(make_edge, ca) -> None:
    """The header goes out anew on the connection to the next one."""
    backend = Told()
    dead = socket.socket()
    dead.bind(("127.0.0.1", 0))
    edge = make_edge(
        f"a.edge.test {{\n tls off\n proxy 127.0.0.1:{dead.getsockname()[1]} {backend.address} {{\n proxy_protocol v2\n }}\n}}",
        workers=1,
    )
    for _ in range(3):
        with connect(edge, ca, "a.edge.test", plain=True) as client:
            assert json.loads(client.request("POST", body=b"abc").body)["length"] == 3
    backend.stop()
    dead.close()


def test_host(make_edge, ca, make_backend) -> None:
    backend = make_backend()
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy {backend.address} {{\n host inner.local\n }}\n}}", workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        fields = dict(client.echo()["fields"])
    assert fields["Host"] == "inner.local"
    assert fields["X-Forwarded-Host"] == "a.edge.test"


STRIPPED = [
    ("/api/x", "/x"),
    ("/api/", "/"),
    ("/api/x/y?z=/api/1", "/x/y?z=/api/1"),
    ("/api/%41b%20c", "/%41b%20c"),
    ("/%61pi/x", "/x"),
    ("/./api/x", "/x"),
    ("/api//evil.test/x", "/evil.test/x"),
    ("/api///x", "/x"),
    ("/api/?q", "/?q"),
    ("/api/api/x", "/api/x"),
    ("/other", "/other"),
    ("/apix", "/apix"),
]


@pytest.mark.parametrize(("target", "forwarded"), STRIPPED)
def test_strip(stripping, ca, target: str, forwarded: str) -> None:
    edge = stripping
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        assert client.echo(target=target)["target"] == forwarded


@pytest.mark.parametrize("target", ["/api%2Fx", "/api%2f..%2fx", "/api/../x", "/api/%2e%2e/x"])
def test_strip_refuses_what_has_two_readings(stripping, ca, target: str) -> None:
    with connect(stripping, ca, "a.edge.test", plain=True) as client:
        assert client.request(target=target).status == 400


def test_strip_and_destination(stripping, ca) -> None:
    """WebDAV: the target of a MOVE loses the prefix as the path does."""
    fields = [("Destination", "http://a.edge.test/api/new/name")]
    with connect(stripping, ca, "a.edge.test", plain=True) as client:
        told = client.echo("MOVE", "/api/old", fields)
    assert told["target"] == "/old"
    assert dict(told["fields"])["Destination"] == "http://a.edge.test/new/name"


@pytest.fixture(scope="module")
def stripping(top):
    from conftest import running_edge

    backend = Backend()
    sites = f"a.edge.test {{\n tls off\n route /api/* strip /api proxy {backend.address}\n route * proxy {backend.address}\n}}"
    with running_edge(top, sites) as edge:
        yield edge
    backend.stop()
