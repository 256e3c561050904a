"""What /proc tells about processes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


def children(pid: int) -> list[int]:
    try:
        return [int(p) for t in Path(f"/proc/{pid}/task").iterdir() for p in (t / "children").read_text().split()]
    except FileNotFoundError:
        return []


def family(pid: int) -> list[int]:
    """pid and all its descendants."""
    found = [pid]
    for child in children(pid):
        found += family(child)
    return found


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except FileNotFoundError:
        return ""


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def alive(pid: int) -> bool:
    try:
        return status(pid)["State"][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def pss(pids: Iterable[int]) -> int:
    """Proportional memory in bytes: what the processes share counts once."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if found := re.search(r"^Pss:\s+(\d+) kB", text, re.M):
            total += int(found[1]) * 1024
    return total


def descriptors(pid: int) -> dict[int, str]:
    """Descriptor -> what it is, as the link in /proc/PID/fd says."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = os.readlink(entry)
        except FileNotFoundError:
            continue
    return found


class Inet(NamedTuple):
    port: int
    peer_port: int
    state: str  # hexadecimal: 01 established, 0A listening
    inode: str


def _inet(*protocols: str) -> Iterable[Inet]:
    for protocol in protocols:
        for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            word = line.split()
            port, peer_port = (int(word[i].split(":")[1], 16) for i in (1, 2))
            yield Inet(port, peer_port, word[3], word[9])


def sockets(pids: Iterable[int]) -> set[str]:
    """The inodes of their sockets."""
    links = (link for pid in pids for link in descriptors(pid).values())
    return {m[1] for link in links if (m := re.fullmatch(r"socket:\[(\d+)\]", link))}


def listening(pids: Iterable[int]) -> set[str]:
    """What they can be reached by: `tcp PORT`, `udp PORT`, `unix PATH`."""
    own = sockets(pids)
    found = {f"tcp {i.port}" for i in _inet("tcp", "tcp6") if i.state == "0A" and i.inode in own}
    found |= {f"udp {i.port}" for i in _inet("udp", "udp6") if i.inode in own}
    found |= {f"raw {i.port}" for i in _inet("raw", "raw6") if i.inode in own}
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        word = line.split()
        accepting = int(word[3], 16) & 0x10000  # __SO_ACCEPTCON
        if word[6] in own and accepting:
            found.add(f"unix {word[7] if len(word) > 7 else ''}")
    return found


def tcp_connections(pid: int) -> set[str]:
    """Inodes of its established TCP connections."""
    own = sockets([pid])
    return {i.inode for i in _inet("tcp", "tcp6") if i.state == "01" and i.inode in own}


def owner(pids: Iterable[int], client_port: int) -> int:
    """Which of the processes holds the connection that a client made from this port."""
    inodes = {i.inode for i in _inet("tcp", "tcp6") if i.peer_port == client_port}
    (pid,) = [p for p in pids if inodes & sockets([p])]
    return pid


def written_to_disk(pids: Iterable[int]) -> int:
    """Bytes that went to a block device on their account."""
    total = 0
    for pid in pids:
        text = Path(f"/proc/{pid}/io").read_text()
        total += int(re.search(r"^write_bytes: (\d+)", text, re.M)[1])
    return total
