#include "proxy/tunnel.h"

#include <string.h>

static bool is_forbidden(struct str token)
{
    struct str name = str_take(token, str_find(token, '/'));
    return str_ieq(name, STR("h2c")) || str_ieq(name, STR("h2")) || str_ieq(name, STR("TLS")) ||
           str_ieq(name, STR("HTTP"));
}

static bool lists_protocol(struct str list, struct str protocol)
{
    struct str e;
    while (str_next_element(&list, &e))
        if (str_ieq(e, protocol))
            return true;
    return false;
}

bool tunnel_wanted(const struct head *req, struct arena *mem, struct str *protocol)
{
    if (!req->upgrade || req->framing == FRAME_CHUNKED || (req->framing == FRAME_LENGTH && req->length > 0))
        return false;
    struct str kept = {NULL, 0};
    for (const struct field *f = NULL; (f = head_next(req, STR("Upgrade"), f));) {
        struct str rest = f->value, e;
        while (str_next_element(&rest, &e)) {
            if (is_forbidden(e))
                continue;
            kept = kept.n == 0 ? e : arena_printf(mem, "%.*s, %.*s", STR_ARG(kept), STR_ARG(e));
            if (!kept.p)
                return false;
        }
    }
    *protocol = kept;
    return kept.n > 0;
}

bool tunnel_agreed(const struct head *answer, struct str asked)
{
    struct str chosen;
    return head_single(answer, STR("Upgrade"), &chosen) && chosen.n > 0 && lists_protocol(asked, chosen);
}
