"""A CA and an edge that asks it; what the commands say and what clients see."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lib.edge import BIN, Edge, environment, run
from lib.net import await_true
from lib.pebble import Pebble, Trust

FIRST_WITHIN = 30.0  # seconds, on a busy machine with sanitizers


@dataclass(frozen=True)
class Leaf:
    """The certificate that a client gets."""

    serial: str
    issuer: str
    names: tuple[str, ...]
    pem: str

    @property
    def self_signed(self) -> bool:
        return "Pebble" not in self.issuer


def presented(edge: Edge, host: str) -> Leaf:
    """By a handshake that verifies nothing."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", edge.https), timeout=20) as plain, context.wrap_socket(plain, server_hostname=host) as s:
        pem = ssl.DER_cert_to_PEM_cert(s.getpeercert(binary_form=True))
    text = x509(pem, "-serial", "-issuer", "-ext", "subjectAltName", "-nameopt", "RFC2253")
    names = tuple(sorted(re.findall(r"DNS:([^,\s]+)", text)))
    issuer = re.search(r"^issuer=(.*)$", text, re.M)[1]
    return Leaf(re.search(r"^serial=(\w+)$", text, re.M)[1].lower().lstrip("0"), issuer, names, pem)


def x509(pem: str, *args: str) -> str:
    done = subprocess.run(["openssl", "x509", "-noout", *args], input=pem, capture_output=True, text=True, check=True)
    return done.stdout


def await_issued(edge: Edge, host: str, other_than: str = "", seconds: float = FIRST_WITHIN) -> Leaf:
    """Waits until clients get a certificate of the CA, another one than that serial number."""

    def new() -> Leaf | None:
        leaf = presented(edge, host)
        return leaf if not leaf.self_signed and leaf.serial != other_than else None

    return await_true(f"a certificate of the CA for {host}", new, seconds)


def renew(edge: Edge, *args: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return run("renew", "-c", str(edge.conf), *args, timeout=timeout)


def renewed(edge: Edge, *args: str) -> str:
    """`edge renew` that must succeed; what it printed."""
    done = renew(edge, *args)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def renew_in_background(edge: Edge, *args: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [BIN, "renew", "-c", str(edge.conf), *args], text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    edge.commands.append(process)
    return process


def certs_text(edge: Edge) -> str:
    done = run("certs", "-c", str(edge.conf))
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def certs_json(edge: Edge) -> Any:
    done = run("certs", "--json", "-c", str(edge.conf))
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout)


@dataclass
class Lab:
    """edge with Pebble as its CA."""

    edge: Edge
    pebble: Pebble

    @property
    def trust(self) -> Trust:
        return self.pebble.trust

    def await_issued(self, host: str, other_than: str = "") -> Leaf:
        return await_issued(self.edge, host, other_than)


MakeLab = Callable[..., Lab]
