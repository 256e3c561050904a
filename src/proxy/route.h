/* Which site a request is for, and what that site does with it. Pure: reads the snapshot and the request, does nothing. */
#ifndef EDGE_PROXY_ROUTE_H
#define EDGE_PROXY_ROUTE_H

#include "config/site.h"
#include "http/exchange.h"

enum decision { DECIDE_ERROR, DECIDE_HTTPS, DECIDE_ROUTE };

struct routed {
    enum decision decision;
    int err;                   /* DECIDE_ERROR */
    const struct site *site;   /* set unless DECIDE_ERROR */
    const struct route *route; /* DECIDE_ROUTE; NULL: no pattern matches */
    struct str host;           /* lower case, without port and final dot; empty if the client named none */
};

/* x's request; results lie in the snapshot or in x->mem. */
struct routed route_request(struct exchange *x, const struct snapshot *snapshot);
/*
 * The effective authority (RFC 9110 section 7.1) as the client sent it. An old client that named no host gets the site's first name, or
 * what else it came by: the SNI, the local address. In x->mem or the snapshot; empty when memory is out.
 */
struct str route_authority(struct exchange *x, const struct site *site);
/* Where the https version of the request is (DECIDE_HTTPS). Empty when memory is out. */
struct str route_https_url(struct exchange *x, const struct snapshot *snapshot, const struct routed *to);
/* Where a `redirect URL` leads: path and query of the request are kept unless the URL has a path. */
struct str route_redirect_url(struct exchange *x, struct str url);

#endif
