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

/* Borrows both, which live longer. NULL when memory is out. */
struct proxy *proxy_new(struct loop *loop, const struct snapshot *snapshot);
/* When its last exchange has ended. NULL allowed. */
void proxy_free(struct proxy *p);
/* Nothing new will come: connections that only rest are closed. */
void proxy_drain(struct proxy *p);
const struct handler *proxy_handler(void);

#endif
