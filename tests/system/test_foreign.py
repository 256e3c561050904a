"""The packages for other processors, installed and run under emulation. Each case is a step: see inside/foreign.py."""

from __future__ import annotations

import pytest
from inside import foreign

from lib.deb import package
from lib.foreign import run_foreign
from lib.roots import Root, native
from lib.verdicts import Verdicts

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module", params=[arch for arch in ("arm64", "armhf") if arch != native()])
def verdicts(request: pytest.FixtureRequest, bootable: None) -> Verdicts:
    root = Root("bookworm", request.param, booted=False).ready()
    return run_foreign(f"bookworm-{request.param}", root, package(request.param))


@pytest.mark.parametrize("step", foreign.steps.names)
def test_foreign(verdicts: Verdicts, step: str) -> None:
    verdicts.check(step)
