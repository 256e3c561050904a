"""Connections that carry many requests, and what goes on between request and answer."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from conftest import House, connect
from lib.backend import Backend, Visit
from lib.clients import Client
from lib.net import await_true
from lib.wire import Cut


def test_a_client_connection_carries_many_requests(client: Client) -> None:
    for i in range(50):
        assert client.echo("GET", f"/{i}")["target"] == f"/{i}"


def test_backend_connections_are_used_again(make_edge, make_backend, ca) -> None:
    """Twenty clients one after the other; the worker keeps its connection to the backend."""
    backend: Backend = make_backend()
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    for i in range(20):
        with connect(edge, ca) as client:
            assert client.echo("POST", f"/{i}", body=b"x")["target"] == f"/{i}"
    assert backend.connections == 1


def test_a_backend_that_closes_is_asked_on_a_new_connection(make_edge, make_backend, ca) -> None:
    backend: Backend = make_backend()
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)

    def one_only(visit: Visit) -> None:
        visit.answer(b"ok", fields=[("Connection", "close")])
        visit.close()

    backend.app = one_only
    with connect(edge, ca) as client:
        for _ in range(10):
            assert client.request("POST", "/", body=b"x").status == 200
    assert backend.connections == 10


def test_idle_backend_connections_that_die_are_not_noticed(make_edge, make_backend, ca) -> None:
    """A backend that restarts between two requests costs no 502."""
    backend: Backend = make_backend()
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    with connect(edge, ca) as client:
        for _ in range(10):
            assert client.request("POST", "/", body=b"x").status == 200
            backend.drop_connections()
            backend.await_open(0)


def test_a_race_with_a_closing_backend(make_edge, make_backend, ca) -> None:
    """It takes the next request on a kept connection and closes without a byte: a GET is tried again, once more is not needed."""
    backend: Backend = make_backend()
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}", workers=1)
    seen: list[int] = []

    def closes_on_second(visit: Visit) -> None:
        seen.append(visit.connection)
        if seen.count(visit.connection) == 2:
            visit.close()
        else:
            visit.answer(b"ok")

    backend.app = closes_on_second
    with connect(edge, ca) as client:
        for _ in range(6):
            assert client.request("GET", "/").status == 200


def test_pipelined_requests_are_answered_in_order(house: House, client: Client) -> None:
    """Though the first takes longest."""
    first_may_go = threading.Event()

    def app(visit: Visit) -> None:
        if visit.target == "/0":
            first_may_go.wait(5)
        visit.answer(visit.target.encode())

    house.backend.app = app
    client.send(b"".join(client.head("GET", f"/{i}") for i in range(12)))
    house.backend.await_visits(1)
    first_may_go.set()
    assert [client.response().body.decode() for _ in range(12)] == [f"/{i}" for i in range(12)]


def test_pipelined_mixture(client: Client) -> None:
    """Bodies, HEAD and the last one with close."""
    client.send(client.head("POST", "/1", [("Content-Length", "3")]) + b"abc" + client.head("HEAD", "/2") + client.head("GET", "/3")
                + client.head("PUT", "/4", [("Transfer-Encoding", "chunked")]) + b"2\r\nhi\r\n0\r\n\r\n"
                + client.head("GET", "/5", [("Connection", "close")]) + client.head("GET", "/never"))  # fmt: skip
    told = [json.loads(client.response(m).body or b"{}").get("target") for m in ("POST", "HEAD", "GET", "PUT", "GET")]
    assert told == ["/1", None, "/3", "/4", "/5"]
    assert client.await_end() == "close"


def test_connection_close_is_kept(client: Client) -> None:
    answer = client.request("GET", "/", [("Connection", "close")])
    assert answer.fields.get("Connection").lower() == "close"
    assert client.await_end() == "close"


def test_close_of_the_backend_is_not_the_clients(house: House, client: Client) -> None:
    def app(visit: Visit) -> None:
        visit.answer(b"ok", fields=[("Connection", "close")])
        visit.close()

    house.backend.app = app
    for _ in range(5):
        answer = client.request()
        assert answer.status == 200 and "close" not in answer.fields.get("Connection")


# --- 1xx ---


def test_100_continue_comes_from_the_backend(house: House, client: Client) -> None:
    """The body is sent only after the backend has agreed; edge neither invents the 100 nor swallows it."""
    steps: list[str] = []

    def app(visit: Visit) -> None:
        steps.append("head " + visit.fields.get("Expect"))
        visit.begin("100 Continue")
        steps.append(f"body {len(visit.body())}")
        visit.answer(b"thanks")

    house.backend.app = app
    client.send(client.head("PUT", "/", [("Content-Length", "5"), ("Expect", "100-continue")]))
    assert client.response_head().status == 100
    assert steps[:1] == ["head 100-continue"]
    client.send(b"hello")
    answer = client.response()
    assert (answer.status, answer.interim) == (200, [])
    assert steps == ["head 100-continue", "body 5"]


def test_refusal_instead_of_100(house: House, client: Client) -> None:
    """A client that waits learns at once that its upload is not wanted, and need not send it."""

    def app(visit: Visit) -> None:
        visit.answer(b"too big", "413 Content Too Large", [("Connection", "close")])
        visit.close()

    house.backend.app = app
    client.send(client.head("PUT", "/", [("Content-Length", "5000000000"), ("Expect", "100-continue")]))
    answer = client.response()
    assert (answer.status, answer.body, answer.interim) == (413, b"too big", [])


def test_curl_waits_for_100(house: House) -> None:
    def app(visit: Visit) -> None:
        if visit.fields.get("Expect"):
            visit.begin("100 Continue")
        visit.answer(str(len(visit.body())).encode())

    house.backend.app = app
    upload = house.place / "upload2"
    upload.write_bytes(b"u" * 3_000_000)
    got = house.curl("photos.edge.test", "/", "-T", str(upload), "-H", "Expect: 100-continue", "--expect100-timeout", "30")
    assert got.body == b"3000000" and "HTTP/1.1 100" in got.head


@pytest.mark.parametrize("status", ["102 Processing", "103 Early Hints", "104 Upload Resumption Supported", "199 Own"])
def test_interim_answers_are_passed_at_once(house: House, client: Client, status: str) -> None:
    """Resumable uploads use 104 (immich#22385). It must be there before the final answer is even made."""
    finish = threading.Event()

    def app(visit: Visit) -> None:
        visit.begin(status, [("Link", "</a.css>; rel=preload"), ("Upload-Offset", "42"), ("Link", "</b.js>")])
        assert finish.wait(10)
        visit.answer(b"final")

    house.backend.app = app
    client.send(client.head())
    head = client.response_head()
    assert head.start == f"HTTP/1.1 {status}"
    assert head.fields.without("Connection") == [("Link", "</a.css>; rel=preload"), ("Upload-Offset", "42"), ("Link", "</b.js>")]
    finish.set()
    assert client.response().body == b"final"


def test_many_interim_answers(house: House, client: Client) -> None:
    def app(visit: Visit) -> None:
        for i in range(30):
            visit.begin("102 Processing", [("X-Step", str(i))])
        visit.answer(b"done")

    house.backend.app = app
    answer = client.request()
    assert [h.fields.get("X-Step") for h in answer.interim] == [str(i) for i in range(30)]
    assert answer.body == b"done"


def test_interim_answers_are_not_for_http10(house: House) -> None:
    def app(visit: Visit) -> None:
        visit.begin("103 Early Hints", [("Link", "</a.css>")])
        visit.answer(b"final")

    house.backend.app = app
    with house.connect() as client:
        client.send(client.head(version="1.0"))
        assert client.response().interim == []


# --- answers that come while the client still uploads ---


def refuse(visit: Visit) -> None:
    """As servers do it: the answer, then the sending side is shut, the rest is read for a while."""
    visit.answer(b"too big", "413 Content Too Large", [("Connection", "close")])
    visit.sock.shutdown(socket.SHUT_WR)
    visit.close()
    for _ in range(20):
        if not visit.sock.recv(1 << 16):
            return


def refuse_and_close(visit: Visit) -> None:
    """As servers should not, but do: the connection is reset under the upload."""
    visit.answer(b"too big", "413 Content Too Large", [("Connection", "close")])
    visit.close()


@pytest.mark.parametrize("refusal", [refuse, refuse_and_close])
def test_early_final_answer(house: House, refusal) -> None:
    """It is there while the client still uploads, which is then free to stop."""
    house.backend.app = refusal
    client = house.connect(duplex=True)
    client.send(client.head("POST", "/", [("Content-Length", str(1 << 32))]))
    block = b"x" * (1 << 16)

    def upload() -> None:
        try:
            while True:
                client.sock.sendall(block)
        except OSError:
            pass

    thread = threading.Thread(target=upload, daemon=True)
    thread.start()
    answer = client.response()
    assert (answer.status, answer.body) == (413, b"too big")
    client.sock.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    assert not thread.is_alive()
    client.close()


@pytest.mark.parametrize("refusal", [refuse, refuse_and_close])
def test_early_answer_for_clients_that_send_all_first(house: House, client: Client, refusal) -> None:
    """They look for an answer only then: what they send is drained, so that no reset destroys it."""
    house.backend.app = refusal
    body = b"x" * 3_000_000
    client.send(client.head("POST", "/", [("Content-Length", str(len(body)))]))
    client.send(body)
    answer = client.response()
    assert (answer.status, answer.body) == (413, b"too big")


def test_early_answer_and_the_connection_goes_on(house: House, client: Client) -> None:
    """A backend that answers early but reads on (401 with keep-alive): the next request works."""
    house.backend.app = lambda visit: visit.answer(b"who?", "401 Unauthorized")
    for _ in range(3):
        try:
            answer = client.request("POST", "/", body=b"y" * 100_000)
        except Cut:
            pytest.fail("cut after an early answer")
        assert answer.status == 401
        if answer.fields.get("Connection").lower() == "close":
            return


def test_curl_gets_the_early_answer(house: House) -> None:
    house.backend.app = refuse
    upload = house.place / "large"
    with open(upload, "wb") as f:
        f.truncate(200 << 20)
    got = house.curl("photos.edge.test", "/", "-T", str(upload), "-H", "Expect:")
    upload.unlink()
    assert (got.status, got.body) == (413, b"too big"), got


def test_answer_streams_while_the_request_streams(house: House, client: Client) -> None:
    """Both directions at once, each piece answered before the next is sent."""

    def app(visit: Visit) -> None:
        visit.begin(fields=[("Transfer-Encoding", "chunked")])
        for piece in visit.pieces():
            visit.chunk(b"got " + piece)
        visit.last_chunk()

    house.backend.app = app
    client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))
    assert client.response_head().status == 200
    for i in range(10):
        client.send(b"1\r\n%d\r\n" % i)
        assert client.reader.chunk() == b"got %d" % i
    client.send(b"0\r\n\r\n")
    assert client.reader.chunk() == b""


def test_backend_connections_end_with_the_daemon(make_edge, make_backend, ca) -> None:
    backend = make_backend()
    edge = make_edge(f"photos.edge.test {{ proxy {backend.address}\n {ca.tls('photos.edge.test')} }}")
    with connect(edge, ca) as client:
        client.request()
    edge.stop()
    await_true("no connection at the backend", lambda: backend.open == 0)
