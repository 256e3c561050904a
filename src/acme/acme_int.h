/* The session with a CA, shared by account, authorization, order and request. */
#ifndef EDGE_ACME_ACME_INT_H
#define EDGE_ACME_ACME_INT_H

#include "acme/acme.h"
#include "acme/client.h"
#include "acme/directory.h"
#include "acme/key.h"
#include "acme/problem.h"
#include "base/clock.h"

struct acme {
    struct acme_config config;
    struct client *client;
    struct directory directory;
    struct acme_account account;
    struct key key;           /* the account's */
    char nonce[CLIENT_FIELD]; /* for the next request; empty: ask for one */
    bool registered_again;    /* once in a run is enough */

    struct buf *why; /* of the call under way */
    msec deadline;   /* of its waiting */
    /* Of the last request that failed. */
    int status; /* 0: no answer came */
    struct problem problem;
    int64_t retry_after;
};

/* Makes the line the only text in *why, and returns `end`. */
enum acme_end acme_fail(struct acme *a, enum acme_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum acme_end acme_nomem(struct acme *a);
void acme_progress(struct acme *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * Waits as long as the CA asked, else longer from turn to turn. ACME_LATER, without waiting, when that
 * would pass the deadline: then *why says that `what` is not ready.
 */
enum acme_end acme_wait(struct acme *a, int64_t asked, unsigned turn, const char *what);
/* A copy in the arena of the results, unless it is the same already. */
bool acme_keep(struct acme *a, struct str *field, struct str value);

#endif
