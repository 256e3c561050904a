#!/usr/bin/env bash
# The one entry: builds, checks and tests edge. `./build.sh help` lists what it can do.
# Needs bash, coreutils and apt; everything else is installed when a command first needs it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"
EDGE_LOG=$root/build/log
mkdir -p "$EDGE_LOG"
export LC_ALL=C.UTF-8

# shellcheck source=third_party/packages.sh
. third_party/packages.sh

usage() {
    cat <<'TEXT'
usage: ./build.sh [--asan | --clang]          build edge: build/edge (or build/asan/edge, build/clang/edge)
       ./build.sh check                       format, includes, globals, sizes, linters, both compilers
       ./build.sh test [--all] [PATTERN]      all tests (as root, or with sudo: machines are booted), or those whose file matches
       ./build.sh fuzz [--minutes N] [TARGET] fuzz each target (or one) for N minutes, default 1
       ./build.sh demo [ARGUMENT...]          try edge on this machine
       ./build.sh deb [--arch ARCH]           Debian package for amd64, arm64 or armhf (Debian 12 and later),
                                              default this machine's: build/edge_VERSION_ARCH.deb
       sudo ./build.sh install                build edge for this machine and install it as a package
       sudo ./build.sh uninstall [--purge]    remove it; with --purge its configuration and logs too.
                                              Certificates stay, unless EDGE_PURGE_DATA=yes is set
       ./build.sh bench
       ./build.sh help

EDGE_VERSION in the environment is the version to build as; else it is made of the commit.

V=1 shows the compiler's command lines. Logs of long steps are in build/log/.
TEXT
}

say() { printf '%s\n' "$*"; }
die() { say "build.sh: $*" >&2; exit 1; }

# The packages of these groups of tests/packages.txt, one per line.
packages_of() { # GROUP...
    awk -v groups=" $* " '!/^#/ && NF && index(groups, " " $1 " ") { print $2 }' tests/packages.txt
}

need_groups() { # GROUP...
    local packages
    mapfile -t packages < <(packages_of "$@")
    need_packages "${packages[@]}"
}

# --- building --------------------------------------------------------------------------------------

in_git() { command -v git >/dev/null && [ -e .git ] && git --no-optional-locks -c safe.directory="$root" "$@" 2>/dev/null; }

# 1.0.0 at the tag v1.0.0, before it 1.0.0~TIME.gCOMMIT, which grows with the commit's time (UTC) and is
# less than 1.0.0, because that is how apt tells what is newer; with .dirty when what is packed differs from it.
version() {
    local number=1.0.0 commit
    if [ -n "${EDGE_VERSION:-}" ]; then
        say "$EDGE_VERSION"
        return
    fi
    if ! commit=$(TZ=UTC in_git log -1 --format=%cd.g%h --abbrev=10 --date=format-local:%Y%m%d%H%M%S) ||
        in_git describe --exact-match --match "v$number" HEAD >/dev/null; then
        say "$number"
        return
    fi
    in_git diff --quiet HEAD -- src third_party systemd docs || commit+=.dirty
    say "$number~$commit"
}

# Of the source, never of the build: the same source gives the same binary.
source_date() {
    if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        say "$SOURCE_DATE_EPOCH"
    else
        in_git log -1 --format=%ct || find src -name '*.[ch]' -printf '%T@\n' | sort -n | sed -n '$s/\..*//p'
    fi
}

# Left alone when nothing changed, so that only what includes it is compiled again.
write_build_info() {
    local text file=build/gen/build_info.h
    text=$(printf '/* Made by build.sh. */\n#define EDGE_VERSION "%s"\n#define EDGE_BUILD_DATE %sLL /* unix time of the source */' \
        "$(version)" "$(source_date)")
    [ -f "$file" ] && [ "$text" = "$(cat "$file")" ] && return
    mkdir -p build/gen
    printf '%s\n' "$text" >"$file"
}

make_variant() { # VARIANT TARGET...
    local variant=$1
    shift
    local verbose=-s
    [ -z "${V:-}" ] || verbose=V=1
    make --no-print-directory -f src/Makefile -j"$(nproc)" VARIANT="$variant" "$verbose" "$@"
}

prepare_build() { # [GROUP...]: what every build needs, once per call of build.sh
    need_groups build "$@"
    third_party/build.sh
    write_build_info
}

# build VARIANT: prints the result's name last.
build() {
    local variant=$1 result=build/$1/edge
    say "building edge ($variant)"
    make_variant "$variant" all
    if [ "$variant" = release ]; then
        # The stripped one is what gets installed; build/release/edge keeps its symbols for gdb.
        [ build/edge -nt "$result" ] || strip -o build/edge "$result"
        result=build/edge
    fi
    say "$result is up to date"
}

# --- commands --------------------------------------------------------------------------------------

run_check() {
    # shellcheck source=tests/check/run.sh
    . tests/check/run.sh
    check_main "$@"
}

run_test() {
    # shellcheck source=tests/run.sh
    . tests/run.sh
    test_main "$@"
}

run_fuzz() {
    # shellcheck source=tests/run.sh
    . tests/run.sh
    fuzz_main "$@"
}

run_demo() {
    [ -f tests/demo/demo.sh ] || die "there is no demo yet"
    prepare_build demo
    build release
    exec bash tests/demo/demo.sh "$@"
}

run_package() { # deb|install|uninstall [ARGUMENT...]
    # shellcheck source=systemd/debian/package.sh
    . systemd/debian/package.sh
    "$1_main" "${@:2}"
}

# Root may build in somebody's tree (sudo ./build.sh install): what is made there is theirs. Whole
# Debian systems in build/roots are root's own.
give_back() {
    [ "$(id -u)" -ne 0 ] || [ -O "$root" ] ||
        find build -path build/roots -prune -o -user root -exec chown -h --reference="$root" {} +
}
trap give_back EXIT

not_yet() {
    say "build.sh $1: not yet" >&2
    exit 2
}

main() {
    local command=${1:-build}
    [ $# -eq 0 ] || shift
    case $command in
    build) prepare_build; build release ;;
    --asan) prepare_build; build asan ;;
    --clang) prepare_build clang; build clang ;;
    check) run_check "$@" ;;
    test) run_test "$@" ;;
    fuzz) run_fuzz "$@" ;;
    demo) run_demo "$@" ;;
    deb | install | uninstall) run_package "$command" "$@" ;;
    bench) not_yet "$command" ;;
    help | --help | -h) usage ;;
    *) usage >&2; exit 2 ;;
    esac
}

main "$@"
