"""A throw-away copy of a root that is booted by systemd-nspawn, runs a list of steps and powers off."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib import E2E
from lib.roots import KEPT, TOP
from lib.verdicts import Verdicts

INSIDE = Path(__file__).resolve().parents[1] / "inside"
RESULTS = TOP / "build/test/system"
BOOT_SECONDS = 300

_UNIT = """
[Unit]
Description=Steps of a test
StartLimitIntervalSec=0

[Service]
Type=exec
WorkingDirectory=/opt/steps
Environment=PYTHONDONTWRITEBYTECODE=1 DEBIAN_FRONTEND=noninteractive
ExecStart=/usr/bin/python3 -m inside.main
# Also when the steps crashed.
ExecStopPost=/bin/sh -c 'journalctl -b --no-pager -o short-monotonic >/opt/steps/journal'
ExecStopPost=/bin/systemctl --no-block poweroff

[Install]
WantedBy=multi-user.target
"""


@contextmanager
def alone() -> Iterator[None]:
    """Two machines at a time would share the name of their control group."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with open(KEPT / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Machine:
    def __init__(self, name: str, root: Path, files: dict[str, Path]) -> None:
        """`files`: what is put into /opt/steps under these names."""
        self.name, self.place = name, KEPT / f"copy-{name}"
        self._discard()
        subprocess.run(["cp", "-a", "--reflink=auto", str(root), str(self.place)], check=True)
        self.steps = self.place / "opt/steps"
        shutil.copytree(E2E, self.steps / "lib")
        shutil.copytree(INSIDE, self.steps / "inside")
        for target, source in files.items():
            shutil.copy(source, self.steps / target)
        units = self.place / "etc/systemd/system"
        (units / "steps.service").write_text(_UNIT)
        (units / "multi-user.target.wants").mkdir(exist_ok=True)
        (units / "multi-user.target.wants/steps.service").symlink_to("../steps.service")

    def boot(self, scenario: str) -> Verdicts:
        """Runs the steps of that scenario. Kept in build/test/system: their verdicts, the journal and the console."""
        (self.steps / "scenario").write_text(scenario)
        RESULTS.mkdir(parents=True, exist_ok=True)
        stem, start = RESULTS / f"{self.name}-{scenario}", time.monotonic()
        with alone(), open(f"{stem}.console", "wb") as console:
            # Ends with the tests, however they end.
            command = ["setpriv", "--pdeathsig", "KILL", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit",
                       "--private-network", f"--machine={self.name}", "--boot", f"--directory={self.place}"]  # fmt: skip
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT) as process:
                try:
                    ended = f"the machine ended with status {process.wait(BOOT_SECONDS)}"
                except subprocess.TimeoutExpired:
                    process.kill()
                    ended = f"the machine was stopped after {BOOT_SECONDS} s"
        for name in ("verdicts", "journal"):
            if (self.steps / name).exists():
                shutil.move(self.steps / name, f"{stem}.{name}")
        ended += f" ({time.monotonic() - start:.0f} s)"
        return Verdicts(stem, ended)

    def _discard(self) -> None:
        if self.place.exists():
            shutil.rmtree(self.place)

    def close(self) -> None:
        if not os.environ.get("EDGE_KEEP_MACHINES"):
            self._discard()
