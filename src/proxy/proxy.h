/*
 * The handler of all exchanges of a worker: picks the site and lets it answer, or joins a
 * connection that carries no HTTP to the backend of its SNI. One struct proxy per worker and snapshot; it is the
 * `service` of its exchanges.
 */
#ifndef EDGE_PROXY_PROXY_H
#define EDGE_PROXY_PROXY_H

#include "config/site.h"
#include "http/exchange.h"
#include "proxy/load.h"

struct loop;
struct proxy;
struct stream;

struct proxy_setup {
    struct loop *loop; /* lives longer, as does the snapshot */
    const struct snapshot *snapshot;
    /* Asks whoever has the database for a challenge's token; the answer comes by proxy_challenge(). NULL: nobody is there. */
    int (*ask)(void *context, uint32_t number, struct str token);
    void *context;

    /* The table of backends that all workers share, and our column of it. Without memory the proxy has one of its own. */
    struct load load;
    size_t worker;
    /* Calls proxy_tick() once, in ms. NULL: who waits for a place hears only of those that this proxy gives back. */
    void (*tick_in)(void *context, msec ms);
    /* Some name is to be looked up (load_want_lookup()). NULL: nobody does that. */
    void (*wake_resolver)(void *context);
    /* TLS over a connection to an https backend; NULL when memory is out, fd stays the caller's. */
    struct stream *(*secure)(void *context, const struct upstream *up, const struct backend *b, int fd,
                             struct endpoint peer);
};

/* NULL when memory is out. */
struct proxy *proxy_new(const struct proxy_setup *setup);
/* The answer to ask(): the key authorization, or empty when the token is not one of ours. */
void proxy_challenge(struct proxy *p, uint32_t number, struct str key_authorization);
/* See tick_in(). */
void proxy_tick(struct proxy *p);
/* When its last exchange has ended. NULL allowed. */
void proxy_free(struct proxy *p);
/* Nothing new will come: connections that only rest are closed. */
void proxy_drain(struct proxy *p);
const struct handler *proxy_handler(void);

#endif
