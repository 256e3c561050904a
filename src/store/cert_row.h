/*
 * Certificates got from a CA. `names` is the key of everything that belongs to one certificate: the host names
 * in lower case, sorted, separated by commas (cert_names()). The newest row (by id, no clock decides) of a set
 * of names is the one in use; older ones stay until they expire, for `edge certs` and for a way back.
 */
#ifndef EDGE_STORE_CERT_ROW_H
#define EDGE_STORE_CERT_ROW_H

#include "base/arena.h"
#include "store/store.h"

struct cert_row {
    int64_t id; /* set by cert_row_put() */
    struct str names;
    struct str directory;          /* the CA's directory URL; empty for a self-signed one */
    struct str chain_pem;          /* leaf first */
    struct str key_pem;            /* PKCS#8; secret */
    struct str issuer;             /* common name or organisation of the issuer, for people */
    struct str serial;             /* hexadecimal */
    int64_t not_before, not_after; /* seconds since 1970 */
    int64_t obtained;
    int64_t renew_at; /* when it is due */
};

/* Always a new row. */
int cert_row_put(struct store *s, struct cert_row *row);
/* The newest one for these names: 1 found, 0 none, -1 failed. */
int cert_row_find(struct store *s, struct str names, struct arena *mem, struct cert_row *row);
/*
 * The newest one of every set of names, by names. The callback returns false to stop; it may use the store.
 */
int cert_row_each(struct store *s, struct arena *mem, bool (*each)(const struct cert_row *row, void *context),
                  void *context);
/* Fails when there is none of this id. */
int cert_row_set_renewal(struct store *s, int64_t id, int64_t renew_at);
/* Removes rows that expired before `now` and are not the newest of their names. */
int cert_row_prune(struct store *s, int64_t now);

#endif
