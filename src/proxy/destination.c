#include "proxy/destination.h"

#include "base/err.h"
#include "proxy/path.h"

struct url {
    bool https;
    struct str authority;
    struct str rest; /* begins with what ended the authority */
};

/* False: it is no http or https URL. */
static bool split_url(struct str text, struct url *url)
{
    url->https = str_istarts(text, STR("https://"));
    if (!url->https && !str_istarts(text, STR("http://")))
        return false;
    struct str tail = str_skip(text, url->https ? 8 : 7);
    size_t n = 0;
    while (n < tail.n && str_find(STR("/?#\\"), tail.p[n]) == 4)
        n++;
    url->authority = str_take(tail, n);
    url->rest = str_skip(tail, n);
    return true;
}

/* The host and, unless it is the scheme's own, `:port`. */
static struct str without_default_port(struct str authority, bool https)
{
    struct str port = https ? STR(":443") : STR(":80");
    return str_ends(authority, port) ? str_take(authority, authority.n - port.n) : authority;
}

/* `:8443` of `a.test:8443` and of `[::1]:8443`. */
static struct str port_of(struct str authority)
{
    size_t bracket = str_find(authority, ']');
    struct str tail = bracket < authority.n ? str_skip(authority, bracket) : authority;
    return str_skip(tail, str_find(tail, ':'));
}

/* `theirs` is how the client reached this site, or another name of it at the same port. */
static bool is_ours(struct str ours, const struct site *site, struct str theirs)
{
    struct str port = port_of(ours);
    if (str_ieq(theirs, ours))
        return true;
    if (!str_eq(port_of(theirs), port))
        return false;
    for (size_t i = 0; i < site->n_names; i++)
        if (str_ieq(str_take(theirs, theirs.n - port.n), site->names[i]))
            return true;
    return false;
}

/* Refuses a path that has two readings, and takes the prefix off as the path of the request loses it. */
static int fix_path(struct exchange *x, const struct destination *to, struct str *path)
{
    struct str ignored;
    int err = path_read(*path, &x->mem, &ignored);
    return err == ERR_NONE ? path_strip(*path, to->strip, &x->mem, path) : err;
}

int destination_fix(struct exchange *x, const struct site *site, const struct destination *to,
                    struct str *value)
{
    struct url url;
    if (str_starts(*value, STR("//")))
        return ERR_HTTP_TARGET;
    if (str_starts(*value, STR("/")))
        return fix_path(x, to, value);
    if (!split_url(*value, &url))
        return ERR_NONE;
    if (str_find(url.authority, '@') < url.authority.n)
        return ERR_HTTP_TARGET;
    if (!is_ours(without_default_port(to->ours, x->peer.tls), site,
                 without_default_port(url.authority, url.https)))
        return ERR_NONE;
    if (url.rest.n > 0 && url.rest.p[0] != '/')
        return ERR_HTTP_TARGET;
    int err = fix_path(x, to, &url.rest);
    if (err != ERR_NONE)
        return err;
    /* Only what the backend would take for another server's is changed. */
    struct str host = str_ieq(url.authority, to->host) ? url.authority : to->host;
    *value = arena_printf(&x->mem, "%s://%.*s%.*s", to->https ? "https" : "http", STR_ARG(host),
                          STR_ARG(url.rest));
    return value->p ? ERR_NONE : ERR_NOMEM;
}
