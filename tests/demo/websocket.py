"""Says something over a websocket and prints the echo.

usage: websocket.py HOST PORT CA-FILE MESSAGE [COMMAND...]    COMMAND is run while the websocket is open, before anything is said
"""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys

import websockets


async def main(host: str, port: int, ca: str, message: str, command: list[str]) -> None:
    url = f"wss://{host}:{port}/ws"
    context = ssl.create_default_context(cafile=ca)
    ws = await websockets.connect(url, host="127.0.0.1", port=port, ssl=context, server_hostname=host)
    if command:
        # Its output is for standard error: what is printed here is the echo.
        await asyncio.to_thread(subprocess.run, command, stdout=sys.stderr, check=True)
    await ws.send(message)
    print(await asyncio.wait_for(ws.recv(), 10))
    await ws.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:]))
