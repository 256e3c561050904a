"""docs/completions in the shells themselves: whatever `edge help` names is offered."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from lib.edge import BIN, environment, run

COMPLETIONS = Path(os.environ["EDGE_ROOT"]) / "docs/completions"
CONF = "photos.example.org, www.example.org { respond 200 }\n* { respond 404 }\n"


class Shell:
    """offers(line) -> what the shell would put in place of the line's last word, of which nothing or a part is typed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "bin").mkdir()
        (place / "bin/edge").symlink_to(BIN)
        (place / "test.conf").write_text(CONF)
        self.env = environment({"HOME": str(place), "PATH": f"{place}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TERM": "dumb"})

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=self.place, env=self.env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done
        return done.stdout


class Bash(Shell):
    def offers(self, line: str) -> set[str]:
        script = f"""source {COMPLETIONS}/edge.bash || exit
            read -ra COMP_WORDS <<<"$1"; [[ $1 == *" " ]] && COMP_WORDS+=("")
            COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _edge; printf '%s\\n' "${{COMPREPLY[@]}}" """
        return set(self.run("bash", "--norc", "-c", script, "bash", line).split())


class Fish(Shell):
    def offers(self, line: str) -> set[str]:
        out = self.run("fish", "--no-config", "-c", f"source {COMPLETIONS}/edge.fish; complete -C $argv[1]", line)
        return {word.split("\t")[0] for word in out.splitlines()}


class Zsh(Shell):
    """zsh completes only where somebody types: a terminal of its own, in which a key lists what would be offered."""

    SETUP = """
        PS1= RPS1= LISTMAX=10000; unsetopt prompt_sp zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste
        fpath=({completions} $fpath); autoload -Uz compinit && compinit -u -D
        zstyle ':completion:*' list-grouped false; zstyle ':completion:*' verbose false
        setopt list_rows_first; stty -echo cols 60 rows 500
        show() {{ zle list-choices; zle -R; }}; zle -N show; bindkey '^T' show; bindkey '^G' kill-buffer
        echo re""ady
    """

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(place)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.env)
        for line in self.SETUP.format(completions=COMPLETIONS).splitlines():
            self.send(line.strip() + "\n")
        self.until("ready")

    def send(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def until(self, end: str) -> str:
        got, limit = "", time.monotonic() + 30
        while end not in got:
            assert time.monotonic() < limit, got
            if select.select([self.fd], [], [], 0.1)[0]:
                got += os.read(self.fd, 65536).decode()
        return got

    def offers(self, line: str) -> set[str]:
        self.send(f"{line}\x14\x07echo do''ne\n")
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]", " ", self.until("done\r\n"))
        return set(shown.split())

    def close(self) -> None:
        self.send("exit\n")
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture(params=[Bash, Zsh, Fish], ids=lambda c: c.__name__)
def shell(request, place: Path) -> Shell:
    name = request.param.__name__.lower()
    assert shutil.which(name), f"{name} is missing: apt install {name}"
    made = request.param(place)
    yield made
    if isinstance(made, Zsh):
        made.close()


def commands() -> list[str]:
    return re.findall(r"^  edge (\w+) ", run("help").stdout.split("First steps")[0], re.M)


def test_commands(shell: Shell) -> None:
    assert len(commands()) >= 8
    assert set(commands()) <= shell.offers("edge ")
    assert "remove" in shell.offers("edge rem") and "check" not in shell.offers("edge rem")
    assert {*commands(), "config"} <= shell.offers("edge help ")


def test_options(shell: Shell) -> None:
    every = set(re.findall(r"--[a-z]+", " ".join(run("help", c).stdout for c in commands())))
    for command in commands():
        options = set(re.findall(r"^  (-[-a-z]+)", run("help", command).stdout, re.M))
        assert {"-c", "--help"} <= options
        # fish shows options of one letter where a dash was typed, the others where two were
        offered = shell.offers(f"edge {command} -") | shell.offers(f"edge {command} --")
        assert options <= offered, f"{command}: {options - offered}"
        assert not (every - options) & offered, f"{command} has no {(every - options) & offered}"


def test_values(shell: Shell) -> None:
    apps = {"immich", "photoprism", "owncast", "homeassistant", "jellyfin", "nextcloud"}
    assert apps <= shell.offers("edge add --app ")
    assert "test.conf" in shell.offers("edge check -c t")
    for command in ("remove", "renew"):
        offered = shell.offers(f"edge {command} -c test.conf ")
        assert {"photos.example.org", "www.example.org"} <= offered, offered
        assert "photos.example.org" in shell.offers(f"edge {command} -c test.conf ph")
