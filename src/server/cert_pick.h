/*
 * Which certificate each host name of a configuration gets, out of what the database has: the newest of the site's own names, else the
 * newest of other names that covers the host (a name was just added), else a self-signed one made here. `tls internal` sites get
 * one of their own, kept in the database.
 */
#ifndef EDGE_SERVER_CERT_PICK_H
#define EDGE_SERVER_CERT_PICK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/site.h"
#include "store/store.h"

/* All-zero is the start; it lives as long as its process. */
struct cert_pick {
    struct buf image;      /* what the workers are to get (server/cert_image.h); secret */
    struct buf signature;  /* which rows it was made of */
    struct arena mem;      /* of the self-signed one */
    struct str chain, key; /* empty until one is needed */
};

/* Looks again. True when the workers must be told. store may be NULL: then everything is self-signed. */
bool cert_pick_update(struct cert_pick *p, const struct snapshot *snapshot, struct store *store, int64_t now);
/* The sealed image, a descriptor; -1 with errno. */
int cert_pick_image(const struct cert_pick *p);

#endif
