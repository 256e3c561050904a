"""Apache httpd with nothing but what a test loads: one process, a loopback port, everything in one directory."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from lib.edge import RUN_GROUP, RUN_USER
from lib.net import await_true, connects, free_port
from lib.program import Program

MODULES = Path("/usr/lib/apache2/modules")
ALWAYS = ["mpm_event", "authz_core"]
# The signal is named again: a change of the user takes the one of Program away.
AS_USER = ["setpriv", "--reuid", RUN_USER, "--regid", RUN_GROUP, "--clear-groups", "--pdeathsig", "KILL"]


class Apache:
    """`config` is added to httpd.conf; {place} in it is the directory, whose folder `files` is served."""

    def __init__(self, place: Path, modules: list[str], config: str) -> None:
        self.place, self.port = place, free_port()
        self.files, self.run = owned(place / "files"), owned(place / "run")
        conf = place / "httpd.conf"
        loads = "".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so\n" for name in ALWAYS + modules)
        conf.write_text(f"""{loads}
ServerName localhost
Listen 127.0.0.1:{self.port}
DocumentRoot {self.files}
PidFile {self.run}/pid
ErrorLog {self.run}/error
LogFormat "%m %U %>s length=%{{Content-Length}}i coding=%{{Transfer-Encoding}}i" plain
CustomLog {self.run}/access plain
{config.format(place=place)}
""")
        # -X: one process, which ends as a whole when it is killed.
        self.program = Program(place / "log", *(AS_USER if os.getuid() == 0 else []), "apache2", "-X", "-f", str(conf))
        await_true("Apache's port", lambda: connects(self.port) or not self.program.alive())
        assert self.program.alive(), "\n".join(self.program.lines)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Apache:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop()

    def await_request(self, pattern: str) -> None:
        """A line of its log that matches: Apache writes it when the request is over."""
        await_true(f"request {pattern!r}", lambda: re.search(pattern, (self.run / "access").read_text(), re.M))


def owned(path: Path) -> Path:
    """Made if missing; with what is in it the property of the user that Apache runs as."""
    path.mkdir(exist_ok=True)
    for item in [path, *path.rglob("*")] if os.getuid() == 0 else []:
        shutil.chown(item, RUN_USER, RUN_GROUP)
    return path
