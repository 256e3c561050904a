"""`passthrough`: TLS goes by its SNI to a backend that speaks it, and edge touches no byte."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import connect
from lib import procs
from lib.backend import Backend, RawBackend, Visit, checksum
from lib.certs import Authority
from lib.clients import Client, s_client
from lib.edge import Edge
from lib.net import await_standstill, await_true, free_port
from lib.tlsbackend import TlsBackend
from lib.wire import Cut

PROXY_V2 = b"\r\n\r\n\x00\r\nQUIT\n"


@dataclass
class Pass:
    """nas.edge.test is passed through, web.edge.test is edge's own."""

    edge: Edge
    nas: TlsBackend
    web: Backend


@pytest.fixture
def made(make_edge: Callable[..., Edge], make_backend: Callable[..., Backend], ca: Authority) -> Iterator[Pass]:
    nas, web = TlsBackend(*ca.leaf("nas.edge.test", "other.edge.test")), make_backend()
    sites = f"nas.edge.test {{ passthrough {nas.address} }}\nweb.edge.test {{\nproxy {web.address}\n{ca.tls('web.edge.test')}\n}}"
    yield Pass(make_edge(sites), nas, web)
    nas.stop()


def hello(name: str) -> bytes:
    """A real ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def raw(edge: Edge) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", edge.https), timeout=20)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


# --- whose connection it is ---


def test_the_certificate_is_the_backends(made: Pass, ca: Authority) -> None:
    with connect(made.edge, ca, "nas.edge.test") as client:
        assert client.sock.getpeercert()["subjectAltName"] == (("DNS", "nas.edge.test"), ("DNS", "other.edge.test"))
        told = client.echo()
    assert made.nas.names == ["nas.edge.test"]
    assert not [n for n, _ in told["fields"] if n.startswith("X-")], "edge added nothing"


def test_tls_that_edge_does_not_speak_passes(made: Pass, ca: Authority) -> None:
    """1.3, with whatever is in it."""
    with connect(made.edge, ca, "nas.edge.test") as client:
        assert client.sock.version() == "TLSv1.3"


def test_its_own_sites_are_as_ever(made: Pass, ca: Authority) -> None:
    with connect(made.edge, ca, "web.edge.test") as client:
        assert client.echo()["connection"] == 1
    assert not made.nas.names


def test_no_such_name(made: Pass, ca: Authority) -> None:
    shake = s_client(ca.ca, made.edge.https, "-servername", "nobody.edge.test")
    assert shake.alert == 112, shake.text
    assert s_client(ca.ca, made.edge.https, "-noservername").alert == 112


def test_a_host_of_a_passed_site_on_another_connection(made: Pass, ca: Authority) -> None:
    with connect(made.edge, ca, "web.edge.test") as client:
        client.host = "nas.edge.test"
        assert client.request().status == 421


def test_plain_http_is_redirected(made: Pass, ca: Authority) -> None:
    with connect(made.edge, ca, "nas.edge.test", plain=True) as client:
        answer = client.request(target="/x?y")
    assert (answer.status, answer.fields.get("Location")) == (301, f"https://nas.edge.test:{made.edge.https}/x?y")


def test_any_other_name_and_none(make_edge: Callable[..., Edge], make_backend: Callable[..., Backend], ca: Authority) -> None:
    nas, web = TlsBackend(*ca.leaf("nas.edge.test")), make_backend()
    edge = make_edge(f"* {{ passthrough {nas.address} }}\nweb.edge.test {{\nproxy {web.address}\n{ca.tls('web.edge.test')}\n}}")
    with connect(edge, ca, "nas.edge.test") as client:
        assert client.echo()["connection"] == 1
    assert "nas.edge.test" in s_client(ca.ca, edge.https, "-noservername").find(r"subject=(.*)")
    with connect(edge, ca, "web.edge.test") as client:
        assert client.request().status == 200
    nas.stop()


# --- hellos of all sorts ---


@pytest.mark.parametrize("host", ["nas.edge.test", "web.edge.test"])
def test_byte_by_byte(made: Pass, ca: Authority, host: str) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ca.client().wrap_bio(incoming, outgoing, server_hostname=host)
    with raw(made.edge) as sock:
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            for byte in outgoing.read():
                sock.sendall(bytes([byte]))
            if not done:
                incoming.write(sock.recv(65536))


def test_a_hello_that_stands_still_costs_nothing(made: Pass) -> None:
    """What was only looked at stays readable: whoever polls for it naively turns round and round."""

    def ticks() -> int:
        return sum(sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])) for pid in made.edge.workers)

    with raw(made.edge) as sock:
        sock.sendall(hello("nas.edge.test")[:100])
        await_true("the worker has taken it", lambda: sum(len(procs.tcp_connections(p)) for p in made.edge.workers))
        before = ticks()
        time.sleep(1)  # what is awaited is that nothing happens
        assert ticks() - before < os.sysconf("SC_CLK_TCK") // 4
    assert not made.nas.names


GARBAGE = {
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "random": bytes((i * 167 + 13) % 256 for i in range(4000)),
    "a record without end": b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + b"a" * 20000,
    "nothing": b"",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_is_turned_away(made: Pass, ca: Authority, what: str) -> None:
    with raw(made.edge) as sock:
        sock.sendall(GARBAGE[what])
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := sock.recv(4096):
                answer += piece
        except ConnectionResetError:
            pass
    assert answer[:1] in (b"", b"\x15"), answer
    with connect(made.edge, ca, "nas.edge.test") as client:
        assert client.request().status == 200


def test_http_on_the_tls_port(made: Pass) -> None:
    with raw(made.edge) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: nas.edge.test\r\n\r\n")
        assert b"400" in sock.recv(4096)


def test_who_says_nothing_is_let_go(make_edge: Callable[..., Edge]) -> None:
    edge = make_edge(f"nas.edge.test {{ passthrough 127.0.0.1:{free_port()} }}", options="timeout handshake 300ms")
    for first in (b"", hello("nas.edge.test")[:50]):
        with raw(edge) as sock:
            sock.sendall(first)
            with pytest.raises(ConnectionResetError):
                assert sock.recv(100) == b""
                raise ConnectionResetError


# --- bytes ---


def test_upload(made: Pass, ca: Authority) -> None:
    made.nas.app = checksum
    body = os.urandom(1 << 20) * 20
    with connect(made.edge, ca, "nas.edge.test") as client:
        assert client.request("PUT", body=body).body.startswith(b"%d " % len(body))


def test_half_close_goes_both_ways(make_edge: Callable[..., Edge], make_raw_backend: Callable[..., RawBackend]) -> None:
    """The first bytes arrive as they were sent, and each end's FIN as well."""

    def script(sock: socket.socket) -> None:
        got = b""
        while piece := sock.recv(4096):
            got += piece
        sock.sendall(b"%d" % len(got) + got)

    backend = make_raw_backend(script)
    edge = make_edge(f"nas.edge.test {{ passthrough {backend.address} }}")
    sent = hello("nas.edge.test") + b"and whatever comes after it"
    with raw(edge) as sock:
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := sock.recv(4096):
            answer += piece
    assert answer == b"%d" % len(sent) + sent


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_proxy_header_comes_first(version: str, make_edge: Callable[..., Edge], make_raw_backend: Callable[..., RawBackend]) -> None:
    sent = hello("nas.edge.test")
    backend = make_raw_backend(lambda sock: sock.sendall(sock.recv(4096)))
    edge = make_edge(f"nas.edge.test {{ passthrough {backend.address} {{ proxy_protocol {version} }} }}")
    with raw(edge) as sock:
        port = sock.getsockname()[1]
        sock.sendall(sent)
        got = sock.recv(4096)
    if version == "v1":
        assert got.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (port, edge.https)), got
    else:
        local = socket.inet_aton("127.0.0.1")
        assert got.startswith(PROXY_V2 + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, local, local, port, edge.https)), got


# --- ends ---


def test_a_dead_backend_closes_the_connection(make_edge: Callable[..., Edge]) -> None:
    edge = make_edge(f"nas.edge.test {{ passthrough 127.0.0.1:{free_port()} }}")
    with raw(edge) as sock:
        sock.sendall(hello("nas.edge.test"))
        with pytest.raises(ConnectionResetError):
            assert sock.recv(100) == b"", "edge has nothing to say in a language that is not its own"
            raise ConnectionResetError
    edge.await_log("backend=.* cannot be reached: .*refused")


def test_the_second_backend_when_the_first_is_dead(make_edge: Callable[..., Edge], ca: Authority) -> None:
    nas = TlsBackend(*ca.leaf("nas.edge.test"))
    edge = make_edge(f"nas.edge.test {{ passthrough 127.0.0.1:{free_port()} {nas.address} }}")
    for _ in range(6):
        with connect(edge, ca, "nas.edge.test") as client:
            assert client.request().status == 200
    nas.stop()


def test_drain_waits_for_it_and_cuts_it(make_edge: Callable[..., Edge], ca: Authority) -> None:
    nas = TlsBackend(*ca.leaf("nas.edge.test"))
    edge = make_edge(f"nas.edge.test {{ passthrough {nas.address} }}", options="timeout drain 2s")
    with connect(edge, ca, "nas.edge.test") as client, connect(edge, ca, "nas.edge.test") as quiet:
        assert client.echo()["connection"] and quiet.echo()["connection"]
        edge.signal(15)
        edge.await_log("draining")
        assert client.request().status == 200, "it goes on"
        client.close()
        with pytest.raises((Cut, ConnectionResetError)):
            quiet.response()
        assert edge.exit_status() == 0
    nas.stop()


def test_a_slow_reader_stops_the_backend(make_edge: Callable[..., Edge], ca: Authority) -> None:
    sent = 0

    def endless(visit: Visit) -> None:
        nonlocal sent
        visit.begin()
        while sent < 1000:
            visit.chunk(bytes(100_000))
            sent += 1

    nas = TlsBackend(*ca.leaf("nas.edge.test"), app=endless)
    edge = make_edge(f"nas.edge.test {{ passthrough {nas.address} }}")
    with Client(edge.https, "nas.edge.test", ca.client(), receive_buffer=4096) as client:
        client.send(client.head())
        client.response_head()
        assert await_standstill(lambda: sent) < 300, "30 MB: far more than the sockets hold"
    nas.stop()
