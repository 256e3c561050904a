/* Keys, requests and certificates as DER and PEM: what ACME needs of X.509 (RFC 5280, RFC 2986, RFC 5958). */
#ifndef EDGE_ACME_X509_H
#define EDGE_ACME_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* A new P-256 key as PKCS#8 PEM, in mem. p is NULL when memory is out. Wipe it after use. */
struct str x509_new_key(struct arena *mem);
/*
 * PKCS#10 in DER: no subject, all names in subjectAltName, signed with ECDSA-SHA256. p is NULL when the key is not P-256 or
 * memory is out.
 */
struct str x509_request(struct arena *mem, struct str key_pem, const struct str *names, size_t n_names);
/* A self-signed certificate for the names (it may be none: then it names "edge"), valid from not_before for `seconds`. PEM, in mem. */
struct str x509_self_signed(struct arena *mem, struct str key_pem, const struct str *names, size_t n_names,
                            int64_t not_before);

struct x509_facts {
    struct str issuer;  /* its common name, else its organisation, else empty */
    struct str serial;  /* hexadecimal, of the INTEGER's content bytes */
    struct str key_id;  /* of the authorityKeyIdentifier, raw bytes; may be empty */
    struct str *names;  /* dNSNames of subjectAltName, lower case */
    size_t n_names;
    int64_t not_before, not_after; /* seconds since 1970 */
};

/* Of the first certificate in a PEM chain; strings lie in mem. False when it cannot be read. */
bool x509_read(struct arena *mem, struct str chain_pem, struct x509_facts *facts);
/* The chain's first certificate holds the public half of this key. */
bool x509_belongs(struct str chain_pem, struct str key_pem);

#endif
