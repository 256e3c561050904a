"""Which site answers, and what it answers by itself."""

from __future__ import annotations

import json

import pytest

from conftest import House, connect


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
def test_port_80_redirects_to_https(house: House, method: str) -> None:
    """301 for GET and HEAD, 308 where the method must stay; path, query and the port of the HTTPS listener."""
    with house.connect(plain=True) as client:
        answer = client.request(method, "/album/1?share=abc&x=%20", body=b"b" if method in ("POST", "PUT") else None)
    assert answer.status == (301 if method in ("GET", "HEAD") else 308)
    assert answer.fields.get("Location") == f"https://photos.edge.test:{house.edge.https}/album/1?share=abc&x=%20"
    assert not house.backend.visits


def test_redirect_drops_the_http_port(house: House) -> None:
    with house.connect(plain=True) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: photos.edge.test:%d\r\n\r\n" % house.edge.http)
        assert client.response().fields.get("Location") == f"https://photos.edge.test:{house.edge.https}/"


def test_redirect_follows_with_curl(house: House) -> None:
    resolve = f"photos.edge.test:{house.edge.https}:127.0.0.1"
    got = house.curl("photos.edge.test", "/album", "-L", "--resolve", resolve, "-d", "data", plain=True)
    told = json.loads(got.body)
    assert (told["method"], told["target"], told["length"]) == ("POST", "/album", 4)


def test_redirect_port_of_its_own(make_edge, make_backend, ca) -> None:
    edge = make_edge(f"photos.edge.test {{ proxy {make_backend().address}\n {ca.tls('photos.edge.test')}\n http redirect 443 }}")
    with connect(edge, ca, plain=True) as client:
        assert client.request("GET", "/a").fields.get("Location") == "https://photos.edge.test/a"


def test_the_redirect_keeps_the_connection(house: House) -> None:
    with house.connect(plain=True) as client:
        for _ in range(3):
            assert client.request().status == 301


def test_http_serve(house: House) -> None:
    with house.connect("both.edge.test", plain=True) as client:
        assert client.echo("GET", "/p")["target"] == "/p"
    with house.connect("both.edge.test") as client:
        assert client.echo("GET", "/s")["target"] == "/s"


def test_tls_off_serves_plainly(house: House) -> None:
    with house.connect("plain.edge.test", plain=True) as client:
        assert client.echo("GET", "/p")["target"] == "/p"


def test_well_known_belongs_to_the_backend(house: House) -> None:
    """/.well-known/immich must not be swallowed (immich#13764), nor a challenge that edge did not issue."""
    for path in ("/.well-known/immich", "/.well-known/acme-challenge/not-ours", "/.well-known/openid-configuration"):
        with house.connect("both.edge.test", plain=True) as client:
            assert client.echo("GET", path)["target"] == path
        with house.connect() as client:
            assert client.echo("GET", path)["target"] == path


@pytest.mark.parametrize(("host", "plain"), [("old.edge.test", False), ("older.edge.test", True)])
def test_redirect_site(house: House, host: str, plain: bool) -> None:
    """One with a certificate answers there; one without answers on the HTTP port, without a detour over https."""
    with house.connect(host, plain=plain) as client:
        answer = client.request("GET", "/a/b?c=d")
    assert answer.status == 301
    assert answer.fields.get("Location") == "https://photos.edge.test/a/b?c=d"


def test_respond_site(house: House) -> None:
    with house.connect("gone.edge.test") as client:
        for _ in range(2):
            answer = client.request("POST", "/x", body=b"something")
            assert (answer.status, answer.body.strip()) == (410, b"moved out")
        assert client.request("HEAD").status == 410


def test_unknown_hosts_get_404(house: House) -> None:
    with house.connect("nobody.edge.test", plain=True) as client:
        answer = client.request()
        assert answer.status == 404 and 0 < len(answer.body) < 2000
        assert client.request().status == 404, "the connection goes on"
    assert not house.backend.visits


def test_default_any_site_is_404(make_edge, make_backend, ca) -> None:
    edge = make_edge(f"photos.edge.test {{ proxy {make_backend().address}\n {ca.tls('photos.edge.test')} }}")
    with connect(edge, ca, "nobody.edge.test", plain=True) as client:
        assert client.request().status == 404


def test_without_any_site_the_page_says_how_to_add_one(make_edge, ca) -> None:
    with connect(make_edge(""), ca, "192.168.1.5", plain=True) as client:
        answer = client.request()
        assert (answer.status, b"sudo edge add HOST BACKEND" in answer.body) == (404, True)


@pytest.mark.parametrize("host", ["PHOTOS.edge.test", "photos.edge.test:1", "photos.edge.test.", "Photos.Edge.Test:443"])
def test_host_without_case_and_port(house: House, host: str) -> None:
    with house.connect() as client:
        client.send(b"GET /x HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
        assert json.loads(client.response().body)["target"] == "/x"


def test_sites_on_one_connection(house: House) -> None:
    """Two names of one certificate may share a connection."""
    with house.connect() as client:
        client.send(b"GET /x HTTP/1.1\r\nHost: www.photos.edge.test\r\n\r\n")
        assert client.response().status == 200


def test_a_host_of_another_certificate_is_misdirected(house: House) -> None:
    """421: the client shall come again with that name in its handshake."""
    with house.connect() as client:
        client.send(b"GET /x HTTP/1.1\r\nHost: rsa.edge.test\r\n\r\n")
        assert client.response().status == 421
    assert not house.backend.visits


def test_an_unknown_host_on_a_good_connection(house: House) -> None:
    with house.connect() as client:
        client.send(b"GET /x HTTP/1.1\r\nHost: nobody.edge.test\r\n\r\n")
        assert client.response().status in (404, 421)
    assert not house.backend.visits


def test_unix_backend(house: House) -> None:
    with house.connect("unix.edge.test") as client:
        assert client.echo("POST", "/u", body=b"x" * 100_000)["length"] == 100_000
    assert house.unix_backend.visits


def test_http10_without_host_on_plain_goes_to_any(house: House) -> None:
    with house.connect("x", plain=True) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response().status == 404
