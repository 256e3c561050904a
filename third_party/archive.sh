# shellcheck shell=bash
# Debian's archive, read through lists of our own under $apt: the machine's sources are not touched,
# only its mirror is taken from them. To be sourced; needs die, $apt (a folder)
# and the array apt_options, which may be empty.

keyring() {
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
        [ -f "$file" ] && { printf '%s\n' "$file"; return 0; }
    done
    die "no keyring of Debian's archive: install debian-archive-keyring"
}

# The mirror this machine uses for Debian itself; other archives in its sources are not meant.
mirror() {
    local site
    # shellcheck disable=SC2016  # apt fills these in, not the shell
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    # shellcheck disable=SC2016
    [ -n "$site" ] || site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
    [ -n "$site" ] || die "apt has no package source on this machine${no_source_hint:+; $no_source_hint}"
    printf '%s\n' "$site"
}

# shellcheck disable=SC2154  # they are set by who sources this
private_apt() {
    apt-get -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::Etc::preferencesparts=- -o Dir::State="$apt/state" \
        -o Dir::State::status="$apt/state/status" -o Dir::Cache="$apt/cache" \
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o Acquire::Retries=3 \
        -o APT::Sandbox::User="$(id -un)" "${apt_options[@]}" "$@"
}

# The lines of sources.list come on standard input, @SITE@ and @RING@ in them for mirror and keyring.
update_private_apt() {
    local site ring
    site=$(mirror) ring=$(keyring)
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/state/status"
    sed -e "s#@SITE@#$site#; s#@RING@#$ring#" >"$apt/sources.list"
    private_apt -q update
}
