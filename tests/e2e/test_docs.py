"""The examples in the documentation work: blocks that people copy, commands that they type, and what these give."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from lib.certs import Authority
from lib.edge import run

ROOT = Path(os.environ["EDGE_ROOT"])
APPS = ("immich", "photoprism", "owncast", "homeassistant", "jellyfin", "nextcloud")
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
MANUALS = sorted([ROOT / "docs/edge.8", ROOT / "docs/edge.conf.5"])
# What ```LANGUAGE may be; `edge` is a configuration of ours.
LANGUAGES = {"edge", "sh", "yaml", "php", "text"}


class Block(NamedTuple):
    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = [Block(m[1], m[2], text[: m.start()].count("\n") + 1) for m in re.finditer(r"^```(.*)\n((?:.*\n)*?)```$", text, re.M)]
    assert text.count("```") == 2 * len(found)
    return found


def manual_blocks(page: Path) -> list[str]:
    """The literal displays of a manual page, as a reader sees them."""
    literal = re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", page.read_text(), re.M)
    return [re.sub(r"\\e", r"\\", block) for block in literal]


def check(place: Path, ca: Authority, text: str, name: str) -> None:
    """`edge check` has nothing to say; the certificates that an example names are there."""
    conf = place / "example.conf"
    cert, key = ca.leaf("example.org")
    for pem in set(re.findall(r"/etc/ssl/(\S+)", text)):
        (place / pem).write_text(cert.read_text() + key.read_text())
    conf.write_text(text.replace("/etc/ssl/", f"{place}/"))
    done = run("check", "-c", str(conf))
    assert (done.returncode, done.stderr) == (0, ""), f"{name}: {done.stderr}"


def added(place: Path, command: str) -> str:
    """What a command of the documentation writes into an empty file."""
    words = shlex.split(command, comments=True)
    assert words[:3] == ["sudo", "edge", "add"], command
    conf = place / "added.conf"
    conf.write_text("")
    done = run("add", "-c", str(conf), *words[3:])
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return conf.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_configurations(page: Path, place: Path, ca: Authority) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{page.name}:{block.line}"
        if block.language == "edge":
            check(place, ca, block.text, f"{page.name}:{block.line}")


@pytest.mark.parametrize("page", MANUALS, ids=lambda p: p.name)
def test_configurations_of_manuals(page: Path, place: Path, ca: Authority) -> None:
    found = [b for b in manual_blocks(page) if re.search(r"\{$", b, re.M)]
    assert found or page.name == "edge.8"
    for text in found:
        part_of_a_site = text.startswith("proxy ")
        check(place, ca, f"a.example.org {{\n{text}}}\n" if part_of_a_site else text, page.name)
    for text in manual_blocks(page):
        for command in re.findall(r"^\$ (sudo edge add .*)$", text, re.M):
            added(place, command)


@pytest.mark.parametrize("example", ["docs/example.conf", "systemd/edge.conf"])
def test_example(example: str) -> None:
    """As it is: whoever tries it has none of the files that it might name."""
    done = run("check", "-c", str(ROOT / example))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_give_what_is_shown(page: Path, place: Path) -> None:
    text = page.read_text()
    for command in re.findall(r"sudo edge add [^`\n]+", text):
        added(place, command)
    shown = blocks(page)
    for block, following in zip(shown, shown[1:]):
        commands = re.findall(r"^sudo edge add .*$", block.text, re.M)
        if len(commands) == 1 and block.text.count("\n") == 1 and following.language == "edge":
            assert added(place, commands[0]) == following.text, f"{page.name}:{following.line}"


@pytest.mark.parametrize("app", APPS)
def test_each_application_has_its_page(app: str) -> None:
    page = ROOT / f"docs/{app}.md"
    shown = blocks(page)
    assert re.match(rf"sudo edge add --app {app} \S+$", shown[0].text) and shown[1].language == "edge"
    assert f"docs/{app}.md" in (ROOT / "README.md").read_text()


def test_links() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", MANUALS, ids=lambda p: p.name)
def test_manuals_are_clean(page: Path) -> None:
    assert shutil.which("mandoc"), "mandoc is missing: apt install mandoc"
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if "mandoc.db" not in line]
    assert not told, told


def test_manual_names_every_command_and_option() -> None:
    manual = subprocess.run(["mandoc", "-Tascii", ROOT / "docs/edge.8"], capture_output=True, text=True, check=True).stdout
    plain = re.sub(r".\x08", "", manual)
    for command in re.findall(r"^  edge (\w+) ", run("help").stdout.split("First steps")[0], re.M):
        assert re.search(rf"^     edge {command}\b", plain, re.M), f"SYNOPSIS lacks {command}"
        for option in re.findall(r"^  (-[-a-z]+)", run("help", command).stdout, re.M):
            assert option in plain, f"{command} {option}"
