/*
 * The judgement on a backend's certificate: what BearSSL's client engine asks. The chain is kept until it is complete, then brought
 * into order, as servers send it in any, and given to BearSSL's own validation together with those authorities that can matter.
 *
 * The first certificate is the backend's (RFC 5246 section 7.4.2); of the others, those that lead to an authority are used, whatever
 * their order, and the rest does no harm.
 */
#ifndef EDGE_TLS_CHAIN_H
#define EDGE_TLS_CHAIN_H

#include <bearssl.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/ip.h"
#include "tls/cert_parse.h"
#include "tls/trust.h"

enum {
    CHAIN_NAME = 255, /* bytes of a host name at most */
    CHAIN_BYTES = 64 * 1024,
};

/* All-zero but for what chain_init() is told. */
struct chain {
    const br_x509_class *class; /* the first member: what BearSSL is given */
    const struct tls_trust *trust;
    int64_t wall;              /* seconds since 1970, for the validity */
    char name[CHAIN_NAME + 1]; /* a host name to find in the certificate; empty: none */
    struct ip ip;              /* or an address */
    int err;                   /* enum err: why the chain was refused */
    bool seen;                 /* certificates came; not so when a session was resumed */
    bool too_large;
    bool pinned;     /* exactly this certificate is trusted */
    struct buf ders; /* the certificates, one behind the other */
    size_t length[CERT_CHAIN];
    size_t n;
    br_x509_pkey key; /* of `tls insecure`: points into ders */
    br_x509_minimal_context validation;
};

/*
 * `name` is a host name, with or without a final dot, an address, or empty (then only a certificate that is trusted itself is
 * good). False when it is longer than a host name can be.
 */
bool chain_init(struct chain *c, const struct tls_trust *trust, struct str name, int64_t wall);
void chain_done(struct chain *c);

#endif
