"""A machine whose ports somebody else has: Pi-hole on 80, or a web server on both."""

from __future__ import annotations

from pathlib import Path

from lib.net import await_true

from inside.steps import Steps
from inside.world import World, active, await_active, install, listens, main_pid, page, presents, sh

steps = Steps()
NAS = "nas.home.arpa"
_PIHOLE = """
[Service]
User=pihole
AmbientCapabilities=CAP_NET_BIND_SERVICE
ExecStart=/usr/bin/python3 -m http.server --bind 0.0.0.0 --directory /usr/share/man 80
"""
_NGINX = """
events { }
http { server {
    listen 80;  listen [::]:80;
    listen 443; listen [::]:443;
    return 200 "the old one";
} }
"""


@steps("port 80 taken: installed all the same, and who holds it and what to do is told", vital=True)
def _(_world: World) -> None:
    Path("/etc/systemd/system/pihole-like.service").write_text(_PIHOLE)
    sh("useradd --system pihole")
    sh("systemctl start pihole-like.service")
    await_true("pihole-like listens", lambda: listens(80))
    told = sh("apt-get -q -y install ./edge.deb")
    assert "80" in told and "pihole-like" in told and "systemctl" in told, told


@steps("port 80 taken: edge runs and its log names the owner")
def _(_world: World) -> None:
    await_active()
    told = sh("journalctl -b --no-pager -u edge")
    assert "80" in told and "pihole-like" in told, told


@steps("port 80 taken: sites are served on 443")
def _(world: World) -> None:
    sh(f"edge add {NAS} {world.backend.address}")

    def served() -> bool:
        try:
            return presents(NAS).self_signed
        except OSError:
            return False

    await_true(f"{NAS} by HTTPS", served, 30)
    code, body = page(f"https://{NAS}/", "-k", f"--resolve {NAS}:443:127.0.0.1")
    assert code == 200 and NAS in body, body


@steps("port 80 taken: edge check --ports names the owner")
def _(_world: World) -> None:
    told = sh("edge check --ports", status=1)
    assert "pihole-like" in told and "443" in told, told


@steps("port 80 freed as told: edge takes it without a restart")
def _(_world: World) -> None:
    pid = main_pid()
    sh("systemctl disable --now pihole-like.service")
    await_true("edge listens on port 80", lambda: listens(80), 45)
    assert page("http://127.0.0.1/")[0] == 404 and main_pid() == pid
    sh("edge check --ports")
    sh("apt-get -q -y purge edge", EDGE_PURGE_DATA="yes")


@steps("both ports taken: installed all the same, and it is said")
def _(_world: World) -> None:
    Path("/etc/nginx/nginx.conf").write_text(_NGINX)
    sh("systemctl start nginx.service")
    told = install()
    assert "nginx" in told and "80" in told and "443" in told and "systemctl" in told, told
    assert not active()
    assert page("http://127.0.0.1/") == (200, "the old one")


@steps("both ports taken: it gave up instead of filling the journal")
def _(_world: World) -> None:
    told = sh("journalctl -b --no-pager -u edge -o cat --since=-20s")
    assert told.count("nginx") <= 4, told


@steps("both ports freed: edge starts and serves")
def _(_world: World) -> None:
    sh("systemctl disable --now nginx.service && systemctl restart edge.service")
    await_active()
    assert page("http://127.0.0.1/")[0] == 404
