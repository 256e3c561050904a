"""The system calls that edge's jailed processes make on another processor, against the lists of its jails.

Under emulation there is no seccomp, so nothing is refused there; but the emulator writes down every call, with its arguments, and
where the jail was entered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lib.roots import TOP

LISTS = TOP / "src/server/jail_seccomp.c"
_ENTERED = re.compile(r"^(\d+) prctl\((?:22|PR_SET_SECCOMP),.*$", re.M)
# Threads write into each other's lines.
_CALL = re.compile(r"(?:^|\))\d+ (\w+)\((.*)$", re.M)
# Its jail lets it read there, wherever that leads to; no other role asks before it is jailed.
_RESOLVER = re.compile(r'^\d+ readlink(?:at)?\(.*"/etc/resolv\.conf"', re.M)
# The first time of day asks for the zone. Refused, libc takes UTC, which is what edge prints.
_ZONE = re.compile(r'^\d+ openat\(AT_FDCWD,"/etc/localtime".*?^\d+ close\(\d+\).*?$', re.M | re.S)
# Commands that a worker's filter lets through, in the emulator's words.
_FCNTL = ("F_GETFD", "F_SETFD", "F_GETFL", "F_SETFL", "F_DUPFD_CLOEXEC", "F_GET_SEALS", "1034")


@dataclass
class Seen:
    role: str  # worker, keeper, answer or resolver
    calls: list[tuple[str, str]]  # name and arguments, since it was jailed


def allowed(role: str) -> set[str]:
    """The names on a role's list. Those that a processor lacks are on it too: it cannot call them."""
    rows = re.findall(r"\{__(?:ARM_)?NR_(\w+), (W|K|ALL),", LISTS.read_text().split("#if JAIL_ASAN\n    ")[0])
    assert len(rows) > 60, f"{LISTS} is written in another way now"
    return {name for name, jails in rows if role == "answer" or jails in ("ALL", role[0].upper())}


def denied() -> set[str]:
    """The names on the resolver's list, which is of what it cannot do."""
    names = re.findall(r"__NR_(\w+),", LISTS.read_text().partition("never[] = {")[2].partition("};")[0])
    assert "execve" in names, f"{LISTS} is written in another way now"
    return set(names)


def _role(before: str, calls: list[tuple[str, str]]) -> str | None:
    if _RESOLVER.search(before):
        return "resolver"
    accepts, writes = (any(name == wanted for name, _ in calls) for wanted in ("accept4", "pread64"))
    return "answer" if accepts and writes else "worker" if accepts else "keeper" if writes else None


def read(log: Path) -> Seen | None:
    """None: nobody entered a jail, or what it is cannot be told from the little it did."""
    text = log.read_text(errors="replace")
    entered = list(_ENTERED.finditer(text))
    if not entered:
        return None
    # A child that runs no program of its own writes into its parent's log.
    pid = entered[-1][1]
    own = "\n".join(line for line in text[entered[-1].end() :].splitlines() if line.startswith(f"{pid} "))
    calls = [(m[1], m[2]) for m in _CALL.finditer(_ZONE.sub("", own))]
    role = _role(text[: entered[-1].start()], calls)
    return Seen(role, calls) if role else None


def _argument_refused(role: str, name: str, arguments: str) -> bool:
    words = [word.strip() for word in arguments.split(",")]
    if name in ("mmap", "mmap2", "mprotect"):
        return "PROT_EXEC" in words[2]
    if name in ("fcntl", "fcntl64"):
        return role == "worker" and words[1].split(")")[0] not in _FCNTL
    if name == "socket":
        return words[0] not in ("PF_UNIX", "PF_INET", "PF_INET6") or not words[1].startswith("SOCK_STREAM")
    return False


def refused(seen: Seen) -> set[str]:
    """What the filter would have answered with EPERM."""
    if seen.role == "resolver":
        never = denied()
        return {f"{n}({a}" for n, a in seen.calls if n in never}
    names = allowed(seen.role)
    return {f"{n}({a}" for n, a in seen.calls if n not in names or _argument_refused(seen.role, n, a)}
