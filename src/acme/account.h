/* The account at the CA (RFC 8555 section 7.3). */
#ifndef EDGE_ACME_ACCOUNT_H
#define EDGE_ACME_ACCOUNT_H

#include "acme/acme_int.h"

/* Fetches the directory; makes the account's key and registers it, if that has not been done. */
enum acme_end account_open(struct acme *a);
/* newAccount: makes one or, for a key that the CA knows, finds it. Saved before and after. */
enum acme_end account_register(struct acme *a);

#endif
