#!/usr/bin/env bash
# Makes the certificates in tests/tls/data/trust: what backends show, and whom one believes. For tests only. They are committed: run
# it when another kind is needed. Their time begins in 2020, so that they are good wherever a clock is about right (Debian: faketime).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/data/trust"

p256=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
long=36500
ca="basicConstraints=critical,CA:TRUE"

openssl() { faketime '2020-01-01 00:00:00 UTC' openssl "$@"; }

key() { # FILE OPENSSL-GENPKEY-ARGUMENT...
    local file=$1
    shift
    openssl genpkey "$@" -out "$file.key" 2>/dev/null
}

# With an empty list of extensions the certificate is of version 1.
certify() { # FILE KEY NAME ISSUER DAYS EXTENSIONS: as lines
    local by=(-CA "$4.pem" -CAkey "$4.key" -set_serial "0x$(openssl rand -hex 8)")
    [ "$4" != itself ] || by=(-signkey "$2.key")
    openssl req -new -key "$2.key" -subj "/CN=$3" |
        openssl x509 -req "${by[@]}" -days "$5" -out "$1.pem" ${6:+-extfile <(printf '%b' "$6")} 2>/dev/null
}

rm -f ./*.pem ./*.key
for name in ca ca2 ca3 other_ca middle bare nas self v1; do key "$name" "${p256[@]}"; done
for name in ca ca2 ca3; do certify "$name" "$name" "Home $name" itself $long "$ca"; done
certify other_ca other_ca "Home ca" itself $long "$ca"
certify ca_by_ca2 ca "Home ca" ca2 $long "$ca"
certify ca_by_ca3 ca "Home ca" ca3 $long "$ca"
certify middle middle "Home intermediate" ca $long "$ca"
certify middle_short middle "Home intermediate" ca 3650 "$ca"
certify bare bare "Home bare" ca $long "keyUsage=digitalSignature"

names="subjectAltName=DNS:nas.test,DNS:*.wild.test,IP:10.0.0.9,IP:fd00::9"
certify nas nas nas.test middle $long "$names"
certify under_bare nas nas.test bare $long "$names"
certify under_leaf self evil.test nas $long "subjectAltName=DNS:evil.test"
certify cn nas cn.test ca $long "basicConstraints=CA:FALSE"
certify critical nas nas.test ca $long "$names\n1.2.3.4=critical,DER:0500"
certify usage nas nas.test ca $long "$names\nkeyUsage=keyCertSign"
key weak -algorithm RSA -pkeyopt rsa_keygen_bits:1024
certify weak weak nas.test ca $long "$names"
key ed -algorithm ED25519
certify ed ed nas.test ca $long "$names"

certify v1 v1 "Home v1" itself $long ""
certify under_v1 nas nas.test v1 $long "$names"
certify self self self.test itself $long "$ca\nsubjectAltName=DNS:self.test"
certify self_again self self.test itself $long "$ca\nsubjectAltName=DNS:self.test"
certify self_leaf self self.test itself $long "basicConstraints=CA:FALSE\nsubjectAltName=DNS:self.test"
certify self_leaf_again self self.test itself $long "basicConstraints=CA:FALSE\nsubjectAltName=DNS:self.test"
openssl req -x509 -new -sha1 -key weak.key -subj "/CN=self.test" -days $long -out self_sha1.pem
cat nas.pem middle.pem >nas_chain.pem
find . -name '*.key' ! -name nas.key ! -name self.key -delete
