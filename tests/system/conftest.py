"""Fixtures of the tests of whole machines. A machine that cannot be had is a failure, never a skip."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.deb import newer, package
from lib.machine import RESULTS, Machine
from lib.roots import Root, native

_MOUNTS = "mount -t tmpfs none /mnt"


def _able() -> str:
    """What this machine lacks for a container, in words for the person at it."""
    if os.getuid() != 0:
        return "machines are booted by root: run ./build.sh test as root, or by a user who may use sudo"
    missing = [name for name in ("systemd-nspawn", "mmdebstrap", "unshare") if not shutil.which(name)]
    if missing:
        return f"not installed: {', '.join(missing)} (tests/packages.txt, group system)"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "sh", "-c", _MOUNTS], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"namespaces or mounts are refused here, as in a container without privileges: {tried.stderr.strip()}"
    return ""


@pytest.fixture(scope="session")
def bootable() -> None:
    """For what needs a container."""
    lacking = _able()
    if lacking:
        pytest.fail(lacking, pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def _owner() -> Iterator[None]:
    """What sudo left in the results belongs to who called it, so that the next run can delete it."""
    yield
    user = os.environ.get("SUDO_UID")
    if user and RESULTS.parent.exists():
        subprocess.run(["chown", "-R", f"{user}:{os.environ['SUDO_GID']}", str(RESULTS.parent)], check=True)


@pytest.fixture(scope="module", params=["bookworm", "trixie"], ids=["debian12", "debian13"])
def debian(request: pytest.FixtureRequest, bootable: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine of that Debian with edge's package and a newer one in a folder, not yet booted."""
    deb = package(native())
    files: dict[str, Path] = {"edge.deb": deb, "newer.deb": newer(deb, tmp_path_factory.mktemp("deb"))}
    machine = Machine(request.param, Root(request.param, native()).ready(), files)
    yield machine
    machine.close()
