"""Backends that are named: found, found again when they move, and never waited for by others."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import connect
from lib import procs
from lib.backend import Backend
from lib.certs import Authority
from lib.dns import NXDOMAIN, SERVFAIL, Dns, Etc, MakeDns
from lib.edge import Edge
from lib.net import await_true, free_port

MakeEdge = Callable[..., Edge]


@pytest.fixture
def make_dns() -> Iterator[MakeDns]:
    made: list[Dns] = []

    def make(**names: object) -> Dns:
        made.append(Dns(**names))
        return made[-1]

    yield make
    for dns in made:
        dns.stop()


@pytest.fixture
def twins() -> Iterator[tuple[Backend, Backend]]:
    """Two machines with the same port: 127.0.0.2 and 127.0.0.3."""
    port = free_port()
    both = Backend(at=("127.0.0.2", port)), Backend(at=("127.0.0.3", port))
    yield both
    for backend in both:
        backend.stop()


def site(ca: Authority, port: int, *names: str, block: str = "") -> str:
    backends = " ".join(f"{n}:{port}" for n in names)
    return f"app.edge.test {{\nproxy {backends} {{\n{block}\n}}\n{ca.tls('app.edge.test')}\n}}"


def status(edge: Edge, ca: Authority, host: str = "app.edge.test") -> int:
    with connect(edge, ca, host) as client:
        return client.request().status


def await_visit(edge: Edge, ca: Authority, backend: Backend, seconds: float = 20) -> None:
    await_true("a request at that backend", lambda: status(edge, ca) and backend.visits, seconds)


# --- finding it ---


def test_hosts_file(make_edge: MakeEdge, twins: tuple[Backend, Backend], ca: Authority, place: Path) -> None:
    etc = Etc(place)
    etc.say(nas_lan="127.0.0.2")
    edge = make_edge(site(ca, twins[0].port, "nas.lan"), before=etc.before)
    assert [status(edge, ca) for _ in range(5)] == [200] * 5


def test_dns(make_edge: MakeEdge, make_dns: MakeDns, twins: tuple[Backend, Backend], ca: Authority, place: Path) -> None:
    dns = make_dns(nas_lan=["127.0.0.3"])
    edge = make_edge(site(ca, twins[0].port, "nas.lan"), before=Etc(place, dns).before)
    assert status(edge, ca) == 200
    assert twins[1].visits and not twins[0].visits


def test_an_address_that_is_dead_is_passed_over(
    make_edge: MakeEdge, make_dns: MakeDns, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    dns = make_dns(nas_lan=["127.0.0.9", "127.0.0.3", "127.0.0.8"])
    edge = make_edge(site(ca, twins[0].port, "nas.lan"), before=Etc(place, dns).before)
    assert [status(edge, ca) for _ in range(4)] == [200] * 4


def test_no_names_and_no_checks_no_resolver(make_edge: MakeEdge, make_backend: Callable[..., Backend]) -> None:
    edge = make_edge(f"app.edge.test {{ proxy {make_backend().address}\ntls off\n}}")
    assert not edge.role("resolver")


def test_a_dns_server_that_blocks_a_name(make_edge: MakeEdge, make_dns: MakeDns, ca: Authority, place: Path) -> None:
    """It says 0.0.0.0, which leads to this machine: to whatever listens there, edge itself included."""
    here = Backend()
    dns = make_dns(nas_lan=["0.0.0.0"])
    edge = make_edge(site(ca, here.port, "nas.lan"), before=Etc(place, dns).before)
    assert status(edge, ca) == 502
    edge.await_log("name=nas.lan cannot be looked up: it has no address that can be used from here")
    assert not here.visits
    here.stop()


# --- finding it again ---


def test_a_container_that_restarted_elsewhere(
    make_edge: MakeEdge, make_dns: MakeDns, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    """The old address refuses: the first failure asks again, long before the ten seconds."""
    dns = make_dns(nas_lan=["127.0.0.2"])
    edge = make_edge(site(ca, twins[0].port, "nas.lan"), before=Etc(place, dns).before)
    assert status(edge, ca) == 200
    dns.names["nas.lan"] = ["127.0.0.3"]
    twins[0].stop()
    await_visit(edge, ca, twins[1], seconds=8)
    edge.await_log("name=nas.lan leads to 127.0.0.3 now")
    assert [status(edge, ca) for _ in range(4)] == [200] * 4


def test_a_name_that_changes_while_the_old_one_answers(
    make_edge: MakeEdge, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    etc = Etc(place)
    etc.say(nas_lan="127.0.0.2")
    edge = make_edge(site(ca, twins[0].port, "nas.lan", block="keepalive off"), before=etc.before)
    assert status(edge, ca) == 200
    etc.say(nas_lan="127.0.0.3")
    await_visit(edge, ca, twins[1])


def test_a_name_that_vanishes_and_comes_back(make_edge: MakeEdge, twins: tuple[Backend, Backend], ca: Authority, place: Path) -> None:
    etc = Etc(place)
    etc.say(nas_lan="127.0.0.2")
    edge = make_edge(site(ca, twins[0].port, "nas.lan", block="keepalive off"), before=etc.before)
    assert status(edge, ca) == 200
    etc.say()
    edge.await_log("name=nas.lan cannot be looked up", 20)
    assert status(edge, ca) == 502
    etc.say(nas_lan="127.0.0.3")
    await_visit(edge, ca, twins[1])
    edge.await_log("name=nas.lan can be looked up again")


def test_a_name_that_nobody_knows(make_edge: MakeEdge, ca: Authority, place: Path) -> None:
    edge = make_edge(site(ca, free_port(), "nas.lan"), before=Etc(place).before)
    assert status(edge, ca) == 502
    edge.await_log("name=nas.lan cannot be looked up: Name or service not known")


def test_a_dns_server_that_fails_takes_nothing_away(
    make_edge: MakeEdge, make_dns: MakeDns, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    dns = make_dns(nas_lan=["127.0.0.2"])
    edge = make_edge(site(ca, twins[0].port, "nas.lan", block="keepalive off"), before=Etc(place, dns).before)
    assert status(edge, ca) == 200
    dns.names["nas.lan"] = SERVFAIL
    edge.await_log("name=nas.lan cannot be looked up.*going on with the addresses it had", 30)
    assert status(edge, ca) == 200


def test_one_answer_that_says_nothing_exists_is_not_believed(
    make_edge: MakeEdge, make_dns: MakeDns, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    """As a DNS server says that has just begun to start."""
    dns = make_dns(nas_lan=["127.0.0.2"])
    edge = make_edge(site(ca, twins[0].port, "nas.lan", block="keepalive off"), before=Etc(place, dns).before)
    assert status(edge, ca) == 200
    asked = len(dns.asked)
    dns.names["nas.lan"] = NXDOMAIN
    await_true("it is asked", lambda: len(dns.asked) > asked, 20)
    dns.names["nas.lan"] = ["127.0.0.2"]
    assert status(edge, ca) == 200
    assert "cannot be looked up" not in edge.log_text()


# --- what hangs ---


def test_a_name_that_hangs_holds_up_nobody(
    make_edge: MakeEdge, make_dns: MakeDns, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    """Forty of them: more than there are threads. They fill these once, and then leave some to the others."""
    dead = {f"hang{i}_lan": None for i in range(40)}
    dns = make_dns(nas_lan=["127.0.0.2"], **dead)
    hanging = "".join(
        f"h{i}.edge.test {{\nproxy hang{i}.lan:80\n{ca.tls(f'h{i}.edge.test')}\ntimeout connect 300ms\n}}\n" for i in range(40)
    )
    edge = make_edge(hanging + site(ca, twins[0].port, "nas.lan"), before=Etc(place, dns, "timeout:2 attempts:1").before)
    assert status(edge, ca) == 200
    edge.await_log("name=hang39.lan cannot be looked up")
    dns.names["nas.lan"] = ["127.0.0.3"]
    twins[0].stop()
    await_visit(edge, ca, twins[1], seconds=8)
    assert status(edge, ca, "h0.edge.test") == 502, "after its time to connect, not after that of the DNS server"


def test_requests_wait_for_the_first_answer(
    make_edge: MakeEdge, make_dns: MakeDns, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    """The machine boots: edge is there before the DNS server."""
    dns = make_dns(nas_lan=None)
    edge = make_edge(
        site(ca, twins[0].port, "nas.lan"), before=Etc(place, dns, "timeout:1 attempts:5").before, options="timeout connect 30s"
    )
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(status(edge, ca)))
    thread.start()
    await_true("it was asked", lambda: dns.asked)
    dns.names["nas.lan"] = ["127.0.0.2"]
    thread.join(20)
    assert results == [200]


# --- the role ---


def test_a_dead_resolver_is_started_again_and_missed_by_nobody(
    make_edge: MakeEdge, twins: tuple[Backend, Backend], ca: Authority, place: Path
) -> None:
    etc = Etc(place)
    etc.say(nas_lan="127.0.0.2")
    edge = make_edge(site(ca, twins[0].port, "nas.lan", block="keepalive off"), before=etc.before)
    assert status(edge, ca) == 200
    old = edge.resolver
    os.kill(old, signal.SIGSTOP)
    assert status(edge, ca) == 200
    os.kill(old, signal.SIGKILL)
    assert [status(edge, ca) for _ in range(10)] == [200] * 10
    await_true("another resolver", lambda: edge.role("resolver") and edge.role("resolver") != [old])
    etc.say(nas_lan="127.0.0.3")
    await_visit(edge, ca, twins[1])


def test_what_the_resolver_may(make_edge: MakeEdge, twins: tuple[Backend, Backend], ca: Authority, place: Path) -> None:
    etc = Etc(place)
    etc.say(nas_lan="127.0.0.2")
    edge = make_edge(site(ca, twins[0].port, "nas.lan"), before=etc.before)
    told = procs.status(edge.resolver)
    assert told["Seccomp"] == "2"
    assert (told["NoNewPrivs"], int(told["CapEff"], 16), int(told["CapBnd"], 16) if os.getuid() == 0 else 0) == ("1", 0, 0)
    for fd, what in procs.descriptors(edge.resolver).items():
        assert fd < 3 or what.startswith(("socket:", "anon_inode:", "/memfd:", "pipe:")), (fd, what)
    assert not procs.listening([edge.resolver])
    assert status(edge, ca) == 200
