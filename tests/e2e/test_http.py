"""Requests and answers that must pass through unchanged, whatever their framing."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest

from conftest import House
from lib.backend import Backend, Visit, checksum
from lib.clients import Client
from lib.wire import chunk_bytes

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND", "MKCOL", "REPORT", "OPTIONS", "M-SEARCH", "X-OWN"]
BODY = bytes(range(256)) * 300


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("method", METHODS)
def test_methods(client: Client, method: str) -> None:
    told = client.echo(method, "/some/path?q=1&r=%20", body=b"some body")
    assert (told["method"], told["target"], told["length"]) == (method, "/some/path?q=1&r=%20", 9)


@pytest.mark.parametrize("method", METHODS)
def test_methods_without_body(client: Client, method: str) -> None:
    told = client.echo(method)
    assert (told["method"], told["length"]) == (method, 0)


def test_options_for_the_server(client: Client) -> None:
    assert client.echo("OPTIONS", "*")["target"] == "*"


@pytest.mark.parametrize("target", ["/", "/a//b", "/%2e%2E/x%2Fy", "/?", "/?a=/../b", "/p;v=1", "/ü".encode().decode("latin-1"), "/~a/!$&'()*+,=:@", "/x?y=[]{}|^"])
def test_targets_arrive_as_they_were_sent(client: Client, target: str) -> None:
    """Edge routes by the decoded path, but it is the backend's to read it. What it does not forward, it refuses."""
    answer = client.request("GET", target)
    if answer.status == 200:
        assert json.loads(answer.body)["target"] == target
    else:
        assert answer.status == 400 and target not in ("/", "/a//b", "/?", "/?a=/../b", "/p;v=1", "/~a/!$&'()*+,=:@")


def test_absolute_form(client: Client) -> None:
    """RFC 9112 section 3.2.2: accepted; the backend gets the origin form and that authority as Host."""
    client.send(b"GET http://photos.edge.test/abs?x HTTP/1.1\r\nHost: photos.edge.test\r\n\r\n")
    told = json.loads(client.response().body)
    assert told["target"] == "/abs?x"
    assert [v for n, v in told["fields"] if n.lower() == "host"] == ["photos.edge.test"]


def test_upload_with_length(client: Client) -> None:
    told = client.echo("PUT", "/", body=BODY)
    assert (told["length"], told["sha256"]) == (len(BODY), sha(BODY))
    assert ["Content-Length", str(len(BODY))] in [[n.title(), v] for n, v in told["fields"]]


def test_upload_in_chunks(client: Client) -> None:
    """Also with a chunk extension and odd sizes; the length is nowhere announced."""
    client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
    client.send(b"5;name=value\r\nhello\r\n" + chunk_bytes(BODY) + b"0001\r\n!\r\n0\r\n\r\n")
    told = json.loads(client.response().body)
    assert (told["length"], told["sha256"]) == (len(BODY) + 6, sha(b"hello" + BODY + b"!"))
    names = {n.lower() for n, _ in told["fields"]}
    assert "transfer-encoding" in names and "content-length" not in names


def test_upload_through_curl(house: House) -> None:
    upload = house.place / "upload"
    upload.write_bytes(BODY * 20)
    house.backend.app = checksum
    for args in (["-T", str(upload)], ["-H", "Transfer-Encoding: chunked", "-T", str(upload)], ["-F", f"file=@{upload}"]):
        got = house.curl("photos.edge.test", "/up", "-H", "Expect:", *args)
        assert got.status == 200, got.errors
        if args[-2] == "-T":
            assert got.body.decode() == f"{len(BODY) * 20} {sha(BODY * 20)}"


@pytest.mark.parametrize("fields", [[("Content-Length", "0")], [("Transfer-Encoding", "chunked")]])
def test_empty_bodies(client: Client, fields: list) -> None:
    client.send(client.head("POST", "/", fields) + (b"0\r\n\r\n" if "Transfer" in fields[0][0] else b""))
    assert json.loads(client.response().body)["length"] == 0
    assert client.request().status == 200


def answer_chunked(visit: Visit) -> None:
    visit.begin(fields=[("Transfer-Encoding", "chunked"), ("X-Kind", "chunked")])
    for at in range(0, len(BODY), 1000):
        visit.chunk(BODY[at : at + 1000])
    visit.last_chunk()


def answer_until_close(visit: Visit) -> None:
    visit.begin(fields=[("X-Kind", "close")])
    visit.send(BODY)
    visit.close()


def answer_http10(visit: Visit) -> None:
    visit.send(b"HTTP/1.0 200 OK\r\nX-Kind: old\r\n\r\n" + BODY)
    visit.close()


@pytest.mark.parametrize("app", [answer_chunked, answer_until_close, answer_http10, lambda v: v.answer(BODY)])
def test_downloads_of_each_framing(house: House, client: Client, app) -> None:
    house.backend.app = app
    answer = client.request()
    assert sha(answer.body) == sha(BODY)
    assert client.request().body == BODY, "the client's connection goes on whatever the backend's did"


@pytest.mark.parametrize("app", [answer_chunked, answer_until_close, lambda v: v.answer(BODY)])
@pytest.mark.parametrize("fields", [[], [("Connection", "keep-alive")]], ids=["close", "keep-alive"])
def test_http10_clients(house: House, app, fields: list) -> None:
    """They know no chunks; the connection lasts only where asked for and the length is known."""
    house.backend.app = app
    with house.connect() as client:
        client.send(client.head(fields=fields, version="1.0"))
        answer = client.response()
        assert answer.body == BODY and "Transfer-Encoding" not in answer.fields
        if "Content-Length" in answer.fields and fields:
            assert answer.fields.get("Connection").lower() == "keep-alive"
            assert client.request().body == BODY
        else:
            assert client.await_end() == "close"


def test_http10_without_host_goes_to_the_site_of_the_sni(house: House, client: Client) -> None:
    client.send(b"GET /old HTTP/1.0\r\n\r\n")
    told = json.loads(client.response().body)
    assert told["target"] == "/old"
    assert [v for n, v in told["fields"] if n.lower() == "host"] == ["photos.edge.test"]


@pytest.mark.parametrize("framing", [("Content-Length", "12345"), ("Transfer-Encoding", "chunked"), ("X-None", "1")])
def test_head(house: House, client: Client, framing: tuple) -> None:
    """No body follows, and the length that GET would have had stays."""
    house.backend.app = lambda visit: visit.begin(fields=[framing, ("ETag", '"x"')])
    answer = client.request("HEAD")
    assert (answer.status, answer.fields.get("ETag")) == (200, '"x"')
    if framing[0] == "Content-Length":
        assert answer.fields.get("Content-Length") == "12345"
    assert client.request("HEAD").status == 200


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_body(house: House, client: Client, status: str) -> None:
    house.backend.app = lambda visit: visit.begin(status, [("ETag", '"y"')])
    for _ in range(2):
        answer = client.request()
        assert answer.status == int(status[:3]) and answer.fields.get("ETag") == '"y"'
    assert "Transfer-Encoding" not in answer.fields


def test_304_keeps_the_length_it_announces(house: House, client: Client) -> None:
    house.backend.app = lambda visit: visit.begin("304 Not Modified", [("Content-Length", "777")])
    assert client.request().status == 304
    assert client.request().status == 304


@pytest.mark.parametrize("status", ["200 Fine", "206 Partial Content", "301 Moved Permanently", "401 Unauthorized", "404 Not Found", "418 I'm a teapot", "500 Oh", "503 Busy", "599 Own"])
def test_every_status_is_the_backends(house: House, client: Client, status: str) -> None:
    house.backend.app = lambda visit: visit.answer(b"mine", status)
    answer = client.request()
    assert answer.head.start == f"HTTP/1.1 {status}" and answer.body == b"mine"


def test_a_status_line_without_reason(house: House, client: Client) -> None:
    house.backend.app = lambda visit: visit.send(b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok")
    assert client.request().body == b"ok"


# --- trailers ---


def test_trailers_of_an_upload(client: Client) -> None:
    fields = [("Transfer-Encoding", "chunked"), ("Trailer", "X-Checksum, X-Empty")]
    client.send(client.head("POST", "/", fields) + b"3\r\nabc\r\n0\r\nX-Checksum: 900150\r\nX-Empty:\r\n\r\n")
    told = json.loads(client.response().body)
    assert told["trailers"] == [["X-Checksum", "900150"], ["X-Empty", ""]]


def test_trailers_of_an_answer(house: House, client: Client) -> None:
    def app(visit: Visit) -> None:
        visit.begin(fields=[("Transfer-Encoding", "chunked"), ("Trailer", "Server-Timing")])
        visit.chunk(b"data")
        visit.last_chunk(b"Server-Timing: db;dur=53\r\n")

    house.backend.app = app
    answer = client.request("GET", "/", [("TE", "trailers")])
    assert list(answer.trailers) == [("Server-Timing", "db;dur=53")]


def test_trailers_cannot_smuggle(client: Client, backend: Backend) -> None:
    """RFC 9110 section 6.5.1: framing, routing and authentication do not belong there."""
    client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
    client.send(b"1\r\na\r\n0\r\nContent-Length: 5\r\nHost: evil\r\nX-Forwarded-For: 6.6.6.6\r\nAuthorization: no\r\nX-Good: yes\r\n\r\n")
    answer = client.response()
    if answer.status == 200:
        assert json.loads(answer.body)["trailers"] == [["X-Good", "yes"]]
    else:
        assert answer.status == 400


# --- large heads ---


def test_large_heads_pass(house: House, client: Client) -> None:
    """Cookies of 20 KB and tokens are real; edge takes 64 KiB."""
    fields = [(f"Cookie-{i}", "c" * 4000) for i in range(14)]
    told = client.echo("GET", "/", fields)
    assert [f for f in map(tuple, told["fields"]) if f[0].startswith("Cookie-")] == fields


def test_long_targets_pass(client: Client) -> None:
    target = "/" + "t" * 12000
    assert client.echo("GET", target)["target"] == target


def test_large_answer_heads_pass(house: House, client: Client) -> None:
    fields = [("Set-Cookie", f"c{i}=" + "v" * 3000) for i in range(15)]
    house.backend.app = lambda visit: visit.answer(b"ok", fields=fields)
    assert client.request().fields.all("Set-Cookie") == [v for _, v in fields]


# --- whole documents, many clients ---


def test_many_clients_at_once(house: House) -> None:
    """Bodies of forty connections do not mix."""
    house.backend.app = lambda visit: visit.answer(visit.body() + visit.target.encode())
    wrong: list[object] = []

    def one(number: int) -> None:
        try:
            with house.connect() as client:
                for turn in range(5):
                    body = f"{number}-{turn} ".encode() * (2000 + number)
                    got = client.request("POST", f"/{number}/{turn}", body=body).body
                    if got != body + f"/{number}/{turn}".encode():
                        wrong.append((number, turn, len(got)))
        except Exception as e:  # noqa: BLE001
            wrong.append(e)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
