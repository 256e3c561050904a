"""`check`: backends that are asked in the background, left out while they fail, and back when they do not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import connect
from lib.backend import Backend, RawBackend, Visit, echo
from lib.certs import Authority
from lib.dns import Etc
from lib.edge import Edge
from lib.net import await_true, free_port
from lib.tlsbackend import TlsBackend

MakeEdge = Callable[..., Edge]
MakeBackend = Callable[..., Backend]
DOWN = "backend=.*{} fails its check: {}"
UP = "backend=.*{} passes its check again"


class App:
    """Answers checks on /health with `status`, everything else as an echo."""

    def __init__(self) -> None:
        self.status = "200 OK"
        self.checks: list[Visit] = []

    def __call__(self, visit: Visit) -> None:
        if visit.target != "/health":
            echo(visit)
            return
        self.checks.append(visit)
        visit.answer(b"fine or not", status=self.status)

    def await_checks(self, more: int) -> None:
        count = len(self.checks) + more
        await_true(f"{count} checks", lambda: len(self.checks) >= count)


def site(ca: Authority, *backends: str, block: str = "check GET /health every 200ms") -> str:
    return f"app.edge.test {{\nproxy {' '.join(backends)} {{\n{block}\n}}\n{ca.tls('app.edge.test')}\n}}"


def statuses(edge: Edge, ca: Authority, count: int = 10) -> list[int]:
    with connect(edge, ca, "app.edge.test") as client:
        return [client.request().status for _ in range(count)]


# --- what a check sees ---


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "399 Odd"])
def test_good_answers(status: str, make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    app = App()
    app.status = status
    edge = make_edge(site(ca, make_backend(app).address))
    app.await_checks(3)
    assert "its check" not in edge.log_text()


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "500 Broken", "503 Not yet"])
def test_bad_answers(status: str, make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    app = App()
    app.status = status
    edge = make_edge(site(ca, make_backend(app).address))
    edge.await_log(DOWN.format("", f"it answers with {status[:3]}"))


def test_what_the_backend_is_asked(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    """The site's name, so that an application that knows its hosts does not refuse."""
    app = App()
    backend = make_backend(app)
    make_edge(site(ca, backend.address))
    app.await_checks(1)
    visit = app.checks[0]
    assert (visit.method, visit.version) == ("GET", "HTTP/1.1")
    assert (visit.fields.get("Host"), visit.fields.get("User-Agent")) == ("app.edge.test", "edge-check")
    assert not [name for name, _ in visit.fields if name.startswith("X-")]


def test_the_host_that_was_configured(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    app = App()
    make_edge(site(ca, make_backend(app).address, block="check GET /health every 200ms\nhost inner.lan"))
    app.await_checks(1)
    assert app.checks[0].fields.get("Host") == "inner.lan"


# --- what it leads to ---


def test_a_backend_that_fails_gets_no_requests(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    """It still answers requests, with nonsense: only the check can know."""
    app = App()
    sick, well = make_backend(app), make_backend(App())
    edge = make_edge(site(ca, sick.address, well.address))
    app.status = "500 Broken"
    edge.await_log(DOWN.format(sick.port, "it answers with 500"))
    requests = len([v for v in sick.visits if v.target == "/"])
    assert statuses(edge, ca, 20) == [200] * 20
    assert len([v for v in sick.visits if v.target == "/"]) == requests
    app.status = "200 OK"
    edge.await_log(UP.format(sick.port))
    assert statuses(edge, ca, 20) == [200] * 20
    assert len([v for v in sick.visits if v.target == "/"]) > requests


def test_the_only_backend_is_tried_all_the_same(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    """A check with a typing error must not take a site down."""
    app = App()
    app.status = "404 Not Found"
    edge = make_edge(site(ca, make_backend(app).address))
    edge.await_log(DOWN.format("", ".*404"))
    assert statuses(edge, ca) == [200] * 10


def test_one_failure_is_none(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    """Every other check fails: never twice in a row."""
    app = App()
    turn = 0

    def flapping(visit: Visit) -> None:
        nonlocal turn
        turn += 1
        app.status = "500 Broken" if turn % 2 else "200 OK"
        app(visit)

    edge = make_edge(site(ca, make_backend(flapping).address))
    app.await_checks(7)
    assert "fails its check" not in edge.log_text()


def test_a_change_is_told_once(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    app = App()
    app.status = "500 Broken"
    edge = make_edge(site(ca, make_backend(app).address))
    edge.await_log(DOWN.format("", ""))
    app.await_checks(4)
    assert edge.log_text().count("fails its check") == 1


# --- other ways to fail ---


def test_nobody_listens(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    """By the check it is known before a client comes."""
    well, port = make_backend(), free_port()
    edge = make_edge(site(ca, f"127.0.0.1:{port}", well.address, block="check every 200ms"))
    edge.await_log(DOWN.format(port, ".*refused"))
    assert statuses(edge, ca) == [200] * 10
    assert "cannot be reached" not in edge.log_text()
    with_port = Backend(at=("127.0.0.1", port))
    edge.await_log(UP.format(port))
    await_true("a request there", lambda: statuses(edge, ca, 2) and with_port.visits)
    with_port.stop()


def test_a_connection_is_enough(make_edge: MakeEdge, make_raw_backend: Callable[..., RawBackend], ca: Authority) -> None:
    """It is ended by a FIN: a reset is an error in many a program's log."""
    ends: list[bytes] = []

    def script(sock: object) -> None:
        ends.append(sock.recv(100))  # a reset raises

    backend = make_raw_backend(script)
    edge = make_edge(site(ca, backend.address, block="check every 200ms"))
    await_true("three connections and their ends", lambda: len(ends) >= 3)
    assert set(ends) == {b""} and "its check" not in edge.log_text()


def test_no_answer_at_all(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    never = threading.Event()
    backend = make_backend(lambda visit: never.wait(60) and None)
    edge = make_edge(site(ca, backend.address))
    edge.await_log(DOWN.format("", ".*"), 25)
    never.set()


def test_an_answer_without_end_does_not_stop_the_checks(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority) -> None:
    """Nothing is read of it but its beginning."""
    app = App()
    sent: list[int] = []

    def endless(visit: Visit) -> None:
        app.checks.append(visit)
        sent.append(0)
        which = len(sent) - 1
        visit.begin(app.status)
        while True:
            visit.chunk(bytes(100_000))
            sent[which] += 100_000

    backend = make_backend(endless)
    edge = make_edge(site(ca, backend.address))
    app.await_checks(1)
    app.status = "500 Broken"
    edge.await_log(DOWN.format("", ".*500"), 25)
    assert max(sent[:-1]) < 32 << 20, "what fits into the sockets' buffers"


# --- ways to the backend ---


def test_over_tls(make_edge: MakeEdge, ca: Authority) -> None:
    app = App()
    backend = TlsBackend(*ca.leaf("inner.edge.test"), app=app)
    edge = make_edge(
        site(ca, f"https://{backend.address}", block=f"check GET /health every 200ms\ntls {ca.ca}\ntls name inner.edge.test")
    )
    app.await_checks(2)
    app.status = "500 Broken"
    edge.await_log(DOWN.format(backend.port, ".*500"))
    backend.stop()


def test_a_certificate_that_is_not_trusted_fails_the_check(make_edge: MakeEdge, ca: Authority) -> None:
    backend = TlsBackend(*ca.leaf("inner.edge.test"))
    block = f"check GET /health every 200ms\ntls {ca.ca}\ntls name another.edge.test"
    edge = make_edge(site(ca, f"https://{backend.address}", block=block))
    edge.await_log(DOWN.format(backend.port, ".*name"))
    backend.stop()


def test_over_a_unix_socket(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority, place: Path) -> None:
    app = App()
    edge = make_edge(site(ca, make_backend(app, unix=str(place / "app.sock")).address))
    app.await_checks(2)
    app.status = "500 Broken"
    edge.await_log(DOWN.format("app.sock", ".*500"))


def test_a_named_backend(make_edge: MakeEdge, make_backend: MakeBackend, ca: Authority, place: Path) -> None:
    app = App()
    backend = make_backend(app)
    etc = Etc(place)
    etc.say(nas_lan="127.0.0.1")
    edge = make_edge(site(ca, f"nas.lan:{backend.port}"), before=etc.before)
    app.await_checks(2)
    app.status = "500 Broken"
    edge.await_log(DOWN.format("", ".*500"))


@pytest.mark.parametrize("version, header", [("v1", b"PROXY UNKNOWN\r\n"), ("v2", b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")])
def test_with_a_proxy_header(
    version: str, header: bytes, make_edge: MakeEdge, make_raw_backend: Callable[..., RawBackend], ca: Authority
) -> None:
    """A backend that wants the header refuses connections without; this one is nobody's but edge's."""
    got: list[bytes] = []

    def script(sock: object) -> None:
        got.append(sock.recv(len(header)))
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    backend = make_raw_backend(script)
    edge = make_edge(site(ca, backend.address, block=f"check GET /health every 200ms\nproxy_protocol {version}"))
    await_true("two checks", lambda: len(got) >= 2)
    assert set(got) == {header} and "its check" not in edge.log_text()


def test_of_a_passthrough(make_edge: MakeEdge, ca: Authority) -> None:
    well, port = TlsBackend(*ca.leaf("nas.edge.test")), free_port()
    edge = make_edge(f"nas.edge.test {{ passthrough 127.0.0.1:{port} {well.address} {{ check every 200ms }} }}")
    edge.await_log(DOWN.format(port, ".*refused"))
    for _ in range(4):
        with connect(edge, ca, "nas.edge.test") as client:
            assert client.request().status == 200
    assert "cannot be reached" not in edge.log_text()
    well.stop()
