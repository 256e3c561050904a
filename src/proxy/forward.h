/*
 * Which header fields pass. Toward the backend: hop-by-hop fields and whatever a client could forge are taken out of what came in, then
 * edge adds its own (reference.md, "What a backend receives"). Toward the client: hop-by-hop fields are taken out.
 */
#ifndef EDGE_PROXY_FORWARD_H
#define EDGE_PROXY_FORWARD_H

#include "config/site.h"
#include "http/exchange.h"

/*
 * Fills *out, all-zero before, with the request that x's backend gets; strings are borrowed from x or lie in x->mem. With upgrade the
 * Upgrade field and the intent pass (tunnel_wanted()). `strip` is taken off the paths (path_strip()), if it is not empty. Returns 0, ERR_NOMEM, or ERR_HTTP_TARGET for a Destination that two
 * servers could read in two ways.
 */
int forward_request(struct exchange *x, const struct site *site, const struct upstream *upstream,
                    struct str strip, struct head *out);
/* Takes the hop-by-hop fields out of a backend's answer; an Upgrade field stays where keep_upgrade says so. */
void forward_response(struct head *h, bool keep_upgrade);

#endif
