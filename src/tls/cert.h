/*
 * One certificate: the chain as DER and the private key, checked against each other. Made by certs, used by the engines.
 * Immutable; the key is wiped when it is freed.
 */
#ifndef EDGE_TLS_CERT_H
#define EDGE_TLS_CERT_H

#include <bearssl.h>
#include <stdint.h>

#include "base/str.h"

enum {
    CERT_CHAIN = 8,       /* certificates in a chain at most */
    CERT_DER = 16 * 1024, /* bytes of one certificate at most */
    CERT_FINGERPRINT = 32,
    CERT_RSA_MIN = 2048,
    CERT_RSA_MAX = 4096, /* bits; BearSSL signs no longer ones */
};

enum cert_kind { CERT_RSA, CERT_EC };

struct cert {
    br_x509_certificate chain[CERT_CHAIN]; /* the leaf first */
    size_t n_chain;
    uint8_t fingerprint[CERT_FINGERPRINT]; /* SHA-256 of the leaf */
    enum cert_kind kind;
    union {
        br_rsa_private_key rsa;
        br_ec_private_key ec;
    } key;
    uint8_t *chain_memory;
    uint8_t *key_memory; /* what the key's numbers lie in */
    size_t n_key_memory;
};

/* NULL with a static text in *why. See certs_add(). */
struct cert *cert_new(struct str pem_chain, struct str pem_key, struct str *why);
/* Wipes; NULL allowed. */
void cert_free(struct cert *c);

#endif
