"""
A live stream as Owncast and Jellyfin make it: HLS, a playlist and segments that are written while they are watched.

Field note: response buffering pauses video and event streams (jellyfin#3198); what arrives is sent at once. The server holds a
request for what is not there yet, as low-latency HLS does (RFC 8216bis, section 6.2.5.2): the playlist until a segment is
complete, a segment until its next piece is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from conftest import connect
from lib.backend import Visit
from lib.edge import Edge
from lib.net import await_true
from lib.wire import Fields

PIECE = 188 * 300  # whole packets of a transport stream
PIECES = 6
WAIT = 20


class Channel:
    """The stream's directory. The test writes it, `app` serves it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.complete: list[int] = []
        self._news = threading.Condition()

    def begin(self, number: int) -> None:
        with self._news:
            self.segment(number).touch()
            self._news.notify_all()

    def append(self, number: int) -> bytes:
        data = os.urandom(PIECE)
        with self._news, self.segment(number).open("ab") as file:
            file.write(data)
            file.flush()
            self._news.notify_all()
        return data

    def finish(self, number: int) -> None:
        with self._news:
            self.complete.append(number)
            self._news.notify_all()

    def segment(self, number: int) -> Path:
        return self.place / f"{number}.ts"

    def _await(self, test: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(test, WAIT), "nothing was written"

    # --- the server ---

    def app(self, visit: Visit) -> None:
        url = urlsplit(visit.target)
        if url.path == "/live.m3u8":
            self._playlist(visit, int(parse_qs(url.query)["_HLS_msn"][0]))
        else:
            self._segment(visit, int(url.path.strip("/").removesuffix(".ts")))

    def _playlist(self, visit: Visit, number: int) -> None:
        self._await(lambda: number in self.complete)
        lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:2"]
        for done in self.complete:
            lines += ["#EXTINF:2.0,", f"{done}.ts"]
        visit.answer("\n".join(lines).encode(), fields=[("Content-Type", "application/vnd.apple.mpegurl")])

    def _segment(self, visit: Visit, number: int) -> None:
        visit.begin(fields=[("Content-Type", "video/mp2t"), ("Transfer-Encoding", "chunked")])
        with self.segment(number).open("rb") as file:
            ended = False
            while not ended:
                self._await(lambda: number in self.complete or os.fstat(file.fileno()).st_size > file.tell())
                ended = number in self.complete
                if data := file.read():
                    visit.chunk(data)
        visit.last_chunk()


@pytest.fixture
def channel(place: Path) -> Channel:
    return Channel(place)


@pytest.fixture
def edge(make_edge: Callable, make_backend: Callable, channel: Channel, ca) -> Edge:
    return make_edge(f"live.edge.test {{ proxy {make_backend(channel.app).address}\n {ca.tls('live.edge.test')} }}")


class Watched:
    """A segment as one player gets it."""

    def __init__(self, edge: Edge, ca, number: int) -> None:
        self.client = connect(edge, ca, "live.edge.test")
        self.client.send(self.client.head("GET", f"/{number}.ts"))
        head = self.client.response_head()
        assert head.status == 200 and head.fields.get("Content-Type") == "video/mp2t"
        self.digest = hashlib.sha256()
        self.pieces: Iterator[bytes] = self.client.reader.body(head, Fields(), until_close=False)

    def expect(self, piece: bytes) -> None:
        got = b""
        while len(got) < len(piece):
            got += next(self.pieces)
        assert got == piece
        self.digest.update(got)

    def close(self) -> None:
        self.client.close()


def test_each_piece_as_it_is_written(edge: Edge, channel: Channel, ca) -> None:
    """Three players have each piece before the next one is written, and the playlist when the segment is complete."""
    with contextlib.ExitStack() as stack:
        playlist = stack.enter_context(connect(edge, ca, "live.edge.test"))
        for number in range(3):
            channel.begin(number)
            players = [stack.enter_context(contextlib.closing(Watched(edge, ca, number))) for _ in range(3)]
            playlist.send(playlist.head("GET", f"/live.m3u8?_HLS_msn={number}"))
            for _ in range(PIECES):
                piece = channel.append(number)
                for player in players:
                    player.expect(piece)
            assert playlist.open_still()
            channel.finish(number)
            assert playlist.response().body.decode().splitlines()[-1] == f"{number}.ts"
            whole = hashlib.sha256(channel.segment(number).read_bytes()).digest()
            for player in players:
                assert next(player.pieces, b"the end") == b"the end"
                assert player.digest.digest() == whole


def test_curl_watches(edge: Edge, channel: Channel, ca, place: Path) -> None:
    """A player that other people wrote."""
    channel.begin(0)
    seen = place / "seen"
    command = [
        "curl", "-sSN", "--noproxy", "*", "--max-time", "60", "--cacert", str(ca.ca), "-o", str(seen),
        "--resolve", f"live.edge.test:{edge.https}:127.0.0.1", f"https://live.edge.test:{edge.https}/0.ts",
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as curl:
        for number in range(1, PIECES + 1):
            channel.append(0)
            await_true(f"piece {number}", lambda size=number * PIECE: seen.exists() and seen.stat().st_size == size, WAIT)
        channel.finish(0)
        assert curl.wait(WAIT) == 0
    assert seen.read_bytes() == channel.segment(0).read_bytes()
