"""Bodies larger than any memory: 2 GiB both ways through TLS while the daemon's memory is watched (immich: 22-90 GB are real)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest

from conftest import House
from lib import procs
from lib.backend import checksum, download
from lib.edge import ASAN, Edge
from lib.wire import BLOCK, Fields, pattern

# Sanitizers slow both sides down; the way is the same.
SIZE = (256 << 20) if ASAN else (2 << 30)
LIMIT = 24 << 20


class Watch(threading.Thread):
    """The most memory that all of edge's processes had at one time."""

    def __init__(self, edge: Edge) -> None:
        super().__init__(daemon=True)
        self.edge, self.most, self.samples = edge, 0, 0
        self._end = threading.Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()
        assert ASAN or self.samples > 3
        print(f"at most {self.most >> 10} KiB in {self.samples} samples")
        assert ASAN or self.most < LIMIT, f"{self.most >> 10} KiB"

    def run(self) -> None:
        while not self._end.is_set():
            self.most = max(self.most, procs.pss(self.edge.pids()))
            self.samples += 1
            self._end.wait(0.1)


@pytest.fixture(scope="module")
def expected() -> str:
    """The checksum of what is sent, made once."""
    digest = hashlib.sha256()
    for block in pattern(SIZE):
        digest.update(block)
    return digest.hexdigest()


def hashed(pieces: Iterator[bytes]) -> tuple[int, str]:
    digest, length = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        length += len(piece)
    return length, digest.hexdigest()


def test_upload(house: House, expected: str) -> None:
    house.backend.app = checksum
    with Watch(house.edge), house.connect(timeout=60) as client:
        client.send(client.head("POST", "/", [("Content-Length", str(SIZE))]))
        for block in pattern(SIZE):
            client.send(block)
        assert client.response().body.decode() == f"{SIZE} {expected}"


def test_download(house: House, expected: str) -> None:
    house.backend.app = download(SIZE)
    with Watch(house.edge), house.connect(timeout=60) as client:
        client.send(client.head())
        head = client.response_head()
        assert hashed(client.reader.pieces(int(head.fields.get("Content-Length")))) == (SIZE, expected)


def test_chunked_both_ways(house: House) -> None:
    """No TLS here; no length is known on either side; read and written at the same time."""
    size = 128 << 20

    def mirror(visit) -> None:
        visit.begin(fields=[("Transfer-Encoding", "chunked")])
        for piece in visit.pieces():
            visit.chunk(piece)
        visit.last_chunk()

    house.backend.app = mirror
    with Watch(house.edge), house.connect("both.edge.test", plain=True, timeout=60) as client:
        client.send(client.head("POST", "/", [("Transfer-Encoding", "chunked")]))

        def upload() -> None:
            for block in pattern(size):
                client.send(b"%x\r\n" % len(block) + bytes(block) + b"\r\n")
            client.send(b"0\r\n\r\n")

        thread = threading.Thread(target=upload, daemon=True)
        thread.start()
        head = client.response_head()
        got = hashed(client.reader.body(head, Fields(), until_close=False))
        thread.join()
    assert got == hashed(pattern(size))


def test_nothing_of_a_body_is_written_to_disk(house: House) -> None:
    house.backend.app = checksum
    data = house.edge.data

    def on_disk() -> dict[str, int]:
        return {str(p): p.stat().st_size for p in data.rglob("*") if p.is_file()}

    before, written = on_disk(), procs.written_to_disk(house.edge.pids())
    with house.connect() as client:
        client.send(client.head("POST", "/", [("Content-Length", str(64 * BLOCK))]))
        for block in pattern(64 * BLOCK):
            client.send(block)
        assert client.response().status == 200
    assert on_disk() == before
    assert procs.written_to_disk(house.edge.pids()) - written < BLOCK
    assert not [d for pid in house.edge.pids() for d in procs.descriptors(pid).values() if "(deleted)" in d and "memfd" not in d]
