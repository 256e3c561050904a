/* Any text is a configuration, perhaps with warnings, or refused with errors. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_upstream(const struct snapshot *s, const struct upstream *up)
{
    if (up->n_backends == 0 || (up->trust == TRUST_FILE) != (up->ca_file.n > 0))
        abort();
    for (size_t i = 0; i < up->n_backends; i++) {
        const struct backend *b = &up->backends[i];
        bool verified = b->scheme == BACKEND_HTTPS && up->trust != TRUST_NONE;
        if (b->id >= s->n_backends || b->scheme != up->backends[0].scheme ||
            (b->kind == BACKEND_IP) != (b->endpoint.ip.len > 0) ||
            (b->kind == BACKEND_NAME && b->name.n == 0) ||
            (verified && up->tls_name.n == 0 && b->name.n == 0))
            abort();
    }
}

static void check_site(const struct snapshot *s, const struct site *site)
{
    if (site->n_routes == 0 || !str_eq(site->routes[site->n_routes - 1].pattern, STR("*")))
        abort();
    for (size_t i = 0; i < site->n_routes; i++)
        if ((site->routes[i].action == ACTION_PROXY) != (site->routes[i].upstream != NULL))
            abort();
    for (size_t i = 0; i < site->n_routes; i++)
        if (site->routes[i].upstream)
            check_upstream(s, site->routes[i].upstream);
    if (site->passthrough) {
        check_upstream(s, site->passthrough);
        if (site->n_routes != 1 || site->tls != SITE_TLS_OFF || site->http_serve)
            abort();
    }
    for (size_t i = 0; i < site->n_names; i++)
        if (site->names[i].p[0] != '*' && snapshot_site(s, site->names[i]) != site)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("etc/c", str_from(data, size), &errors);
    struct str told = buf_str(&errors);
    if (s ? told.n > 0 && !memmem(told.p, told.n, ": warning: ", 11) : told.n == 0)
        abort();
    if (s && (!s->any || !s->any->any || s->n_listens == 0))
        abort();
    for (size_t i = 0; s && i < s->n_sites; i++)
        check_site(s, &s->sites[i]);
    snapshot_free(s);
    buf_done(&errors);
    return 0;
}
