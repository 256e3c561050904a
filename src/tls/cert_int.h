/* Shared by cert.c and cert_key.c only. */
#ifndef EDGE_TLS_CERT_INT_H
#define EDGE_TLS_CERT_INT_H

#include <stdbool.h>

#include "base/str.h"
#include "tls/cert_parse.h"

/* The public half of a key as the private key tells it. */
struct cert_own {
    struct cert_public public;
    uint8_t point[BR_EC_KBUF_PUB_MAX_SIZE];
};

/* Reads the private key into c. 0, or -1 with *why. */
int cert_key_read(struct cert *c, struct str pem, struct cert_own *own, struct str *why);
bool cert_key_matches(const struct cert_own *own, const struct cert_public *p);
/* Signatures made with the key are good ones. */
bool cert_key_works(const struct cert *c, const struct cert_public *p);

#endif
