/* Any text is a configuration, perhaps with warnings, or refused with errors. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_site(const struct snapshot *s, const struct site *site)
{
    if (site->n_routes == 0 || !str_eq(site->routes[site->n_routes - 1].pattern, STR("*")))
        abort();
    for (size_t i = 0; i < site->n_routes; i++)
        if ((site->routes[i].action == ACTION_PROXY) != (site->routes[i].upstream != NULL))
            abort();
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
