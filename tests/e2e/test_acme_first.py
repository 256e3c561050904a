"""Certificates that come by themselves, from a CA of every kind; until then edge serves without."""

from __future__ import annotations

import pytest

from conftest import connect
from lib.acme import Lab, MakeLab, await_issued, certs_json, presented, renew, renewed
from lib.backend import Backend
from lib.clients import curl, s_client
from lib.net import await_standstill, await_true

ALERT_UNRECOGNIZED_NAME = 112


@pytest.fixture
def backend(make_backend) -> Backend:
    return make_backend()


def await_tried(lab: Lab) -> list[dict]:
    """The daemon has asked the CA for every site, and failed."""

    def told() -> list[dict]:
        lines = certs_json(lab.edge)
        return lines if all(line["failures"] for line in lines) else []

    return await_true("failures in `edge certs`", told, 30)


# --- who gets one ---


def test_every_site_that_should_have_one(make_lab: MakeLab, backend: Backend, ca) -> None:
    """By itself, one for all names of a site; never for `*`, wildcards, sites with certificates of their own or without TLS."""
    lab = make_lab(
        f"""
photos.edge.test, WWW.photos.edge.test {{ proxy {backend.address} }}
old.edge.test {{ redirect https://photos.edge.test 301 }}
gone.edge.test {{ respond 410 "moved out" }}
own.edge.test {{ proxy {backend.address}
    {ca.tls("own.edge.test")} }}
*.wild.edge.test {{ proxy {backend.address}
    {ca.tls("*.wild.edge.test")} }}
plain.edge.test {{ proxy {backend.address}
    tls off }}
* {{ respond 404 }}
"""
    )
    wanted = {
        "photos.edge.test": ("photos.edge.test", "www.photos.edge.test"),
        "www.photos.edge.test": ("photos.edge.test", "www.photos.edge.test"),
        "old.edge.test": ("old.edge.test",),
        "gone.edge.test": ("gone.edge.test",),
    }
    serials = {host: lab.await_issued(host).serial for host in wanted}
    assert serials["photos.edge.test"] == serials["www.photos.edge.test"]
    for host, names in wanted.items():
        assert presented(lab.edge, host).names == names
        with connect(lab.edge, lab.trust, host) as client:
            assert client.request().status in (200, 301, 410)
    with connect(lab.edge, ca, "own.edge.test") as client:
        assert client.request().status == 200
    with connect(lab.edge, ca, "some.wild.edge.test") as client:
        assert client.request().status == 200
    for host in ("plain.edge.test", "nobody.edge.test"):
        assert s_client(lab.pebble.root, lab.edge.https, "-servername", host).alert == ALERT_UNRECOGNIZED_NAME
    assert await_standstill(lambda: lab.pebble.orders) == 3
    assert sorted(lab.pebble.issued) == sorted(set(serials.values()))


def test_the_chain_is_served_whole(make_lab: MakeLab, backend: Backend) -> None:
    """Let's Encrypt's default chain has three intermediates by now; who knows the root alone must be able to verify."""
    lab = make_lab(f"photos.edge.test {{ proxy {backend.address} }}", chain_length=3)
    lab.await_issued("photos.edge.test")
    host = "photos.edge.test"
    shake = s_client(lab.pebble.root, lab.edge.https, "-servername", host, "-showcerts", "-verify_hostname", host)
    assert shake.ok and "Verify return code: 0 (ok)" in shake.text, shake.text
    assert shake.text.count("BEGIN CERTIFICATE") >= 4, shake.text
    assert curl(lab.pebble.root, lab.edge.place, lab.edge.https, "photos.edge.test").status == 200


# --- without the CA ---


def test_serves_without_the_ca(make_lab: MakeLab, backend: Backend) -> None:
    """Self-signed until the CA is there; then the new certificate is used at once. A restart forgets no back-off."""
    sites = f"photos.edge.test, www.photos.edge.test {{ proxy {backend.address} }}\nlive.edge.test {{ proxy {backend.address} }}"
    lab = make_lab(sites, ca_away=True)
    edge, host = lab.edge, "photos.edge.test"
    assert presented(edge, host).self_signed
    assert curl(lab.pebble.ca.ca, edge.place, edge.https, host, "/", "-k").status == 200
    reasons = {line["last_error"] for line in await_tried(lab)}
    assert len(reasons) == 1 and lab.pebble.directory in reasons.pop(), "each is told what the network said"

    # The CA is there, but the next attempt is a minute after the first failure, and a restart does not change that.
    lab.pebble.start(edge.http)
    edge.stop()
    edge.start()
    assert presented(edge, host).self_signed
    renewed(edge)
    assert await_standstill(lambda: len(lab.pebble.program.lines), quiet=1.5) and lab.pebble.orders == 0, lab.pebble.program.lines

    renewed(edge, "--force")
    new = await_issued(edge, host, seconds=5)
    assert new.names == (host, "www.photos.edge.test")
    assert await_issued(edge, "live.edge.test", seconds=5).names == ("live.edge.test",)
    assert lab.pebble.orders == 2
    with connect(edge, lab.trust, "www.photos.edge.test") as client:
        assert client.request().status == 200


@pytest.mark.parametrize("ca_file", ["/nonexistent/ca.pem", "another CA"])
def test_a_ca_that_is_not_trusted(make_lab: MakeLab, backend: Backend, ca_file: str) -> None:
    """The CA's own HTTPS is verified, an account key is shown to nobody else; and bad news keep nobody from being served."""
    lab = make_lab(f"photos.edge.test {{ proxy {backend.address} }}", start=False)
    lab.pebble.start(lab.edge.http)
    wrong = str(lab.pebble.root) if ca_file == "another CA" else ca_file
    lab.edge.conf.write_text(lab.edge.conf.read_text().replace(f"ca_file {lab.pebble.ca.ca}", f"ca_file {wrong}"))
    done = renew(lab.edge)
    assert done.returncode == 1 and f"localhost:{lab.pebble.port}" in done.stderr, done
    lab.edge.start()
    assert presented(lab.edge, "photos.edge.test").self_signed
    assert lab.pebble.posts == [] and lab.pebble.issued == []


# --- all kinds of CA ---


@pytest.mark.parametrize("percent", [20, 50])
def test_rejected_nonces(make_lab: MakeLab, backend: Backend, percent: int) -> None:
    """At 50 %, ten rejections in a row are rare but not impossible: the next run then goes on with the same order."""
    lab = make_lab(f"photos.edge.test {{ proxy {backend.address} }}", start=False, nonce_reject=percent)
    lab.pebble.start(lab.edge.http)
    runs = [renew(lab.edge, "--force")]
    while runs[-1].returncode != 0 and len(runs) < 4:
        assert "badNonce" in runs[-1].stderr, runs[-1]
        runs.append(renew(lab.edge, "--force"))
    assert runs[-1].returncode == 0 and len(runs) < 4, runs
    assert len(lab.pebble.issued) == 1
    assert lab.pebble.orders == 1


@pytest.mark.parametrize("percent", [0, 100])
def test_authorizations_that_are_valid_already(make_lab: MakeLab, backend: Backend, percent: int) -> None:
    """With 100 % the second order is ready when it comes: nothing may be validated again."""
    lab = make_lab(f"photos.edge.test, www.photos.edge.test {{ proxy {backend.address} }}", start=False, authz_reuse=percent)
    lab.pebble.start(lab.edge.http)
    renewed(lab.edge)
    assert lab.pebble.validations == 2
    renewed(lab.edge, "--force")
    assert len(lab.pebble.issued) == 2
    assert lab.pebble.validations == (2 if percent == 100 else 4)


def test_a_ca_that_forgot_the_account(make_lab: MakeLab, backend: Backend) -> None:
    """accountDoesNotExist: registers again, once, and goes on."""
    lab = make_lab(f"photos.edge.test {{ proxy {backend.address} }}", start=False)
    lab.pebble.start(lab.edge.http)
    renewed(lab.edge)
    lab.pebble.stop()
    lab.pebble.start(lab.edge.http)
    renewed(lab.edge, "--force")
    assert len(lab.pebble.issued) == 1
    # The first of them asks whether the known key has an account (onlyReturnExisting), or both.
    assert 1 <= lab.pebble.posts.count("/sign-me-up") <= 2, lab.pebble.posts
