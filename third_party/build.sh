#!/usr/bin/env bash
# build.sh [ARCH]: builds the libraries of `manifest` into build/third_party: include/, lib/*.a,
# versions.h. With ARCH, a Debian architecture, for packages of it: by clang and with the libc of
# build/sysroot/ARCH (sysroot.sh), into build/third_party-ARCH.
#
# A library's archive is looked for in this order: in the folder $EDGE_ARCHIVES (default: archives/
# beside this file), among what an earlier run fetched, in Debian's archive. What is already built
# from the same manifest, script and compiler is kept, so only the first run needs a network.
#
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
target=${1:-}
out=$root/build/third_party${target:+-$target}
archives=$root/build/third_party/archives
apt=$out/apt apt_options=()
log_name=third_party${target:+-$target}
EDGE_LOG=$root/build/log
EDGE_ARCHIVES=${EDGE_ARCHIVES:-$here/archives}
CC=${CC:-gcc}
compiler=$CC AR=ar RANLIB=ranlib
if [ -n "$target" ]; then
    compiler=clang AR=llvm-ar RANLIB=llvm-ranlib
    CC="clang $(cat "$root/build/sysroot/$target.flags")"
fi
export AR RANLIB
manifest=$here/manifest
jobs=$(nproc)
# Large files and the year 2038 on 32-bit machines. In the environment of every build that reads
# CPPFLAGS; the libraries' own CFLAGS stay what they are.
export CPPFLAGS="-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64"
# shellcheck source=third_party/packages.sh
. "$here/packages.sh"
# shellcheck source=third_party/archive.sh
. "$here/archive.sh"
# shellcheck disable=SC2034  # archive.sh says it
no_source_hint="put the archives into $EDGE_ARCHIVES"

say() { printf 'third_party: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

# pin NAME FIELD: one value of the manifest, continuation lines joined.
pin() {
    awk -v name="$1" -v field="$2" '
        /^#/ { next }
        $1 == "name" && /^[a-z]/ { mine = ($2 == name) }
        /^[a-z]/ { key = $1; sub(/^[a-z0-9]+[ \t]+/, "") }
        mine && key == field && NF { sub(/^[ \t]+/, ""); text = text (text == "" ? "" : " ") $0 }
        END { print text }' "$manifest"
}

libraries() { awk '$1 == "name" && /^[a-z]/ { print $2 }' "$manifest"; }

# --- what is already built -------------------------------------------------------------------------

# Everything a finished build depends on. The user's archives count by name and size: reading them
# on every build would be slow, and their content is checked when it is used.
wanted_key() {
    { cat "$manifest" "$here/build.sh"
      printf '%s\n' "$CC"; "$compiler" --version; "$compiler" -dumpmachine
      [ -z "$target" ] || cat "$root/build/sysroot/$target/stamp"
      [ ! -d "$EDGE_ARCHIVES" ] || find "$EDGE_ARCHIVES" -maxdepth 1 -type f -printf '%f %s\n' | sort; } | sha256sum
}

is_built() { [ -f "$out/stamp" ] && [ "$(cat "$out/stamp")" = "$key" ]; }

# --- archives --------------------------------------------------------------------------------------

file_version() { sed -E 's/^[a-z0-9]+[-_]([0-9][0-9.]*[0-9]).*/\1/' <<<"${1##*/}"; }

listed_sum_ok() { # FILE: its checksum is in SHA256SUMS beside it, and right
    local dir=${1%/*} base=${1##*/}
    [ -f "$dir/SHA256SUMS" ] && grep -F "  $base" "$dir/SHA256SUMS" | (cd "$dir" && sha256sum --quiet -c -) >/dev/null 2>&1
}

# find_archive NAME DIR: the path of an acceptable upstream archive in DIR. Files are known by their
# checksum, so their names do not matter; a later version than the pinned one needs a SHA256SUMS.
find_archive() {
    local name=$1 dir=$2 src sum file
    src=$(pin "$name" source) sum=$(pin "$name" sha256)
    for file in "$dir"/*.tar.*; do
        [ -f "$file" ] || continue
        [ "$(sha256sum <"$file")" = "$sum  -" ] && { printf '%s\n' "$file"; return 0; }
    done
    [ "$(pin "$name" later)" = ok ] || return 1
    for file in "$dir/$src"[-_]*.tar.*; do
        case $file in *.debian.tar.* | *.asc) continue ;; esac
        [ -f "$file" ] && dpkg --compare-versions "$(file_version "$file")" ge "$(pin "$name" version)" &&
            listed_sum_ok "$file" && { printf '%s\n' "$file"; return 0; }
    done
    return 1
}

locate() { find_archive "$1" "$EDGE_ARCHIVES" || find_archive "$1" "$archives"; }

# --- Debian's archive ------------------------------------------------------------------------------

update_lists() { # NAME...: source indexes of the suites these libraries are in
    local name suite
    # A suite that has gone must not stop the others; what then is missing shows in fetch.
    for name in "$@"; do pin "$name" suites | tr ' ' '\n'; done | sort -u | while read -r suite; do
        printf 'deb-src [signed-by=@RING@] @SITE@ %s main\n' "$suite"
    done | update_private_apt >"$EDGE_LOG/third_party-update.log" 2>&1 || true
}

download() { # SOURCE/SUITE: complete source package, else (old .dsc gone from the pool) its upstream archive
    private_apt source -q --download-only --only-source "$1" && return 0
    rm -f ./*.dsc ./*.debian.tar.*
    private_apt source -q --download-only --only-source --tar-only "$1"
}

# apt has checked the files against the signed index; the sums are written down for later runs.
fetch() { # NAME
    local name=$1 suite tmp
    for suite in $(pin "$name" suites); do
        tmp=$out/fetch/$name
        rm -rf "$tmp" && mkdir -p "$tmp"
        (cd "$tmp" && download "$(pin "$name" source)/$suite") >>"$EDGE_LOG/third_party-fetch.log" 2>&1 || true
        (cd "$tmp" && find . -name '*.tar.*' ! -name '*.asc' -printf '%P\0' | xargs -0r sha256sum >SHA256SUMS)
        if find_archive "$name" "$tmp" >/dev/null; then
            cat "$tmp/SHA256SUMS" >>"$archives/SHA256SUMS"
            rm "$tmp/SHA256SUMS" && mv "$tmp"/* "$archives/" && rm -r "$tmp"
            return 0
        fi
    done
    tail -n 20 "$EDGE_LOG/third_party-update.log" "$EDGE_LOG/third_party-fetch.log" >&2
    die "$name $(pin "$name" version) was not found in Debian's archive ($(pin "$name" suites)); its archive may be put into $EDGE_ARCHIVES"
}

fetch_missing() {
    local name missing=()
    mkdir -p "$archives"
    for name in $(libraries); do locate "$name" >/dev/null || missing+=("$name"); done
    [ "${#missing[@]}" -eq 0 ] && return 0
    need_packages dpkg-dev ca-certificates
    say "reading Debian's source lists"
    update_lists "${missing[@]}"
    : >"$EDGE_LOG/third_party-fetch.log"
    for name in "${missing[@]}"; do
        say "fetching $name"
        fetch "$name"
    done
    rm -rf "$apt" "$out/fetch"
}

# --- building --------------------------------------------------------------------------------------

# The .dsc beside an archive that names just this archive, if its patches are there too.
dsc_of() { # ARCHIVE
    local dsc
    for dsc in "${1%/*}"/*.dsc; do
        if [ -f "${dsc%.dsc}.debian.tar.xz" ] && grep -qF " ${1##*/}" "$dsc"; then
            printf '%s\n' "$dsc"
            return 0
        fi
    done
    return 1
}

# Sources with Debian's patches where we have them, into src/NAME; the version into src/NAME.version.
unpack() { # NAME
    local name=$1 archive dsc tree=$out/src/$1
    archive=$(locate "$name")
    rm -rf "$tree" && mkdir -p "$out/src"
    if dsc=$(dsc_of "$archive"); then
        dpkg-source -x "$dsc" "$tree"
        sed -nE 's/^Version: ([0-9]+:)?//p' "$dsc" | head -n 1 >"$tree.version"
        return
    fi
    mkdir "$tree"
    tar -xf "$archive" -C "$tree" --strip-components=1
    # A file's name tells the version only where several are accepted.
    if [ "$(pin "$name" later)" = ok ]; then file_version "$archive"; else pin "$name" version; fi >"$tree.version"
}

# For a cross-build configure must not run what it compiles.
host_option() { [ -z "$target" ] || printf -- '--host=%s' "$($CC -dumpmachine)"; }

# Patched files are newer than what autoconf made of them, and make would run autoconf again.
settle_times() { find . -type f -exec touch -r configure {} +; }

build_bearssl() {
    make -j"$jobs" CC="$CC" AR="$AR" CFLAGS="$* $CPPFLAGS" lib
    install -m 644 inc/*.h "$out/include/"
    install -m 644 build/libbearssl.a "$out/lib/"
}

build_libsodium() {
    settle_times
    # shellcheck disable=SC2046  # nothing, or one word
    ./configure $(host_option) --prefix="$out/src/libsodium.stage" CC="$CC" "$@"
    make -j"$jobs" -C src/libsodium install
    cp -R "$out/src/libsodium.stage/include/." "$out/include/"
    install -m 644 "$out/src/libsodium.stage/lib/libsodium.a" "$out/lib/"
}

build_sqlite() {
    settle_times
    # For this machine: only the one file is made here, which is the same for all.
    ./configure CC="$compiler" --disable-tcl --disable-shared
    make -j"$jobs" sqlite3.c
    # shellcheck disable=SC2086  # lists of flags
    $CC $CPPFLAGS "$@" -c sqlite3.c -o edge-sqlite3.o
    rm -f "$out/lib/libsqlite3.a"
    "$AR" rcs "$out/lib/libsqlite3.a" edge-sqlite3.o
    install -m 644 sqlite3.h "$out/include/"
}

build_curl() {
    settle_times
    # shellcheck disable=SC2046
    ./configure $(host_option) CC="$CC" CFLAGS="-O2 -ffunction-sections -fdata-sections" "$@"
    make -j"$jobs" -C lib libcurl.la
    install -m 644 lib/.libs/libcurl.a "$out/lib/"
    install -d "$out/include/curl"
    install -m 644 include/curl/*.h "$out/include/curl/"
}

# Never to be called where bash ignores `set -e` (in a condition, before || or &&).
build_one() { # NAME
    local name=$1 start=$SECONDS log=$EDGE_LOG/$log_name-$1.log options status=0
    options=$(pin "$name" options)
    read -ra options <<<"${options//@PREFIX@/$out}"
    say "building $name"
    set +e
    (set -e; unpack "$name"; cd "$out/src/$name"; "build_$name" "${options[@]}") >"$log" 2>&1 </dev/null
    status=$?
    set -e
    if [ "$status" -ne 0 ]; then
        tail -n 30 "$log" >&2
        die "building $name failed; all of its output is in ${log#"$root"/}"
    fi
    say "$name $(cat "$out/src/$name.version") is built ($((SECONDS - start)) s)"
}

# curl links against BearSSL, the others stand alone.
build_all() {
    local pids=() pid failed=0
    mkdir -p "$out/include" "$out/lib"
    (build_one bearssl; build_one curl) & pids+=($!)
    (build_one libsodium) & pids+=($!)
    (build_one sqlite) & pids+=($!)
    for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
    return "$failed"
}

write_versions() {
    local name
    printf '/* Made by third_party/build.sh: the libraries that are linked in. */\n'
    for name in $(libraries); do
        printf '#define EDGE_DEP_%s "%s"\n' "${name^^}" "$(cat "$out/src/$name.version")"
    done
}

main() {
    local key name needs=()
    if command -v "$compiler" >/dev/null; then
        key=$(wanted_key)
        is_built && return 0
    fi
    mkdir -p "$EDGE_LOG"
    for name in $(libraries); do read -ra needs <<<"${needs[*]} $(pin "$name" needs)"; done
    need_packages "$compiler" make libc6-dev dpkg-dev "${needs[@]}"
    rm -f "$out/stamp"
    fetch_missing
    build_all
    write_versions >"$out/versions.h"
    rm -rf "$out/src"
    wanted_key >"$out/stamp"
}

main
