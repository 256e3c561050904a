"""The command line: what is printed where, and with which exit status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lib.edge import Edge, run

GOOD = "photos.example.com {\n    proxy 127.0.0.1:2342\n    tls off\n}\n"

# the text, and where each error is
BAD = {
    "unknown directive": ("http off\nhttps :443\nfrobnicate yes\n" + GOOD, [(3, 1)]),
    "no backend": ("a.test {\n    proxy\n    tls off\n}\n", [(2, None)]),
    "unknown in a site": ("a.test {\n    proxy 127.0.0.1:1\n    tls off\n    prxy 127.0.0.1:2\n}\n", [(4, 5)]),
    "bad port": ("a.test {\n    proxy 127.0.0.1:99999\n    tls off\n}\n", [(2, None)]),
    "bad duration": ("timeout idle 5parsecs\n" + GOOD, [(1, None)]),
    "unknown timeout": ("timeout patience 5s\n" + GOOD, [(1, None)]),
    "backend with a path": ("a.test {\n    proxy http://127.0.0.1:1/path\n    tls off\n}\n", [(2, None)]),
    "open block": ("a.test {\n    proxy 127.0.0.1:1\n    tls off\n", [(None, None)]),
    "the same name twice": (GOOD + GOOD, [(5, None)]),
    "several": ("timeout idle x\nworkers many\na.test {\n    proxy 1.2.3.4:99999\n    tls off\n    wibble\n}\n", [(1, None), (2, None), (4, None), (6, 5)]),
}
NOT_YET = {
    "auth": "a.test {\n    proxy 127.0.0.1:1\n    tls off\n    auth\n}\n",
    "hsts": "a.test {\n    proxy 127.0.0.1:1\n    tls off\n    hsts max-age=1\n}\n",
    "dashboard": "dashboard 127.0.0.1:1\n" + GOOD,
}  # fmt: skip


@pytest.fixture
def conf(place: Path):
    def write(text: str) -> str:
        path = place / "test.conf"
        path.write_text(text)
        return str(path)

    return write


def test_check_good(conf) -> None:
    done = run("check", "-c", conf(GOOD))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize("name", BAD)
def test_bad_configuration(conf, command: str, name: str) -> None:
    """Each error with file, line and column, the line itself and a mark under the place; status 2; nothing is started."""
    text, places = BAD[name]
    path = conf(text)
    done = run(command, "-c", path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    found = [(int(line), int(column)) for line, column in re.findall(rf"^{re.escape(path)}:(\d+):(\d+): ", done.stderr, re.M)]
    assert len(found) >= len(places), done.stderr
    for line, column in places:
        assert any((line in (None, at)) and column in (None, col) for at, col in found), (line, column, done.stderr)
    for line, _ in found:
        source = text.splitlines()[min(line, len(text.splitlines())) - 1].strip()
        assert source in done.stderr, "the line is not shown"
    assert "^" in done.stderr


@pytest.mark.parametrize("name", NOT_YET)
def test_what_is_not_supported_is_said(conf, name: str) -> None:
    done = run("check", "-c", conf(NOT_YET[name]))
    assert done.returncode == 2
    assert "not supported yet" in done.stderr, done.stderr


def test_missing_file(place: Path) -> None:
    for command in ("check", "serve"):
        done = run(command, "-c", f"{place}/none.conf")
        assert done.returncode != 0 and f"{place}/none.conf" in done.stderr, done.stderr
        assert done.stdout == ""


def test_version() -> None:
    done = run("version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"edge \d+\.\d+", done.stdout), done.stdout


def test_help() -> None:
    done = run("help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("serve", "check", "version", "help"):
        assert word in done.stdout
    for command in ("serve", "check"):
        told = run("help", command)
        assert told.returncode == 0 and f"edge {command}" in told.stdout and "-c" in told.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100, "fits a terminal"


@pytest.mark.parametrize("args", [[], ["frobnicate"], ["serve", "--frobnicate"], ["check", "-c"], ["help", "frobnicate"], ["serve", "extra"]])
def test_wrong_use(args: list[str]) -> None:
    done = run(*args)
    assert done.returncode == 2, done
    assert done.stderr and not done.stdout


def test_serve_says_what_it_does(make_edge, make_backend, ca) -> None:
    """A start and an end are a few lines that a person understands, with the addresses that are served."""
    edge: Edge = make_edge(f"photos.edge.test {{ proxy {make_backend().address}\n {ca.tls('photos.edge.test')} }}")
    edge.await_log("ready")
    log = edge.log_text()
    assert str(edge.https) in log and str(edge.http) in log, log
    assert len(log.splitlines()) < 20, log
    edge.stop()
    assert len(edge.log_text().splitlines()) < 30
