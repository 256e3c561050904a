"""The machine as its owner and his visitors see it: commands, units, the CA, a backend, pages."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

from lib.acme import Leaf, presented
from lib.backend import Backend
from lib.certs import Authority
from lib.clients import Client
from lib.net import await_true
from lib.pebble import Pebble, Trust

HOST = "photos.example.test"
CONFIG, DATA = Path("/etc/edge/edge.conf"), Path("/var/lib/edge")
ISSUED_WITHIN = 40.0  # seconds
CA_PORT = 14000
BACKEND_PORT = 2342


def sh(command: str, status: int | None = 0, root: Path = Path("/"), **env: str) -> str:
    """Its output, both kinds; `status` is what it must end with (None: no matter)."""
    done = subprocess.run(
        ["chroot", str(root), "/bin/sh", "-c", f"cd /opt/steps && {command}"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, env=os.environ | env, check=False,
    )  # fmt: skip
    assert status is None or done.returncode == status, f"{command}: exit status {done.returncode}\n{done.stdout}"
    return done.stdout


def install(deb: str = "edge.deb") -> str:
    return sh(f"apt-get -q -y install ./{deb}")


def property_of(unit: str, name: str) -> str:
    return sh(f"systemctl show --value --property={name} {unit}").strip()


def main_pid() -> int:
    return int(property_of("edge.service", "MainPID"))


def active(unit: str = "edge.service") -> bool:
    return property_of(unit, "ActiveState") == "active"


def await_active(unit: str = "edge.service", seconds: float = 30) -> None:
    await_true(f"{unit} is active", lambda: active(unit), seconds)


def page(url: str, *options: str) -> tuple[int, str]:
    """Status and body as curl gets them."""
    text = sh(f"curl -sS --max-time 20 -w '\\n%{{http_code}}' {' '.join(options)} {url}")
    body, _, code = text.rpartition("\n")
    return int(code), body


def listens(port: int) -> bool:
    with socket.socket() as s:
        s.settimeout(5)
        return s.connect_ex(("127.0.0.1", port)) == 0


def journal(unit: str) -> str:
    return sh(f"journalctl -b --no-pager -u {unit}")


def presents(host: str = HOST) -> Leaf:
    """The certificate that visitors get."""
    return presented(SimpleNamespace(https=443), host)


def presents_nothing(host: str) -> bool:
    """The handshake is refused: no certificate for that name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", 443), timeout=10) as plain, context.wrap_socket(plain, server_hostname=host):
            return False
    except ssl.SSLError:
        return True


class World:
    """What stays from step to step, and over a boot: the CA's own root and what the steps remember."""

    def __init__(self, root: Path = Path("/")) -> None:
        """`root`: of the system that edge is installed in."""
        self.root = root
        self.place = root / "opt/steps/world"
        self.place.mkdir(exist_ok=True, mode=0o755)
        self.pebble: Pebble | None = None
        self._memory = self.place / "memory.json"
        self.backend = Backend()

    def close(self) -> None:
        self.stop_ca()

    def sh(self, command: str, status: int | None = 0, **env: str) -> str:
        return sh(command, status, self.root, **env)

    # --- what is remembered ---

    def remember(self, **facts: str) -> None:
        self._memory.write_text(json.dumps(self._facts() | facts))

    def _facts(self) -> dict[str, str]:
        return json.loads(self._memory.read_text()) if self._memory.exists() else {}

    def remembered(self, name: str) -> str:
        return self._facts()[name]

    # --- the CA ---

    @cached_property
    def authority(self) -> Authority:
        """Whose root is behind the CA's own HTTPS; made anew at each boot."""
        place = self.place / "ca"
        place.mkdir(exist_ok=True, mode=0o755)
        return Authority(place)

    def start_ca(self) -> None:
        """Validates at port 80 of this machine, which every name leads to."""
        self.pebble = Pebble(self.authority.place, self.authority)
        self.pebble.port = CA_PORT
        self.pebble.start(80)

    def stop_ca(self) -> None:
        if self.pebble:
            self.pebble.stop()
        self.pebble = None

    def use_ca(self) -> None:
        """Written into the configuration, as a person would."""
        ca = Path("/") / self.place.relative_to(self.root) / "ca/ca.pem"
        with open(self.root / CONFIG.relative_to("/"), "a", encoding="utf-8") as config:
            config.write(f"\nacme {{\n    directory https://localhost:{CA_PORT}/dir\n    ca_file {ca}\n}}\n")

    # --- what visitors see ---

    def visit(self, host: str = HOST) -> dict:
        """A page by HTTPS, the certificate verified against the CA that issued it, as the backend saw the request."""
        root = self.place / "ca/pebble-root.pem"
        with Client(443, host, Trust(root).client()) as client:
            return client.echo()

    def await_issued(self, host: str = HOST) -> Leaf:
        def new() -> Leaf | None:
            try:
                leaf = presents(host)
            except OSError:  # restarting, or no certificate at all yet
                return None
            return None if leaf.self_signed else leaf

        try:
            return await_true(f"a certificate of the CA for {host}", new, ISSUED_WITHIN)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.sh('edge certs', status=None)}") from None

    def await_served(self, serial: str, host: str = HOST) -> None:
        """Visitors get that very certificate."""

        def same() -> bool:
            try:
                return presents(host).serial == serial
            except OSError:
                return False

        await_true(f"{host} is served with certificate {serial}", same, 30)


def certs() -> list[dict]:
    return json.loads(sh("edge certs --json"))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def no_secrets(text: str) -> None:
    found = re.search(r"PRIVATE KEY|\"d\"\s*:|BEGIN EC|MIG[HT]AgEA", text)
    assert not found, f"the journal has {found[0]!r}"
