"""The package in the life of a Debian machine. Each case is a step that ran inside: see inside/."""

from __future__ import annotations

import pytest
from inside import backends, first_boot, later_life, taken_ports

from lib.machine import Machine
from lib.verdicts import Verdicts


@pytest.fixture(scope="module")
def boots(debian: Machine) -> dict[str, Verdicts]:
    """One after the other on the same disk."""
    return {scenario: debian.boot(scenario) for scenario in ("first-boot", "second-boot", "taken-ports", "backends")}


@pytest.mark.parametrize("step", first_boot.steps.names)
def test_first_boot(boots: dict[str, Verdicts], step: str) -> None:
    boots["first-boot"].check(step)


@pytest.mark.parametrize("step", later_life.steps.names)
def test_after_a_reboot(boots: dict[str, Verdicts], step: str) -> None:
    boots["second-boot"].check(step)


@pytest.mark.parametrize("step", taken_ports.steps.names)
def test_taken_ports(boots: dict[str, Verdicts], step: str) -> None:
    boots["taken-ports"].check(step)


@pytest.mark.parametrize("step", backends.steps.names)
def test_backends(boots: dict[str, Verdicts], step: str) -> None:
    boots["backends"].check(step)
