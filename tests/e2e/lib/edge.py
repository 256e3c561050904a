"""edge itself: a configuration, the daemon, its processes, its end."""

from __future__ import annotations

import os
import pwd
import re
import select
import signal
import socket
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from lib import procs
from lib.net import await_true, free_port

BIN = os.environ.get("EDGE_BIN", str(Path(__file__).resolve().parents[3] / "build/edge"))
ASAN = os.environ.get("EDGE_VARIANT", "release") == "asan"
# As root, edge is told to become this user, so that every test also tests a daemon that has dropped its privileges.
RUN_USER = "nobody"
RUN_GROUP = "nogroup"
_REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:|AddressSanitizer:DEADLYSIGNAL")


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """Jailed processes open no file: sanitizers report to standard error, where stop() looks."""
    env = dict(os.environ)
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        kept = [o for o in env.get(name, "").split(":") if o and not o.startswith("log_path=")]
        env[name] = ":".join(kept)
    return env | (extra or {})


def run(*args: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    """One call of the program that ends by itself."""
    return subprocess.run([BIN, *args], capture_output=True, text=True, timeout=timeout, env=environment(), check=False)


class Edge:
    """A daemon in a directory of its own. `sites` are site blocks, `options` further global directives."""

    def __init__(self, place: Path, sites: str, *, options: str = "", workers: int = 2, before: Sequence[str] = ()) -> None:
        """`before`: a command that becomes edge at its end."""
        self.place = place
        self.http, self.https = free_port(), free_port()
        self.workers_wanted, self.before = workers, before
        self.conf, self.log = place / "edge.conf", place / "log"
        self.data, self.run_dir = place / "data", place / "run"
        self.process: subprocess.Popen[bytes] | None = None
        self.commands: list[subprocess.Popen[str]] = []  # started beside the daemon; none outlives the test
        self.accept_crashes = False
        self.notify: socket.socket | None = None
        self.ready_text = ""
        user = f"user {RUN_USER}\n" if os.getuid() == 0 else ""
        self.conf.write_text(
            f"http 127.0.0.1:{self.http}\nhttps 127.0.0.1:{self.https}\n{user}data {self.data}\nrun {self.run_dir}\n"
            f"workers {workers}\n{options}\n{sites}\n"
        )

    # --- life ---

    def start(self) -> Edge:
        """Returns when the daemon has said READY=1 to its NOTIFY_SOCKET; fails with its log if it ends before."""
        path = self.place / "notify"
        path.unlink(missing_ok=True)
        self.ready_text = ""
        # Stays open: edge also tells that it ends.
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(path))
        path.chmod(0o666)
        self.launch({"NOTIFY_SOCKET": str(path)})
        self._await_ready()
        return self

    def launch(self, extra: dict[str, str] | None = None) -> None:
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.before, BIN, "serve", "-c", str(self.conf)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(extra)
            )

    def _await_ready(self) -> None:
        def told() -> bool:
            assert self.process.poll() is None, f"edge ended with {self.process.returncode}:\n{self.log_text()}"
            if select.select([self.notify], [], [], 0.05)[0]:
                self.ready_text += self.notify.recv(4096).decode() + "\n"
            return "READY=1" in self.ready_text

        await_true("READY=1", told, 20)

    def stop(self) -> None:
        """SIGTERM must end all of it with status 0, and nothing may have been reported by a sanitizer."""
        if self.process is None:
            return
        pids = procs.family(self.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end 20 s after SIGTERM:\n{self.log_text()}") from None
        await_true("all processes ended", lambda: not any(map(procs.alive, pids)), 5)
        assert code == 0, f"exit status {code}:\n{self.log_text()}"
        self.check_log()

    def kill(self) -> None:
        """For the end of a failed test: leaves nothing behind."""
        for command in self.commands:
            for pid in procs.family(command.pid) if command.poll() is None else []:
                os.kill(pid, signal.SIGKILL)
        if self.process is None:
            return
        for pid in procs.family(self.pid):
            if procs.alive(pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.process.wait(10)

    def exit_status(self, seconds: float = 20) -> int:
        return self.process.wait(seconds)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    # --- what it is ---

    @property
    def pid(self) -> int:
        return self.process.pid

    def pids(self) -> list[int]:
        return procs.family(self.pid)

    def role(self, name: str) -> list[int]:
        """The children with that role, by their command line: it names the role."""
        return sorted(p for p in procs.children(self.pid) if re.search(rf"\b{name}\b", procs.command(p)))

    @property
    def workers(self) -> list[int]:
        return self.role("worker")

    @property
    def keeper(self) -> int:
        (pid,) = self.role("keeper")
        return pid

    @property
    def resolver(self) -> int:
        (pid,) = self.role("resolver")
        return pid

    def await_workers(self, count: int | None = None, without: Iterable[int] = (), seconds: float = 3) -> list[int]:
        """Waits until that many workers are there, none of them among `without`."""
        want, gone = count or self.workers_wanted, set(without)
        return await_true(f"{want} workers", lambda: len(w := self.workers) == want and not gone & set(w) and w, seconds)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def await_log(self, pattern: str, seconds: float = 10) -> str:
        """The first log line that matches."""

        def found() -> str | None:
            lines = self.log_text().splitlines()
            return next((line for line in lines if re.search(pattern, line)), None)

        return await_true(f"log line {pattern!r}", found, seconds)

    def check_log(self) -> None:
        log = self.log_text()
        assert not _REPORT.search(log), f"a sanitizer reported:\n{log}"
        if not self.accept_crashes:
            crash = re.search(r".*(signal (4|6|7|8|11|31)\b|SIGSEGV|SIGABRT|SIGSYS|SIGBUS|Segmentation).*", log)
            assert not crash, f"a process crashed: {crash[0]}\n{log}"


def user_id() -> int:
    return pwd.getpwnam(RUN_USER).pw_uid if os.getuid() == 0 else os.getuid()
