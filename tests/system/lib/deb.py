"""The packages under test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from lib.roots import TOP


def package(arch: str) -> Path:
    """As `./build.sh deb --arch ARCH` left it: tests/run.sh names it, by hand it is the newest."""
    named = os.environ.get(f"EDGE_DEB_{arch.upper()}")
    if named:
        return Path(named)
    found = sorted((TOP / "build").glob(f"edge_*_{arch}.deb"), key=lambda path: path.stat().st_mtime)
    assert found, f"no package: run ./build.sh deb --arch {arch}"
    return found[-1]


def newer(deb: Path, place: Path) -> Path:
    """The same package, with a version that apt takes for an upgrade."""
    tree, result = place / "newer", place / "newer.deb"
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: (.*)$", r"Version: \1+upgrade", control.read_text()))
    # Nothing is sent anywhere, so packing may be quick.
    subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", tree, result], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return result
