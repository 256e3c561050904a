/*
 * The handler of all exchanges of a worker: picks the site and lets it answer. One struct proxy per worker and snapshot; it is the
 * `service` of its exchanges.
 */
#ifndef EDGE_PROXY_PROXY_H
#define EDGE_PROXY_PROXY_H

#include "config/site.h"
#include "http/exchange.h"

struct loop;
struct proxy;

struct proxy_setup {
    struct loop *loop; /* lives longer, as does the snapshot */
    const struct snapshot *snapshot;
    /* Asks whoever has the database for a challenge's token; the answer comes by proxy_challenge(). NULL: nobody is there. */
    int (*ask)(void *context, uint32_t number, struct str token);
    void *context;
};

/* NULL when memory is out. */
struct proxy *proxy_new(const struct proxy_setup *setup);
/* The answer to ask(): the key authorization, or empty when the token is not one of ours. */
void proxy_challenge(struct proxy *p, uint32_t number, struct str key_authorization);
/* When its last exchange has ended. NULL allowed. */
void proxy_free(struct proxy *p);
/* Nothing new will come: connections that only rest are closed. */
void proxy_drain(struct proxy *p);
const struct handler *proxy_handler(void);

#endif
