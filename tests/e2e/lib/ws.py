"""Websockets with Debian's python3-websockets, server and client, in the common subset of its versions 10 to 15."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator
from typing import Any

import websockets

from lib.certs import Authority
from lib.edge import Edge


class Sockets:
    """A websocket server in a thread. Paths: /echo (default), /sink reads only, /close/CODE closes, /burst/N sends N messages."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        """context: it speaks TLS."""
        self.context = context
        self.port = 0
        self.opened = 0
        self.ended: list[int] = []
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sockets:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        server = await websockets.serve(self._handle, "127.0.0.1", 0, ssl=self.context, max_size=1 << 26, ping_interval=None, close_timeout=2)
        self.port = next(iter(server.sockets)).getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()
        await server.wait_closed()

    async def _handle(self, ws: Any, _path: str | None = None) -> None:
        self.opened += 1
        path = ws.path if hasattr(ws, "path") else ws.request.path
        word = path.strip("/").split("/")
        try:
            if word[0] == "close":
                await ws.close(int(word[1]), "as you wish")
            for i in range(int(word[1]) if word[0] == "burst" else 0):
                await ws.send(f"{i}")
            async for message in ws:
                if word[0] != "sink":
                    await ws.send(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.ended.append(ws.close_code or 0)


@contextlib.asynccontextmanager
async def ws_session(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
    """ws_connect() for one `async with`."""
    ws = await ws_connect(*args, **kwargs)
    try:
        yield ws
    finally:
        await ws.close()


async def ws_connect(edge: Edge, ca: Authority, path: str = "/echo", host: str = "photos.edge.test", **kwargs: Any) -> Any:
    """A client connection through edge."""
    kwargs.setdefault("max_size", 1 << 26)
    kwargs.setdefault("close_timeout", 5)
    return await websockets.connect(
        f"wss://{host}:{edge.https}{path}",
        host="127.0.0.1", port=edge.https, ssl=ca.client(), server_hostname=host, **kwargs,
    )  # fmt: skip
