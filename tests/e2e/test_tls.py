"""TLS 1.2 as clients meet it: certificates by name, suites, alerts, ALPN, resumption."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess

import pytest

from conftest import House
from lib.clients import Client, s_client

SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "photos.edge.test",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "photos.edge.test",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "photos.edge.test",
    "ECDHE-RSA-AES128-GCM-SHA256": "rsa.edge.test",
    "ECDHE-RSA-AES256-GCM-SHA384": "rsa.edge.test",
    "ECDHE-RSA-CHACHA20-POLY1305": "rsa.edge.test",
}
PROTOCOL_VERSION, HANDSHAKE_FAILURE, UNRECOGNIZED_NAME, NO_APPLICATION_PROTOCOL = 70, 40, 112, 120
GET = b"GET /over-tls HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("host", ["photos.edge.test", "www.photos.edge.test", "rsa.edge.test", "unix.edge.test"])
def test_curl_verifies_every_site(house: House, host: str) -> None:
    got = house.curl(host, "/")
    assert (got.exit, got.status) == (0, 200), got.errors


@pytest.mark.parametrize(("host", "key"), [("photos.edge.test", "id-ecPublicKey"), ("rsa.edge.test", "rsaEncryption")])
def test_openssl_gets_the_certificate_of_the_name(house: House, host: str, key: str) -> None:
    shake = house.s_client("-servername", host, "-verify_hostname", host, "-showcerts")
    assert shake.ok, shake.text
    assert shake.find(r"^subject=CN ?= ?(\S+)") == host
    assert "Verify return code: 0 (ok)" in shake.text
    assert key in _leaf_text(shake.text)


def _leaf_text(text: str) -> str:
    pem = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)[0]
    return subprocess.run(["openssl", "x509", "-noout", "-text"], input=pem, capture_output=True, text=True, check=True).stdout


def test_a_name_in_other_case_is_the_same_name(house: House) -> None:
    shake = house.s_client("-servername", "PHOTOS.Edge.Test", "-verify_hostname", "photos.edge.test")
    assert shake.ok, shake.text


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite(house: House, suite: str) -> None:
    """Offered alone, each is taken, and a request passes through it."""
    host = SUITES[suite]
    shake = house.s_client("-tls1_2", "-cipher", suite, "-servername", host, "-ign_eof", data=GET % host.encode())
    assert shake.find(r"Cipher is (\S+)") == suite
    assert "HTTP/1.1 200" in shake.text and "/over-tls" in shake.text, shake.text


def test_large_bodies_in_each_suite(house: House) -> None:
    """Many records both ways: counters, nonces and record limits of all three ciphers."""
    body = bytes(range(256)) * 4096
    for suite, host in SUITES.items():
        context = house.ca.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
        with Client(house.edge.https, host, context) as client:
            assert client.sock.cipher()[0] == suite
            house.backend.app = lambda visit: visit.answer(visit.body())
            assert client.request("POST", "/", body=body).body == body, suite


@pytest.mark.parametrize("group", ["X25519", "P-256"])
def test_key_exchange_groups(house: House, group: str) -> None:
    """Offered alone; of the RSA site, as its certificate needs no group."""
    shake = house.s_client("-tls1_2", "-servername", "rsa.edge.test", "-groups", group)
    assert shake.ok, shake.text
    key = shake.find(r"(?:Server|Peer) Temp(?:orary)? [Kk]ey: (.*)")
    assert key.startswith("X25519") if group == "X25519" else "256" in key and "ECDH" in key, key


def test_x25519_comes_first(house: House) -> None:
    """It costs the least; a client that prefers P-256 has both."""
    shake = house.s_client("-tls1_2", "-servername", "photos.edge.test", "-groups", "X25519:P-256")
    assert shake.find(r"(?:Server|Peer) Temp(?:orary)? [Kk]ey: (.*)").startswith("X25519")


@pytest.mark.parametrize(("version", "suites"), [("-tls1_1", "DEFAULT@SECLEVEL=0"), ("-tls1", "DEFAULT@SECLEVEL=0")])
def test_old_versions_are_refused(house: House, version: str, suites: str) -> None:
    shake = house.s_client(version, "-cipher", suites, "-servername", "photos.edge.test")
    assert (shake.ok, shake.alert) == (False, PROTOCOL_VERSION), shake.text


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-GCM-SHA256"])
def test_no_common_suite(house: House, suite: str) -> None:
    """CBC only, RSA suites toward an ECDSA certificate, no forward secrecy: all refused, with the alert that says why."""
    shake = house.s_client("-tls1_2", "-cipher", suite, "-servername", "photos.edge.test")
    assert (shake.ok, shake.alert) == (False, HANDSHAKE_FAILURE), shake.text


@pytest.mark.parametrize("args", [["-servername", "nobody.edge.test"], ["-noservername"]])
def test_unknown_name(house: House, args: list[str]) -> None:
    """`*` has no certificate here: the client learns that the name is the trouble."""
    shake = house.s_client(*args)
    assert (shake.ok, shake.alert) == (False, UNRECOGNIZED_NAME), shake.text


def test_any_site_with_a_certificate_serves_unknown_names(make_edge, make_backend, ca) -> None:
    backend = make_backend()
    edge = make_edge(f"* {{ proxy {backend.address}\n {ca.tls('fallback.edge.test')} }}")
    for args in (["-servername", "nobody.edge.test"], ["-noservername"]):
        shake = s_client(ca.ca, edge.https, *args, "-ign_eof", data=GET % b"nobody.edge.test")
        assert "CN = fallback.edge.test" in shake.text or "CN=fallback.edge.test" in shake.text
        assert "HTTP/1.1 200" in shake.text, shake.text


def test_alpn(house: House) -> None:
    shake = house.s_client("-servername", "photos.edge.test", "-alpn", "h2,http/1.1")
    assert shake.find(r"ALPN protocol: (\S+)") == "http/1.1"
    shake = house.s_client("-servername", "photos.edge.test")
    assert shake.ok and "No ALPN negotiated" in shake.text


def test_alpn_without_a_common_protocol(house: House) -> None:
    shake = house.s_client("-servername", "photos.edge.test", "-alpn", "h2")
    assert (shake.ok, shake.alert) == (False, NO_APPLICATION_PROTOCOL), shake.text


@pytest.mark.parametrize(
    ("host", "algorithm"),
    [("photos.edge.test", "ECDSA+SHA256"), ("photos.edge.test", "ECDSA+SHA384"), ("rsa.edge.test", "RSA+SHA256"), ("rsa.edge.test", "RSA+SHA384")],
)
def test_signature_algorithms(house: House, host: str, algorithm: str) -> None:
    """Offered alone."""
    shake = house.s_client("-tls1_2", "-servername", host, "-sigalgs", algorithm)
    assert shake.ok, shake.text


# --- resumption ---


def _offered_session(text: str) -> int:
    """Length of the session id in the ClientHello that s_client -msg shows."""
    dump = re.search(r">>> .*ClientHello\n((?:\s+(?:[0-9a-f]{2} ?)+\n)+)", text)
    octets = bytes.fromhex(dump[1].replace("\n", " "))
    return octets[4 + 2 + 32]


def test_sessions_are_resumed_by_every_worker(house: House) -> None:
    """Two workers share the sessions: twenty connections in a row land on both, and none shakes hands in full."""
    saved = house.place / "session.pem"
    first = house.s_client("-tls1_2", "-servername", "photos.edge.test", "-sess_out", str(saved))
    assert first.find(r"^(New|Reused),") == "New"
    for i in range(20):
        again = house.s_client("-tls1_2", "-servername", "photos.edge.test", "-sess_in", str(saved))
        assert again.find(r"^(New|Reused),") == "Reused", f"connection {i}: {again.text}"


def test_a_session_serves_a_request(house: House) -> None:
    saved = house.place / "session2.pem"
    args = ("-tls1_2", "-servername", "rsa.edge.test")
    house.s_client(*args, "-sess_out", str(saved))
    again = house.s_client(*args, "-sess_in", str(saved), "-ign_eof", data=GET % b"rsa.edge.test")
    assert again.find(r"^(New|Reused),") == "Reused" and "HTTP/1.1 200" in again.text, again.text


def test_a_session_is_not_taken_to_another_name(house: House) -> None:
    """RFC 6066 section 3: it belongs to the name it was made for."""
    saved = house.place / "session3.pem"
    house.s_client("-tls1_2", "-servername", "photos.edge.test", "-sess_out", str(saved))
    for other in ("unix.edge.test", "rsa.edge.test", "www.photos.edge.test"):
        shake = house.s_client("-tls1_2", "-msg", "-servername", other, "-sess_in", str(saved))
        assert _offered_session(shake.text) == 32, "the client did not try"
        assert shake.find(r"^(New|Reused),") == "New", f"resumed as {other}"
        assert shake.find(r"subject=CN ?= ?(\S+)") in (other, "photos.edge.test")


def test_python_resumes_too(house: House) -> None:
    context = house.ca.client()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with house.connect() as warm, Client(house.edge.https, "photos.edge.test", context) as first:
        assert warm.request().status == first.request().status == 200
        session = first.sock.session
    with socket.create_connection(("127.0.0.1", house.edge.https), 10) as raw:
        with context.wrap_socket(raw, server_hostname="photos.edge.test", session=session) as sock:
            assert sock.session_reused


# --- not TLS at all ---


def test_plain_http_on_the_tls_port(house: House) -> None:
    """`http://host:443` is a common slip: the answer must be readable, and say what to do."""
    with Client(house.edge.https, "photos.edge.test", None) as client:
        answer = client.request("GET", "/")
        assert answer.status == 400
        assert b"https" in answer.body.lower(), answer.body
        assert client.await_end() == "close"
    assert not house.backend.visits


@pytest.mark.parametrize("data", [b"\x00" * 64, b"SSH-2.0-OpenSSH_9.2\r\n", b"\x80\x2e\x01\x00\x02" + b"\x00" * 41, b"\x16\x03\x01\xff\xff" + b"A" * 600])
def test_garbage_instead_of_a_handshake(house: House, data: bytes) -> None:
    """The connection ends; the others do not notice."""
    with house.connect() as good, Client(house.edge.https, "x", None) as bad:
        bad.send(data)
        bad.await_end()
        assert good.request().status == 200


def test_the_log_names_no_secret(house: House) -> None:
    with house.connect() as client:
        client.request("GET", "/?token=very-secret", [("Authorization", "Bearer also-secret")])
    log = house.edge.log_text()
    assert "very-secret" not in log and "also-secret" not in log and "PRIVATE KEY" not in log
