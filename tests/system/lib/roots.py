"""Debian systems in folders, made by mmdebstrap. Kept in build/roots/ and made anew when what they are made of changes."""

from __future__ import annotations

import hashlib
import inspect
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lib.namespace import foreign_command

TOP = Path(os.environ.get("EDGE_ROOT", Path(__file__).resolve().parents[3]))
KEPT = TOP / "build/roots"
BUILD_SECONDS = 900  # a foreign one is made under emulation

# What edge depends on must be there already: the machines have no network.
_BOOTED = (
    "systemd-sysv dbus iproute2 procps logrotate man-db "  # what a small server has
    "ca-certificates curl openssl python3 "  # what the package depends on, and the tests
    "pebble nginx"  # the CA; and who already has the ports
).split()
_BARE = ["ca-certificates"]
# No mirror in the copies, nor the resolver of this machine; nginx starts when a test says so.
_SETTLE = """
rm -f "$1/etc/apt/sources.list" "$1/etc/resolv.conf" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
rm -f "$1/etc/systemd/system/multi-user.target.wants/nginx.service"
echo '127.0.0.1 localhost' >"$1/etc/hosts"
echo edge-test >"$1/etc/hostname"
mkdir -p "$1/var/log/journal"
"""


@dataclass(frozen=True)
class Root:
    suite: str
    arch: str
    booted: bool = True

    @property
    def packages(self) -> list[str]:
        return _BOOTED if self.booted else _BARE

    @property
    def place(self) -> Path:
        return KEPT / f"{self.suite}-{self.arch}"

    def ready(self) -> Path:
        """The folder, made now if need be. Nobody may write into it."""
        # The file itself is its list of ingredients.
        key = hashlib.sha256(inspect.getsource(sys.modules[__name__]).encode()).hexdigest()
        stamp = self.place.with_suffix(".stamp")
        if self.place.is_dir() and stamp.is_file() and stamp.read_text() == key:
            return self.place
        stamp.unlink(missing_ok=True)
        shutil.rmtree(self.place, ignore_errors=True)
        KEPT.mkdir(parents=True, exist_ok=True)
        self._make()
        stamp.write_text(key)
        return self.place

    def _make(self) -> None:
        command = [
            "mmdebstrap", "--quiet", "--variant=minbase", f"--architectures={self.arch}", f"--include={','.join(self.packages)}",
            "--aptopt=Acquire::Retries \"3\"", "--dpkgopt=force-unsafe-io", f"--customize-hook={_SETTLE}",
            self.suite, str(self.place), f"deb [signed-by={keyring()}] {mirror()} {self.suite} main",
        ]  # fmt: skip
        if self.arch != native():
            command = foreign_command(*command)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        assert done.returncode == 0, f"mmdebstrap could not make {self.suite} for {self.arch}:\n{done.stderr[-4000:]}"


def native() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def mirror() -> str:
    """The one this machine uses for Debian itself, as third_party/build.sh finds it."""
    for extra in (["Label: Debian"], []):
        told = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", *extra], capture_output=True, text=True, check=True
        )
        if told.stdout.strip():
            return told.stdout.splitlines()[0]
    raise AssertionError("apt has no package source on this machine: no Debian system can be made to test in")


def keyring() -> Path:
    for end in ("pgp", "gpg"):
        path = Path(f"/usr/share/keyrings/debian-archive-keyring.{end}")
        if path.is_file():
            return path
    raise AssertionError("no keyring of Debian's archive: install debian-archive-keyring")
