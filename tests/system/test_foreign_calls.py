"""Workers, keepers and resolvers on a Raspberry Pi make no call that their jail refuses.

The lists of allowed calls were written on another processor, where no error in them shows; a missing one would end every worker.
Debian 12 and 13: a newer libc makes other calls.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.calls import read, refused
from lib.deb import package
from lib.namespace import foreign_command
from lib.roots import TOP, Root, native

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
# Something of all that each role does. The verdicts do not count here: the emulator takes files of /etc from the foreign root.
WORK = """
test_http.py test_acme_first.py test_passthrough.py test_backends_limit.py test_backends_proxy_protocol.py
test_https_backend.py::test_connections_are_kept_and_sessions_resumed test_https_backend.py::test_upload_and_download
test_resolver.py::test_dns test_resolver.py::test_a_container_that_restarted_elsewhere
test_resolver.py::test_a_name_that_hangs_holds_up_nobody
test_health.py::test_a_connection_is_enough test_health.py::test_over_tls test_health.py::test_over_a_unix_socket
test_health.py::test_with_a_proxy_header
""".split()
SECONDS = 700


def work(root: Path, binary: Path, logs: Path) -> str:
    """Runs end-to-end tests with the foreign binary; what it prints."""
    env = os.environ | {
        "EDGE_BIN": str(binary),
        "EDGE_ROOT": str(TOP),
        "EDGE_VARIANT": "release",
        "QEMU_LD_PREFIX": str(root),
        "QEMU_STRACE": "1",
        "QEMU_LOG_FILENAME": str(logs / "%d"),
    }
    env.pop("PYTHONPATH", None)
    tests = [str(TOP / "tests/e2e" / name) for name in WORK]
    # A loopback of its own, where a DNS server of the tests may listen.
    command = foreign_command(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, network=False)
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=SECONDS, cwd=TOP, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("suite", ["bookworm", "trixie"], ids=["debian12", "debian13"])
@pytest.mark.parametrize("arch", [a for a in ("arm64", "armhf") if a != native()])
def test_no_call_is_refused(arch: str, suite: str, bootable: None, tmp_path: Path) -> None:
    root = Root(suite, arch, booted=False).ready()
    subprocess.run(["dpkg-deb", "-x", str(package(arch)), str(tmp_path / "deb")], check=True)
    logs = tmp_path / "logs"
    logs.mkdir()
    logs.chmod(0o777)  # of a daemon that has dropped its rights
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    told = work(root, tmp_path / "deb/usr/bin/edge", logs)
    all_seen = [seen for log in logs.iterdir() if (seen := read(log))]
    assert {seen.role for seen in all_seen} >= {"worker", "keeper", "resolver"}, f"not all was seen:\n{told[-4000:]}"
    bad = {f"{seen.role}: {call}" for seen in all_seen for call in refused(seen)}
    assert not bad, "\n".join(sorted(bad)[:40])
