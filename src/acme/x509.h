/*
 * Requests and certificates as DER and PEM: what ACME needs of X.509 (RFC 5280, RFC 2986). Keys are PKCS#8
 * PEM of P-256. Writing is in x509.c, reading in x509_read.c.
 */
#ifndef EDGE_ACME_X509_H
#define EDGE_ACME_X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

enum { X509_CHAIN = 8 }; /* certificates in a chain, as many as tls/ takes */

/*
 * A new P-256 key as PKCS#8 PEM, in mem. p is NULL when memory is out. Secret: the arena's owner wipes it
 * (arena_wipe()).
 */
struct str x509_new_key(struct arena *mem);
/*
 * PKCS#10 in DER: no subject, all names in subjectAltName, signed with ECDSA-SHA256. p is NULL when the key
 * is not P-256, there is no name, or memory is out.
 */
struct str x509_request(struct arena *mem, struct str key_pem, const struct str *names, size_t n_names);
/*
 * A self-signed certificate for the names (without any it names "edge"), valid from not_before for 825
 * days: what is served until the CA's comes. PEM, in mem. p is NULL when the key is not P-256 or memory is
 * out.
 */
struct str x509_self_signed(struct arena *mem, struct str key_pem, const struct str *names, size_t n_names,
                            int64_t not_before);

struct x509_facts {
    struct str issuer; /* its common name, else its organisation, else empty */
    struct str serial; /* hexadecimal, of the INTEGER's content bytes */
    struct str key_id; /* of the authorityKeyIdentifier, raw bytes; may be empty */
    struct str *names; /* dNSNames of subjectAltName, lower case */
    size_t n_names;
    int64_t not_before, not_after; /* seconds since 1970 */
};

/* Of the first certificate in a PEM chain; strings lie in mem. False when it cannot be read. */
bool x509_read(struct arena *mem, struct str chain_pem, struct x509_facts *facts);
/* The chain's first certificate holds the public half of this key. */
bool x509_belongs(struct str chain_pem, struct str key_pem);

enum x509_verdict {
    X509_GOOD,
    X509_DAMAGED, /* not a readable chain: fetching it again may help */
    X509_FOREIGN, /* a certificate, but not of this key or not for these names */
};

struct x509_wanted {
    struct str key_pem;
    const struct str *names; /* lower case, in any order */
    size_t n_names;
};

/*
 * Whether what a CA sent can be used: one to X509_CHAIN certificates and nothing else, each issued by the
 * name of the next one, the first for our key and exactly the names. *why is NULL when it is good.
 * Signatures are the CA's affair: clients verify them.
 */
enum x509_verdict x509_accept(struct str chain_pem, const struct x509_wanted *wanted, const char **why);

#endif
