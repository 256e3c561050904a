"""The Debian package itself: what is in it, and that the same source gives the same bytes. Needs EDGE_ROOT, the tree."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

TREE = Path(os.environ.get("EDGE_ROOT", Path(__file__).resolve().parents[2]))
BUILD_SECONDS = 1500  # with everything from the beginning, on a slow machine

# A foreign one builds for minutes, so it is for `./build.sh test --all`.
NATIVE = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
ARCHES = [pytest.param(arch, marks=() if arch == NATIVE else pytest.mark.slow) for arch in ("amd64", "arm64", "armhf")]
MACHINES = {"amd64": "Advanced Micro Devices X86-64", "arm64": "AArch64", "armhf": "ARM"}

UNITS = "usr/lib/systemd/system"
FILES = f"""
etc/logrotate.d/edge
usr/bin/edge
{UNITS}/edge.service {UNITS}/edge-renew.service {UNITS}/edge-renew.timer
usr/lib/sysusers.d/edge.conf usr/lib/tmpfiles.d/edge.conf
usr/share/bash-completion/completions/edge
usr/share/doc/edge/changelog.gz usr/share/doc/edge/copyright usr/share/doc/edge/examples/edge.conf
usr/share/edge/edge.conf
usr/share/fish/vendor_completions.d/edge.fish
usr/share/lintian/overrides/edge
usr/share/man/man5/edge.conf.5.gz usr/share/man/man8/edge.8.gz
usr/share/zsh/vendor-completions/_edge
""".split()


def run(*command: str | Path, cwd: Path = TREE, seconds: int = 60, **variables: str) -> str:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def build(arch: str, tree: Path = TREE) -> Path:
    return tree / run("./build.sh", "deb", "--arch", arch, cwd=tree, seconds=BUILD_SECONDS).splitlines()[-1]


@dataclass(frozen=True)
class Package:
    arch: str
    deb: Path
    tree: Path  # what dpkg-deb unpacked of it, maintainer scripts in DEBIAN/

    def field(self, name: str) -> str:
        return run("dpkg-deb", "-f", self.deb, name).strip()

    def readelf(self, what: str) -> str:
        return run("readelf", "-W", what, self.tree / "usr/bin/edge")


@pytest.fixture(scope="module", params=ARCHES)
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Package:
    deb, tree = build(request.param), tmp_path_factory.mktemp("package") / "tree"
    run("dpkg-deb", "-R", deb, tree)
    return Package(request.param, deb, tree)


def test_fields(package: Package) -> None:
    assert package.field("Package") == "edge"
    assert package.field("Architecture") == package.arch
    version = package.field("Version")
    assert package.deb.name == f"edge_{version}_{package.arch}.deb"
    run("dpkg", "--validate-version", version)
    assert {word.split()[0] for word in package.field("Depends").split(", ")} == {"ca-certificates", "libc6", "passwd"}
    for library in ("bearssl", "curl", "libsodium", "sqlite3"):
        assert f"{library} (= " in package.field("Built-Using"), "whose security fixes concern edge"


def test_a_later_commit_is_an_upgrade(package: Package) -> None:
    """And so is the release that all commits before it lead to."""
    if "EDGE_VERSION" in os.environ or "~" not in package.field("Version"):
        return  # named by a person
    version = package.field("Version")
    release = version.partition("~")[0]
    run("dpkg", "--compare-versions", version, "lt", f"{release}~20990101000000.g0000000000")
    run("dpkg", "--compare-versions", version, "lt", release)


def test_version_is_what_the_binary_says(package: Package) -> None:
    version = package.field("Version")
    assert f"edge/{version}".encode() in (package.tree / "usr/bin/edge").read_bytes()


def test_files_modes_and_owners(package: Package, tmp_path: Path) -> None:
    plain = tmp_path / "data.tar"
    plain.write_bytes(subprocess.run(["dpkg-deb", "--fsys-tarfile", package.deb], capture_output=True, check=True).stdout)
    with tarfile.open(plain) as archive:
        members = archive.getmembers()
    assert sorted(m.name.removeprefix("./") for m in members if not m.isdir()) == sorted(FILES)
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, "root", "root")}
    for member in members:
        wanted = 0o755 if member.isdir() or member.name == "./usr/bin/edge" else 0o644
        assert stat.S_IMODE(member.mode) == wanted, member.name
    # `edge add` writes the configuration, so dpkg must not ask about it; the package carries its folder alone.
    assert "./etc/edge" in {m.name for m in members}
    assert (package.tree / "DEBIAN/conffiles").read_text().split() == ["/etc/logrotate.d/edge"]


def test_checksums(package: Package) -> None:
    run("md5sum", "--quiet", "-c", "DEBIAN/md5sums", cwd=package.tree)


def test_runs_on_debian_12(package: Package) -> None:
    needed = re.findall(r"GLIBC_([0-9.]+)", package.readelf("--version-info"))
    newest = max(tuple(map(int, version.split("."))) for version in needed)
    assert newest <= (2, 36), "bookworm has 2.36"
    assert f"libc6 (>= {'.'.join(map(str, newest))})" in package.field("Depends")
    libraries = re.findall(r"\(NEEDED\).*\[(.*)\]", package.readelf("--dynamic"))
    assert [name for name in libraries if not name.startswith("ld-linux")] == ["libc.so.6"]


def test_machine(package: Package) -> None:
    header = package.readelf("--file-header")
    assert f"Machine: {MACHINES[package.arch]}" in re.sub(" +", " ", header)
    if package.arch == "armhf":
        assert "hard-float ABI" in header
        attributes = package.readelf("--arch-specific")
        assert re.search(r"Tag_CPU_arch: v7\b", attributes)
        # Not every ARMv7 processor has NEON.
        assert "Tag_FP_arch: VFPv3-D16" in attributes and "Tag_Advanced_SIMD_arch" not in attributes


def test_time_has_64_bits(package: Package) -> None:
    """On 32-bit machines libc has two of each function; the old ones end in 2038."""
    if package.arch != "armhf":
        return
    symbols = set(re.findall(r" UND (\w+)@GLIBC", package.readelf("--dyn-syms")))
    assert "__clock_gettime64" in symbols
    assert not symbols & {"clock_gettime", "time", "gettimeofday", "stat", "fstat", "lstat", "utimes", "gmtime_r", "mktime", "select", "setsockopt", "open", "lseek"}


def test_hardening(package: Package) -> None:
    assert "DYN (" in package.readelf("--file-header"), "position independent"
    segments = package.readelf("--segments")
    assert "GNU_RELRO" in segments
    stack = next(line for line in segments.splitlines() if "GNU_STACK" in line)
    assert " RW " in stack and "E" not in stack.split("GNU_STACK")[1]
    assert "BIND_NOW" in package.readelf("--dynamic")
    assert "__stack_chk_fail" in package.readelf("--dyn-syms")


def test_nothing_of_the_builder_is_inside(package: Package) -> None:
    for file in package.tree.rglob("*"):
        if file.is_file():
            assert str(TREE).encode() not in file.read_bytes(), file


def test_manual_pages(package: Package) -> None:
    for page in package.tree.glob("usr/share/man/man*/*.gz"):
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, ""), page.name


def test_maintainer_scripts(package: Package) -> None:
    scripts = ["postinst", "prerm", "postrm"]
    for script in scripts:
        run("sh", "-n", package.tree / "DEBIAN" / script)
    run("shellcheck", *(package.tree / "DEBIAN" / script for script in scripts))


def test_lintian(package: Package) -> None:
    # The mail address and the place where bugs are told are those of who publishes it.
    user = ["--allow-root"] if os.getuid() == 0 else []
    run("lintian", *user, "--fail-on", "error,warning", package.deb, seconds=300)


def test_second_build_takes_seconds_and_says_so(package: Package) -> None:
    told = run("./build.sh", "deb", "--arch", package.arch, seconds=BUILD_SECONDS)
    assert "  CC " not in told and "third_party:" not in told and "sysroot:" not in told


def test_reproducible(package: Package, tmp_path: Path) -> None:
    """A copy of the tree elsewhere, built from the beginning by the same compiler, gives the same bytes."""
    copy = tmp_path / "elsewhere/tree"
    kept = shutil.ignore_patterns("build", "node_modules", "__pycache__")
    shutil.copytree(TREE, copy, symlinks=True, ignore=kept)
    archives = TREE / "build/third_party/archives"
    shutil.copytree(archives, copy / "build/third_party/archives")
    again = build(package.arch, copy)
    assert again.name == package.deb.name
    first, second = (hashlib.sha256(deb.read_bytes()).hexdigest() for deb in (package.deb, again))
    assert first == second, f"compare {package.deb} and {again}"
