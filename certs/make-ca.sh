#!/usr/bin/env bash
# usage: certs/make-ca.sh HOST...
# Makes a certificate authority in this directory, unless it is there, and an ECDSA certificate for each host name.
set -euo pipefail
umask 077
cd "$(dirname "${BASH_SOURCE[0]}")"

[ $# -gt 0 ] || { sed -n 's/^# usage/usage/p' "${BASH_SOURCE[0]##*/}" >&2; exit 2; }

# request NAME DAYS OPTION...: NAME.pem and NAME.key, quietly unless it fails
request() {
    local name=$1 days=$2 log
    shift 2
    log=$(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$days" \
        -keyout "$name.key" -out "$name.pem" "$@" 2>&1) || { printf '%s\n' "$log" >&2; exit 1; }
}

lasts() { [ -s "$1.key" ] && openssl x509 -in "$1.pem" -noout -checkend 86400 >/dev/null 2>&1; }

if ! lasts ca; then
    rm -f ./*.pem ./*.key
    request ca 365 -subj "/CN=edge demo CA" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign
fi
for host; do
    lasts "$host" || request "$host" 90 -CA ca.pem -CAkey ca.key -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
        -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth
done
chmod 644 ./*.pem
