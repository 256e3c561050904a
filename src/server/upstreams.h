/* All groups of backends of a configuration, one after the other: those of the routes, and those that TLS is passed through to. */
#ifndef EDGE_SERVER_UPSTREAMS_H
#define EDGE_SERVER_UPSTREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/site.h"

/* All-zero before the first one. */
struct upstream_cursor {
    size_t at_site, at_route;
    const struct site *site; /* whose the group is */
    const struct upstream *upstream;
};

/* The next one; false after the last. */
bool upstreams_next(const struct snapshot *s, struct upstream_cursor *c);
/* TLS of our own is spoken with its backends. */
bool upstream_speaks_tls(const struct upstream_cursor *c);
/* Some name must be looked up, or some backend be checked: the generation needs a resolver. */
bool upstreams_need_resolver(const struct snapshot *s);

#endif
