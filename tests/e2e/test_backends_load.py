"""
One of two backends fails under load, in each of the ways it can: what clients lose by it, and what is done twice. The figures are
printed; docs/backends.md has them.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from conftest import connect
from lib.backend import Backend, Visit
from lib.certs import Authority
from lib.edge import Edge
from lib.net import await_true

MakeEdge = Callable[..., Edge]
CLIENTS = 6
ENOUGH = 600  # POSTs


class Shop:
    """What came to the backends and what they did, and what clients were told. Each request has a target of its own."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.done: list[str] = []
        self.told: dict[str, int] = {}
        self.over = threading.Event()
        self.threads: list[threading.Thread] = []

    def open(self, edge: Edge, ca: Authority) -> None:
        self.threads = [threading.Thread(target=self._client, args=(n, edge, ca)) for n in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _client(self, number: int, edge: Edge, ca: Authority) -> None:
        i = 0
        with connect(edge, ca, "a.edge.test", plain=True) as client:
            while not self.over.is_set():
                for method in "GET", "POST":
                    target = f"/{method}/{number}/{i}"
                    self.told[target] = 0  # what stays, if there is no answer at all
                    self.told[target] = client.request(method, target, body=b"x" if method == "POST" else None).status
                i += 1

    def close(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def count(self, method: str) -> int:
        return sum(method in target for target in self.done)

    def lost(self, method: str) -> int:
        return sum(status != 200 for target, status in self.told.items() if method in target)

    def repeated(self, method: str) -> int:
        return sum(times > 1 for target, times in Counter(self.came).items() if method in target)


@pytest.fixture
def load(make_edge: MakeEdge, make_backend: Callable[..., Backend], ca: Authority) -> Callable[..., Shop]:
    def run(trouble: Callable[[Visit, int], bool], meanwhile: Callable[[list[Backend], Callable], None] | None = None) -> Shop:
        """`trouble` gets each visit of the first backend with its number, and tells whether it is still to be answered."""
        shop, numbers = Shop(), iter(range(1 << 30))

        def well(visit: Visit) -> None:
            shop.came.append(visit.target)
            do(visit)

        def do(visit: Visit) -> None:
            visit.body()
            shop.done.append(visit.target)
            visit.answer(b"ok")

        def ill(visit: Visit) -> None:
            shop.came.append(visit.target)
            if trouble(visit, next(numbers)):
                do(visit)

        backends = [make_backend(ill), make_backend(well)]
        addresses = " ".join(b.address for b in backends)
        edge = make_edge(f"a.edge.test {{\n tls off\n proxy {addresses}\n timeout response 2s\n}}")
        shop.open(edge, ca)
        if meanwhile:
            meanwhile(backends, ill)
        await_true("enough requests", lambda: shop.count("POST") > ENOUGH, 60)
        shop.close()
        return shop

    return run


def judge(shop: Shop, name: str, troubles: int) -> None:
    """Holds whatever happens: what is not safe is sent once at most, and nothing is told as done that was not."""
    assert shop.repeated("POST") == 0
    assert {target for target, status in shop.told.items() if status == 200} <= set(shop.done)
    assert max(Counter(shop.came).values()) <= 2
    assert set(shop.told.values()) <= {200, 502, 504}
    print(
        f"{name}: {len(shop.told)} requests, {troubles} troubles; GET: {shop.lost('GET')} lost, {shop.repeated('GET')} repeated; "
        f"POST: {shop.lost('POST')} lost"
    )


def test_it_flaps(load: Callable[..., Shop]) -> None:
    """It is gone for a tenth of a second and there for a tenth, ten times; each end cuts what is under way, and that is all."""
    turns = 10

    def flap(backends: list[Backend], app: Callable) -> None:
        port = backends[0].port
        for _ in range(turns):
            backends[0].stop()
            threading.Event().wait(0.1)
            backends[0] = Backend(app, at=("127.0.0.1", port))
            threading.Event().wait(0.1)

    shop = load(lambda visit, number: True, flap)
    judge(shop, "flaps", turns)
    assert shop.lost("GET") + shop.lost("POST") <= turns * CLIENTS


def test_it_closes_connections_without_a_word(load: Callable[..., Shop]) -> None:
    """After each answer: the next request meets the end on its way. No GET is lost by that."""

    def close(visit: Visit, number: int) -> bool:
        visit.close()
        return True

    shop = load(close)
    judge(shop, "closes", shop.count("/"))
    assert shop.lost("GET") == 0


def test_it_resets_connections_instead_of_answers(load: Callable[..., Shop]) -> None:
    resets: list[str] = []

    def reset(visit: Visit, number: int) -> bool:
        if number % 20 < 19:
            return True
        visit.body()
        resets.append(visit.target)
        visit.die()
        return False

    shop = load(reset)
    judge(shop, "resets", len(resets))
    assert shop.lost("GET") + shop.lost("POST") <= len(resets)


def test_it_hangs(load: Callable[..., Shop]) -> None:
    """What hangs is told as that after `timeout response`; the backend then rests, so that few meet it."""
    hung: list[str] = []

    def hang(visit: Visit, number: int) -> bool:
        if number < 100:
            return True
        hung.append(visit.target)
        visit.sock.recv(1)  # until edge has enough
        return False

    shop = load(hang)
    judge(shop, "hangs", len(hung))
    assert 1 <= shop.lost("GET") + shop.lost("POST") <= len(hung)
    assert len(hung) <= 3 * CLIENTS
