/* Shared by cert.c and cert_key.c only. */
#ifndef EDGE_TLS_CERT_INT_H
#define EDGE_TLS_CERT_INT_H

#include <stdbool.h>

#include "base/str.h"
#include "tls/cert.h"

/* The public half, as the leaf tells it; pieces point into the certificate. */
struct cert_public {
    enum cert_kind kind;
    int curve;        /* of BearSSL */
    struct str point; /* uncompressed */
    struct str n, e;  /* RSA */
};

/* An OBJECT IDENTIFIER's curve in BearSSL's numbers, or 0. */
int cert_curve(struct str oid);
bool cert_is_rsa(struct str oid);
bool cert_is_ec(struct str oid);

/* Reads the private key into c. 0, or -1 with *why. */
int cert_key_read(struct cert *c, struct str pem, struct str *why);
/* The private key belongs to the public one, and signatures made with it are good. 0, or -1 with *why. */
int cert_key_check(const struct cert *c, const struct cert_public *p, struct str *why);

#endif
