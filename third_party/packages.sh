# shellcheck shell=bash
# need_packages PACKAGE...: install those Debian packages that are missing, and nothing else.
# To be sourced. Asks dpkg only, so that it costs milliseconds when all are there.

missing_packages() {
    local installed pkg
    # Virtual or unknown names make dpkg-query fail; what it did print is what counts.
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
    for pkg in "$@"; do
        grep -qxF "installed $pkg" <<<"$installed" || printf '%s\n' "$pkg"
    done
}

# Lists older than the archive name files that are gone, so they are read anew, once in a run.
install_packages() {
    local as=(env)
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            printf 'These packages are missing: %s\n' "$*" >&2
            printf 'Run this once as root:  apt-get install --no-install-recommends %s\n' "$*" >&2
            return 1
        fi
        as=(sudo env)
    fi
    printf 'installing packages: %s\n' "$*"
    [ -n "${EDGE_APT_UPDATED:-}" ] || "${as[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq update
    export EDGE_APT_UPDATED=yes
    "${as[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" \
        </dev/null >"$EDGE_LOG/apt.log" 2>&1 || {
        tail -n 30 "$EDGE_LOG/apt.log" >&2
        printf 'apt-get could not install: %s\n' "$*" >&2
        return 1
    }
}

need_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -eq 0 ] || install_packages "${missing[@]}"
}
