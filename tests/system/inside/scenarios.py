"""Which steps make a boot."""

from inside import backends, first_boot, later_life, taken_ports

SCENARIOS = {
    "first-boot": first_boot.steps,
    "second-boot": later_life.steps,
    "taken-ports": taken_ports.steps,
    "backends": backends.steps,
}
