# shellcheck shell=bash
# `./build.sh test` and `./build.sh fuzz`; sourced by build.sh, whose functions it uses.
#
# Every piece leaves its verdict as a line `PASSED FAILED` in a .count file and its output in a .log
# beside it (build/test/). Output is shown when something failed; the counts are added up at the end.

results=$root/build/test
export PYTHONDONTWRITEBYTECODE=1

step() { # TITLE COMMAND...: runs it and says how long it took; never fails
    local title=$1 start=$SECONDS
    shift
    say "--- $title"
    "$@" || true
    say "    $title: $((SECONDS - start)) s"
}

# Which of the files match the pattern; without one, all.
matching() { # PATTERN FILE...
    local pattern=$1 file
    shift
    for file in "$@"; do
        if [ -f "$file" ] && [[ $file == *$pattern* ]]; then printf '%s\n' "$file"; fi
    done
}

# The piece's log, shown as a whole: its tests are small, and the reason may stand anywhere.
report() { # NAME PASSED FAILED SECONDS
    local name=$1 passed=$2 failed=$3
    printf '%s %s\n' "$passed" "$failed" >"$results/$name.count"
    # One at a time, as several pieces run at once.
    exec 9>"$results/lock"
    flock 9
    if [ "$failed" -eq 0 ]; then
        say "ok    $name ($passed, $4 s)"
    else
        say "FAIL  $name ($failed failed, $4 s)"
        sed 's/^/    /' "$results/$name.log"
    fi
    exec 9>&-
}

add_counts() { # prints PASSED FAILED
    find "$results" -name '*.count' -exec cat {} + | awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }'
}

# --- unit tests ------------------------------------------------------------------------------------

cmocka_count() { # LOG STATUS: cases passed and failed; a program that died without a summary counts one
    awk -v status="$2" '
        /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
        /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
        END { print passed + 0, (status != 0 && failed == 0) ? 1 : failed + 0 }' "$1"
}

# One test program, as a process of its own so that xargs can run several at a time.
unit_one() { # KIND PROGRAM
    local kind=$1 program=$2 name status=0 start=$SECONDS passed failed run=()
    name=unit-$kind-$(sed -E 's,build/[a-z]+/tests/,,; s,/,-,g' <<<"$program")
    # Leaks are valgrind's task, which does not need to trace the process.
    [ "$kind" = asan ] || run=(valgrind -q --leak-check=full --error-exitcode=9)
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 CMOCKA_MESSAGE_OUTPUT=STDOUT \
        timeout -k 5 420 "${run[@]}" "$program" >"$results/$name.log" 2>&1 </dev/null || status=$?
    [ "$status" -eq 0 ] || printf 'exit status %s\n' "$status" >>"$results/$name.log"
    read -r passed failed < <(cmocka_count "$results/$name.log" "$status")
    report "$name" "$passed" "$failed" "$((SECONDS - start))"
}

unit_tests() { # SOURCE...
    local work=() source
    for source in "$@"; do
        work+=("asan build/asan/${source%.c}" "valgrind build/release/${source%.c}")
    done
    parallel unit_one "${work[@]}"
}

# Calls FUNCTION once for each argument (words of its own), as many at a time as there are cores.
parallel() { # FUNCTION ARGUMENTS...
    local function=$1
    shift
    export -f unit_one cmocka_count fuzz_one report say
    export results root
    printf '%s\n' "$@" | xargs -P"$(nproc)" -I{} bash -c "set -euo pipefail; $function {}"
}

# --- fuzzing ---------------------------------------------------------------------------------------

fuzz_one() { # SECONDS SEED SOURCE
    local seconds=$1 seed=$2 source=$3 name status=0 start=$SECONDS corpus
    local options=(-max_total_time="$seconds" -seed="$seed" -timeout=10 -rss_limit_mb=2048 -verbosity=1)
    name=$(basename "$source" _fuzz.c)
    corpus=$root/build/fuzz/corpus/$name
    mkdir -p "$corpus" "$root/build/fuzz/found"
    # New inputs go into the copy; what is worth keeping is added to the tree by hand.
    [ ! -d "tests/fuzz/corpus/$name" ] || cp -R "tests/fuzz/corpus/$name/." "$corpus/"
    [ ! -f "tests/fuzz/$name.dict" ] || options+=(-dict="tests/fuzz/$name.dict")
    ASAN_OPTIONS=detect_leaks=1 timeout -k 5 $((seconds + 120)) "build/fuzz/${source%.c}" "${options[@]}" \
        -artifact_prefix="$root/build/fuzz/found/$name-" "$corpus" >"$results/fuzz-$name.log" 2>&1 </dev/null || status=$?
    if [ "$status" -eq 0 ]; then
        report "fuzz-$name" 1 0 "$((SECONDS - start))"
    else
        tail -n 80 "$results/fuzz-$name.log" >"$results/fuzz-$name.tail"
        mv "$results/fuzz-$name.tail" "$results/fuzz-$name.log"
        report "fuzz-$name" 0 1 "$((SECONDS - start))"
    fi
}

fuzz_targets() { # SECONDS SEED SOURCE...
    local seconds=$1 seed=$2 work=() source
    shift 2
    for source in "$@"; do work+=("$seconds $seed $source"); done
    parallel fuzz_one "${work[@]}"
}

# --- end-to-end tests ------------------------------------------------------------------------------

# Installed outside the tree, once for each state of the two package files.
node_modules() {
    local from=tests/e2e/node to=$root/build/node sum install=install
    [ -f "$from/package.json" ] || return 0
    command -v node >/dev/null || need_groups node
    command -v npm >/dev/null || need_groups npm
    sum=$(cat "$from"/package*.json | sha256sum)
    [ -f "$to/stamp" ] && [ "$sum" = "$(cat "$to/stamp")" ] && return 0
    say "installing the node packages of the tests"
    rm -rf "$to" && mkdir -p "$to"
    cp "$from"/package*.json "$to/"
    [ ! -f "$to/package-lock.json" ] || install=ci
    if ! (cd "$to" && npm "$install" --no-audit --no-fund --ignore-scripts --omit-lockfile-registry-resolved) \
        >"$EDGE_LOG/npm.log" 2>&1; then
        tail -n 30 "$EDGE_LOG/npm.log"
        return 1
    fi
    say "$sum" >"$to/stamp"
}

# The counts of pytest's closing line, errors in set-up among the failures.
pytest_count() { # LOG STATUS
    awk -v status="$2" '
        /^=+ .* in [0-9.]+s/ { line = $0 }
        END {
            n = split(line, word, /[ ,=]+/)
            for (i = 2; i <= n; i++) {
                if (word[i] == "passed") passed = word[i - 1]
                if (word[i] == "failed") failed += word[i - 1]
                if (word[i] ~ /^errors?$/) failed += word[i - 1]
            }
            # 5: nothing was collected, which the total decides about
            print passed + 0, (status != 0 && status != 5 && failed == 0) ? 1 : failed + 0
        }' "$1"
}

# Reports that sanitizers wrote while no test looked: each counts as a failure of its own.
sanitizer_reports() { # DIR
    local file found=0
    for file in "$1"/*; do
        [ -s "$file" ] || continue
        found=$((found + 1))
        { printf 'sanitizer report %s\n' "${file##*/}"; head -n 60 "$file"; } | sed 's/^/    /' >&2
    done
    printf '%s\n' "$found"
}

# Shown as it runs: these take long, and each case says what it was about. What the tests are told:
# EDGE_BIN, the program; EDGE_VARIANT, release or asan; EDGE_ROOT, the top folder; NODE_PATH, where
# the packages of tests/e2e/node are.
e2e_tests() { # VARIANT BINARY FILE...
    local variant=$1 binary=$2 name=e2e-$1 reports=$results/e2e-$1-reports passed failed found status=0 start=$SECONDS
    shift 2
    mkdir -p "$reports"
    ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:log_path=$reports/asan" \
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:abort_on_error=1:log_path=$reports/ubsan" \
        EDGE_BIN=$root/$binary EDGE_ROOT=$root EDGE_VARIANT=$variant NODE_PATH=$root/build/node/node_modules \
        /usr/bin/python3 -m pytest -p no:cacheprovider -v --tb=short --color=no --timeout="${EDGE_E2E_TIMEOUT:-120}" \
        -o markers="slow: takes long, run by test --all" \
        "$@" </dev/null 2>&1 | tee "$results/$name.log" || status=${PIPESTATUS[0]}
    read -r passed failed < <(pytest_count "$results/$name.log" "$status")
    found=$(sanitizer_reports "$reports")
    printf '%s %s\n' "$passed" "$((failed + found))" >"$results/$name.count"
    say "$([ $((failed + found)) -eq 0 ] && echo 'ok  ' || echo FAIL)  $name ($passed passed, $failed failed, $found sanitizer reports, $((SECONDS - start)) s)"
}

# --- whole machines --------------------------------------------------------------------------------

# Makes the packages and names them to the tests: EDGE_DEB_AMD64=PATH and so on, in the array debs.
make_packages() { # ARCH...
    local arch log
    debs=()
    for arch in "$@"; do
        log=$results/deb-$arch.log
        if "$BASH" build.sh deb --arch "$arch" >"$log" 2>&1; then
            debs+=("EDGE_DEB_${arch^^}=$root/$(tail -n 1 "$log")")
        else
            tail -n 30 "$log"
            build_failed "the package for $arch"
        fi
    done
}

# NAME becomes root if it says so: a container needs that, while what a build leaves belongs to who asked for it.
# Without a way to become root the tests themselves say what is missing; nothing is skipped.
system_tests() { # NAME root|user FILE...
    local name=$1 as=() passed failed status=0 start=$SECONDS
    if [ "$2" = root ] && [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null; then as=(sudo); fi
    shift 2
    "${as[@]}" env EDGE_ROOT="$root" PYTHONDONTWRITEBYTECODE=1 "${debs[@]}" \
        /usr/bin/python3 -m pytest -p no:cacheprovider -v --tb=short --color=no --timeout="${EDGE_SYSTEM_TIMEOUT:-2400}" \
        -o markers="slow: takes long, run by test --all" \
        "$@" </dev/null 2>&1 | tee "$results/$name.log" || status=${PIPESTATUS[0]}
    read -r passed failed < <(pytest_count "$results/$name.log" "$status")
    printf '%s %s\n' "$passed" "$failed" >"$results/$name.count"
    say "$([ "$failed" -eq 0 ] && echo 'ok  ' || echo FAIL)  $name ($passed passed, $failed failed, $((SECONDS - start)) s)"
}

run_machines() { # FILE...
    local file packages=() machines=() cases=() debs=() arches
    [ $# -gt 0 ] || return 0
    need_groups system
    arches=("$(dpkg --print-architecture)")
    if [ "$all" = yes ]; then
        need_groups foreign
        mapfile -t arches < <(printf '%s\n' "${arches[@]}" arm64 armhf | sort -u)
    else
        cases=(-m "not slow")
    fi
    for file in "$@"; do
        case $file in
        */test_package*) packages+=("$file") ;;
        *) machines+=("$file") ;;
        esac
    done
    step "packages" make_packages "${arches[@]}"
    [ "${#packages[@]}" -eq 0 ] || step "what is in the package" system_tests package user "${packages[@]}" "${cases[@]}"
    [ "${#machines[@]}" -eq 0 ] || step "whole machines" system_tests machines root "${machines[@]}" "${cases[@]}"
}

# --- the two commands ------------------------------------------------------------------------------

build_failed() { # WHAT
    say "FAIL  building $1"
    printf '0 1\n' >"$results/build-${1// /-}.count"
}

# Each on its own (-k): what can be built is tested, and what cannot counts as a failure.
build_tests() { # VARIANT SOURCE...
    local variant=$1 targets
    shift
    [ $# -gt 0 ] || return 0
    targets=("${@/#/build/$variant/}")
    make_variant "$variant" -k "${targets[@]%.c}" || build_failed "$variant tests"
}

finish() {
    local passed failed
    read -r passed failed < <(add_counts)
    [ $((passed + failed)) -gt 0 ] || say "nothing was run" >&2
    say "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

run_end_to_end() { # FILE...
    local file cases=("$@")
    [ $# -gt 0 ] || return 0
    # What the tests name as slow is for --all.
    [ "$all" = yes ] || cases+=(-m "not slow")
    for file in build/edge build/asan/edge; do [ -x "$file" ] || return 0; done
    [ ! -f tests/e2e/node/package.json ] || step "node packages" node_modules
    step "end-to-end tests" e2e_tests release build/edge "${cases[@]}"
    step "end-to-end tests, sanitizers" e2e_tests asan build/asan/edge "${cases[@]}"
}

build_both() {
    # In a condition bash would not stop at the first error inside; a shell of its own does.
    local variant
    for variant in release asan; do
        ("$BASH" build.sh "$([ $variant = asan ] && echo --asan || echo build)") || build_failed "$variant"
    done
}

test_main() { # [--all] [PATTERN]
    local all=no pattern='' argument units ends fuzzers machines
    for argument in "$@"; do
        case $argument in
        --all) all=yes ;;
        -*) usage >&2; exit 2 ;;
        *) pattern=$argument ;;
        esac
    done
    rm -rf "$results" && mkdir -p "$results"
    prepare_build test
    mapfile -t units < <(matching "$pattern" tests/*/*_test.c)
    mapfile -t ends < <(matching "$pattern" tests/e2e/test_*.py)
    mapfile -t fuzzers < <(matching "$pattern" tests/fuzz/*_fuzz.c)
    mapfile -t machines < <(matching "$pattern" tests/system/test_*.py)
    say "${#units[@]} unit test programs, ${#ends[@]} end-to-end files, ${#fuzzers[@]} fuzz targets, ${#machines[@]} files about whole machines"
    step "building edge" build_both
    step "building tests" build_tests asan "${units[@]}"
    step "building tests for valgrind" build_tests release "${units[@]}"
    step "building fuzz targets" build_tests fuzz "${fuzzers[@]}"
    [ "${#units[@]}" -eq 0 ] || step "unit tests" unit_tests "${units[@]}"
    [ "${#fuzzers[@]}" -eq 0 ] || step "fuzz targets" fuzz_targets "$(fuzz_seconds "$all")" 1 "${fuzzers[@]}"
    run_end_to_end "${ends[@]}"
    run_machines "${machines[@]}"
    finish
}

fuzz_seconds() { # ALL: a CPU minute each when everything was asked for
    if [ "$1" = yes ]; then echo "${EDGE_FUZZ_SECONDS:-60}"; else echo "${EDGE_FUZZ_SECONDS:-5}"; fi
}

fuzz_main() { # [--minutes N] [TARGET]
    local minutes=1 target='' fuzzers
    while [ $# -gt 0 ]; do
        case $1 in
        --minutes)
            [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "--minutes needs a whole number"
            minutes=$2
            shift
            ;;
        -*) usage >&2; exit 2 ;;
        *) target=$1 ;;
        esac
        shift
    done
    rm -rf "$results" && mkdir -p "$results"
    prepare_build fuzz
    mapfile -t fuzzers < <(matching "$target" tests/fuzz/*_fuzz.c)
    build_tests fuzz "${fuzzers[@]}"
    # 0 lets libFuzzer choose a seed: a long run should not repeat the last one.
    [ "${#fuzzers[@]}" -eq 0 ] || fuzz_targets $((minutes * 60)) 0 "${fuzzers[@]}"
    say "inputs found: build/fuzz/corpus/, inputs that fail: build/fuzz/found/"
    finish
}
