"""Runs the scenario whose name is in the file `scenario`; the verdicts go into the file `verdicts`."""

from pathlib import Path

from inside.scenarios import SCENARIOS
from inside.world import World


def main() -> None:
    steps = SCENARIOS[Path("scenario").read_text(encoding="ascii").strip()]
    world = World()
    with open("verdicts", "w", encoding="utf-8") as out:
        try:
            steps.run(world, out)
        finally:
            world.close()


main()
