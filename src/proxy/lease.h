/*
 * How a request comes to its backend: a choice, one of its places (`max_connections`), an address, a connection; and what is next
 * when that fails. Who finds no place waits in a line, per group of backends and worker. A lease lies in its owner's memory.
 */
#ifndef EDGE_PROXY_LEASE_H
#define EDGE_PROXY_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "config/site.h"
#include "http/client.h"
#include "proxy/load.h"
#include "proxy/pool.h"

struct stream;
struct leases;
struct lease;

enum {
    LEASE_LINE_MAX = 1024, /* who may wait in one line */
    LEASE_TICK_MS = 10,    /* how often a line looks for what other workers gave back */
};

/* What the leases of a worker are made with; see proxy_setup. */
struct leases_setup {
    struct pool *pool;
    size_t n_backends;
    struct load load;
    size_t worker;
    void (*tick_in)(void *context, msec ms);
    void (*wake_resolver)(void *context);
    struct stream *(*secure)(void *context, const struct upstream *up, const struct backend *b, int fd,
                             struct endpoint peer);
    void *context;
};

/* NULL when memory is out. */
struct leases *leases_new(const struct leases_setup *setup);
/* When no lease is left. NULL allowed. */
void leases_free(struct leases *all);
/* The time asked for by tick_in() is over. */
void leases_tick(struct leases *all);

struct lease {
    struct leases *all;
    const struct upstream *upstream;
    const struct timeouts *timeouts;
    struct endpoint client, local; /* of the connection that is served */
    /* A place is there: lease_rested() or lease_connect(); or err tells why none will be. From inside lease_begin() or later. */
    void (*go)(struct lease *l, int err);

    /* The lease's own. */
    const struct backend *backend; /* whose place is held, or NULL */
    uint64_t tried, full;
    struct ip addresses[LOAD_ADDRESSES];
    size_t n_addresses, address;
    int err; /* the last failure */
    bool awaits_name;
    msec began, give_up;
    struct list line; /* in it while waiting */
    bool waits;
};

/* The members above are set, the rest is all-zero. Again after lease_failed(): at another backend. */
void lease_begin(struct lease *l);
/* A connection to the backend that rested, or NULL. */
struct client *lease_rested(struct lease *l);
/* Connects c to the backend. */
void lease_connect(struct lease *l, struct client *c);
/* The same once more after a connection that rested has died: time has passed, and those tried in vain before may be back. */
void lease_connect_again(struct lease *l, struct client *c);
/* The backend answers. */
void lease_answered(struct lease *l);
/* Nothing was sent to it. True: there is another address of it, lease_connect() again. False: lease_begin() again. */
bool lease_failed(struct lease *l, int err);
/* The request was sent, but there will be no answer. Others are better not sent there for a while. */
void lease_unanswered(struct lease *l, int err);
/* Gives the place back, or leaves the line. At any time, any number of times. */
void lease_end(struct lease *l);

#endif
