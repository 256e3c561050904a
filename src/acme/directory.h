/* A CA's directory (RFC 8555 section 7.1.1): where its services are. */
#ifndef EDGE_ACME_DIRECTORY_H
#define EDGE_ACME_DIRECTORY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct directory {
    struct str new_nonce, new_account, new_order;
    struct str terms;      /* URL of the terms of service; may be empty */
    bool external_account; /* accounts need a binding to one at the CA (RFC 8555 section 7.3.4) */
};

/*
 * Strings lie in mem. False when it is no directory: not JSON, or one of the three URLs is missing or not
 * https.
 */
bool directory_read(struct directory *d, struct str body, struct arena *mem);

#endif
