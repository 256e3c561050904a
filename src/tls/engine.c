#include "tls/engine.h"

const struct engine_ops *const engines[] = {&bear12_engine};
const size_t n_engines = nitems(engines);
_Static_assert(nitems(engines) <= ENGINE_MAX, "room for every engine's shared state");

int engine_pick(const struct hello *hello, int *alert)
{
    for (size_t i = 0; i < n_engines; i++) {
        if (!hello_offers(hello, engines[i]->version))
            continue;
        /* RFC 7507 section 3: a client that fell back although we could do better. */
        if (i > 0 && hello_lists(hello->suites, SUITE_FALLBACK_SCSV)) {
            *alert = ALERT_INAPPROPRIATE_FALLBACK;
            return -1;
        }
        return (int)i;
    }
    *alert = ALERT_PROTOCOL_VERSION;
    return -1;
}

void engine_free(struct engine *e)
{
    if (e)
        e->ops->free(e);
}
