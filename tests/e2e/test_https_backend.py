"""Backends that speak TLS: whom edge believes, what it says when it does not, and that everything else works as without TLS."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import connect
from lib.backend import Backend, Visit, checksum, download, echo
from lib.certs import Authority
from lib.edge import Edge, run
from lib.tlsbackend import TlsBackend
from lib.wire import pattern
from lib.ws import Sockets, ws_session

SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
MakeTls = Callable[..., TlsBackend]


@pytest.fixture
def make_tls(ca: Authority) -> Iterator[MakeTls]:
    """make_tls(names…, app=…) -> a Backend behind a certificate of the tests' authority."""
    made: list[TlsBackend] = []

    def make(*names: str, **kwargs: object) -> TlsBackend:
        made.append(TlsBackend(*ca.leaf(*names), **kwargs))
        return made[-1]

    yield make
    for backend in made:
        backend.stop()


@pytest.fixture
def make_site(make_edge: Callable[..., Edge], ca: Authority) -> Callable[..., Edge]:
    """make_site(backend, lines of its block…) -> an edge with that one site."""

    def make(backend: Backend, *block: str, **kwargs: object) -> Edge:
        lines = "\n".join(block)
        address = f"https://{backend.address}"
        return make_edge(f"app.edge.test {{\nproxy {address} {{\n{lines}\n}}\n{ca.tls('app.edge.test')}\n}}", **kwargs)

    return make


def status(edge: Edge, ca: Authority) -> int:
    with connect(edge, ca, "app.edge.test") as client:
        return client.request().status


# --- whom it believes ---


def test_roots_of_a_file_and_the_name(make_tls: MakeTls, make_site: Callable[..., Edge], ca: Authority) -> None:
    backend = make_tls("inner.edge.test")
    edge = make_site(backend, f"tls {ca.ca}", "tls name inner.edge.test")
    with connect(edge, ca, "app.edge.test") as client:
        told = client.echo()
    assert ["Host", "app.edge.test"] in told["fields"]
    assert backend.names == ["inner.edge.test"]


def test_insecure_believes_anybody(make_tls: MakeTls, make_site: Callable[..., Edge], ca: Authority) -> None:
    edge = make_site(make_tls("whoever.edge.test"), "tls insecure")
    assert status(edge, ca) == 200


def test_a_self_signed_certificate_as_its_own_root(make_site: Callable[..., Edge], ca: Authority, place: Path) -> None:
    cert, key = place / "own.pem", place / "own.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "30",
         "-subj", "/CN=nas", "-addext", "subjectAltName=DNS:nas.lan"], check=True, capture_output=True,
    )  # fmt: skip
    backend = TlsBackend(cert, key)
    edge = make_site(backend, f"tls {cert}", "tls name nas.lan")
    assert status(edge, ca) == 200
    backend.stop()


REFUSED = {
    "wrong name": ("other.edge.test", "tls {ca}\ntls name inner.edge.test", "name"),
    "unknown authority": ("inner.edge.test", "tls verify\ntls name inner.edge.test", "trust"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_reason(case: str, make_tls: MakeTls, make_site: Callable[..., Edge], ca: Authority) -> None:
    name, block, word = REFUSED[case]
    edge = make_site(make_tls(name), block.format(ca=ca.ca))
    assert status(edge, ca) == 502
    line = edge.await_log("cannot be reached")
    assert word in line, line


def test_expired(make_site: Callable[..., Edge], ca: Authority, place: Path) -> None:
    backend = TlsBackend(*ca.leaf("inner.edge.test", expired=True))
    edge = make_site(backend, f"tls {ca.ca}", "tls name inner.edge.test")
    assert status(edge, ca) == 502
    assert "expired" in edge.await_log("cannot be reached")
    backend.stop()


def test_plain_http_behind_https(make_raw_backend: Callable[..., Backend], make_site: Callable[..., Edge], ca: Authority) -> None:
    """The commonest slip of all."""

    def complain(sock: socket.socket) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    edge = make_site(make_raw_backend(complain), "tls insecure")
    assert status(edge, ca) == 502
    assert "TLS" in edge.await_log("cannot be reached")


def test_no_root_at_all_stops_the_start(make_site: Callable[..., Edge], make_tls: MakeTls, place: Path) -> None:
    """An empty file must never mean that everybody is believed."""
    empty = place / "empty.pem"
    empty.write_text("")
    edge = make_site(make_tls("inner.edge.test"), f"tls {empty}", "tls name inner.edge.test", start=False)
    for command in ("check", "serve"):
        done = run(command, "-c", str(edge.conf))
        assert done.returncode == 2 and str(empty) in done.stderr, done


# --- the system's roots, which are other ones in a mount namespace ---


def with_roots(path: Path) -> list[str]:
    return ["unshare", "--mount", "sh", "-c", f'mount --bind {path} {SYSTEM_ROOTS} && exec "$@"', "sh"]


def test_roots_of_the_system(make_tls: MakeTls, make_site: Callable[..., Edge], ca: Authority) -> None:
    backend = make_tls("inner.edge.test")
    edge = make_site(backend, "tls name inner.edge.test", "check GET / every 200ms", before=with_roots(ca.ca))
    assert status(edge, ca) == 200
    backend.await_visits(3)
    assert "its check" not in edge.log_text()


def test_no_roots_in_the_system(make_tls: MakeTls, make_site: Callable[..., Edge], place: Path) -> None:
    empty = place / "empty.pem"
    empty.write_text("")
    edge = make_site(make_tls("inner.edge.test"), "tls name inner.edge.test", start=False, before=with_roots(empty))
    edge.launch()
    assert edge.exit_status() == 2
    line = edge.await_log("backends of app.edge.test")
    assert SYSTEM_ROOTS in line and "ca-certificates" in line and "tls insecure" in line, line
    edge.process = None


# --- that the rest is as ever ---


@pytest.fixture
def usual(make_tls: MakeTls, make_site: Callable[..., Edge], ca: Authority) -> tuple[Edge, TlsBackend]:
    backend = make_tls("inner.edge.test")
    return make_site(backend, f"tls {ca.ca}", "tls name inner.edge.test", workers=1), backend


def test_connections_are_kept_and_sessions_resumed(usual: tuple[Edge, TlsBackend], ca: Authority) -> None:
    edge, backend = usual

    def last(visit: Visit) -> None:
        visit.close()
        echo(visit)

    with connect(edge, ca, "app.edge.test") as client:
        assert [client.echo()["connection"] for _ in range(4)] == [1] * 4
        backend.app = last
        assert client.echo()["connection"] == 1
        backend.await_open(0)
        assert client.echo()["connection"] == 2
    assert backend.resumed == [False, True]


def test_upload_and_download(usual: tuple[Edge, TlsBackend], ca: Authority) -> None:
    edge, backend = usual
    size = 20_000_000
    body = b"".join(pattern(size))
    with connect(edge, ca, "app.edge.test") as client:
        backend.app = checksum
        assert client.request("PUT", "/up", body=body).body.decode() == f"{size} {hashlib.sha256(body).hexdigest()}"
        backend.app = download(size)
        assert client.request().body == body


def test_a_cut_answer_is_not_taken_for_a_whole_one(usual: tuple[Edge, TlsBackend], ca: Authority) -> None:
    """A TCP end without close_notify is what an attacker in between can make."""
    edge, backend = usual

    def cut(visit: Visit) -> None:
        visit.begin(fields=[("Connection", "close")])
        visit.send(b"half of it")
        backend.cut(visit.sock)

    backend.app = cut
    with connect(edge, ca, "app.edge.test") as client:
        client.send(client.head())
        assert client.response_head().status == 200
        assert client.await_end() == "cut"


def test_websocket(make_edge: Callable[..., Edge], ca: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.leaf("inner.edge.test"))
    with Sockets(context) as sockets:
        edge = make_edge(f"app.edge.test {{\nproxy https://{sockets.address} {{ tls insecure }}\n{ca.tls('app.edge.test')}\n}}")

        async def talk() -> None:
            async with ws_session(edge, ca, host="app.edge.test") as ws:
                for message in ("hello", "x" * 300_000):
                    await ws.send(message)
                    assert await ws.recv() == message

        asyncio.run(asyncio.wait_for(talk(), 30))
