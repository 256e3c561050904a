"""Fixtures of the end-to-end tests. `house` is a running edge with the usual sites; `make_edge` starts one as a test wants it."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib.acme import Lab, MakeLab
from lib.backend import App, Backend, RawBackend, echo
from lib.certs import Authority
from lib.clients import Client, Curl, Shake, curl, s_client
from lib.edge import ASAN, BIN, Edge
from lib.gate import Gate
from lib.net import free_port
from lib.pebble import Pebble

assert Path(BIN).is_file(), f"EDGE_BIN: no {BIN}"


@pytest.fixture(scope="session")
def top() -> Iterator[Path]:
    """Under it lies everything; readable for the user that edge becomes."""
    path = Path(tempfile.mkdtemp(prefix="edge-e2e-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def ca(top: Path) -> Authority:
    place = top / "ca"
    place.mkdir(mode=0o755)
    return Authority(place)


def _fresh(top: Path) -> Path:
    path = Path(tempfile.mkdtemp(dir=top, prefix="t"))
    path.chmod(0o755)
    return path


@pytest.fixture
def place(top: Path) -> Path:
    """A directory of this test."""
    return _fresh(top)


def _end(edge: Edge) -> None:
    # Shown by pytest when the test failed.
    print(f"--- {edge.conf}\n{edge.conf.read_text()}--- log\n{edge.log_text()}", file=sys.stderr)
    try:
        edge.stop()
    finally:
        edge.kill()


@contextlib.contextmanager
def running_edge(top: Path, sites: str) -> Iterator[Edge]:
    """For the fixtures of a module; a test asks for make_edge."""
    edge = Edge(_fresh(top), sites)
    try:
        yield edge.start()
    finally:
        _end(edge)


@pytest.fixture
def make_edge(top: Path) -> Iterator[Callable[..., Edge]]:
    """make_edge(sites, options=…, workers=…) -> a running Edge; start=False leaves starting it to the test."""
    made: list[Edge] = []

    def make(sites: str, *, start: bool = True, **kwargs: object) -> Edge:
        edge = Edge(_fresh(top), sites, **kwargs)
        made.append(edge)
        return edge.start() if start else edge

    yield make
    for edge in made:
        _end(edge)


@pytest.fixture
def make_backend() -> Iterator[Callable[..., Backend]]:
    made: list[Backend] = []

    def make(app: App = echo, **kwargs: object) -> Backend:
        made.append(Backend(app, **kwargs))
        return made[-1]

    yield make
    for backend in made:
        backend.stop()


@pytest.fixture
def make_raw_backend() -> Iterator[Callable[..., RawBackend]]:
    made: list[RawBackend] = []

    def make(script: Callable) -> RawBackend:
        made.append(RawBackend(script))
        return made[-1]

    yield make
    for backend in made:
        backend.stop()


class House:
    """A running edge whose sites all forward to `backend`, but those that say otherwise."""

    def __init__(self, top: Path, ca: Authority) -> None:
        self.place, self.ca = _fresh(top), ca
        self.backend = Backend()
        self.unix_backend = Backend(unix=str(self.place / "backend.sock"))
        photos = ca.tls("photos.edge.test", "www.photos.edge.test")
        sites = f"""
photos.edge.test, www.photos.edge.test {{ proxy {self.backend.address}
    {photos} }}
rsa.edge.test {{
    proxy http://{self.backend.address}
    {ca.tls("rsa.edge.test", kind="rsa")}
}}
both.edge.test {{
    proxy {self.backend.address}
    {ca.tls("both.edge.test")}
    http serve
}}
plain.edge.test {{
    proxy {self.backend.address}
    tls off
}}
unix.edge.test {{
    proxy {self.unix_backend.address}
    {ca.tls("unix.edge.test")}
}}
dead.edge.test {{
    proxy 127.0.0.1:{free_port()}
    {ca.tls("dead.edge.test")}
}}
old.edge.test {{
    redirect https://photos.edge.test 301
    {ca.tls("old.edge.test")}
}}
older.edge.test {{
    redirect https://photos.edge.test 301
    tls off
}}
gone.edge.test {{
    respond 410 "moved out"
    {ca.tls("gone.edge.test")}
}}
* {{ respond 404 }}
"""
        self.edge = Edge(self.place, sites).start()

    def connect(self, host: str = "photos.edge.test", *, plain: bool = False, **kwargs: object) -> Client:
        return connect(self.edge, self.ca, host, plain=plain, **kwargs)

    def curl(self, host: str, path: str = "/", *args: str, plain: bool = False) -> Curl:
        port, scheme = (self.edge.http, "http") if plain else (self.edge.https, "https")
        return curl(self.ca.ca, self.place, port, host, path, *args, scheme=scheme)

    def s_client(self, *args: str, data: bytes = b"") -> Shake:
        return s_client(self.ca.ca, self.edge.https, *args, data=data)


def connect(edge: Edge, ca: Authority, host: str = "photos.edge.test", *, plain: bool = False, **kwargs: object) -> Client:
    return Client(edge.http if plain else edge.https, host, None if plain else ca.client(), **kwargs)


@pytest.fixture(scope="module")
def _house(top: Path, ca: Authority) -> Iterator[House]:
    house = House(top, ca)
    yield house
    _end(house.edge)
    house.backend.stop()
    house.unix_backend.stop()


@pytest.fixture
def house(_house: House) -> Iterator[House]:
    """The house of this module, its backend an echo again."""
    _house.backend.forget()
    yield _house
    assert _house.edge.process.poll() is None, f"edge has ended:\n{_house.edge.log_text()}"
    errors = list(_house.backend.errors)
    assert not errors, errors


@pytest.fixture
def backend(house: House) -> Backend:
    """The backend behind the house's sites."""
    return house.backend


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    """A TLS connection to photos.edge.test."""
    with house.connect() as c:
        yield c


@pytest.fixture
def release() -> bool:
    """Bounds of memory and the largest bodies are for the release build: sanitizers use more of both."""
    return not ASAN


@pytest.fixture
def make_pebble(top: Path, ca: Authority) -> Iterator[Callable[..., Pebble]]:
    """make_pebble(knobs of lib.pebble.Pebble) -> one that is not started yet: it needs edge's HTTP port, and edge its URL."""
    made: list[Pebble] = []

    def make(**knobs: object) -> Pebble:
        made.append(Pebble(_fresh(top), ca, **knobs))
        return made[-1]

    yield make
    for pebble in made:
        pebble.stop()
        print("\n".join(["--- pebble", *(pebble.program.lines if pebble.program else [])]), file=sys.stderr)


@pytest.fixture
def make_gate(ca: Authority) -> Iterator[Callable[..., Gate]]:
    """make_gate(pebble, fault) -> a Gate before it."""
    made: list[Gate] = []

    def make(pebble: Pebble, *args: object) -> Gate:
        made.append(Gate(pebble, ca, *args))
        return made[-1]

    yield make
    for gate in made:
        gate.stop()


@pytest.fixture
def make_lab(make_edge: Callable[..., Edge], make_pebble: Callable[..., Pebble]) -> MakeLab:
    """make_lab(sites, knobs of Pebble) -> both running; start=False: neither, ca_away=True: edge alone."""

    def make(sites: str, *, start: bool = True, ca_away: bool = False, options: str = "", **knobs: object) -> Lab:
        pebble = make_pebble(**knobs)
        edge = make_edge(sites, options=f"{pebble.directive()}\n{options}", start=False)
        if start and not ca_away:
            pebble.start(edge.http)
        if start:
            edge.start()
        return Lab(edge, pebble)

    return make
