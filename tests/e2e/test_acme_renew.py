"""`edge renew` in all its ways, and what it leaves behind."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import stat
from datetime import datetime, timedelta, timezone

import pytest

from conftest import connect
from lib.acme import Lab, MakeLab, certs_json, certs_text, presented, renew, renew_in_background, renewed
from lib.backend import Backend
from lib.edge import Edge, run, user_id
from lib.gate import Gate
from lib.net import await_standstill, await_true

HOST = "photos.edge.test"


@pytest.fixture
def backend(make_backend) -> Backend:
    return make_backend()


@pytest.fixture
def sites(backend: Backend) -> str:
    return f"{HOST}, www.{HOST} {{ proxy {backend.address} }}\n"


@pytest.fixture
def alone(make_lab: MakeLab, sites: str, backend: Backend) -> Lab:
    """A CA and no daemon."""
    more = f"live.edge.test {{ proxy {backend.address} }}\nplain.edge.test {{ proxy {backend.address}\n tls off }}\n* {{ respond 404 }}"
    lab = make_lab(sites + more, start=False)
    lab.pebble.start(lab.edge.http)
    return lab


def quiet(lab: Lab) -> int:
    """The number of orders, once nobody asks the CA any more."""
    await_standstill(lambda: len(lab.pebble.posts), quiet=1.0)
    return lab.pebble.orders


# --- with and without a daemon ---


def test_without_a_daemon(alone: Lab) -> None:
    """Issues what is due and no more; a daemon that starts later serves it from its first connection on."""
    assert "nothing is due" not in renewed(alone.edge)
    assert alone.pebble.orders == 2
    renewed(alone.edge)
    assert alone.pebble.orders == 2
    alone.edge.start()
    assert presented(alone.edge, f"www.{HOST}").serial in alone.pebble.issued
    assert presented(alone.edge, "live.edge.test").serial in alone.pebble.issued
    assert quiet(alone) == 2


def test_a_restart_orders_nothing(make_lab: MakeLab, sites: str) -> None:
    lab = make_lab(sites)
    leaf = lab.await_issued(HOST)
    lab.edge.stop()
    lab.edge.start()
    assert presented(lab.edge, HOST).serial == leaf.serial, "the first connection already gets it"
    assert quiet(lab) == 1


def test_the_port_is_taken(alone: Lab) -> None:
    """Somebody else owns the HTTP port and no daemon runs: told at once, before the CA is bothered."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", alone.edge.http))
        other.listen()
        done = renew(alone.edge)
    assert done.returncode == 1, done
    assert re.search(r"edge serve|systemctl start edge", done.stderr), done.stderr
    assert alone.pebble.posts == []
    renewed(alone.edge)


def test_twice_at_once(alone: Lab) -> None:
    runs = [renew_in_background(alone.edge, HOST) for _ in range(2)]
    for process in runs:
        told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert alone.pebble.orders == 1 and len(alone.pebble.issued) == 1


def test_beside_the_daemons_own_run(make_lab: MakeLab, sites: str) -> None:
    """By hand at the moment when the daemon does the same."""
    lab = make_lab(sites)
    renewed(lab.edge)
    assert lab.await_issued(HOST).serial == lab.pebble.issued[0]
    assert quiet(lab) == 1


# --- what it is asked for ---


def test_hosts(alone: Lab) -> None:
    """Any name of a site stands for its certificate; a name that no site has is misuse, and then nothing is done."""
    for wrong in ("nobody.edge.test", "plain.edge.test", "*"):
        done = renew(alone.edge, HOST, wrong)
        assert done.returncode == 2 and wrong in done.stderr, done
    assert alone.pebble.posts == []
    renewed(alone.edge, f"WWW.{HOST}")
    assert alone.pebble.orders == 1
    assert [bool(line["serial"]) for line in certs_json(alone.edge)] == [True, False]
    renewed(alone.edge, HOST)
    assert alone.pebble.orders == 1
    renewed(alone.edge, "--force", HOST)
    assert alone.pebble.orders == 2


def test_certs(alone: Lab, backend: Backend) -> None:
    """What `edge certs` tells is what clients see."""
    alone.edge.start()
    leaf = alone.await_issued(HOST)
    alone.await_issued("live.edge.test")
    photos, live = certs_json(alone.edge)
    assert photos["hosts"] == [HOST, f"www.{HOST}"] and live["hosts"] == ["live.edge.test"]
    assert photos["serial"].lower().lstrip("0") == leaf.serial
    assert photos["source"] == "acme" and "Pebble" in photos["issuer"]
    assert photos["last_error"] is None and photos["failures"] == 0
    before, after, due = (datetime.fromisoformat(photos[k].replace("Z", "+00:00")) for k in ("not_before", "not_after", "next_renewal"))
    assert abs(before - datetime.now(timezone.utc)) < timedelta(minutes=10)
    assert abs((after - due) - (after - before) / 3) < timedelta(minutes=1), "renewed with a third of its life left"
    assert photos["days_left"] == (after - datetime.now(timezone.utc)).days
    text = certs_text(alone.edge)
    assert HOST in text and "Pebble" in text and after.strftime("%Y-%m-%d") in text


def cas_words(gate: Gate) -> tuple[str, str]:
    """Type and detail of the last challenge that failed."""
    answers = [answer.json() for _, answer in gate.answers if b'"challenges"' in answer.body]
    error = [c["error"] for answer in answers for c in answer["challenges"] if "error" in c][-1]
    return error["type"], error["detail"]


def test_a_name_that_cannot_be_validated(make_lab: MakeLab, make_edge, make_pebble, make_gate, sites: str, backend: Backend) -> None:
    """The others get theirs; `edge certs` has the CA's words; when the name is mended, so is the line."""
    pebble = make_pebble()
    gate = make_gate(pebble)
    edge = make_edge(f"broken.edge.test {{ proxy {backend.address} }}\n" + sites, options=gate.directive(), start=False)
    pebble.start(edge.http)
    pebble.dns("set-servfail", "broken.edge.test")
    edge.start()
    Lab(edge, pebble).await_issued(HOST)

    def broken() -> dict:
        return certs_json(edge)[0]

    await_true("a failure", lambda: broken()["last_error"])
    for words in cas_words(gate):
        assert words in broken()["last_error"] and words in edge.log_text()
        assert words in re.sub(r"\n *", " ", certs_text(edge))
    assert broken()["failures"] == 1 and not broken()["serial"]
    done = renew(edge, "--force", "broken.edge.test")
    assert done.returncode == 1 and all(words in done.stderr for words in cas_words(gate)), done
    assert broken()["failures"] == 2
    pebble.dns("clear-servfail", "broken.edge.test")
    renewed(edge, "--force", "broken.edge.test")
    assert broken()["serial"] and broken()["failures"] == 0 and broken()["last_error"] is None
    with connect(edge, pebble.trust, HOST) as client:
        assert client.request().status == 200


# --- what lies on the disk ---


def owned(edge: Edge) -> dict[str, tuple[int, int]]:
    files = [edge.data, *edge.data.iterdir()]
    return {f.name: (f.stat().st_uid, stat.S_IMODE(f.stat().st_mode)) for f in files}


def test_files_belong_to_the_daemons_user(make_lab: MakeLab, sites: str) -> None:
    """Commands of root leave nothing behind that would lock the daemon out, and keys are readable for nobody else."""
    lab = make_lab(sites, start=False)
    lab.pebble.start(lab.edge.http)
    renewed(lab.edge)  # before there is a data directory
    found = owned(lab.edge)
    assert found[lab.edge.data.name] == (user_id(), 0o700) and found["edge.db"] == (user_id(), 0o600), found
    lab.edge.start()
    renewed(lab.edge, "--force")
    certs_json(lab.edge)
    await_true("the daemon serves it", lambda: presented(lab.edge, HOST).serial == lab.pebble.issued[-1])
    found = owned(lab.edge)
    assert found.pop(lab.edge.data.name) == (user_id(), 0o700)
    assert {"edge.db", "edge.db-wal", "edge.db-shm"} <= set(found), found
    assert set(found.values()) == {(user_id(), 0o600)}, found
    lab.edge.stop()
    assert set(v for k, v in owned(lab.edge).items() if k != lab.edge.data.name) == {(user_id(), 0o600)}


def test_a_database_of_a_newer_edge(make_lab: MakeLab, sites: str) -> None:
    """Refused by every command, with its reason, and left as it is; the daemon serves on."""
    lab = make_lab(sites, start=False)
    lab.pebble.start(lab.edge.http)
    renewed(lab.edge)
    path = lab.edge.data / "edge.db"
    owner = os.stat(path)

    def version(new: int = 0) -> int:
        with sqlite3.connect(path) as db:
            if new:
                db.execute(f"PRAGMA user_version = {new}")
            (found,) = db.execute("PRAGMA user_version").fetchone()
        db.close()
        return found

    known = version()
    assert version(known + 1000) == known + 1000
    os.chown(path, owner.st_uid, owner.st_gid)
    for command in (("renew",), ("certs",)):
        done = run(*command, "-c", str(lab.edge.conf))
        assert done.returncode == 1 and "newer" in done.stderr and "edge.db" in done.stderr, done
    lab.edge.start()
    lab.edge.await_log(r"edge\.db.*newer|newer.*edge\.db")
    assert presented(lab.edge, HOST).self_signed
    with connect(lab.edge, lab.trust, HOST, plain=True) as client:
        assert client.request().status == 301
    lab.edge.stop()
    assert version() == known + 1000
    version(known)
    lab.edge.start()
    assert presented(lab.edge, HOST).serial == lab.pebble.issued[0]
