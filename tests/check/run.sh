# shellcheck shell=bash
# `./build.sh check`; sourced by build.sh, whose functions it uses.
#
# A check is a function that prints what it found and fails if that is wrong. All are run.

sources() { find src -name '*.[ch]' | sort; }
test_sources() { find tests -name '*.[ch]' 2>/dev/null | sort; }
scripts() {
    printf '%s\n' build.sh .ci/run
    # Not every folder is in every clone.
    { find tests third_party src systemd docs -name '*.sh' 2>/dev/null || true; } | sort
}

# One line for each place instead of clang-format's three.
check_format() {
    local found
    found=$({ sources; test_sources; } | xargs -r clang-format --dry-run -Werror 2>&1 |
        sed -nE 's/^([^:]+:[0-9]+):[0-9]+: error: .*/\1/p; /^[^ ].*\.clang-format/p' | uniq || true)
    [ -z "$found" ] || { printf '%s\n' "$found" "clang-format -i FILE mends it"; return 1; }
}

check_includes() { sources | xargs -r awk -f tests/check/layers.awk tests/check/layers.txt; }

check_sizes() {
    { sources; test_sources; } | xargs -r awk -f tests/check/sizes.awk tests/check/sizes.allow
}

check_gcc() { make_variant release -k objects; }
check_clang() { make_variant clang -k objects; }

# Symbols in writable sections. What the allow list names and nobody has is told, and does no harm.
check_globals() {
    make_variant nm -k objects
    find build/nm/src -name '*.o' | while read -r object; do
        # Objects of sources that are gone stay in the folder.
        source=${object#build/nm/}
        if [ -f "${source%.o}.c" ]; then nm -A "$object"; fi
    done | awk '
        FNR == NR { if (NF >= 2 && !/^#/) allowed[$1 " " $2] = 1; next }
        $(NF - 1) ~ /^[bBdDC]$/ {
            file = $1; sub(/^build\/nm\/src\//, "", file); sub(/[.]o:.*/, ".c", file)
            symbol = $NF; sub(/[.][0-9]+$/, "", symbol)   # static in a function
            seen[file " " symbol] = 1
            if (!(file " " symbol in allowed)) { print "mutable global: " file " " symbol; bad = 1 }
        }
        END {
            for (entry in allowed) if (!(entry in seen)) print "globals.allow: not there any more: " entry
            exit bad
        }' tests/check/globals.allow -
}

lint() { make --no-print-directory -s -k -j"$(nproc)" -f tests/check/lint.mk VARIANT=clang "$1"; }
check_clang_tidy() { lint tidy; }
check_cppcheck() { lint cppcheck; }

check_shell() { scripts | while read -r file; do if [ -f "$file" ]; then printf '%s\n' "$file"; fi; done | xargs -r shellcheck -x -S info; }

check_python() {
    # shellcheck disable=SC2154  # root: build.sh
    find tests -name '*.py' -not -path '*/node_modules/*' -print0 |
        PYTHONPYCACHEPREFIX=$root/build/check/pycache xargs -0r /usr/bin/python3 -m py_compile
}

# Brackets keep this file from finding itself.
check_markers() {
    local found
    found=$(grep -rnE '\b(T[O]DO|F[I]XME|X[X]X|H[A]CK)\b' build.sh src tests third_party .ci README.md docs systemd \
        --exclude-dir=node_modules --exclude-dir=corpus --exclude-dir=archives 2>/dev/null |
        grep -vE '\b(T[O]DO|F[I]XME) ?\([a-z]+: [^)]+\)' || true)
    [ -z "$found" ] || { printf '%s\n' "$found" "write who will do it and why it waits: (name: reason)"; return 1; }
}

# The promise to users: one file that needs libc alone, small enough for a router's flash.
check_binary() {
    local needed size
    build release
    needed=$(readelf -d build/edge | awk '/NEEDED/ { print $NF }' | grep -vE '^\[(libc\.so\.6|ld-linux.*)\]$' || true)
    [ -z "$needed" ] || { printf 'build/edge needs more than libc: %s\n' "$needed"; return 1; }
    size=$(stat -c %s build/edge)
    [ "$size" -lt $((4 << 20)) ] || { printf 'build/edge has %s bytes, limit 4 MiB\n' "$size"; return 1; }
}

# Not in a condition: bash would ignore the first error inside FUNCTION.
run_one() { # NAME FUNCTION
    local name=$1 function=$2 log=$root/build/check/$1.log status=0 start=$SECONDS
    set +e
    (set -e; "$function") >"$log" 2>&1 </dev/null
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        say "ok    $name ($((SECONDS - start)) s)"
        # Warnings that do not fail; what a compiler says while it works is no news.
        grep -E '^(long|globals[.]allow):' "$log" | sed 's/^/    /' || true
    else
        say "FAIL  $name ($((SECONDS - start)) s)"
        grep -v '^  CC ' "$log" | head -n 150 | sed 's/^/    /' || true
        [ "$(wc -l <"$log")" -le 150 ] || say "    … all of it: ${log#"$root"/}"
        failed=$((failed + 1))
    fi
}

check_main() {
    local failed=0
    [ $# -eq 0 ] || { usage >&2; exit 2; }
    mkdir -p build/check
    prepare_build check
    run_one format check_format
    run_one includes check_includes
    run_one sizes check_sizes
    run_one markers check_markers
    run_one shell check_shell
    run_one python check_python
    run_one gcc check_gcc
    run_one clang check_clang
    run_one globals check_globals
    run_one binary check_binary
    run_one cppcheck check_cppcheck
    run_one clang-tidy check_clang_tidy
    [ "$failed" -eq 0 ] || { say "check: $failed failed"; return 1; }
    say "check: all good"
}
