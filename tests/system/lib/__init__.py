"""What the tests of whole machines share. Pebble, backends and clients are those of the end-to-end tests, found here as well."""

from pathlib import Path

E2E = Path(__file__).resolve().parents[2] / "e2e/lib"
__path__.append(str(E2E))
