"""The package in a system for another processor, under emulation. Only edge and its installer are emulated: CA, backends and
clients are this machine's own. No systemd runs there, as in a container.

usage: python3 -m inside.foreign ROOT VERDICTS
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from lib.backend import checksum, echo
from lib.clients import Client
from lib.net import await_true
from lib.pebble import Trust
from lib.ws import Sockets, ws_session

from inside.steps import Steps
from inside.world import HOST, World, listens, presents

steps = Steps()
TALK = "talk.example.test"
UPLOAD = 8 << 20


class Foreign(World):
    def __init__(self, root: Path) -> None:
        for kind, target in (("proc", "proc"), ("tmpfs", "run")):
            subprocess.run(["mount", "-t", kind, kind, root / target], check=True)
        subprocess.run(["mount", "--rbind", "/dev", root / "dev"], check=True)
        super().__init__(root)
        self.log = root / "opt/steps/journal"
        self.daemon: subprocess.Popen[bytes] | None = None
        self.sockets = Sockets()

    def serve(self) -> None:
        with open(self.log, "ab") as log:
            self.daemon = subprocess.Popen(
                ["chroot", str(self.root), "/usr/bin/edge", "serve"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        await_true("edge listens", lambda: listens(80) and listens(443) or self.daemon.poll() is not None, 60)
        assert self.daemon.poll() is None, self.log.read_text()

    def close(self) -> None:
        if self.daemon:
            self.daemon.kill()
        super().close()


@steps("the package installs where no systemd runs", vital=True)
def _(world: Foreign) -> None:
    world.sh("apt-get -q -y install /opt/steps/edge.deb")
    assert "edge" in world.sh("getent passwd edge") and (world.root / "etc/edge/edge.conf").exists()


@steps("edge version is the package's")
def _(world: Foreign) -> None:
    version = world.sh("dpkg-query -W -f '${Version}' edge")
    assert version in world.sh("edge version"), version


@steps("edge check finds nothing wrong")
def _(world: Foreign) -> None:
    world.sh("edge check")


@steps("a certificate comes by itself", vital=True)
def _(world: Foreign) -> None:
    world.start_ca()
    world.use_ca()
    world.sockets.__enter__()
    world.sh(f"edge add {HOST} {world.backend.address}")
    world.sh(f"edge add {TALK} {world.sockets.address}")
    world.serve()
    world.remember(serial=world.await_issued().serial)
    world.await_issued(TALK)


@steps("a page by HTTPS")
def _(world: Foreign) -> None:
    seen = dict(world.visit()["fields"])
    assert (seen["Host"], seen["X-Forwarded-Proto"]) == (HOST, "https"), seen


@steps("an upload arrives whole")
def _(world: Foreign) -> None:
    world.backend.app = checksum
    body = bytes(range(256)) * (UPLOAD // 256)
    with Client(443, HOST, Trust(world.place / "ca/pebble-root.pem").client(), timeout=60) as client:
        answer = client.request("PUT", "/file", body=body)
    world.backend.app = echo
    assert answer.body.decode() == f"{UPLOAD} {hashlib.sha256(body).hexdigest()}", answer


@steps("a websocket, both ways")
def _(world: Foreign) -> None:
    async def run() -> None:
        edge = SimpleNamespace(https=443)
        async with ws_session(edge, Trust(world.place / "ca/pebble-root.pem"), host=TALK) as ws:
            for message in ("hello", b"\x00\xff" * 70000):
                await ws.send(message)
                assert await ws.recv() == message

    asyncio.run(run())


@steps("edge renew again: nothing is due")
def _(world: Foreign) -> None:
    assert "nothing is due" in world.sh("edge renew")
    assert presents().serial == world.remembered("serial")


@steps("it ends when told, and no process of it crashed")
def _(world: Foreign) -> None:
    world.daemon.send_signal(signal.SIGTERM)
    assert world.daemon.wait(30) == 0
    crash = re.search(r".*(SIGSYS|SIGSEGV|SIGABRT|SIGILL|SIGBUS|signal (4|6|7|11|31)\b).*", world.log.read_text())
    assert not crash, crash[0]


@steps("purged: certificates stay")
def _(world: Foreign) -> None:
    told = world.sh("apt-get -q -y purge edge")
    assert "/var/lib/edge" in told and (world.root / "var/lib/edge/edge.db").exists(), told


def main() -> None:
    world = Foreign(Path(sys.argv[1]))
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        try:
            steps.run(world, out)
        finally:
            world.close()


if __name__ == "__main__":
    main()
