"""`edge add` and `edge remove`: what becomes of the configuration file, whatever happens meanwhile."""

from __future__ import annotations

import fcntl
import os
import random
import re
import shutil
import signal
import ssl
import stat
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.clients import Client
from lib.edge import ASAN, BIN, RUN_USER, Edge, environment, run
from lib.net import await_true

OLD = "# mine\r\nphotos.example.org, www.photos.example.org {\n\tproxy 127.0.0.1:2342  # here\n}\nlive.example.org { respond 200 }"
ADDED = "\n\nnew.example.org {\n    proxy 127.0.0.1:3000\n}"
TEMPORARY = ".edge.conf.edge-new"
LOCK = ".edge.conf.edge-lock"


@pytest.fixture
def conf(place: Path) -> Path:
    path = place / "etc" / "edge.conf"
    path.parent.mkdir(mode=0o755)
    path.write_bytes(OLD.encode())
    return path


def add(conf: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run("add", "-c", str(conf), *words)


def text(conf: Path) -> str:
    return conf.read_bytes().decode()


def only_file(conf: Path) -> bool:
    return [p.name for p in conf.parent.iterdir()] == [conf.name]


def sites(conf: Path) -> set[str]:
    return set(re.findall(r"^(\S+) \{$", text(conf), re.M))


# --- what is written


def test_there_and_back(conf: Path) -> None:
    done = add(conf, "New.Example.org", "3000")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "new.example.org was added" in done.stdout and f"edge reads {conf} at its next start" in done.stdout
    assert text(conf) == OLD + ADDED
    done = run("remove", "NEW.example.org", "-c", str(conf))
    assert (done.returncode, done.stderr) == (0, ""), done
    assert text(conf) == OLD and only_file(conf)


def test_first_site_makes_the_file(conf: Path) -> None:
    conf.unlink()
    before = os.umask(0o077)
    done = add(conf, "new.example.org", "[::1]:3000")
    os.umask(before)
    assert done.returncode == 0, done.stderr
    assert text(conf) == "new.example.org {\n    proxy [::1]:3000\n}\n"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("words", "block"),
    [
        (["nas.home.arpa", ":5000"], "nas.home.arpa {\n    proxy 127.0.0.1:5000\n    tls   internal\n}\n"),
        (["nas", "http://192.168.4.9"], "nas {\n    proxy http://192.168.4.9\n    tls   internal\n}\n"),
        (["email", "localhost:3000"], '"email" {\n    proxy localhost:3000\n    tls   internal\n}\n'),
        (["a.example.org", "unix:/run/a b.sock"], 'a.example.org {\n    proxy "unix:/run/a b.sock"\n}\n'),
        (["*", "127.0.0.1:8080"], "* {\n    proxy 127.0.0.1:8080\n}\n"),
        (["--app", "immich", "a.example.org"], "a.example.org {\n    proxy 127.0.0.1:2283\n}\n"),
        (["a.example.org", "192.168.4.4", "--app", "photoprism"], "a.example.org {\n    proxy 192.168.4.4:2342\n}\n"),
        (["a.example.org", "2001:db8::7", "--app", "nextcloud"], "a.example.org {\n    proxy [2001:db8::7]:11000\n}\n"),
        (["--app", "jellyfin", "a.example.org", "10.0.0.7:80"], "a.example.org {\n    proxy 10.0.0.7:80\n    timeout send 1h\n}\n"),
    ],
)
def test_block(conf: Path, words: list[str], block: str) -> None:
    conf.write_text("")
    done = add(conf, *words)
    assert done.returncode == 0, done.stderr
    assert text(conf) == block
    assert ("tls   internal" in block) == ("No authority issues certificates" in done.stdout)
    check = run("check", "-c", str(conf))
    assert (check.returncode, check.stderr) == (0, ""), "and no warning"
    assert run("remove", words[-2] if "--app" not in words else "a.example.org", "-c", str(conf)).returncode == 0
    assert text(conf) == ""


def test_each_application_is_told_what_it_needs(conf: Path) -> None:
    named = run("add", "--app", "zzzzzzzzzz", "a.example.org").stderr
    apps = re.findall(r"[a-z]+", named.split("with it")[1])
    assert {"immich", "photoprism", "owncast", "homeassistant", "jellyfin", "nextcloud"} <= set(apps)
    for app in apps:
        done = add(conf, "--app", app, f"{app}.example.org")
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) >= 3, "nothing is said about the application"
        assert "@" not in done.stdout
        assert app in run("help", "add").stdout


# --- what is refused


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ([], 2, "edge add HOST BACKEND"),
        (["a.example.org"], 2, "`add` needs a backend"),
        (["https://a.example.org/x", "3000"], 2, "write `edge add a.example.org BACKEND`"),
        (["a.example.org/album", "3000"], 2, "write `edge add a.example.org BACKEND`"),
        (["a.example.org:443", "3000"], 2, "write `edge add a.example.org BACKEND`"),
        (["a.example.org.", "3000"], 2, "ends with a dot; write `edge add a.example.org BACKEND`"),
        (["127.0.0.1:3000", "a.example.org"], 2, "the host name comes first; write `edge add a.example.org 127.0.0.1:3000`"),
        (["3000", "a.example.org"], 2, "the host name comes first; write `edge add a.example.org 3000`"),
        (["a.example.org,b.example.org", "3000"], 2, "more than one name"),
        (["10.0.0.1", "3000"], 2, "an address is no host name"),
        (["bücher.example.org", "3000"], 2, "xn--"),
        (["a.example.org", "3000\n}\nb.example.org { respond 200"], 2, "control characters"),
        (["a.example.org", "10.0.0.1"], 2, "`10.0.0.1` has no port; write `10.0.0.1:PORT`"),
        (["a.example.org", "10.0.0.1:99999"], 2, "has no valid port"),
        (["a.example.org", "70000"], 2, "`70000`"),
        (["a.example.org", "http://10.0.0.1/path"], 2, "has a path"),
        (["*.example.org", "3000"], 2, "tls CERT KEY"),
        (["--app", "imich", "a.example.org"], 2, "did you mean `immich`?"),
        (["Live.example.org", "3000"], 1, "edge.conf:5: `live.example.org` has a site already"),
        (["www.photos.example.org", "3000"], 1, "edge.conf:2: `www.photos.example.org` has a site already"),
    ],
)
def test_refused(conf: Path, words: list[str], status: int, told: str) -> None:
    done = add(conf, *words)
    assert (done.returncode, done.stdout) == (status, ""), done
    assert told in done.stderr, done.stderr
    assert text(conf) == OLD and only_file(conf)


def test_errors_of_the_file_come_first(conf: Path) -> None:
    for wrong in ("worker 3\n", "a.example.org { respond 200\n tls missing.pem }\n"):
        conf.write_text(wrong)
        done, check = add(conf, "new.example.org", "3000"), run("check", "-c", str(conf))
        assert done.returncode == check.returncode == 2
        assert check.stderr and check.stderr in done.stderr, "told as `edge check` does"
        assert text(conf) == wrong


def test_unknown_site(conf: Path) -> None:
    done = run("remove", "-c", str(conf), "photo.example.org")
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean `photos.example.org`?" in done.stderr
    for name in ("photos.example.org", "www.photos.example.org", "live.example.org"):
        assert f"\n    {name}\n" in done.stderr
    assert text(conf) == OLD


def test_one_of_several_names(conf: Path) -> None:
    done = run("remove", "-c", str(conf), "photos.example.org")
    assert done.returncode == 0 and "the site stays for its other name" in done.stdout
    assert text(conf) == OLD.replace("photos.example.org, ", "")


def test_no_folder(place: Path) -> None:
    done = add(place / "none" / "edge.conf", "new.example.org", "3000")
    assert done.returncode == 1 and "cannot find its folder" in done.stderr and "make the folder" in done.stderr


# --- the file itself


def test_mode_owner_and_links_stay(conf: Path, place: Path) -> None:
    """People keep their configuration in a git tree and link to it."""
    conf.chmod(0o640)
    if os.getuid() == 0:
        shutil.chown(conf, RUN_USER)
    before, link = conf.stat(), place / "link.conf"
    link.symlink_to("etc/edge.conf")
    assert add(link, "new.example.org", "3000").returncode == 0
    after = conf.stat()
    assert link.is_symlink() and text(conf) == OLD + ADDED
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    link.unlink()
    link.symlink_to("nowhere/edge.conf")
    done = add(link, "new.example.org", "3000")
    assert done.returncode == 1 and "cannot follow its symbolic link: No such file" in done.stderr and link.is_symlink()


def test_many_at_once(conf: Path) -> None:
    names = {f"n{i}.example.org" for i in range(24)}
    with ThreadPoolExecutor(8) as pool:
        assert all(d.returncode == 0 for d in pool.map(lambda n: add(conf, n, "3000"), names))
    assert names <= sites(conf)
    with ThreadPoolExecutor(8) as pool:
        assert all(d.returncode == 0 for d in pool.map(lambda n: run("remove", n, "-c", str(conf)), names))
    assert text(conf) == OLD and only_file(conf)


def test_waits_for_another(conf: Path) -> None:
    with (conf.parent / LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen([BIN, "add", "-c", conf, "new.example.org", "3000"], stderr=subprocess.PIPE, text=True, env=environment()) as waiting:
            assert "waiting for it" in waiting.stderr.readline()
            assert text(conf) == OLD
            held.close()
            assert waiting.wait(20) == 0
    assert text(conf) == OLD + ADDED and only_file(conf)


def test_no_other_user_can_make_it_wait(conf: Path) -> None:
    """Whoever may open a file or a folder may lock it, and for ever."""
    folder = os.open(conf.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with conf.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert add(conf, "new.example.org", "3000").returncode == 0
    os.close(folder)
    assert text(conf) == OLD + ADDED and only_file(conf)


def test_killed_at_any_moment(conf: Path) -> None:
    """The old file or the new one, and nothing that hinders the next command."""
    span = 0.2 if ASAN else 0.02
    for i in range(60):
        before, name = text(conf), f"k{i}.example.org"
        with subprocess.Popen([BIN, "add", "-c", conf, name, "3000"], stdout=subprocess.DEVNULL, env=environment()) as adding:
            time.sleep(random.uniform(0, span))
            adding.send_signal(signal.SIGKILL)
        now = text(conf)
        assert now in (before, before + ADDED.replace("new", f"k{i}")), now
    (conf.parent / TEMPORARY).write_text("half of someth")
    (conf.parent / LOCK).touch()
    assert add(conf, "new.example.org", "3000").returncode == 0
    assert "new.example.org" in sites(conf) and only_file(conf)
    assert run("check", "-c", str(conf)).returncode == 0


def in_small_disk(place: Path, then: str) -> subprocess.CompletedProcess[str]:
    """Runs `then` in a folder that is a disk of its own, with OLD as its edge.conf; $1 is edge."""
    (place / "old").write_bytes(OLD.encode())
    script = f"mkdir -p {place}/disk && mount -t tmpfs -o size=16k none {place}/disk && cd {place}/disk && cp ../old edge.conf\n{then}"
    own = ["-m"] if os.getuid() == 0 else ["-rm"]
    return subprocess.run(["unshare", *own, "sh", "-ec", script, "sh", BIN], capture_output=True, text=True, timeout=60, env=environment(), check=False)


SAME = "cmp edge.conf ../old && ls -A"


def test_full_disk(place: Path) -> None:
    done = in_small_disk(place, f'cat /dev/zero >full 2>/dev/null || true; "$1" add new.example.org 3000 -c edge.conf || echo status $?; {SAME}')
    assert done.stdout.split() == ["status", "1", "edge.conf", "full"], done
    assert "No space left on device; nothing was changed; make room" in done.stderr


def test_read_only_disk(place: Path) -> None:
    done = in_small_disk(place, f'mount -o remount,ro {place}/disk; "$1" add new.example.org 3000 -c edge.conf || echo status $?; {SAME}')
    assert done.stdout.split() == ["status", "1", "edge.conf"], done
    assert "mounted read-only" in done.stderr


def test_not_root(conf: Path, place: Path) -> None:
    """The command to write instead has the user's own words, as a shell takes them."""
    edge, other = place / "edge", []
    shutil.copy(BIN, edge)
    if os.getuid() == 0:
        other = ["setpriv", f"--reuid={RUN_USER}", "--clear-groups"]
    else:
        conf.parent.chmod(0o555)
    words = ["--app", "immich", "-c", str(conf)]
    for backend, quoted in (("a:1", "a:1"), ("*", "'*'"), ("it's", "'it'\\''s'")):
        done = subprocess.run([*other, edge, "add", "a.example.org", backend, *words], capture_output=True, text=True, timeout=20, env=environment(), check=False)
        assert done.returncode == 1, done
        assert f"Permission denied; nothing was changed; try `sudo edge add --app immich -c {conf} a.example.org {quoted}`\n" in done.stderr, done.stderr
    conf.parent.chmod(0o755)
    assert text(conf) == OLD


# --- what it is for


def status_of(edge: Edge, host: str) -> int:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Client(edge.https, host, context) as client:
        return client.request("GET", "/").status


def test_serve_takes_the_site(make_edge: Callable[..., Edge], make_backend) -> None:
    edge: Edge = make_edge("* { respond 404 }")
    backend = make_backend()
    assert add(edge.conf, "new.edge.test", backend.address).returncode == 0
    edge.stop()
    edge.start()
    await_true("the new site", lambda: status_of(edge, "new.edge.test") == 200)
    assert run("remove", "-c", str(edge.conf), "new.edge.test").returncode == 0
    edge.stop()
    edge.start()
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        status_of(edge, "new.edge.test")
