"""Pebble, Let's Encrypt's CA for tests, with its DNS server: loopback only, ports of its own, Debian's versions from 2.4 to 2.10."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import urllib.request
from pathlib import Path

from lib.certs import Authority
from lib.net import await_true, connects, free_port
from lib.program import Program

PEBBLE, DNS = "pebble", "pebble-challtestsrv"
YEAR = 365 * 24 * 3600


class Trust:
    """What a client needs to verify what a CA issued; the same names as in lib.certs.Authority."""

    def __init__(self, ca: Path) -> None:
        self.ca = ca

    def client(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
        return context


class Pebble:
    """`start(port)` makes it validate at that HTTP port; every name is 127.0.0.1. A start after stop() is a CA that forgot everything."""

    def __init__(
        self,
        place: Path,
        ca: Authority,
        *,
        validity: int = 5 * YEAR,
        nonce_reject: int = 0,
        authz_reuse: int = 0,
        chain_length: int = 1,
        retry_after: int = 1,
    ) -> None:
        """`ca` signs the certificate of its own HTTPS. Percentages, seconds."""
        self.place, self.ca = place, ca
        self.port, self.management, self.dns_port, self.dns_management = (free_port() for _ in range(4))
        self.validity, self.retry_after = validity, retry_after
        self.env = {
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": str(nonce_reject),
            "PEBBLE_AUTHZREUSE": str(authz_reuse),
            "PEBBLE_CHAIN_LENGTH": str(chain_length),
        }
        self.root = place / "pebble-root.pem"
        self.trust = Trust(self.root)
        self.program: Program | None = None
        self._dns: Program | None = None

    # --- life ---

    @property
    def directory(self) -> str:
        """By name: BearSSL cannot verify a bare address."""
        return f"https://localhost:{self.port}/dir"

    def directive(self, port: int = 0) -> str:
        """For edge's configuration; `port`: of a proxy in front of it."""
        return f"acme {{\n    directory https://localhost:{port or self.port}/dir\n    ca_file {self.ca.ca}\n}}"

    def start(self, http_port: int) -> Pebble:
        for program in (PEBBLE, DNS):
            assert shutil.which(program), f"no {program} (Debian's package pebble)"
        config = self._write_config(http_port)
        self._dns = Program(self.place / "dns.log", DNS, *self._dns_options())
        dns = f"127.0.0.1:{self.dns_port}"
        self.program = Program(self.place / "pebble.log", PEBBLE, "-config", str(config), "-dnsserver", dns, env=self.env)
        own_root = self.program.await_matches(r"Generated new root issuer CN=(\S.*?) (?:with|and)\b")[0]
        await_true("Pebble's ports", lambda: not self.alive() or all(map(connects, (self.port, self.management, self.dns_management))))
        assert self.alive(), "\n".join(self.program.lines + self._dns.lines)
        self.root.write_bytes(self.manage("/roots/0"))
        subject = subprocess.run(["openssl", "x509", "-in", self.root, "-noout", "-subject"], capture_output=True, text=True, check=True)
        assert own_root in subject.stdout, f"another Pebble answers at port {self.management}: {subject.stdout}"
        return self

    def _write_config(self, http_port: int) -> Path:
        cert, key = self.ca.leaf("localhost")
        path = self.place / "pebble.json"
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(cert),
            "privateKey": str(key),
            "httpPort": http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "retryAfter": {"authz": self.retry_after, "order": self.retry_after},
            # 2.4 knows the first alone; 2.10 picks a random profile for an order that names none.
            "certificateValidityPeriod": self.validity,
            "keyAlgorithm": "ecdsa",
            "profiles": {"default": {"description": "the only one", "validityPeriod": self.validity}},
        }
        path.write_text(json.dumps({"pebble": settings}, indent=1))
        return path

    def _dns_options(self) -> list[str]:
        told = subprocess.run([DNS, "-h"], capture_output=True, text=True, check=False)
        known = set(re.findall(r"^  -(\S+)", told.stderr + told.stdout, re.M))
        options = {
            "dnsserver" if "dnsserver" in known else "dns01": f"127.0.0.1:{self.dns_port}",
            "management": f"127.0.0.1:{self.dns_management}",
            "defaultIPv4": "127.0.0.1",
        } | {name: "" for name in ("defaultIPv6", "http01", "https01", "tlsalpn01", "doh")}
        return [word for name, value in options.items() if name in known for word in (f"-{name}", value)]

    def alive(self) -> bool:
        return bool(self.program and self.program.alive() and self._dns.alive())

    def stop(self) -> None:
        for program in (self.program, self._dns):
            if program:
                program.stop()

    # --- what it is asked ---

    def manage(self, path: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.ca.ca))
        with urllib.request.urlopen(f"https://localhost:{self.management}{path}", context=context, timeout=10) as answer:
            return answer.read()

    def dns(self, command: str, name: str) -> None:
        """`set-servfail`, `clear-servfail` …"""
        body = json.dumps({"host": f"{name}."}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.dns_management}/{command}", data=body, timeout=10) as answer:
            assert answer.status == 200

    # --- what it has seen, from its log ---

    @property
    def orders(self) -> int:
        return len(self.program.matches(r'Added order "'))

    @property
    def issued(self) -> list[str]:
        """Serial numbers without leading zeros, oldest first."""
        return self.program.matches(r"Issued certificate serial 0*(\w+) ")

    @property
    def posts(self) -> list[str]:
        """Their paths, oldest first."""
        return self.program.matches(r"POST (\S+) -> calling handler")

    @property
    def validations(self) -> int:
        """Challenges that were looked at; each is asked for three times."""
        return len(self.program.matches(r"Pulled a task from the Tasks queue"))

    def await_validated(self, count: int) -> None:
        """So many challenges have their result."""
        self.program.await_matches(r"set (VALID|INVALID) by completed challenge", count)
