"""Names as a machine sees them: files of its own in /etc, and a DNS server whose answers a test chooses."""

from __future__ import annotations

import random
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
_A = 1

Answer = list[str] | int | None  # addresses, an error, or silence


class Dns:
    """On port 53 of a loopback address of its own, which takes the rights to bind there. `names` may be changed at any time."""

    def __init__(self, **names: Answer) -> None:
        self.names = {name.replace("_", "."): answer for name, answer in names.items()}
        self.asked: list[str] = []
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = ".".join(["127", *(str(random.randrange(10, 250)) for _ in range(3))])
        self._sock.bind((self.address, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                query, peer = self._sock.recvfrom(4096)
            except OSError:
                return
            answer = self._answer(query)
            if answer:
                self._sock.sendto(answer, peer)

    def _answer(self, query: bytes) -> bytes | None:
        end = query.index(b"\0", 12) + 5
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1 : at + 1 + query[at]].decode())
            at += 1 + query[at]
        text, kind = ".".join(name).lower(), struct.unpack("!H", query[end - 4 : end - 2])[0]
        self.asked.append(text)
        found = self.names.get(text, NXDOMAIN)
        if found is None:
            return None
        code, addresses = (found, []) if isinstance(found, int) else (NOERROR, found if kind == _A else [])
        head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(addresses), 0, 0)
        records = [b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 0, 4) + socket.inet_aton(a) for a in addresses]
        return head + query[12:end] + b"".join(records)

    def stop(self) -> None:
        self._sock.close()


class Etc:
    """/etc/hosts, resolv.conf and nsswitch.conf of one edge: give `before` to it."""

    def __init__(self, place: Path, dns: Dns | None = None, options: str = "timeout:1 attempts:1") -> None:
        self.hosts = place / "hosts"
        files = {
            "hosts": "",
            "resolv.conf": f"nameserver {dns.address if dns else '127.0.0.1'}\noptions {options}\n",
            "nsswitch.conf": "hosts: files dns\n" if dns else "hosts: files\n",
        }
        for name, text in files.items():
            (place / name).write_text(text)
        mounts = " && ".join(f"mount --bind {place / name} /etc/{name}" for name in files)
        self.before = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]

    def say(self, **names: str) -> None:
        """What /etc/hosts says from now on; `_` stands for a dot."""
        self.hosts.write_text("".join(f"{ip} {name.replace('_', '.')}\n" for name, ip in names.items()))


MakeDns = Callable[..., Dns]
