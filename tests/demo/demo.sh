#!/usr/bin/env bash
# `./build.sh demo [--once]`: edge in front of two small applications, with certificates of a CA made on the spot.
# Shows that everything passes, and stays up until Ctrl-C; with --once it ends, with status 0 if all was seen.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
hosts=(photos.edge.test live.edge.test)
python=/usr/bin/python3
megabytes=100
once=no
failed=0
children=()

case ${1:-} in
'') ;;
--once) once=yes ;;
*) echo "usage: ./build.sh demo [--once]" >&2; exit 2 ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/edge-demo.XXXXXX")
chmod 755 "$work"

clean_up() {
    local pid
    trap - EXIT INT TERM
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${children[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'printf "\n"; exit 0' INT TERM

# --- small helpers ---------------------------------------------------------------------------------

say() { printf '  %-12s %s\n' "$1" "$2"; }
give_up() { printf 'demo: %s\n' "$1" >&2; exit 1; }

# One thing that should be seen: shown with a mark, counted when it is not so.
seen() { # WHAT TEXT WANTED-PATTERN
    # shellcheck disable=SC2053  # a pattern is wanted
    if [[ $2 == $3 ]]; then
        say "$1" "$2"
    else
        say "$1" "NOT AS EXPECTED: ${2:-nothing}"
        failed=$((failed + 1))
    fi
}

free_port() { # FIRST: the first port from there on that nobody listens at
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

await() { # SECONDS COMMAND...
    local tries=$(($1 * 20))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.05
    done
}

# --- what the demo consists of ---------------------------------------------------------------------

# The one place that knows where certificates come from.
make_certificates() {
    "$root/certs/make-ca.sh" "${hosts[@]}"
    ca=$root/certs/ca.pem
    say certificates "for ${hosts[*]}, of a CA made here: certs/ca.pem"
}

start_backend() { # HOST: leaves its port in $work/HOST.port
    "$python" "$root/tests/demo/backend.py" "${1%%.*}" >"$work/$1.port" 2>"$work/$1.log" &
    children+=($!)
    await 10 test -s "$work/$1.port" || { cat "$work/$1.log" >&2; give_up "the backend of $1 did not start"; }
    say backend "$1 is served by 127.0.0.1:$(cat "$work/$1.port")"
}

write_config() {
    local host
    {
        printf 'http 127.0.0.1:%s\nhttps 127.0.0.1:%s\ndata %s/data\nrun %s/run\n' "$http" "$https" "$work" "$work"
        [ "$(id -u)" -ne 0 ] || printf 'user nobody\n'
        for host in "${hosts[@]}"; do
            printf '\n%s {\n    proxy 127.0.0.1:%s\n    tls "%s" "%s"\n}\n' "$host" "$(cat "$work/$host.port")" \
                "$root/certs/$host.pem" "$root/certs/$host.key"
        done
    } >"$work/edge.conf"
}

edge_is_ready() { grep -q '^ready' "$work/edge.log" || ! kill -0 "$edge_pid" 2>/dev/null; }

start_edge() {
    http=$(free_port 8080)
    https=$(free_port 8443)
    write_config
    "$root/build/edge" serve -c "$work/edge.conf" >"$work/edge.log" 2>&1 &
    edge_pid=$!
    children+=("$edge_pid")
    if ! await 10 edge_is_ready || ! kill -0 "$edge_pid" 2>/dev/null; then
        cat "$work/edge.log" >&2
        give_up "edge did not start"
    fi
    say edge "https on port $https, http on port $http, process $edge_pid"
}

fetch() { # HOST PATH OPTION...
    local host=$1 path=$2
    shift 2
    curl -sS --noproxy "*" --max-time 120 --resolve "$host:$https:127.0.0.1" --cacert "$ca" "$@" "https://$host:$https$path"
}

# --- what is shown ---------------------------------------------------------------------------------

show_page() { # HOST
    local head
    head=$(fetch "$1" / -D - -o /dev/null | tr -d '\r' || true)
    seen https "$(sed -n '1p' <<<"$head"), server: $(sed -n 's/^Server: //Ip' <<<"$head")" "HTTP/1.1 200 *, server: ${1%%.*}-backend"
}

show_certificate() { # HOST
    local text
    text=$(openssl s_client -connect "127.0.0.1:$https" -servername "$1" -CAfile "$ca" -verify_return_error \
        -verify_hostname "$1" </dev/null 2>/dev/null | openssl x509 -noout -subject -issuer -nameopt multiline 2>/dev/null |
        sed -n 's/^ *commonName *= //p' || true)
    seen certificate "for ${text/$'\n'/, issued by }" "for $1, issued by edge demo CA"
}

show_redirect() { # HOST
    local text
    text=$(curl -sS --noproxy '*' --max-time 10 --resolve "$1:$http:127.0.0.1" -o /dev/null \
        -w '%{http_code} to %{redirect_url}' "http://$1:$http/album?id=1" || true)
    seen http "$text" "301 to https://$1:$https/album?id=1"
}

show_immich() { # HOST
    seen well-known "/.well-known/immich says $(fetch "$1" /.well-known/immich || true)" '*{"api": {"endpoint": "/api"}}'
}

show_websocket() { # HOST
    local text="hello from $$"
    seen websocket "echo: $("$python" "$root/tests/demo/websocket.py" "$1" "$https" "$ca" "$text" 2>&1 | tail -n 1 || true)" "echo: $text"
}

show_upload() { # HOST
    local here there
    here=$(sha256sum <"$work/upload")
    there=$(fetch "$1" /upload -T "$work/upload" | sed -nE 's/.*"received": ([0-9]+), "sha256": "([0-9a-f]+)".*/\1 \2/p' || true)
    say upload "sent     $megabytes MiB, SHA-256 ${here%% *}"
    seen '' "received $((${there%% *} >> 20)) MiB, SHA-256 ${there#* }" "received $megabytes MiB, SHA-256 ${here%% *}"
}

show_host() { # HOST
    printf '\n%s\n' "$1"
    show_page "$1"
    show_certificate "$1"
    show_redirect "$1"
    show_immich "$1"
    show_websocket "$1"
    show_upload "$1"
}

stay() {
    cat <<TEXT

edge stays up until Ctrl-C. To try, in another terminal:

TEXT
    local host
    for host in "${hosts[@]}"; do
        printf '  curl --resolve %s:%s:127.0.0.1 --cacert %s https://%s:%s/\n' "$host" "$https" "$ca" "$host" "$https"
    done
    printf '\nOr in a browser, with "127.0.0.1 %s" in /etc/hosts: https://%s:%s/\n' "${hosts[*]}" "${hosts[0]}" "$https"
    printf 'Configuration: %s/edge.conf, log: %s/edge.log\n' "$work" "$work"
    wait "$edge_pid"
}

printf 'edge demo\n'
make_certificates
for host in "${hosts[@]}"; do start_backend "$host"; done
start_edge
head -c "${megabytes}M" /dev/urandom >"$work/upload"
for host in "${hosts[@]}"; do show_host "$host"; done
rm -f "$work/upload"

if [ "$failed" -gt 0 ]; then
    printf '\n%s of these did not work; the log of edge:\n' "$failed" >&2
    cat "$work/edge.log" >&2
    exit 1
fi
printf '\nAll of it works.\n'
[ "$once" = yes ] || stay
