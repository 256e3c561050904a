/* Which backend of a group gets a request. */
#ifndef EDGE_PROXY_BALANCE_H
#define EDGE_PROXY_BALANCE_H

#include <stdint.h>

#include "config/site.h"
#include "proxy/load.h"

enum { BALANCE_MAX = 64 }; /* backends of a group; the configuration allows no more */

struct balance_request {
    const struct upstream *upstream;
    const struct load *load;
    struct ip client;
    uint32_t turn;  /* where a round begins: one behind the backend that was picked last */
    uint64_t tried; /* a bit for each backend that this request was sent to in vain */
    uint64_t full;  /* and for each that has no place */
    msec now;
};

/*
 * The index of a backend that answers, as far as is known. If none does: of those that have not been tried, the one that failed
 * longest ago - a request is never refused without a try. -1: all were tried, or one that is full is worth waiting for, or all that
 * are left are full.
 */
int balance_pick(const struct balance_request *r);

#endif
