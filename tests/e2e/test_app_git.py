"""
git over smart HTTP: push and clone of a repository of 30 MB, `git http-backend` behind Apache.

Field note: large uploads die (60 s total limits, 1 MB caps, spooling to disk). Above http.postBuffer git sends what it packs while
it packs, chunked and without a length; below it the pack goes in one piece.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.apache import Apache, owned
from lib.edge import Edge

SIZE = 30_000_000
CONFIG = """
SetEnv GIT_PROJECT_ROOT {place}/files
SetEnv GIT_HTTP_EXPORT_ALL
ScriptAlias /git/ /usr/lib/git-core/git-http-backend/
<Directory /usr/lib/git-core>
    Require all granted
</Directory>
"""
# Nothing of the machine's own settings.
SETTINGS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "no_proxy": "*"}


def git(place: Path, *args: str, ca: Path | None = None) -> str:
    config = ["user.name=tester", "user.email=tester@edge.test", "core.compression=0", "core.bigFileThreshold=1m"]
    options = [word for item in config for word in ("-c", item)]
    env = os.environ | SETTINGS | ({"GIT_SSL_CAINFO": str(ca)} if ca else {})
    done = subprocess.run(["git", *options, *args], cwd=place, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"git {' '.join(args)}\n{done.stdout}{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def apache(top: Path) -> Iterator[Apache]:
    place = top / "git"
    place.mkdir(mode=0o755)
    with Apache(place, ["alias", "cgi", "env"], CONFIG) as running:
        yield running


@pytest.fixture(scope="module")
def work(top: Path) -> Path:
    """A repository whose one commit cannot be compressed."""
    place = top / "work"
    place.mkdir()
    git(place, "init", "-q", "-b", "main")
    for i in range(3):
        (place / f"photo{i}").write_bytes(os.urandom(SIZE // 3))
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "photos")
    return place


@pytest.fixture
def remote(apache: Apache, place: Path) -> str:
    """The name of an empty repository that takes pushes."""
    name = f"{place.name}.git"
    git(apache.files, "init", "-q", "--bare", "-b", "main", name)
    git(apache.files / name, "config", "http.receivepack", "true")
    owned(apache.files / name)
    return name


@pytest.mark.parametrize(
    ("buffer", "sent"),
    [([], "length=- coding=chunked"), (["-c", f"http.postBuffer={2 * SIZE}"], r"length=3\d{7} coding=-")],
    ids=["default buffer", "large buffer"],
)
def test_push_and_clone(
    make_edge: Callable, apache: Apache, ca, work: Path, remote: str, place: Path, buffer: list[str], sent: str
) -> None:
    """The clone has the commit, which git has checked to the last byte, and Apache saw the body in the framing that git gave it."""
    edge: Edge = make_edge(f"git.edge.test {{ proxy {apache.address}\n {ca.tls('git.edge.test')} }}")
    url = f"https://git.edge.test:{edge.https}/git/{remote}"
    here = ["-c", f"http.curloptResolve=git.edge.test:{edge.https}:127.0.0.1"]
    git(work, *here, *buffer, "push", "-q", url, "main", ca=ca.ca)
    apache.await_request(rf"^POST /git/{remote}/git-receive-pack 200 {sent}$")
    git(place, *here, "clone", "-q", url, "clone", ca=ca.ca)
    assert git(place / "clone", "rev-parse", "HEAD") == git(work, "rev-parse", "HEAD")
