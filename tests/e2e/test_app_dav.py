"""
WebDAV: Apache's mod_dav behind edge, litmus and curl before it.

Field note: WebDAV MOVE and COPY fail behind TLS termination (traefik#4816, seafile#2336, photoprism#1427). The client names
the target by its https URL, which a backend that is spoken to by http takes for another server.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.apache import Apache
from lib.clients import curl
from lib.edge import Edge

CONFIG = """
DavLockDB {place}/run/locks
<Directory {place}/files>
    Dav On
    Require all granted
</Directory>
"""
# What litmus says of its one test that it has for plain HTTP alone.
EXPECT_NOT_TRIED = "2. expect100............. SKIPPED (skipping for SSL server)"
SUITES = {"basic", "copymove", "props", "locks", "http"}


@pytest.fixture(scope="module")
def apache(top: Path) -> Iterator[Apache]:
    place = top / "dav"
    place.mkdir(mode=0o755)
    with Apache(place, ["dav", "dav_fs", "setenvif"], CONFIG) as running:
        yield running


@pytest.fixture
def edge(make_edge: Callable, apache: Apache, ca) -> Edge:
    def site(name: str) -> str:
        return f"{name} {{ proxy {apache.address}\n {ca.tls(name)}\n http serve }}"

    return make_edge(f"{site('localhost')}\n{site('dav.edge.test')}")


def litmus(place: Path, url: str) -> tuple[list[str], set[str]]:
    """The tests in order with their verdicts and warnings, and the suites without a failure."""
    done = subprocess.run(["litmus", "-k", url], cwd=place, capture_output=True, text=True, check=False, timeout=90)
    # Each test's line is written twice, and completed in place of the first.
    told = [line.strip() for line in done.stdout.splitlines() if re.search(r"\b(pass|FAIL|WARNING|SKIPPED)\b", line)]
    return told, set(re.findall(r"summary for `(\w+)': .* 0 failed", done.stdout))


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_litmus(edge: Edge, apache: Apache, place: Path, scheme: str) -> None:
    """Every result is the one that Apache gives without edge."""
    direct, passed = litmus(place, f"http://localhost:{apache.port}/")
    assert passed == SUITES and len(direct) > 100
    port = edge.https if scheme == "https" else edge.http
    through = litmus(place, f"{scheme}://localhost:{port}/")
    if scheme == "https":
        direct = [EXPECT_NOT_TRIED if "expect100" in line else line for line in direct]
    assert through == (direct, SUITES)


class Share:
    """Two names of the share's root, and requests to it through edge."""

    def __init__(self, edge: Edge, apache: Apache, ca, place: Path) -> None:
        self.files = apache.files
        self.url = f"https://dav.edge.test:{edge.https}"
        self._ask = lambda path, *args: curl(ca.ca, place, edge.https, "dav.edge.test", path, *args)
        self.put("/a", "first")

    def put(self, path: str, text: str) -> None:
        assert self.status("PUT", path, "-d", text) in (201, 204)

    def status(self, method: str, path: str, *args: str) -> int:
        return self._ask(path, "-X", method, *args).status


@pytest.fixture
def share(edge: Edge, apache: Apache, ca, place: Path) -> Share:
    for file in apache.files.iterdir():
        if file.is_file():
            file.unlink()
    return Share(edge, apache, ca, place)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("{url}/b", "b"),
        ("HTTPS://DAV.edge.test:{port}/b", "b"),
        ("{url}/%C3%BCn%20%C3%AF", "ün ï"),
    ],
    ids=["https", "capitals", "encoded"],
)
@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_destination(share: Share, method: str, target: str, name: str) -> None:
    url = target.format(url=share.url, port=share.url.rpartition(":")[2])
    assert share.status(method, "/a", "-H", f"Destination: {url}") == 201
    assert (share.files / name).read_text() == "first"
    assert (share.files / "a").exists() == (method == "COPY")


def test_overwrite(share: Share) -> None:
    """The header beside it goes through as well: F refuses, T replaces."""
    share.put("/b", "second")
    destination = ("-H", f"Destination: {share.url}/b")
    assert share.status("MOVE", "/a", *destination, "-H", "Overwrite: F") == 412
    assert (share.files / "b").read_text() == "second"
    assert share.status("MOVE", "/a", *destination, "-H", "Overwrite: T") == 204
    assert (share.files / "b").read_text() == "first"


def test_destination_elsewhere(share: Share) -> None:
    """Another server's URL is not made one of this site: Apache refuses it as it would without edge."""
    assert share.status("MOVE", "/a", "-H", "Destination: https://elsewhere.test/b") == 502
    assert (share.files / "a").exists() and not (share.files / "b").exists()
