#!/usr/bin/env bash
# pack.sh BINARY ARCH VERSION VERSIONS_H RESULT: makes the package RESULT of a stripped binary and the
# files of this tree. The same input and SOURCE_DATE_EPOCH give the same bytes.
set -euo pipefail

binary=$1 arch=$2 version=$3 versions=$4 result=$5
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$(dirname "$here")")
stage=${result%.deb}.stage
: "${SOURCE_DATE_EPOCH:?}"
export SOURCE_DATE_EPOCH
cd "$root"
umask 022

put() { install -D -m "${3:-644}" "$1" "$stage/$2"; } # SOURCE PATH [MODE]
put_packed() { mkdir -p "$stage/${2%/*}" && gzip -9n <"$1" >"$stage/$2"; }

put_files() {
    local unit
    put "$binary" usr/bin/edge 755
    for unit in edge.service edge-renew.service edge-renew.timer; do
        put "systemd/$unit" "usr/lib/systemd/system/$unit"
    done
    put systemd/edge.sysusers usr/lib/sysusers.d/edge.conf
    put systemd/edge.tmpfiles usr/lib/tmpfiles.d/edge.conf
    put systemd/edge.logrotate etc/logrotate.d/edge
    put systemd/edge.conf usr/share/edge/edge.conf
    put_packed docs/edge.8 usr/share/man/man8/edge.8.gz
    put_packed docs/edge.conf.5 usr/share/man/man5/edge.conf.5.gz
    put docs/example.conf usr/share/doc/edge/examples/edge.conf
    put systemd/debian/copyright usr/share/doc/edge/copyright
    put systemd/debian/lintian-overrides usr/share/lintian/overrides/edge
    mkdir -p "$stage/etc/edge"
}

put_completions() {
    [ -d docs/completions ] || return 0
    put docs/completions/edge.bash usr/share/bash-completion/completions/edge
    put docs/completions/_edge usr/share/zsh/vendor-completions/_edge
    put docs/completions/edge.fish usr/share/fish/vendor_completions.d/edge.fish
}

put_changelog() {
    {
        printf 'edge (%s) stable; urgency=medium\n\n  * This version. What changed since others is in the log of the sources.\n\n' "$version"
        printf ' -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' "$here/control")" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
    } >"$stage.changelog"
    put_packed "$stage.changelog" usr/share/doc/edge/changelog.gz
    rm "$stage.changelog"
}

# The newest version of a symbol of libc's is the oldest libc that will do.
needed_libc() { readelf -W --version-info "$binary" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | sed -n '$s/GLIBC_//p'; }

# sqlite is sqlite3 in Debian; the others have one name.
libraries() {
    sed -nE 's/^#define EDGE_DEP_([A-Z0-9]+) "(.*)"/\L\1\E (= \2)/p' "$versions" |
        sed -E 's/^sqlite /sqlite3 /' | sort | paste -sd, | sed 's/,/, /g'
}

# KiB as dpkg-gencontrol counts them: of a folder one, of a file as many as it begins.
installed_size() {
    find "$stage" -mindepth 1 -not -path "$stage/DEBIAN*" -printf '%y %s\n' |
        awk '{ sum += $1 == "f" ? int(($2 + 1023) / 1024) : 1 } END { print sum }'
}

put_control() {
    local script
    mkdir -p "$stage/DEBIAN"
    sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@LIBC@/$(needed_libc)/" \
        -e "s/@SIZE@/$(installed_size)/; s/@LIBRARIES@/$(libraries)/" "$here/control" >"$stage/DEBIAN/control"
    put "$here/conffiles" DEBIAN/conffiles
    for script in postinst prerm postrm; do put "$here/$script" "DEBIAN/$script" 755; done
    (cd "$stage" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
}

rm -rf "$stage" && mkdir -p "$stage"
put_files
put_completions
put_changelog
put_control
# Nothing newer than the source, nothing older than the files of this run.
find "$stage" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$stage" "$result.new" >/dev/null
mv "$result.new" "$result"
rm -rf "$stage"
