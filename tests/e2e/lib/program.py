"""Other people's programs that run beside edge, and what they say."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from pathlib import Path


class Program:
    """A program that logs lines, and who waits for one of them."""

    def __init__(self, log: Path, *args: str, env: dict[str, str] | None = None) -> None:
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._log = log
        # Never outlives the tests, however they end.
        args = ("setpriv", "--pdeathsig", "KILL", *args)
        self._process = subprocess.Popen(
            args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | (env or {}), text=True
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with open(self._log, "a", encoding="utf-8") as log:
            for line in self._process.stdout:
                log.write(line)
                with self._more:
                    self.lines.append(line.rstrip("\n"))
                    self._more.notify_all()
        self._process.wait()  # its output ends a moment before it does
        with self._more:
            self._more.notify_all()

    def matches(self, pattern: str) -> list[str]:
        """The first group (or all) of each match, oldest first."""
        return [m[m.re.groups and 1] for line in list(self.lines) if (m := re.search(pattern, line))]

    def await_matches(self, pattern: str, count: int = 1, seconds: float = 10) -> list[str]:
        with self._more:
            self._more.wait_for(lambda: len(self.matches(pattern)) >= count or self._process.poll() is not None, seconds)
        found = self.matches(pattern)
        assert len(found) >= count, f"{len(found)} of {count} lines {pattern!r}:\n" + "\n".join(self.lines)
        return found

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._thread.join(10)
