"""Several backends: who gets a request, and what happens to it when that one is not there."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from pathlib import Path

import pytest

from conftest import connect
from lib.backend import Backend, checksum
from lib.edge import Edge
from lib.net import await_true, free_port


def name(text: str):
    """An app that says who it is."""

    def app(visit) -> None:
        visit.body()
        visit.answer(text.encode())

    return app


@pytest.fixture
def three(make_backend) -> list[Backend]:
    return [make_backend(name(str(i))) for i in range(3)]


def group(backends: list[Backend], options: str = "", site: str = "") -> str:
    addresses = " ".join(b.address for b in backends)
    return f"a.edge.test {{\n tls off\n {site}\n proxy {addresses} {{\n {options}\n }}\n}}"


def ask(edge: Edge, ca, **kwargs: object) -> str:
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        answer = client.request(**kwargs)
        assert answer.status == 200, answer
        return answer.body.decode()


@pytest.mark.parametrize("workers", [1, 2])
def test_round_robin_is_even(make_edge, ca, three: list[Backend], workers: int) -> None:
    edge = make_edge(group(three), workers=workers)
    got = Counter(ask(edge, ca) for _ in range(60))
    assert set(got) == {"0", "1", "2"}
    # Each worker goes round by itself.
    assert max(got.values()) - min(got.values()) <= workers


def test_source_keeps_a_client_at_its_backend(make_edge, ca, three: list[Backend]) -> None:
    edge = make_edge(group(three, "balance source"))
    assert len({ask(edge, ca) for _ in range(20)}) == 1


def test_source_moves_when_the_backend_dies_and_comes_back(make_edge, ca, three: list[Backend]) -> None:
    edge = make_edge(group(three, "balance source"))
    first = ask(edge, ca)
    mine = three[int(first)]
    mine.stop()
    other = ask(edge, ca)
    assert other != first
    assert {ask(edge, ca) for _ in range(10)} == {other}
    back = Backend(name(first), at=("127.0.0.1", mine.port))
    try:
        await_true("the client is back at its backend", lambda: ask(edge, ca) == first, 15)
    finally:
        back.stop()


def test_least_connections_avoids_the_busy_one(make_edge, ca, make_backend) -> None:
    go_on = threading.Event()

    def slow(visit) -> None:
        visit.body()
        go_on.wait(20)
        visit.answer(b"slow")

    backends = [make_backend(slow), make_backend(name("quick"))]
    edge = make_edge(group(backends, "balance least_connections"), workers=2)
    waiting = []
    while not backends[0].visits:
        waiting.append(connect(edge, ca, "a.edge.test", plain=True))
        waiting[-1].send(waiting[-1].head())
        await_true("one of them was asked", lambda: len(backends[0].visits) + len(backends[1].visits) == len(waiting))
    # Whichever worker they come to: the slow one has a request, the quick one has none.
    assert {ask(edge, ca) for _ in range(12)} == {"quick"}
    go_on.set()
    assert waiting[-1].response().body == b"slow"
    for client in waiting:
        client.close()


def test_a_dead_backend_costs_no_request(make_edge, ca, three: list[Backend]) -> None:
    """Refused connections: the next backend answers, and the dead one is left out for a while. One line tells of it."""
    edge = make_edge(group(three), workers=1)
    three[1].stop()
    assert {ask(edge, ca) for _ in range(20)} == {"0", "2"}
    told = [line for line in edge.log_text().splitlines() if f"backend={three[1].address} " in line]
    assert len(told) == 1 and "cannot be reached" in told[0], told


@pytest.mark.parametrize("size", [0, 1000, 700_000])
def test_a_post_to_a_dead_backend_goes_to_the_next_whole(make_edge, ca, make_backend, size: int) -> None:
    """Nothing was sent to the dead one, so that even a POST may go on; what had come of its body is still there."""
    dead, alive = f"127.0.0.1:{free_port()}", make_backend(checksum)
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy {dead} {dead.replace('127.0.0.1', '127.0.0.2')} {alive.address}\n}}", workers=1)
    body = hashlib.shake_128(b"edge").digest(size)
    for _ in range(3):
        assert ask(edge, ca, method="POST", body=body) == f"{size} {hashlib.sha256(body).hexdigest()}"
    assert len(alive.visits) == 3


def test_a_chunked_upload_to_a_dead_backend_goes_to_the_next_whole(make_edge, ca, make_backend) -> None:
    alive = make_backend(checksum)
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy 127.0.0.1:{free_port()} {alive.address}\n}}", workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        client.send(client.head("POST", fields=[("Transfer-Encoding", "chunked")]) + b"5\r\nhello\r\n")
        alive.await_visits(1)
        client.send(b"6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n")
        assert client.response("POST").body.split()[1].decode() == hashlib.sha256(b"hello world").hexdigest()


def test_all_dead_is_a_502_at_once(make_edge, ca) -> None:
    dead = " ".join(f"127.0.0.1:{free_port()}" for _ in range(3))
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy {dead}\n}}")
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        for _ in range(3):
            answer = client.request()
            assert answer.status == 502
            assert b"connection refused" in answer.body
            assert not answer.fields.get("Retry-After")


def test_all_were_dead_and_one_is_back(make_edge, ca) -> None:
    """Nobody waits for the end of a rest: when all are down, all are tried."""
    ports = [free_port(), free_port()]
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy 127.0.0.1:{ports[0]} 127.0.0.1:{ports[1]}\n}}")
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        for _ in range(5):
            assert client.request().status == 502
    back = Backend(name("back"), at=("127.0.0.1", ports[1]))
    try:
        assert ask(edge, ca) == "back"
        edge.await_log(rf"backend=127.0.0.1:{ports[1]} answers again")
    finally:
        back.stop()


def test_a_backend_that_comes_back_is_used_again(make_edge, ca, three: list[Backend]) -> None:
    edge = make_edge(group(three), workers=2)
    three[0].stop()
    assert {ask(edge, ca) for _ in range(12)} == {"1", "2"}
    back = Backend(name("0"), at=("127.0.0.1", three[0].port))
    try:
        await_true("the first one is asked again", lambda: ask(edge, ca) == "0", 15)
    finally:
        back.stop()


def test_who_takes_connections_but_gives_no_answer_is_left_out(make_edge, ca, make_backend) -> None:
    """What stands before a dead container (docker-proxy) accepts and closes: one request learns it, the others go elsewhere."""

    def mute(visit) -> None:
        visit.die()

    backends = [make_backend(mute), make_backend(name("alive"))]
    edge = make_edge(group(backends), workers=1)
    seen = Counter()
    for _ in range(12):
        with connect(edge, ca, "a.edge.test", plain=True) as client:
            seen[client.request().status] += 1
    # One before it rests, and one for each rest that ends while the test runs.
    assert seen[502] == len(backends[0].visits) <= 3, seen
    told = [line for line in edge.log_text().splitlines() if f"backend={backends[0].address} " in line]
    assert len(told) == 1 and "gives no answer" in told[0], told
    backends[0].app = name("back")
    await_true("it is asked again", lambda: ask(edge, ca) == "back", 15)
    edge.await_log(f"backend={backends[0].address} answers again")


def test_round_robin_is_even_beside_a_dead_one(make_edge, ca, three: list[Backend]) -> None:
    edge = make_edge(group(three), workers=1)
    three[1].stop()
    ask(edge, ca)
    got = Counter(ask(edge, ca) for _ in range(20))
    assert abs(got["0"] - got["2"]) <= 2, got


def test_a_socket_that_edge_may_not_open(make_edge, ca, make_backend, place: Path) -> None:
    """The usual trouble with unix sockets: the page and the log say what it is."""
    path = place / "app.sock"
    make_backend(unix=str(path))
    path.chmod(0o600)
    edge = make_edge(f"a.edge.test {{\n tls off\n proxy unix:{path}\n}}")
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        answer = client.request()
        assert answer.status == 502
        assert b"permission denied" in answer.body
    edge.await_log(f"backend=unix:{path} cannot be reached: permission denied")


def test_answers_with_errors_are_answers(make_edge, ca, make_backend) -> None:
    """A 500 is the application's affair: it is passed on, and no other backend is asked."""

    def broken(visit) -> None:
        visit.body()
        visit.answer(b"broken", status="500 Internal Server Error")

    backends = [make_backend(broken), make_backend(broken)]
    edge = make_edge(group(backends), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        assert client.request().status == 500
    assert len(backends[0].visits) + len(backends[1].visits) == 1


def test_a_backend_that_dies_over_a_request_is_not_asked_elsewhere(make_edge, ca, make_backend) -> None:
    """A POST whose backend died may have been done: it is told as a 502 and not repeated."""

    def dying(visit) -> None:
        visit.body()
        visit.die()

    backends = [make_backend(dying), make_backend(dying)]
    edge = make_edge(group(backends), workers=1)
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        assert client.request("POST", body=b"order").status == 502
    assert len(backends[0].visits) + len(backends[1].visits) == 1


def test_one_backend_under_several_routes(make_edge, ca, make_backend) -> None:
    api, rest = make_backend(name("api")), make_backend(name("rest"))
    edge = make_edge(
        f"a.edge.test {{\n tls off\n route /api/* proxy {api.address}\n route /old/* redirect https://b.edge.test 302\n"
        f" route /no respond 410 gone\n route * proxy {rest.address} {{\n keepalive off\n }}\n}}"
    )
    assert ask(edge, ca, target="/api/x") == "api"
    assert ask(edge, ca, target="/apix") == "rest"
    with connect(edge, ca, "a.edge.test", plain=True) as client:
        assert client.request(target="/old/x").status == 302
        assert client.request(target="/no").status == 410
