"""What the steps of a machine came to: one JSON object a line, written by inside/steps.py."""

from __future__ import annotations

import json
from pathlib import Path


class Verdicts:
    def __init__(self, stem: Path, ended: str) -> None:
        """`stem`.verdicts, .journal and .console are read; `ended` tells how the machine did."""
        self.stem, self.ended = stem, ended
        lines = self._text("verdicts").splitlines()
        self.by_step = {verdict["step"]: verdict for verdict in map(json.loads, lines)}

    def _text(self, kind: str) -> str:
        path = Path(f"{self.stem}.{kind}")
        return path.read_text(errors="replace") if path.exists() else ""

    def check(self, step: str) -> None:
        """Fails as the step did, or because it was never reached."""
        verdict = self.by_step.get(step)
        if verdict and verdict["passed"]:
            return
        if verdict:
            what = f"{verdict['text']}\n--- {self.stem}.journal ends:\n{self._journal()}"
        elif self.by_step:
            what = f"never reached, because of `{list(self.by_step)[-1]}`; {self.ended}"
        else:
            what = f"no step began; {self.ended}\n{self._text('console')[-4000:]}"
        raise AssertionError(what)

    def _journal(self) -> str:
        """Without how the machine came up."""
        text = self._text("journal")
        return text[max(text.find("Started steps.service"), 0) :][-5000:]
