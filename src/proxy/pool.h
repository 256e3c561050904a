/*
 * Connections to backends that rest between requests, per worker and backend. What leaves the pool stood a moment ago; whether
 * the backend closes it in the next one nobody can know, so a request that dies on it unanswered may have to be sent again.
 */
#ifndef EDGE_PROXY_POOL_H
#define EDGE_PROXY_POOL_H

#include <stddef.h>

#include "base/clock.h"
#include "config/site.h"
#include "http/client.h"

enum {
    POOL_MAX_RESTING = 64, /* per backend and worker */
    /* Below the five seconds after which Node and uvicorn close an idle connection: so it is edge that closes first. */
    POOL_REST_MS = 4000,
};

struct pool;

/* n_backends: ids are below it. NULL when memory is out. */
struct pool *pool_new(size_t n_backends);
/* Closes what rests. Connections that are lent out are their borrowers'. NULL allowed. */
void pool_free(struct pool *p);

/* Closes what rests. */
void pool_clear(struct pool *p);
/* A rested connection to b, which the caller attaches itself to; NULL: there is none. */
struct client *pool_take(struct pool *p, const struct backend *b);
/* Takes a client_reusable() connection back. */
void pool_return(struct pool *p, const struct backend *b, struct client *c);

#endif
