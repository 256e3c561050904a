"""
An event stream (text/event-stream) with long silences, as dashboards and home automation keep open all day.

Field notes: response buffering pauses video and event streams (jellyfin#3198); 60 s total limits. An hour's silence is what
`timeout response` allows by default (3610 s); here it is scaled to seconds, and the other limits are smaller than the silence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from conftest import connect
from lib.backend import Backend, Visit
from lib.clients import Client
from lib.edge import Edge
from lib.wire import Cut

# An hour and its ten seconds, and what is clearly less and more than that.
LIMIT, WITHIN = 4, 2.5
OTHERS = "timeout head 1s\ntimeout idle 1s\ntimeout send 1s\ntimeout tunnel 1s"


class Feed:
    """One stream at the backend: each go.release() sends an event."""

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self.go = threading.Semaphore(0)
        self.ended = False

    def __call__(self, visit: Visit) -> None:
        visit.begin(fields=[("Content-Type", "text/event-stream"), ("Cache-Control", "no-cache"), ("Transfer-Encoding", "chunked")])
        while self.go.acquire(timeout=60) and not self.ended:
            self.last += 1
            visit.chunk(event(self.last))

    def end(self) -> None:
        self.ended = True
        self.go.release()


def event(number: int) -> bytes:
    return b"id: %d\nevent: state\ndata: on\n\n" % number


@pytest.fixture
def feeds() -> Iterator[dict[int, Feed]]:
    """By the last event that the subscriber has."""
    made = {number: Feed(number) for number in (0, 1)}
    yield made
    for feed in made.values():
        feed.end()


@pytest.fixture
def backend(make_backend: Callable, feeds: dict[int, Feed]) -> Backend:
    return make_backend(lambda visit: feeds[int(visit.fields.get("Last-Event-ID", "0"))](visit))


@pytest.fixture
def edge(make_edge: Callable, backend: Backend, ca) -> Edge:
    return make_edge(
        f"home.edge.test {{ proxy {backend.address}\n {ca.tls('home.edge.test')}\n timeout response {LIMIT}s }}", options=OTHERS
    )


def subscribe(edge: Edge, ca, last: str = "") -> Client:
    client = connect(edge, ca, "home.edge.test")
    again = [("Last-Event-ID", last)] if last else []
    client.send(client.head("GET", "/api/stream", [("Accept", "text/event-stream"), *again]))
    assert client.response_head().fields.get("Content-Type") == "text/event-stream"
    return client


def learns_of_the_end(visit: Visit) -> bool:
    try:
        return not visit.reader.fill()
    except Cut:
        return True


def test_silence_within_the_limit(edge: Edge, ca, feeds: dict[int, Feed]) -> None:
    """Each event starts the time anew: silences that together exceed the limit cut nothing."""
    with subscribe(edge, ca) as client:
        for number in (1, 2):
            feeds[0].go.release()
            assert client.reader.chunk() == event(number)
            time.sleep(WITHIN)
        feeds[0].go.release()
        assert client.reader.chunk() == event(3)


def test_silence_beyond_the_limit(edge: Edge, ca, backend: Backend, feeds: dict[int, Feed]) -> None:
    """
    The stream is cut, not ended: a browser sees that it has to come back, and asks for what follows the last event it has. The
    backend learns of it too.
    """
    with subscribe(edge, ca) as client:
        feeds[0].go.release()
        assert client.reader.chunk() == event(1)
        with pytest.raises(Cut):
            client.reader.chunk()
    assert learns_of_the_end(backend.visits[0])
    with subscribe(edge, ca, last="1") as client:
        feeds[1].go.release()
        assert client.reader.chunk() == event(2)


def test_many_subscribers_each_at_once(make_edge: Callable, make_backend: Callable, ca) -> None:
    """Forty streams over one worker: an event for one of them waits for nothing of the others."""
    feeds = [Feed() for _ in range(40)]
    backend = make_backend(lambda visit: feeds[int(visit.target.strip("/"))](visit))
    edge = make_edge(f"home.edge.test {{ proxy {backend.address}\n {ca.tls('home.edge.test')} }}", workers=1)
    clients = []
    for number in range(len(feeds)):
        client = connect(edge, ca, "home.edge.test")
        client.send(client.head("GET", f"/{number}"))
        assert client.response_head().status == 200
        clients.append(client)
    for turn in (1, 2, 3):
        for feed, client in zip(feeds, clients, strict=True):
            feed.go.release()
            assert client.reader.chunk() == event(turn)
    for feed, client in zip(feeds, clients, strict=True):
        client.close()
        feed.end()
