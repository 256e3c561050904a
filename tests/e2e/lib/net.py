"""Ports and waiting."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_given: set[int] = set()


def free_port() -> int:
    """A port that nothing uses, below those the kernel gives to outgoing connections; random, so that test runs do not collide."""
    for _ in range(200):
        port = random.randrange(12000, 32000)
        if port in _given:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise RuntimeError("no free port")


def connects(port: int) -> bool:
    """Somebody listens there."""
    with socket.socket() as s:
        s.settimeout(5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def await_true(what: str, test: Callable[[], T], seconds: float = 10) -> T:
    """Polls until test() is true and returns it; fails with what was awaited."""
    end = time.monotonic() + seconds
    while not (value := test()):
        assert time.monotonic() < end, f"after {seconds} s still not: {what}"
        time.sleep(0.01)
    return value


def await_standstill(value: Callable[[], int], quiet: float = 0.7, seconds: float = 30) -> int:
    """Waits until a growing number has stopped growing, and returns it."""
    end = time.monotonic() + seconds
    last, since = value(), time.monotonic()
    while time.monotonic() - since < quiet:
        assert time.monotonic() < end, f"still growing: {last}"
        time.sleep(0.02)
        if (now := value()) != last:
            last, since = now, time.monotonic()
    return last
