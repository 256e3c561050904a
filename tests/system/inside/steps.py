"""A step is a function that fails by an exception; its verdict is a line of JSON."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO


class Steps:
    """Steps in their order: `@steps("what a user sees")` adds one. After a failure of one that is `vital` the rest makes no sense."""

    def __init__(self) -> None:
        self._all: list[tuple[str, Callable[[Any], None], bool]] = []

    def __call__(self, name: str, vital: bool = False) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        def add(function: Callable[[Any], None]) -> Callable[[Any], None]:
            self._all.append((name, function, vital))
            return function

        return add

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self._all]

    def run(self, world: Any, out: TextIO) -> None:
        for name, function, vital in self._all:
            start, text = time.monotonic(), ""
            try:
                function(world)
            except Exception:  # noqa: BLE001 - the verdict tells it
                text = traceback.format_exc()
            seconds = round(time.monotonic() - start, 1)
            out.write(json.dumps({"step": name, "passed": not text, "seconds": seconds, "text": text}) + "\n")
            out.flush()
            if text and vital:
                return
