#!/usr/bin/env bash
# judge.sh LISTS: sends the hostile messages in LISTS/*.jsonl through a running edge, over HTTP and TLS, and has the judge beside the
# lists (../checks/smugrun.py) look at what reaches the backend. The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
lists=$(realpath "$1")
judge=$(realpath "$lists/../../checks/smugrun.py")
work=$(mktemp -d)
http=18980 https=18943 backend=18902
edge_pid=

clean_up() {
    [ -z "$edge_pid" ] || kill "$edge_pid" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap clean_up EXIT

start_edge() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=edge.test \
        -addext subjectAltName=DNS:edge.test -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    cat >"$work/edge.conf" <<CONF
http 127.0.0.1:$http
https 127.0.0.1:$https
user $(id -un)
data $work/data
run $work/run
edge.test {
    proxy 127.0.0.1:$backend
    tls $work/cert.pem $work/key.pem
    http serve
}
CONF
    build/edge serve -c "$work/edge.conf" 2>"$work/log" &
    edge_pid=$!
    # The log is the event: edge says `ready` once it accepts.
    until grep -q 'ready' "$work/log"; do
        kill -0 "$edge_pid" || { cat "$work/log"; exit 1; }
        sleep 0.05
    done
}

passed=0 failed=0

verdicts() { # KIND TOTAL: how many of that kind the judge's last line counts
    sed -nE "s/.*'$1': ([0-9]+).*/\1/p; t; s/.*/0/p" <<<"$2"
}

judge_one() { # WHAT ARGUMENTS...
    local what=$1 total
    shift
    # It verifies nothing, but would read the system's bundle of roots for each connection.
    SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/nonexistent /usr/bin/python3 "$judge" --backend "$backend" --host edge.test "$@" "$lists"/*.jsonl >"$work/verdict" 2>&1 || true
    total=$(grep '^TOTAL' "$work/verdict" || { cat "$work/verdict"; echo "TOTAL {'fail': 1}"; })
    echo "judge over $what: $total"
    passed=$((passed + $(verdicts ok "$total") + $(verdicts advice "$total")))
    failed=$((failed + $(verdicts fail "$total")))
}

start_edge
judge_one HTTP --edge "127.0.0.1:$http"
judge_one TLS --edge "127.0.0.1:$https" --tls
kill -0 "$edge_pid" || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
