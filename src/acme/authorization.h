/* Proving control of the names of an order by HTTP-01 (RFC 8555 sections 7.5 and 8.3). */
#ifndef EDGE_ACME_AUTHORIZATION_H
#define EDGE_ACME_AUTHORIZATION_H

#include "acme/acme_int.h"

enum { AUTHORIZATIONS_MAX = 256 };

/*
 * Brings the authorizations (of the order, at most AUTHORIZATIONS_MAX) to the state valid, whatever state
 * they are in.
 */
enum acme_end authorization_pass(struct acme *a, const struct acme_order *order, const struct str *urls,
                                 size_t n);
/* Adds why they failed, as far as the CA tells. Nothing is added when none did. */
void authorization_reasons(struct acme *a, const struct str *urls, size_t n, struct buf *out);

#endif
