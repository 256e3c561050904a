"""The same machine after a reboot, until edge is gone from it. The CA is away for most of it: what is there must do."""

from __future__ import annotations

import os
import re
import subprocess

from inside.steps import Steps
from inside.world import (
    CONFIG, DATA, HOST, World, active, await_active, digest, install, journal, listens, main_pid, no_secrets, presents_nothing, sh,
)  # fmt: skip

steps = Steps()


def version() -> str:
    return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "edge"], capture_output=True, text=True, check=False).stdout


def again(deb: str = "newer.deb") -> str:
    """An upgrade as dpkg sees it, whatever the version."""
    return sh(f"apt-get -q -y install --reinstall ./{deb}")


def is_off() -> bool:
    enabled = sh("systemctl is-enabled edge.service", status=1).strip()
    return (enabled, active(), listens(80), listens(443)) == ("disabled", False, False, False)


@steps("after a reboot it serves by itself, the same certificate as before")
def _(world: World) -> None:
    await_active()
    assert active("edge-renew.timer")
    world.await_served(world.remembered("serial"))


@steps("an upgrade restarts edge and keeps configuration, data and certificate", vital=True)
def _(world: World) -> None:
    pid, config, old = main_pid(), digest(CONFIG), version()
    install("newer.deb")
    assert version() == f"{old}+upgrade"
    await_active()
    assert main_pid() not in (0, pid), "edge was not restarted"
    assert digest(CONFIG) == config
    assert active("edge-renew.timer")
    world.await_served(world.remembered("serial"))


@steps("an upgrade with a wrong configuration: what runs serves on, and it is told what to mend")
def _(world: World) -> None:
    pid, good = main_pid(), CONFIG.read_text()
    CONFIG.write_text(f"{good}\nwiki.example.test {{\n    porxy 127.0.0.1:3000\n}}\n")
    told = again()
    assert re.search(r"^/etc/edge/edge\.conf:\d+:\d+: .*porxy", told, re.M) and "systemctl restart edge" in told, told
    assert active() and main_pid() == pid
    world.await_served(world.remembered("serial"))
    CONFIG.write_text(good)
    sh("systemctl restart edge")
    world.await_served(world.remembered("serial"))


@steps("disabled by its owner, it stays so over an upgrade")
def _(_world: World) -> None:
    sh("systemctl disable --now edge.service")
    again()
    assert is_off()


@steps("disabled by its owner, it stays so when it is removed and installed")
def _(world: World) -> None:
    sh("apt-get -q -y remove edge")
    install()
    assert is_off() and active("edge-renew.timer")
    sh("systemctl enable --now edge.service")
    world.await_served(world.remembered("serial"))


@steps("removed: stopped, configuration and data stay")
def _(_world: World) -> None:
    config = digest(CONFIG)
    sh("apt-get -q -y remove edge")
    assert not listens(80) and not listens(443)
    assert not active("edge-renew.timer")
    assert digest(CONFIG) == config and (DATA / "edge.db").exists()


@steps("a link in the configuration's place that leads nowhere today is left alone")
def _(_world: World) -> None:
    kept = CONFIG.rename(CONFIG.with_suffix(".kept"))
    CONFIG.symlink_to("/mnt/nas/edge.conf")
    for told in (install(), again("edge.deb")):
        assert os.readlink(CONFIG) == "/mnt/nas/edge.conf"
        assert str(CONFIG) in told and not active(), told
    sh("apt-get -q -y remove edge")
    kept.replace(CONFIG)


@steps("installed again: the site is served as before")
def _(world: World) -> None:
    install()
    await_active()
    assert active("edge-renew.timer")
    world.await_served(world.remembered("serial"))


@steps("purged: the configuration is gone, certificates stay, and the command that deletes them is told")
def _(_world: World) -> None:
    told = sh("apt-get -q -y purge edge")
    assert re.search(r"rm -r\S* /var/lib/edge", told), told
    assert not CONFIG.parent.exists() and (DATA / "edge.db").exists()
    assert not listens(80) and not listens(443)
    assert "edge" not in sh("systemctl list-unit-files --no-legend 'edge*'", status=None)


@steps("installed after the purge: the old certificate is used, no CA is asked")
def _(world: World) -> None:
    install()
    world.use_ca()
    sh(f"edge add {HOST} 127.0.0.1:9")
    world.await_served(world.remembered("serial"))


@steps("purged with EDGE_PURGE_DATA=yes: nothing of it is left")
def _(_world: World) -> None:
    no_secrets(journal("edge") + journal("edge-renew"))
    sh("apt-get -q -y purge edge", EDGE_PURGE_DATA="yes")
    assert not DATA.exists() and not CONFIG.parent.exists()


@steps("installed once more, it is new: no site, nobody's certificate")
def _(_world: World) -> None:
    install()
    await_active()
    assert HOST not in CONFIG.read_text()
    assert not listens(443) or presents_nothing(HOST)
    sh("apt-get -q -y purge edge", EDGE_PURGE_DATA="yes")
