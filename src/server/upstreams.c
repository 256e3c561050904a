#include "server/upstreams.h"

/* What stands behind the last route of a site is its passthrough. */
static const struct upstream *group_at(const struct site *site, size_t route)
{
    if (route == site->n_routes)
        return site->passthrough;
    return site->routes[route].action == ACTION_PROXY ? site->routes[route].upstream : NULL;
}

bool upstreams_next(const struct snapshot *s, struct upstream_cursor *c)
{
    while (c->at_site < s->n_sites) {
        c->site = &s->sites[c->at_site];
        c->upstream = group_at(c->site, c->at_route);
        if (c->at_route++ == c->site->n_routes) {
            c->at_site++;
            c->at_route = 0;
        }
        if (c->upstream)
            return true;
    }
    return false;
}

bool upstream_speaks_tls(const struct upstream_cursor *c)
{
    return c->upstream != c->site->passthrough && c->upstream->backends[0].scheme == BACKEND_HTTPS;
}

bool upstreams_need_resolver(const struct snapshot *s)
{
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c);) {
        if (c.upstream->check.on)
            return true;
        for (size_t i = 0; i < c.upstream->n_backends; i++)
            if (c.upstream->backends[i].kind == BACKEND_NAME)
                return true;
    }
    return false;
}
