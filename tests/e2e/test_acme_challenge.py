"""HTTP-01 on the HTTP port: only tokens that edge issued are its own, everything else goes where the site says."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import pytest

from conftest import connect
from lib.acme import MakeLab, await_issued, renew_in_background
from lib.backend import Backend
from lib.edge import Edge
from lib.gate import Answer, Gate, Post
from lib.pebble import Pebble

PREFIX = "/.well-known/acme-challenge/"
UNKNOWN = [
    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA",  # looks like one
    "a",
    "",
    "with.dot",
    "with%20blank",
    "two/parts",
    "a=b",
    "tok~en",
    "x" * 129,
    "x" * 2000,
]


class HeldChallenge:
    """A fault that stops the client when it tells the CA of the first challenge: the token is published, and nothing has been validated."""

    def __init__(self) -> None:
        self.token = ""
        self.gate: Gate | None = None
        self.told, self.go_on = threading.Event(), threading.Event()

    def __call__(self, post: Post) -> Answer | None:
        for path, answer in list(self.gate.answers):
            for challenge in answer.json().get("challenges", []) if b'"challenges"' in answer.body else []:
                if challenge["type"] == "http-01" and challenge["url"].endswith(post.path):
                    self.token = challenge["token"]
        if self.token and not self.told.is_set():
            self.told.set()
            assert self.go_on.wait(60)
        return post.ask()


@pytest.fixture
def backend(make_backend) -> Backend:
    return make_backend()


@pytest.fixture
def held(make_pebble, make_gate, make_edge, backend: Backend) -> Iterator[Callable[..., tuple[Edge, Pebble, HeldChallenge]]]:
    """An edge that waits with its first challenge published."""
    faults: list[HeldChallenge] = []

    def make(sites: str, *, start: bool = True) -> tuple[Edge, Pebble, HeldChallenge]:
        fault = HeldChallenge()
        faults.append(fault)
        pebble = make_pebble()
        fault.gate = make_gate(pebble, fault)
        edge = make_edge(sites, options=fault.gate.directive(), start=False)
        pebble.start(edge.http)
        if start:
            edge.start()
            assert fault.told.wait(30), edge.log_text()
        return edge, pebble, fault

    yield make
    for fault in faults:
        fault.go_on.set()


def test_an_issued_token(held, backend: Backend, ca) -> None:
    """Answered on the HTTP port without a redirect, as often as it is asked for, by any worker; the backend sees none of it."""
    edge, pebble, fault = held(f"photos.edge.test {{ proxy {backend.address} }}")
    path = PREFIX + fault.token
    answers = set()
    for _ in range(6):
        with connect(edge, ca, plain=True) as client:
            answer = client.request(target=path)
            assert answer.status == 200, answer
            answers.add(answer.body)
            assert client.request("HEAD", path).status == 200
            assert client.request(target=path + "x").status == 301, "another token"
            assert client.request("POST", path, body=b"").status != 200, "the CA asks with GET"
    (body,) = answers
    assert re.fullmatch(re.escape(fault.token) + r"\.[A-Za-z0-9_-]{43}", body.decode()), body
    assert not backend.visits
    fault.go_on.set()
    assert await_issued(edge, "photos.edge.test").serial == pebble.issued[0]
    with connect(edge, ca, plain=True) as client:
        assert client.request(target=path).status == 301, "an order that is over leaves no token behind"


def test_over_https_it_is_the_backends(held, make_edge, backend: Backend, ca) -> None:
    """An application may have its own ACME client; over HTTPS no CA begins, and nothing is edge's."""
    site = f"own.edge.test {{ proxy {backend.address}\n{ca.tls('own.edge.test')}\nhttp serve }}\n"
    edge, _, fault = held(site + f"photos.edge.test {{ proxy {backend.address} }}")
    with connect(edge, ca, "own.edge.test") as client:
        assert client.echo(target=PREFIX + fault.token)["target"] == PREFIX + fault.token
    with connect(edge, ca, "own.edge.test", plain=True) as client:
        assert client.echo(target=PREFIX + "not-ours")["target"] == PREFIX + "not-ours"


def test_what_is_not_edges(make_lab: MakeLab, backend: Backend) -> None:
    """
    Unknown and impossible tokens are redirected, or with `http serve` passed on; /.well-known/immich, the app's first question, is the
    backend's on both ports (immich#13764, #15950).
    """
    lab = make_lab(
        f"""
photos.edge.test {{ proxy {backend.address} }}
both.edge.test {{ proxy {backend.address}
    http serve }}
"""
    )
    lab.await_issued("both.edge.test")
    edge, trust = lab.edge, lab.trust
    paths = [PREFIX + token for token in UNKNOWN] + ["/.well-known/immich", "/.well-known/acme-challenge", "/.well-known/"]
    with (
        connect(edge, trust, "photos.edge.test", plain=True) as redirected,
        connect(edge, trust, "both.edge.test", plain=True) as served,
        connect(edge, trust, "both.edge.test") as secure,
    ):
        for path in paths:
            answer = redirected.request(target=path)
            assert answer.status == 301, (path, answer)
            assert answer.fields.get("Location") == f"https://photos.edge.test:{edge.https}{path}"
            assert served.echo(target=path)["target"] == path
            assert secure.echo(target=path)["target"] == path


def test_renew_answers_itself_without_a_daemon(held, backend: Backend, ca) -> None:
    """On the same port, the issued token alone."""
    edge, pebble, fault = held(f"photos.edge.test {{ proxy {backend.address} }}", start=False)
    process = renew_in_background(edge)
    assert fault.told.wait(30), process.communicate(timeout=20)
    with connect(edge, ca, plain=True) as client:
        assert client.request(target=PREFIX + fault.token).body.decode().startswith(fault.token + ".")
    with connect(edge, ca, plain=True) as client:
        assert client.request(target=PREFIX + "x" * 43).status == 301
    fault.go_on.set()
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, (out, errors)
    assert len(pebble.issued) == 1 and not backend.visits
