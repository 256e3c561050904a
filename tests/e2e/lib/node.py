"""Programs of tests/e2e/node, run by node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from lib.certs import Authority
from lib.program import Program

HERE = Path(__file__).resolve().parent.parent / "node"


def node(script: str, *args: object) -> list[str]:
    assert os.environ.get("NODE_PATH"), "NODE_PATH must name the node_modules that tests/run.sh installs"
    return ["node", str(HERE / script), *map(str, args)]


class NodeServer:
    """A server that prints `port N` when it listens on that loopback port."""

    def __init__(self, place: Path, script: str, *args: object) -> None:
        self.program = Program(place / f"{script}.log", *node(script, *args))
        self.port = int(self.program.await_matches(r"^port (\d+)$")[0])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> NodeServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()


def node_client(ca: Authority, script: str, *args: object, env: dict[str, str] | None = None, seconds: float = 60) -> Any:
    """Runs it to its end; it trusts the tests' CA. What it prints last is JSON, which is returned."""
    done = subprocess.run(
        node(script, *args), env=os.environ | {"NODE_EXTRA_CA_CERTS": str(ca.ca)} | (env or {}),
        capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])
