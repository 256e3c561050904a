#include "proxy/tunnel.h"

#include <string.h>

/* Narrower than a token: no protocol has a name with other characters. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_alnum(s.p[i]) && str_find(STR("+-._"), s.p[i]) == 4)
            return false;
    return s.n > 0;
}

/*
 * A protocol is a name, and perhaps a version behind a slash. What is none is not passed on: nobody knows what a backend takes
 * `h2c;x` for. The drafts of HTTP/2 had names like h2c-14.
 */
static bool may_pass(struct str protocol)
{
    size_t slash = str_find(protocol, '/');
    struct str name = str_take(protocol, slash);
    if (!is_name(name) || (slash < protocol.n && !is_name(str_skip(protocol, slash + 1))))
        return false;
    return !str_istarts(name, STR("h2")) && !str_ieq(name, STR("TLS")) && !str_ieq(name, STR("HTTP"));
}

static bool lists_protocol(struct str list, struct str protocol)
{
    struct str e;
    while (str_next_element(&list, &e))
        if (str_ieq(e, protocol))
            return true;
    return false;
}

/* Room for every Upgrade field with its separator. */
static size_t upgrade_bytes(const struct head *req)
{
    size_t n = 0;
    for (const struct field *f = NULL; (f = head_next(req, STR("Upgrade"), f));)
        n += f->value.n + 2;
    return n;
}

bool tunnel_wanted(const struct head *req, struct arena *mem, struct str *protocol)
{
    if (!req->upgrade || req->framing == FRAME_CHUNKED || (req->framing == FRAME_LENGTH && req->length > 0))
        return false;
    /* The elements are moved together, with one blank each at most that was not there: `a,b` becomes `a, b`. */
    char *kept = arena_alloc(mem, 2 * upgrade_bytes(req));
    size_t n = 0;
    if (!kept)
        return false;
    for (const struct field *f = NULL; (f = head_next(req, STR("Upgrade"), f));) {
        struct str rest = f->value, e;
        while (str_next_element(&rest, &e)) {
            if (!may_pass(e))
                continue;
            if (n > 0) {
                kept[n++] = ',';
                kept[n++] = ' ';
            }
            memcpy(kept + n, e.p, e.n);
            n += e.n;
        }
    }
    *protocol = str_from(kept, n);
    return n > 0;
}

bool tunnel_agreed(const struct head *answer, struct str asked)
{
    struct str chosen;
    return head_single(answer, STR("Upgrade"), &chosen) && chosen.n > 0 && lists_protocol(asked, chosen);
}
