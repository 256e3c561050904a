"""What the backend receives (reference.md), and what comes back: nothing forged, nothing lost, nothing moved."""

from __future__ import annotations

import json

import pytest

from conftest import House
from lib.clients import Client

OWN = ["X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"]
ORDINARY = [
    ("User-Agent", "Immich_Android_1.131.3"), ("Accept", "*/*"), ("cookie", "a=1; b=2"), ("X-Api-Key", "0123"), ("Range", "bytes=5-9"),
    ("Accept", "text/html"), ("If-None-Match", 'W/"67ab43", "54ed21"'), ("x-custom", ""), ("Authorization", "Bearer abc.def"),
    ("Accept-Encoding", "gzip, br"), ("Cookie", "c=3"), ("X-Obs", "caf\xe9"), ("Origin", "https://photos.edge.test"), ("Via", "1.0 fred"),
]  # fmt: skip


def own(fields: list) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in fields:
        if name.lower() in (o.lower() for o in OWN):
            found.setdefault(name.lower(), []).append(value)
    return found


def expected(proto: str, host: str, port: int) -> dict[str, list[str]]:
    return {
        "x-real-ip": ["127.0.0.1"],
        "x-forwarded-for": ["127.0.0.1"],
        "x-forwarded-proto": [proto],
        "x-forwarded-host": [host],
        "x-forwarded-port": [str(port)],
    }


def test_forwarded_headers_over_tls(house: House, client: Client) -> None:
    told = client.echo()
    assert own(told["fields"]) == expected("https", "photos.edge.test", house.edge.https)


def test_forwarded_headers_over_plain_http(house: House) -> None:
    with house.connect("both.edge.test", plain=True) as client:
        told = client.echo()
    assert own(told["fields"]) == expected("http", "both.edge.test", house.edge.http)


def test_host_is_passed_as_it_was_sent(house: House, client: Client) -> None:
    """With its port and its case: applications build links from it."""
    for host in ("photos.edge.test", f"photos.edge.test:{house.edge.https}", "Photos.EDGE.test"):
        client.send(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
        told = json.loads(client.response().body)
        assert [v for n, v in told["fields"] if n.lower() == "host"] == [host]
        assert own(told["fields"])["x-forwarded-host"] == [host]


SPOOFS = [
    ("X-Forwarded-For", "6.6.6.6"), ("x-forwarded-for", "6.6.6.7"), ("X_Forwarded_For", "6.6.6.8"), ("X-Forwarded_For", "6.6.6.9"),
    ("X-Real-IP", "6.6.6.6"), ("X_Real_IP", "6.6.6.6"), ("x-real-ip", "6.6.6.6"), ("X-Forwarded-Proto", "http"),
    ("X_Forwarded_Proto", "http"), ("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Port", "65001"), ("X-Forwarded-Server", "evil"),
    ("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-User", "admin"), ("X-Forwarded-Ssl", "off"), ("X_FORWARDED_HOST", "evil.test"),
    ("Forwarded", "for=6.6.6.6;host=evil;proto=http"), ("X-Original-URL", "/admin"), ("X-Rewrite-URL", "/admin"), ("X_Original_URL", "/admin"),
]  # fmt: skip


@pytest.mark.parametrize("spoof", SPOOFS, ids=[f"{n}={v}" for n, v in SPOOFS])
def test_forged_headers_are_dropped(house: House, client: Client, spoof: tuple) -> None:
    """Home Assistant's bans, Immich's log and every admin check by address depend on it."""
    told = client.echo("GET", "/", [("A", "1"), spoof, ("B", "2")])
    assert own(told["fields"]) == expected("https", "photos.edge.test", house.edge.https)
    assert spoof[1] not in [v for _, v in told["fields"] if v != "http"]
    names = [n.lower().replace("_", "-") for n, _ in told["fields"]]
    allowed = 1 if spoof[0].lower().replace("_", "-") in [o.lower() for o in OWN] else 0
    assert names.count(spoof[0].lower().replace("_", "-")) == allowed
    assert "a" in names and "b" in names


def test_all_forgeries_at_once(house: House, client: Client) -> None:
    told = client.echo("GET", "/", SPOOFS)
    assert own(told["fields"]) == expected("https", "photos.edge.test", house.edge.https)
    assert "6.6.6" not in json.dumps(told) and "evil" not in json.dumps(told)


def test_connection_cannot_remove_what_edge_adds(client: Client) -> None:
    """Hop-by-hop removal runs on what came in, before edge adds its own."""
    answer = client.request("GET", "/", [("Connection", "X-Real-IP, X-Forwarded-For, X-Forwarded-Proto")])
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert len(own(json.loads(answer.body)["fields"])) == 5


def test_request_fields_untouched_and_in_order(client: Client) -> None:
    told = client.echo("GET", "/", ORDINARY)
    came = [(n, v) for n, v in told["fields"] if n.lower() not in [o.lower() for o in OWN] + ["host"]]
    assert [f for f in came if f in ORDINARY] == ORDINARY
    extra = {n.lower() for n, _ in came if (n, _) not in ORDINARY}
    assert extra <= {"connection"}, f"edge added {extra}"


def test_answer_fields_untouched_and_in_order(house: House, client: Client) -> None:
    fields = [
        ("Server", "nginx"), ("date", "Mon, 01 Jan 2024 00:00:00 GMT"), ("Set-Cookie", "a=1; Path=/"), ("Content-Type", "text/plain"),
        ("Set-Cookie", "b=2; HttpOnly"), ("X-Empty", ""), ("Vary", "Accept"), ("vary", "Origin"), ("Cache-Control", "no-store"),
        ("ETag", 'W/"1"'), ("Location", "http://elsewhere/"), ("X-Obs", "caf\xe9"), ("WWW-Authenticate", "Negotiate"), ("Alt-Svc", "clear"),
    ]  # fmt: skip
    house.backend.app = lambda visit: visit.answer(b"x", fields=fields)
    came = client.request().fields.without("Content-Length", "Connection")
    assert came == fields


HOP_BY_HOP = [
    ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"), ("TE", "gzip"), ("X-Named", "gone"), ("X-Also", "gone"),
]  # fmt: skip


def test_hop_by_hop_fields_of_a_request(client: Client) -> None:
    told = client.echo("GET", "/", [("Connection", "keep-alive, X-Named ,x-also"), *HOP_BY_HOP, ("X-Stays", "yes")])
    names = {n.lower() for n, _ in told["fields"]}
    assert not names & {"keep-alive", "proxy-connection", "x-named", "x-also"}
    assert "gzip" not in [v for n, v in told["fields"] if n.lower() == "te"]
    assert "x-stays" in names


def test_hop_by_hop_fields_of_an_answer(house: House, client: Client) -> None:
    fields = [("Connection", "keep-alive, X-Named"), ("Keep-Alive", "timeout=5"), ("X-Named", "gone"), ("Proxy-Connection", "x"), ("X-Stays", "1")]
    house.backend.app = lambda visit: visit.answer(b"x", fields=fields)
    names = {n.lower() for n, _ in client.request().fields}
    assert not names & {"keep-alive", "x-named", "proxy-connection"}
    assert "x-stays" in names


def test_no_upgrade_where_nobody_asked(house: House, client: Client) -> None:
    """`Connection: upgrade` on every request breaks applications."""
    told = client.echo("GET", "/")
    names = {n.lower() for n, _ in told["fields"]}
    values = " ".join(v.lower() for n, v in told["fields"] if n.lower() == "connection")
    assert "upgrade" not in names and "upgrade" not in values


def test_an_upgrade_that_the_backend_ignores(house: House, client: Client) -> None:
    """An answer other than 101 is an answer like any other."""
    told = client.echo("GET", "/", [("Connection", "Upgrade"), ("Upgrade", "websocket")])
    fields = {n.lower(): v.lower() for n, v in told["fields"]}
    assert fields["upgrade"] == "websocket" and "upgrade" in fields["connection"]
    assert client.request().status == 200


@pytest.mark.parametrize("protocol", ["h2c", "H2C", "h2c, websocket", "TLS/1.0", "HTTP/2.0", "websocket, h2c"])
def test_some_upgrades_are_never_forwarded(house: House, protocol: str) -> None:
    """A tunnel in HTTP/2 would pass all of edge's rules. Java's client asks for it on every first request, so no error either."""
    fields = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", protocol), ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")]
    with house.connect("both.edge.test", plain=True) as client:
        answer = client.request("GET", "/", fields)
    assert answer.status == 200, answer
    told = {n.lower(): v.lower() for n, v in json.loads(answer.body)["fields"]}
    assert "h2c" not in told.get("upgrade", "") and "tls" not in told.get("upgrade", "") and "http" not in told.get("upgrade", "")
    assert "http2-settings" not in told


def test_upgrade_without_connection_is_not_forwarded(client: Client) -> None:
    told = client.echo("GET", "/", [("Upgrade", "websocket")])
    assert "upgrade" not in {n.lower() for n, _ in told["fields"]}


def test_webdav_destination(house: House, client: Client) -> None:
    """MOVE and COPY fail behind TLS termination elsewhere (traefik#4816, photoprism#1427): the backend must see its own scheme."""
    told = client.echo("MOVE", "/a", [("Destination", "https://photos.edge.test/b%20c"), ("Overwrite", "T")])
    destination = dict((n.lower(), v) for n, v in told["fields"])["destination"]
    assert destination == "http://photos.edge.test/b%20c"


def test_foreign_destination_is_left_alone(client: Client) -> None:
    told = client.echo("COPY", "/a", [("Destination", "https://elsewhere.test/b")])
    assert dict((n.lower(), v) for n, v in told["fields"])["destination"] == "https://elsewhere.test/b"
