# shellcheck shell=bash
# `./build.sh deb`, `install` and `uninstall`; sourced by build.sh, whose functions it uses.

pack() { # BINARY ARCH VERSIONS_H
    result=build/edge_$(version)_$2.deb
    say "packing $result"
    SOURCE_DATE_EPOCH=$(source_date) bash systemd/debian/pack.sh "$1" "$2" "$(version)" "$3" "$result"
}

# Only what package.sh and third_party/sysroot.sh say goes into a package, whatever this shell has.
deb_main() {
    local arch result
    case $# in
    0) need_packages dpkg-dev && arch=$(dpkg --print-architecture) ;;
    2) [ "$1" = --arch ] || { usage >&2; exit 2; }; arch=$2 ;;
    *) usage >&2; exit 2 ;;
    esac
    case $arch in amd64 | arm64 | armhf) ;; *) die "deb --arch: amd64, arm64 or armhf, not $arch" ;; esac
    unset LIBRARY_PATH CPATH C_INCLUDE_PATH CFLAGS CPPFLAGS LDFLAGS
    need_groups deb
    third_party/sysroot.sh "$arch"
    third_party/build.sh "$arch"
    write_build_info
    say "building edge (deb-$arch)"
    make_variant "deb-$arch" all
    llvm-strip -o "build/deb-$arch/edge.stripped" "build/deb-$arch/edge"
    pack "build/deb-$arch/edge.stripped" "$arch" "build/third_party-$arch/versions.h"
    say "$result"
}

as_root() { [ "$(id -u)" -eq 0 ] || die "$1 changes this machine: sudo ./build.sh $1"; }

install_main() {
    local result
    [ $# -eq 0 ] || { usage >&2; exit 2; }
    as_root install
    prepare_build
    build release
    pack build/edge "$(dpkg --print-architecture)" build/third_party/versions.h
    # shellcheck disable=SC2154  # root: build.sh
    apt-get -y --no-install-recommends --allow-downgrades --reinstall install "$root/$result"
}

uninstall_main() {
    as_root uninstall
    case $* in
    "") apt-get -y remove edge ;;
    --purge) apt-get -y purge edge ;;
    *) usage >&2; exit 2 ;;
    esac
}
