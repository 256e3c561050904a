"""Foreign processors: a user namespace with its own binfmt_misc, so that nothing on this machine changes.

unshare's own --map-users asks newuidmap, which wants an entry in /etc/subuid even of root. So one process opens the namespace,
root writes its maps from outside, and only then the command goes on in it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

USERS = "0 0 65536"
# ELF header and mask: class, byte order and machine count, the kind of executable does not.
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_FORMATS = {
    "aarch64": r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
    "arm": r"\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00",
}
_INSIDE = """
set -e
mount --make-rprivate /
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
"""


def foreign_command(*command: str, network: bool = True) -> list[str]:
    """That command, with programs of foreign processors runnable. Without network: a loopback of its own."""
    return [sys.executable, str(Path(__file__).resolve()), "yes" if network else "no", *command]


def _registration() -> str:
    # O, C, F: by descriptor, with the program's own rights, and the emulator opened now: it is not in the foreign root.
    lines = []
    for name, magic in _FORMATS.items():
        # Debian 13 calls its static one by the shorter name.
        emulator = shutil.which(f"qemu-{name}-static") or shutil.which(f"qemu-{name}")
        if not emulator:
            sys.exit(f"no qemu-{name}-static (tests/packages.txt, group foreign)")
        lines.append(f"printf '%s' ':qemu-{name}:M:0:{magic}:{_MASK}:{emulator}:OCF' >/proc/sys/fs/binfmt_misc/register")
    return "\n".join(lines)


def _enter(network: bool, command: list[str]) -> None:
    """Does not return. What runs inside ends with this process, however that ends."""
    ready_out, ready_in = os.pipe()
    mapped_out, mapped_in = os.pipe()
    inside = os.fork()
    if inside == 0:
        os.close(ready_out)
        os.close(mapped_in)
        script = f"echo ready >&{ready_in}; exec {ready_in}>&-; read -r _ <&{mapped_out}; exec \"$@\""
        nets = [] if network else ["--net"]
        os.set_inheritable(ready_in, True)
        os.set_inheritable(mapped_out, True)
        setup = _INSIDE + _registration() + ("" if network else "\nip link set lo up") + '\nexec "$@"'
        # The inner unshare comes after the maps: mounts need root of the namespace.
        inner = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *nets, "sh", "-c", setup, "sh", *command]
        os.execvp("unshare", ["unshare", "--user", "bash", "-c", script, "bash", "setpriv", "--pdeathsig", "KILL", *inner])
    os.close(ready_in)
    os.close(mapped_out)
    if not os.read(ready_out, 16):
        sys.exit("a user namespace was refused: foreign processors cannot be tested here")
    for name in ("gid_map", "uid_map"):
        Path(f"/proc/{inside}/{name}").write_text(USERS)
    os.write(mapped_in, b"go\n")
    _, status = os.waitpid(inside, 0)
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


if __name__ == "__main__":
    _enter(sys.argv[1] == "yes", sys.argv[2:])
