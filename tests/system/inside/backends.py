"""Backends by name and behind TLS, in the jail that the unit puts around edge's own."""

from __future__ import annotations

import pwd
import re
from pathlib import Path

from lib import procs
from lib.backend import Backend
from lib.net import await_true
from lib.tlsbackend import TlsBackend

from inside.steps import Steps
from inside.world import CONFIG, World, await_active, install, journal, main_pid, page, sh

steps = Steps()
PAIR, SAFE = "pair.home.arpa", "safe.home.arpa"
NAMED_PORT = 8080
OWN_ROOT = Path("/usr/local/share/ca-certificates/home.crt")


def await_page(host: str, code: int) -> None:
    """Visitors get that status, once the certificate is made."""

    def got() -> bool:
        try:
            return page(f"https://{host}/", "-k", f"--resolve {host}:443:127.0.0.1")[0] == code
        except AssertionError:
            return False

    await_true(f"{code} from {host}", got, 20)


def write(old: str, new: str) -> None:
    """A person with an editor, who then does what `edge add` would."""
    text = CONFIG.read_text()
    assert text.count(old) == 1, text
    CONFIG.write_text(text.replace(old, new))
    sh("edge check && systemctl restart edge.service")


def resolver() -> int:
    (pid,) = [p for p in procs.children(main_pid()) if "--role=resolver" in procs.command(p)]
    return pid


@steps("installed, on a machine that knows names of its own", vital=True)
def _(_world: World) -> None:
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.write("127.0.0.2 nas.lan\n127.0.0.1 safe.lan\n")
    install()
    await_active()


@steps("edge add with two backends, one of them found by its name: both serve")
def _(world: World) -> None:
    named = Backend(at=("127.0.0.2", NAMED_PORT))
    sh(f"edge add {PAIR} {world.backend.address} nas.lan:{NAMED_PORT}")
    for _ in range(4):
        await_page(PAIR, 200)
    assert world.backend.visits and named.visits
    assert {dict(visit.fields)["Host"] for visit in named.visits} == {PAIR}


@steps("the resolver is jailed as the others are, and has found what it looked for")
def _(_world: World) -> None:
    told = procs.status(resolver())
    assert set(told["Uid"].split()) == {str(pwd.getpwnam("edge").pw_uid)}, told
    assert (told["Seccomp"], told["NoNewPrivs"], int(told["CapEff"], 16)) == ("2", "1", 0), told
    # The unit's own filters are there before edge adds one.
    assert int(told["Seccomp_filters"]) > int(procs.status(main_pid())["Seccomp_filters"]), told
    assert "cannot be looked up" not in journal("edge")


@steps("an https backend that the system's roots do not know: 502, and the journal says why")
def _(world: World) -> None:
    backend = TlsBackend(*world.authority.leaf("safe.lan"))
    world.remember(tls=f"https://safe.lan:{backend.port}")
    sh(f"edge add {SAFE} {world.remembered('tls')}")
    await_page(SAFE, 502)
    line = re.search(rf".*backend={world.remembered('tls')} cannot be reached.*", journal("edge"))
    assert line and "trust" in line[0], journal("edge")


@steps("with `tls insecure` it serves")
def _(world: World) -> None:
    write(world.remembered("tls"), f"{world.remembered('tls')} {{\n        tls insecure\n    }}")
    await_page(SAFE, 200)


@steps("its authority is among the system's roots: verified, and it serves")
def _(world: World) -> None:
    OWN_ROOT.write_bytes(world.authority.ca.read_bytes())
    sh("update-ca-certificates")
    write(" {\n        tls insecure\n    }", "")
    await_page(SAFE, 200)
    sh("apt-get -q -y purge edge", EDGE_PURGE_DATA="yes")
