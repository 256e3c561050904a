"""A new machine: the package is installed, sites are added, things go wrong."""

from __future__ import annotations

import os
import pwd
import re
import signal
import stat
from pathlib import Path

from lib import procs
from lib.backend import Backend
from lib.net import await_true

from inside.steps import Steps
from inside.world import (
    CONFIG, DATA, HOST, World, active, await_active, certs, install, journal, listens, main_pid, no_secrets, page, presents,
    presents_nothing, property_of, sh,
)  # fmt: skip

steps = Steps()
SECOND = "shop.example.test"
BIND = 1 << 10  # CAP_NET_BIND_SERVICE


@steps("apt installs the local file without a network", vital=True)
def _(_world: World) -> None:
    install()
    assert re.search(r"^Status: install ok installed$", sh("dpkg -s edge"), re.M)


@steps("the user and its folders")
def _(_world: World) -> None:
    user = pwd.getpwnam("edge")
    assert user.pw_uid < 1000 and user.pw_shell == "/usr/sbin/nologin", user
    for path, owner, mode in ((CONFIG, "root", 0o644), (DATA, "edge", 0o700), (Path("/run/edge"), "edge", 0o755)):
        is_ = path.stat()
        assert (pwd.getpwuid(is_.st_uid).pw_name, stat.S_IMODE(is_.st_mode)) == (owner, mode), f"{path}: {is_}"


@steps("edge.service runs and comes back at boot")
def _(_world: World) -> None:
    await_active()
    assert sh("systemctl is-enabled edge.service").strip() == "enabled"
    assert property_of("edge.service", "NRestarts") == "0", journal("edge.service")


@steps("the log of a new machine holds no complaint")
def _(_world: World) -> None:
    told = sh("journalctl -b --no-pager -q -o cat -u edge -p err", status=None)
    assert not told, told


@steps("the timer runs and knows its next time")
def _(_world: World) -> None:
    assert sh("systemctl is-enabled edge-renew.timer").strip() == "enabled"
    assert active("edge-renew.timer")
    assert re.match(r"\w+ \d{4}-\d\d-\d\d", property_of("edge-renew.timer", "NextElapseUSecRealtime"))


@steps("without a site, the page says how to add one")
def _(_world: World) -> None:
    code, body = page("http://127.0.0.1/")
    assert code == 404 and "edge add" in body, body
    assert page("http://[::1]/")[0] == 404


@steps("edge check finds nothing wrong")
def _(_world: World) -> None:
    sh("edge check")


@steps("manual pages and completions are in their places")
def _(_world: World) -> None:
    assert "edge add" in sh("man 8 edge", MANWIDTH="200") and "proxy" in sh("man 5 edge.conf")
    files = sh("dpkg -L edge").split()
    for path in (
        "/usr/share/bash-completion/completions/edge",
        "/usr/share/zsh/vendor-completions/_edge",
        "/usr/share/fish/vendor_completions.d/edge.fish",
    ):
        assert path in files, path


@steps("systemd scores both services 1.5 or better")
def _(_world: World) -> None:
    for unit in ("edge.service", "edge-renew.service"):
        told = sh(f"systemd-analyze security --no-pager {unit}")
        score = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", told)[1])
        assert score <= 1.5, told


@steps("edge add: the certificate comes by itself and the site is served")
def _(world: World) -> None:
    world.start_ca()
    world.use_ca()
    before = main_pid()
    sh(f"edge add {HOST} {world.backend.address}")
    leaf = world.await_issued()
    assert leaf.names == (HOST,), leaf
    seen = dict(world.visit()["fields"])
    assert (seen["Host"], seen["X-Forwarded-Proto"]) == (HOST, "https"), seen
    assert main_pid() != before, "edge add did not make systemd restart edge"
    world.remember(serial=leaf.serial)


@steps("HTTP is redirected to HTTPS")
def _(_world: World) -> None:
    told = sh(f"curl -sS -o /dev/null -w '%{{http_code}} %{{redirect_url}}' --resolve {HOST}:80:127.0.0.1 http://{HOST}/a?b")
    assert told == f"301 https://{HOST}/a?b", told


@steps("edge certs tells what there is")
def _(world: World) -> None:
    (line,) = certs()
    assert line["hosts"] == [HOST] and line["serial"].lower().lstrip("0") == world.remembered("serial"), line
    assert line["last_error"] is None and line["next_renewal"], line


@steps("a second site, its backend behind a unix socket")
def _(world: World) -> None:
    Path("/run/shop").mkdir(mode=0o755, exist_ok=True)
    Backend(unix="/run/shop/app.sock")
    sh(f"edge add {SECOND} unix:/run/shop/app.sock")
    world.await_issued(SECOND)
    assert world.visit(SECOND)["target"] == "/"
    world.await_served(world.remembered("serial"))


@steps("edge remove: that site is gone, the other is served on")
def _(world: World) -> None:
    sh(f"edge remove {SECOND}")
    await_true(f"no certificate for {SECOND}", lambda: listens(443) and presents_nothing(SECOND), 30)
    assert SECOND not in CONFIG.read_text()
    world.await_served(world.remembered("serial"))
    world.visit()


@steps("its processes run as user edge, with no right but low ports")
def _(_world: World) -> None:
    uid = str(pwd.getpwnam("edge").pw_uid)
    pids = procs.family(main_pid())
    assert len(pids) >= 3, [procs.command(pid) for pid in pids]
    for pid in pids:
        status, what = procs.status(pid), procs.command(pid)
        assert set(status["Uid"].split()) == {uid}, f"{what}: {status['Uid']}"
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) & ~BIND == 0, f"{what}: {name} {status[name]}"
        assert status["NoNewPrivs"] == "1", what
        assert re.search(r"^Max core file size\s+0\s+0\s", Path(f"/proc/{pid}/limits").read_text(), re.M), what


@steps("the timer fires: renewal runs, succeeds and leaves a good certificate alone")
def _(world: World) -> None:
    drop_in = Path("/run/systemd/system/edge-renew.timer.d/now.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Timer]\nOnCalendar=\nOnActiveSec=0\nRandomizedDelaySec=0\nAccuracySec=1us\nPersistent=false\n")
    sh("systemctl daemon-reload && systemctl restart edge-renew.timer")
    ended = "ExecMainExitTimestampMonotonic"
    await_true("edge-renew.service has ended", lambda: property_of("edge-renew.service", ended) not in ("", "0"), 60)
    assert property_of("edge-renew.service", "Result") == "success", journal("edge-renew.service")
    assert property_of("edge-renew.service", "ExecMainStatus") == "0"
    drop_in.unlink()
    sh("systemctl daemon-reload && systemctl restart edge-renew.timer")
    assert presents().serial == world.remembered("serial")


@steps("edge renew --force in the unit's jail: the new certificate is served without a restart")
def _(world: World) -> None:
    pid, drop_in = main_pid(), Path("/run/systemd/system/edge-renew.service.d/force.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Service]\nExecStart=\nExecStart=/usr/bin/edge renew --force\n")
    sh("systemctl daemon-reload && systemctl start edge-renew.service")
    drop_in.unlink()
    sh("systemctl daemon-reload")
    old = world.remembered("serial")
    new = await_true("another certificate", lambda: (leaf := presents()).serial != old and leaf, 20)
    world.remember(serial=new.serial)
    world.visit()
    assert main_pid() == pid


@steps("killed by kill -9, it is back and serves")
def _(world: World) -> None:
    before = main_pid()
    os.kill(before, signal.SIGKILL)
    await_true("another main process", lambda: main_pid() not in (0, before) and active(), 30)
    world.await_served(world.remembered("serial"))
    world.visit()


@steps("the journal holds no secret")
def _(_world: World) -> None:
    text = journal("edge") + journal("edge-renew")
    assert "edge" in text
    no_secrets(text)
