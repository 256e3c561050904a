#!/usr/bin/env bash
# Makes the certificates and keys in tests/tls/data, for tests only. They are committed: run it when another kind is needed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/data"

leaf() { # FILE NAME ISSUER OPENSSL-GENPKEY-ARGUMENT...
    local file=$1 name=$2 issuer=$3
    shift 3
    openssl genpkey "$@" -out "$file.key" 2>/dev/null
    openssl req -new -key "$file.key" -subj "/CN=$name" -addext "subjectAltName=DNS:$name" |
        openssl x509 -req -CA "$issuer.pem" -CAkey "$issuer.key" -days 36500 -copy_extensions copy -out "$file.pem" 2>/dev/null
}

authority() { # FILE NAME: signs itself
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null
    openssl req -x509 -new -key "$1.key" -subj "/CN=$2" -days 36500 -out "$1.pem"
}

p256=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
rm -f ./*.pem ./*.key
authority root "Test root"
openssl genpkey "${p256[@]}" -out middle.key 2>/dev/null
openssl req -new -key middle.key -subj "/CN=Test intermediate" |
    openssl x509 -req -CA root.pem -CAkey root.key -days 36500 -out middle.pem \
        -extfile <(echo "basicConstraints=critical,CA:TRUE") 2>/dev/null

leaf ec ec.test middle "${p256[@]}"
leaf ec2 ec.test middle "${p256[@]}"
leaf ec384 ec384.test middle -algorithm EC -pkeyopt ec_paramgen_curve:P-384
leaf ec521 ec521.test middle -algorithm EC -pkeyopt ec_paramgen_curve:P-521
leaf rsa rsa.test middle -algorithm RSA -pkeyopt rsa_keygen_bits:2048
leaf rsa4096 rsa4096.test middle -algorithm RSA -pkeyopt rsa_keygen_bits:4096
leaf rsa1024 rsa1024.test middle -algorithm RSA -pkeyopt rsa_keygen_bits:1024
leaf ed25519 ed25519.test middle -algorithm ED25519

cat ec.pem middle.pem >ec_chain.pem
cat root.pem middle.pem ec.pem >ec_reversed.pem
cat ec.key ec.pem middle.pem >ec_all.pem
openssl ec -in ec.key -out ec_sec1.key 2>/dev/null
openssl ecparam -name prime256v1 -out params.tmp && cat params.tmp ec_sec1.key >ec_params.key && rm params.tmp
openssl rsa -in rsa.key -traditional -out rsa_pkcs1.key 2>/dev/null
openssl pkcs8 -topk8 -in ec.key -passout pass:test -out ec_encrypted.key
openssl rsa -in rsa.key -traditional -aes128 -passout pass:test -out rsa_encrypted.key 2>/dev/null
rm -f root.key middle.key
