"""Ports that other programs hold: who it is, what to do, and serving there once they are free.

pi-hole#620, home-assistant/addons#2197: the first certificate does not come because something else holds port 80.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from conftest import connect
from lib import procs
from lib.edge import BIN, Edge, environment, user_id
from lib.net import await_true

_LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print(flush=True); time.sleep(600)"


class Holder:
    """Another program that listens on a port."""

    def __init__(self, port: int) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", _LISTEN, str(port)], stdout=subprocess.PIPE)
        assert self.process.stdout.readline(), f"port {port} could not be taken"

    @property
    def name(self) -> str:
        with open(f"/proc/{self.process.pid}/comm") as f:
            return f"{f.read().strip()} (pid {self.process.pid}"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def edge(make_edge, make_backend, ca) -> Edge:
    return make_edge(f"photos.edge.test {{ proxy {make_backend().address}\n {ca.tls('photos.edge.test')} }}", start=False)


@pytest.fixture
def holder(edge: Edge) -> Iterator[Holder]:
    h = Holder(edge.https)
    yield h
    h.end()


def check(edge: Edge, *, user: int | None = None) -> subprocess.CompletedProcess[str]:
    command = [BIN, "check", "--ports", "-c", str(edge.conf)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, env=environment(), user=user, check=False)


def test_check_tells_that_ports_are_free_and_takes_none(edge: Edge) -> None:
    result = check(edge)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"http 127.0.0.1:{edge.http}: free\nhttps 127.0.0.1:{edge.https}: free\n" in result.stdout


def test_check_names_the_owner_and_how_to_free_the_port(edge: Edge, holder: Holder) -> None:
    result = check(edge)
    assert result.returncode == 1
    assert f"http 127.0.0.1:{edge.http}: free\n" in result.stdout
    assert f"https 127.0.0.1:{edge.https}: the port is in use by {holder.name}" in result.stderr
    assert re.search(r"; to free it: sudo \S.*, then sudo systemctl restart edge\n$", result.stderr)


def test_check_by_a_user_who_sees_no_process_names_the_unit_or_the_user(edge: Edge, holder: Holder) -> None:
    """Where the tests run as a user, there is no other one, and the process is seen."""
    # Nor does that user see the key of the site.
    edge.conf.write_text(re.sub(r"(?m)^ tls .*$", " tls internal }", edge.conf.read_text()))
    result = check(edge, user=user_id())
    assert result.returncode == 1
    who = r"(a program of user root|[^ ]+\.(service|scope));" if os.getuid() == 0 else re.escape(holder.name)
    assert re.search(rf"the port is in use by {who}", result.stderr)


def test_check_knows_edge_itself(edge: Edge) -> None:
    edge.start()
    result = check(edge)
    assert (result.returncode, result.stderr) == (0, "")
    for port in (edge.http, edge.https):
        assert re.search(rf"127\.0\.0\.1:{port}: in use by edge \(pid {edge.pid}\b.*\), which is edge itself", result.stdout)


def test_a_port_that_is_freed_is_served_by_every_worker(edge: Edge, holder: Holder, ca) -> None:
    edge.start()
    told = edge.await_log(rf"cannot listen on 127\.0\.0\.1:{edge.https}: the port is in use by {re.escape(holder.name)}")
    assert told.endswith(", then edge takes it by itself")
    holder.end()
    edge.await_log(rf"listening on 127\.0\.0\.1:{edge.https} now", 20)

    await_true("both workers listen there", lambda: all(f"tcp {edge.https}" in procs.listening([w]) for w in edge.workers), 5)
    with connect(edge, ca) as client:
        assert client.request().status == 200
    assert edge.log_text().count("now\n") == 1


def test_a_worker_that_starts_later_has_the_port_too(edge: Edge, holder: Holder, ca) -> None:
    edge.start()
    holder.end()
    edge.await_log(rf"listening on 127\.0\.0\.1:{edge.https} now", 20)
    old = edge.await_workers()
    edge.accept_crashes = True
    for pid in old:
        os.kill(pid, 9)
    edge.await_workers(without=old)
    with connect(edge, ca) as client:
        assert client.request().status == 200
