#!/usr/bin/env bash
# `./build.sh demo [--once]`: edge in front of two small applications, with certificates that it gets by ACME from Pebble, a CA for
# tests. Everything is on this machine and under one temporary folder. Shows that everything passes, and stays up until Ctrl-C; with
# --once it ends, with status 0 if all was seen.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
hosts=(photos.edge.test live.edge.test) # the second one is served over plain HTTP too
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
ca=$work/root.pem # of Pebble, as clients trust it

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

start_backend() { # HOST: leaves its port in $work/HOST.port
    "$python" "$root/tests/demo/backend.py" "${1%%.*}" >"$work/$1.port" 2>"$work/$1.log" &
    children+=($!)
    await 10 test -s "$work/$1.port" || { cat "$work/$1.log" >&2; give_up "the backend of $1 did not start"; }
    say backend "$1 is served by 127.0.0.1:$(cat "$work/$1.port")"
}

# --- the CA: Pebble, and the DNS server that tells it that every name is this machine --------------

# Both speak HTTPS under a certificate that nobody but this demo trusts. Copied: edge runs as a user who may not see this tree.
make_localhost_certificate() {
    "$root/certs/make-ca.sh" localhost >"$work/openssl.log" 2>&1 || { cat "$work/openssl.log" >&2; give_up "openssl failed"; }
    cp "$root"/certs/{ca.pem,localhost.pem,localhost.key} "$work/"
    chmod a+r "$work/ca.pem"
}

write_pebble_config() { # MANAGEMENT-PORT
    cat >"$work/pebble.json" <<JSON
{ "pebble": {
  "listenAddress": "127.0.0.1:$acme", "managementListenAddress": "127.0.0.1:$1",
  "certificate": "$work/localhost.pem", "privateKey": "$work/localhost.key",
  "httpPort": $http, "tlsPort": $https, "ocspResponderURL": "", "externalAccountBindingRequired": false,
  "retryAfter": { "authz": 1, "order": 1 }, "keyAlgorithm": "ecdsa", "certificateValidityPeriod": 7776000,
  "profiles": { "default": { "description": "90 days", "validityPeriod": 7776000 } } } }
JSON
}

start_dns() { # PORT MANAGEMENT-PORT
    local known options=(-management "127.0.0.1:$2" -defaultIPv4 127.0.0.1 -defaultIPv6 "") name dns=-dns01
    known=$(pebble-challtestsrv -h 2>&1 || true)
    # Spellings from 2.4 to 2.10.
    ! grep -q -e ' -dnsserver ' <<<"$known" || dns=-dnsserver
    for name in http01 https01 tlsalpn01 doh; do
        ! grep -q -e " -$name " <<<"$known" || options+=("-$name" "")
    done
    pebble-challtestsrv "$dns" "127.0.0.1:$1" "${options[@]}" >"$work/dns.log" 2>&1 &
    children+=($!)
}

# The root that clients are to trust; another Pebble at this port would give another one.
fetch_root() { # MANAGEMENT-PORT
    curl -sS --noproxy '*' --cacert "$work/ca.pem" "https://localhost:$1/roots/0" -o "$ca" 2>"$work/curl.log" &&
        grep -qF "$(openssl x509 -in "$ca" -noout -subject -nameopt RFC2253 | sed 's/.*CN=//')" "$work/pebble.log"
}

start_pebble() {
    local dns management dns_management
    acme=$(free_port 14000)
    management=$(free_port 15000)
    dns=$(free_port 18053)
    dns_management=$(free_port 18155)
    make_localhost_certificate
    write_pebble_config "$management"
    start_dns "$dns" "$dns_management"
    PEBBLE_VA_NOSLEEP=1 pebble -config "$work/pebble.json" -dnsserver "127.0.0.1:$dns" >"$work/pebble.log" 2>&1 &
    children+=($!)
    await 10 fetch_root "$management" || { cat "$work"/{pebble,dns,curl}.log >&2; give_up "Pebble did not start"; }
    say CA "Pebble, at https://localhost:$acme/dir"
}

# --- edge ------------------------------------------------------------------------------------------

write_config() {
    cat >"$work/edge.conf" <<CONF
http 127.0.0.1:$http
https 127.0.0.1:$https
data $work/data
run $work/run
$([ "$(id -u)" -ne 0 ] || echo user nobody)

acme {
    directory https://localhost:$acme/dir
    ca_file   $work/ca.pem
}

${hosts[0]} {
    proxy 127.0.0.1:$(cat "$work/${hosts[0]}.port")
}
${hosts[1]} {
    proxy 127.0.0.1:$(cat "$work/${hosts[1]}.port")
    http  serve
}
CONF
}

edge_is_ready() { grep -q '^ready' "$work/edge.log" || ! kill -0 "$edge_pid" 2>/dev/null; }

start_edge() {
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

# Their hosts' certificates come by themselves; what is served before is self-signed.
has_certificate() { fetch "$1" / -o /dev/null 2>/dev/null; }

await_certificates() {
    local host start=$SECONDS
    for host in "${hosts[@]}"; do
        await 60 has_certificate "$host" || { cat "$work/edge.log" >&2; give_up "no certificate came for $host"; }
    done
    say certificates "for ${hosts[*]}, after $((SECONDS - start)) s"
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

# What openssl's client was given, verified with the CA's root alone.
served() { # HOST OPTION-OF-X509...
    local host=$1
    shift
    openssl s_client -connect "127.0.0.1:$https" -servername "$host" -CAfile "$ca" -verify_return_error \
        -verify_hostname "$host" </dev/null 2>/dev/null | openssl x509 -noout -nameopt RFC2253 "$@" 2>/dev/null || true
}

show_certificate() { # HOST
    local text issuer from to
    text=$(served "$1" -issuer -dates)
    issuer=$(sed -n 's/^issuer=.*CN=\([^,]*\).*/\1/p' <<<"$text")
    from=$(sed -n 's/^notBefore=//p' <<<"$text")
    to=$(sed -n 's/^notAfter=//p' <<<"$text")
    seen certificate "of $issuer, from $from to $to" "of Pebble Intermediate CA *, from ?* GMT to ?* GMT"
}

plain() { # HOST PATH OPTION...
    local host=$1 path=$2
    shift 2
    curl -sS --noproxy '*' --max-time 10 --resolve "$host:$http:127.0.0.1" "$@" "http://$host:$http$path" || true
}

show_plain_http() { # HOST
    local text
    text=$(plain "$1" '/album?id=1' -o /dev/null -w '%{http_code} %{redirect_url}')
    if [ "$1" = "${hosts[1]}" ]; then
        seen http "$text(served)" "200 (served)"
    else
        seen http "${text/ / to }" "301 to https://$1:$https/album?id=1"
    fi
}

show_immich() { # HOST
    local wanted='*{"api": {"endpoint": "/api"}}'
    seen well-known "/.well-known/immich says $(fetch "$1" /.well-known/immich || true)" "$wanted"
    [ "$1" != "${hosts[1]}" ] || seen '' "over HTTP it says $(plain "$1" /.well-known/immich)" "$wanted"
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
    show_plain_http "$1"
    show_immich "$1"
    show_websocket "$1"
    show_upload "$1"
}

# A websocket that is open before, and says something after.
show_renewal() { # HOST
    local before after text="still there" echo
    before=$(served "$1" -serial)
    echo=$("$python" "$root/tests/demo/websocket.py" "$1" "$https" "$ca" "$text" \
        "$root/build/edge" renew --force -c "$work/edge.conf" "$1" 2>"$work/renew.log" | tail -n 1) || cat "$work/renew.log" >&2
    renewed() { after=$(served "$1" -serial) && [ -n "$after" ] && [ "$after" != "$before" ]; }
    await 10 renewed "$1" || true
    printf '\nedge renew --force %s\n' "$1"
    say before "${before/=/ }"
    seen after "${after/=/ }" "serial [0-9A-F]*"
    [ "$before" != "$after" ] || seen '' "the same" "another one"
    seen websocket "open all the time, then: $echo" "*: $text"
}

stay() {
    cat <<TEXT

edge stays up until Ctrl-C. To try, in another terminal:

TEXT
    local host
    for host in "${hosts[@]}"; do
        printf '  curl --resolve %s:%s:127.0.0.1 --cacert %s https://%s:%s/\n' "$host" "$https" "$ca" "$host" "$https"
    done
    printf '  %s certs -c %s\n' build/edge "$work/edge.conf"
    printf '  %s renew --force -c %s\n' build/edge "$work/edge.conf"
    printf '\nOr in a browser, with "127.0.0.1 %s" in /etc/hosts: https://%s:%s/\n' "${hosts[*]}" "${hosts[0]}" "$https"
    printf 'Configuration: %s/edge.conf, log: %s/edge.log\n' "$work" "$work"
    wait "$edge_pid"
}

printf 'edge demo\n'
http=$(free_port 8080)
https=$(free_port 8443)
for host in "${hosts[@]}"; do start_backend "$host"; done
start_pebble
start_edge
await_certificates
head -c "${megabytes}M" /dev/urandom >"$work/upload"
for host in "${hosts[@]}"; do show_host "$host"; done
rm -f "$work/upload"
show_renewal "${hosts[1]}"

if [ "$failed" -gt 0 ]; then
    printf '\n%s of these did not work; the log of edge:\n' "$failed" >&2
    cat "$work/edge.log" >&2
    exit 1
fi
printf '\nAll of it works.\n'
[ "$once" = yes ] || stay
