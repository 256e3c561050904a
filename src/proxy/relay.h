/*
 * Between an exchange and its backend: bytes both ways as they come, none held longer than the slower side needs. A relay lives in
 * the exchange's memory.
 */
#ifndef EDGE_PROXY_RELAY_H
#define EDGE_PROXY_RELAY_H

#include "config/site.h"
#include "http/exchange.h"
#include "proxy/lease.h"
#include "proxy/pool.h"

struct relay_env {
    struct loop *loop;
    struct pool *pool;
    struct leases *leases;
};

/*
 * Starts; x->work becomes the relay. Failures are answered like any other. An exchange that is a tunnel from the start is joined to
 * its backend as it is; any other is forwarded without the prefix `strip` of its path.
 */
void relay_begin(struct exchange *x, struct relay_env *env, const struct site *site,
                 const struct upstream *upstream, struct str strip);
/* The handler's functions, for an exchange that relay_begin() took. */
void relay_body(struct exchange *x, struct str data);
void relay_body_end(struct exchange *x, const struct head *trailers);
void relay_sent(struct exchange *x, size_t n);
void relay_gone(struct exchange *x, int why);

#endif
