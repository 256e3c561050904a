"""What an intruder would find inside edge's processes: nothing to open, run, trace or reach."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest

from conftest import House, connect
from lib import procs
from lib.edge import ASAN, Edge, user_id

LANDLOCK_CREATE_RULESET = 444  # the same number on all processors
# Calls of libc's functions, made by gdb inside a running worker. Each must be refused.
FORBIDDEN = {
    "open a file": 'int, open, (const char *, int), ("/etc/passwd", 0)',
    "create a file": f'int, open, (const char *, int, int), ("/tmp/edge-intruder-{os.getpid()}", 0102, 0600)',
    "run a program": 'int, execve, (const char *, void *, void *), ("/bin/true", 0, 0)',
    "trace a process": "long, ptrace, (int, int, void *, void *), (16, {pid}, 0, 0)",
    "netlink": "int, socket, (int, int, int), (16, 3, 0)",
    "a raw socket": "int, socket, (int, int, int), (2, 3, 1)",
    "a packet socket": "int, socket, (int, int, int), (17, 3, 0)",
    "a datagram": "int, socket, (int, int, int), (2, 2, 0)",
    "signal the supervisor": "int, kill, (int, int), ({parent}, 0)",
    "fork": "int, fork, (void), ()",
    "become root": "int, setuid, (int), (0)",
    "change directory": 'int, chdir, (const char *), ("/")',
    "remove a file": 'int, unlink, (const char *), ("/tmp/none")',
    "list a mount": 'int, mount, (const char *, const char *, const char *, long, void *), ("none", "/", "tmpfs", 0, 0)',
    "executable memory": "long, mmap, (void *, long, int, int, int, long), (0, 4096, 7, 0x22, -1, 0)",
    "listen": "int, listen, (int, int), (0, 1)",
}
# Sanitizers open files for their reports; what keeps a worker from that there is Landlock alone, if anything.
RELEASE_ONLY = {"open a file", "create a file"}
ALLOWED = "int, socket, (int, int, int), (2, 1, 0)"
REFUSALS = {1: "EPERM", 13: "EACCES"}


def landlock_version() -> int:
    """0: the kernel has none. 4 and later know TCP ports."""
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(LANDLOCK_CREATE_RULESET, 0, 0, 1))


def gdb(pid: int, *commands: str) -> str:
    args = [arg for command in commands for arg in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-ex", "set confirm off", "-ex", "set debuginfod enabled off", "-p", str(pid), *args],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def call(text: str, pid: int, parent: int) -> list[str]:
    """gdb commands that print `RESULT ERRNO` of such a call."""
    kind, name, parameters, values = re.fullmatch(r"(\w+), (\w+), (\(.*?\)), (\(.*\))", text).groups()
    values = values.replace("{pid}", str(pid)).replace("{parent}", str(parent))
    return [
        f"print $r = (long)(({kind} (*){parameters}){name}){values}",
        "print $e = *((int *(*)(void))__errno_location)()",
        f'printf "called {name} %ld %d\\n", $r, $e',
    ]


def results(text: str) -> list[tuple[int, int]]:
    return [(int(r), int(e)) for r, e in re.findall(r"^called \w+ (-?\d+) (\d+)$", text, re.M)]


@pytest.fixture(scope="module")
def inside(_house: House) -> dict[str, tuple[int, int]]:
    """All calls in one visit of gdb to one worker: name -> (result, errno)."""
    worker, parent = _house.edge.workers[0], _house.edge.pid
    calls = {name: text for name, text in FORBIDDEN.items() if not (ASAN and name in RELEASE_ONLY)} | {"a TCP socket": ALLOWED}
    text = gdb(worker, *(command for t in calls.values() for command in call(t, os.getpid(), parent)))
    found = results(text)
    assert len(found) == len(calls), text
    return dict(zip(calls, found))


def test_gdb_really_calls(inside: dict) -> None:
    """The control: what a worker needs succeeds by the same way."""
    assert inside["a TCP socket"][0] >= 0


@pytest.mark.parametrize("what", [f for f in FORBIDDEN if not (ASAN and f in RELEASE_ONLY)])
def test_a_worker_cannot(inside: dict, what: str) -> None:
    result, errno = inside[what]
    assert result == -1 and errno in REFUSALS, (what, result, errno)


def connecting(port: int) -> list[str]:
    """connect() to 127.0.0.1:port on a new blocking socket, by gdb."""
    return [
        "set $a = (char *)((void *(*)(long, long))calloc)(1, 16)",
        "set *(short *)$a = 2",
        f"set *(unsigned short *)($a + 2) = {socket.htons(port)}",
        f"set *(unsigned int *)($a + 4) = {int.from_bytes(socket.inet_aton('127.0.0.1'), 'little')}",
        "set $s = ((int (*)(int, int, int))socket)(2, 1, 0)",
        "print $r = ((int (*)(int, void *, int))connect)($s, $a, 16)",
        "print $e = *((int *(*)(void))__errno_location)()",
        "print ((int (*)(int))close)($s)",
        'printf "called connect %ld %d\\n", (long)$r, $e',
    ]


def test_a_worker_reaches_backends_only(house: House) -> None:
    """To the router's web page, a database, the metadata service: no. Needs Landlock 4 (Linux 6.7); older kernels are warned about."""
    with socket.socket() as database:
        database.bind(("127.0.0.1", 0))
        database.listen()
        port = database.getsockname()[1]
        text = gdb(house.edge.workers[0], *connecting(house.backend.port), *connecting(port))
    (backend, other) = results(text)
    assert backend[0] == 0, text
    if landlock_version() >= 4:
        assert other[0] == -1 and other[1] in REFUSALS, text
    else:
        house.edge.await_log("Landlock")


def test_the_worker_still_works_afterwards(house: House) -> None:
    for _ in range(8):
        with house.connect() as client:
            assert client.request().status == 200


# --- what the kernel says of each process ---


def test_rights_of_each_process(house: House) -> None:
    pids = house.edge.pids()
    assert len(pids) == 4, [procs.command(p) for p in pids]
    for pid in pids:
        status, name = procs.status(pid), procs.command(pid)
        assert set(status["Uid"].split()) == {str(user_id())} and user_id() != 0, name
        assert "0" not in status["Gid"].split() and "0" not in status["Groups"].split(), name
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapInh"], 16) == 0, name
        assert int(status["CapAmb"], 16) == 0, name
        assert status["NoNewPrivs"] == "1", name
    for pid in [*house.edge.workers, house.edge.keeper]:
        assert procs.status(pid)["Seccomp"] == "2", procs.command(pid)


def test_no_core_of_a_process_that_holds_keys(house: House) -> None:
    for pid in house.edge.workers:
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size\s+0\s", limits, re.M), limits


@pytest.mark.parametrize("role", ["worker", "keeper"])
def test_descriptors_of_a_role(house: House, role: str) -> None:
    """No file but the keeper's database, no directory, no terminal; standard streams, sockets, memory and poll sets."""
    own = (str(house.edge.data),) if role == "keeper" else ()
    with house.connect() as client:
        client.request()
        for pid in house.edge.role(role):
            for fd, what in procs.descriptors(pid).items():
                if fd in (0, 1, 2):
                    assert what in ("/dev/null", str(house.edge.log)) or what.startswith(("pipe:", "socket:")), (role, fd, what)
                else:
                    assert what.startswith(("socket:", "anon_inode:", "/memfd:", "pipe:", *own)), (role, fd, what)


def test_connections_belong_to_one_process(house: House) -> None:
    """A worker holds its own clients' connections, no other process has a copy."""
    clients = [house.connect() for _ in range(12)]
    for client in clients:
        assert client.request().status == 200
    held = [procs.tcp_connections(pid) for pid in house.edge.pids()]
    assert sum(map(len, held)) == len(set().union(*held)) >= 12
    assert not procs.tcp_connections(house.edge.keeper) and not procs.tcp_connections(house.edge.pid)
    for client in clients:
        client.close()


def test_the_keeper_listens_to_nobody(house: House) -> None:
    assert not procs.listening([house.edge.keeper])


def test_nothing_listens_that_was_not_configured(house: House) -> None:
    expected = {f"tcp {house.edge.http}", f"tcp {house.edge.https}"}
    found = procs.listening(house.edge.pids())
    assert expected <= found
    for extra in found - expected:
        assert extra.startswith(f"unix {house.edge.run_dir}"), extra


def test_the_data_directory_is_private(house: House) -> None:
    stat = house.edge.data.stat()
    assert stat.st_mode & 0o777 == 0o700
    assert stat.st_uid == user_id()


def test_no_key_in_environment_or_command_line(house: House) -> None:
    for pid in house.edge.pids():
        words = procs.command(pid) + Path(f"/proc/{pid}/environ").read_text(errors="replace")
        assert "PRIVATE" not in words and ".key" not in words


def test_unreadable_key(make_edge, make_backend, ca, place) -> None:
    """A certificate that cannot be had is a bad configuration that names the file, not a daemon that fails later."""
    edge: Edge = make_edge(f"photos.edge.test {{ proxy {make_backend().address}\n tls {place}/none.pem {place}/none.key }}", start=False)
    edge.launch()
    assert edge.exit_status() == 2
    assert f"{place}/none.pem" in edge.log_text()
    edge.process = None


def test_requests_after_all_this(house: House, ca) -> None:
    with connect(house.edge, ca) as client:
        assert client.request().status == 200
