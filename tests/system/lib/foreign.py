"""A throw-away copy of a root for another processor, in which a list of steps runs under emulation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from lib import E2E
from lib.machine import INSIDE, RESULTS
from lib.namespace import foreign_command
from lib.roots import KEPT
from lib.verdicts import Verdicts

SECONDS = 400


def run_foreign(name: str, root: Path, deb: Path) -> Verdicts:
    copy = KEPT / f"copy-{name}"
    shutil.rmtree(copy, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(root), str(copy)], check=True)
    try:
        return _run(name, copy, deb)
    finally:
        shutil.rmtree(copy)


def _run(name: str, copy: Path, deb: Path) -> Verdicts:
    place, stem, start = copy / "opt/steps", RESULTS / name, time.monotonic()
    place.mkdir()
    shutil.copy(deb, place / "edge.deb")
    RESULTS.mkdir(parents=True, exist_ok=True)
    env = os.environ | {
        "PYTHONPATH": f"{E2E.parent}:{INSIDE.parent}",
        "DEBIAN_FRONTEND": "noninteractive",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
    command = foreign_command(sys.executable, "-m", "inside.foreign", str(copy), f"{stem}.verdicts", network=False)
    with open(f"{stem}.console", "wb") as console:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=env, timeout=SECONDS, cwd="/", check=False)
            ended = f"the steps ended with status {done.returncode}"
        except subprocess.TimeoutExpired:
            ended = f"the steps were stopped after {SECONDS} s"
    if (place / "journal").exists():
        shutil.copy(place / "journal", f"{stem}.journal")
    return Verdicts(stem, f"{ended} ({time.monotonic() - start:.0f} s)")
