#!/usr/bin/env bash
# sysroot.sh ARCH: headers and start files of the oldest libc that packages are for, into
# build/sysroot/ARCH; beside it ARCH.flags, what clang has to be called with.
#
# A program that is linked against an old libc runs on newer ones, never the other way round. So a
# package is made with this libc on every machine, also where the machine's own would do.
set -euo pipefail

suite=bookworm
packages=(libc6 libc6-dev linux-libc-dev libgcc-12-dev)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
arch=$1
out=$root/build/sysroot/$arch
apt=$root/build/sysroot/apt-$arch
# shellcheck disable=SC2034  # for archive.sh
apt_options=(-o APT::Architecture="$arch" -o APT::Architectures::="$arch")
EDGE_LOG=$root/build/log
# shellcheck source=third_party/packages.sh
. "$here/packages.sh"
# shellcheck source=third_party/archive.sh
. "$here/archive.sh"

say() { printf 'sysroot: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

# Debian's own baseline of each architecture, so that the package runs wherever Debian does. armhf:
# no NEON, which some ARMv7 processors lack.
target_flags() {
    case $arch in
    amd64) printf -- '--target=x86_64-linux-gnu' ;;
    arm64) printf -- '--target=aarch64-linux-gnu' ;;
    armhf) printf -- '--target=arm-linux-gnueabihf -march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard -mthumb' ;;
    *) die "no such architecture: $arch; there are amd64, arm64 and armhf" ;;
    esac
}

# For compiling and linking alike: that some are for the other one is no news.
flags() {
    printf '%s --sysroot=%s -fuse-ld=lld -static-libgcc -Wno-unused-command-line-argument -ffile-prefix-map=%s=.\n' \
        "$(target_flags)" "$out" "$root"
}

download() {
    update_private_apt <<<"deb [signed-by=@RING@] @SITE@ $suite main" &&
        (cd "$apt" && private_apt -q download "${packages[@]}")
}

# Verified against the archive's signature by apt, unpacked by dpkg; nothing is installed.
fetch() {
    local log=$EDGE_LOG/sysroot-$arch.log deb
    say "fetching libc and headers of $suite for $arch"
    if ! download >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "Debian's archive could not be read; all of apt's output is in ${log#"$root"/}"
    fi
    for deb in "$apt"/*.deb; do dpkg -x "$deb" "$out"; done
}

main() {
    local key text
    text=$(flags)
    key=$(printf '%s\n' "$suite" "${packages[@]}" | sha256sum)
    mkdir -p "$EDGE_LOG"
    if [ ! -f "$out/stamp" ] || [ "$(cat "$out/stamp")" != "$key" ]; then
        need_packages ca-certificates
        rm -rf "$out" "$apt" && mkdir -p "$out" "$apt"
        fetch
        rm -rf "$apt"
        printf '%s\n' "$key" >"$out/stamp"
    fi
    [ -f "$out.flags" ] && [ "$text" = "$(cat "$out.flags")" ] || printf '%s\n' "$text" >"$out.flags"
}

main
