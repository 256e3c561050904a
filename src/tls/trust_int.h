/* Shared by trust.c and chain.c only. */
#ifndef EDGE_TLS_TRUST_INT_H
#define EDGE_TLS_TRUST_INT_H

#include <bearssl.h>
#include <stdint.h>

#include "tls/trust.h"

enum { TRUST_ID = 16 };

/* Random, so that no two of them are ever taken for one. */
const uint8_t *tls_trust_id(const struct tls_trust *t);
bool tls_trust_all(const struct tls_trust *t);
/* Exactly this certificate is in the bundle. */
bool tls_trust_has(const struct tls_trust *t, struct str der);
/* Up to `room` authorities of this name (a whole element), borrowed from t. Their number. */
size_t tls_trust_find(const struct tls_trust *t, struct str subject, br_x509_trust_anchor *out, size_t room);

#endif
