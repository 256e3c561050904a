#include "proxy/route.h"

#include "base/err.h"
#include "proxy/path.h"

/* `Example.org.:8443` -> `example.org` (in mem). The authority was validated when it was read. */
static struct str host_of(struct str authority, struct arena *mem)
{
    struct str host = authority;
    if (host.n > 0 && host.p[0] == '[')
        host = str_take(host, str_find(host, ']') + 1);
    else
        host = str_take(host, str_find(host, ':'));
    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    char *lower = arena_alloc(mem, host.n);
    for (size_t i = 0; lower && i < host.n; i++)
        lower[i] = ascii_lower(host.p[i]);
    return (struct str){lower, lower ? host.n : 0};
}

/* An https URL is answered only on a connection that is worth its name (RFC 9110 section 7.4). */
static bool is_https_url_in_plain(const struct exchange *x)
{
    return !x->peer.tls && str_istarts(x->req.target, STR("https://"));
}

static const struct site *site_or_any(const struct snapshot *snapshot, struct str host)
{
    const struct site *site = host.n > 0 ? snapshot_site(snapshot, host) : NULL;
    return site ? site : snapshot->any;
}

/*
 * A browser reuses a connection for every name in its certificate. A name that another certificate stands for did not mean
 * this connection (RFC 9110 section 15.5.20); `*` stands for no name and is anybody's.
 */
static bool is_misdirected(const struct exchange *x, const struct snapshot *snapshot, const struct site *site)
{
    if (x->peer.tls && site->passthrough) /* its connections never come as far as this */
        return true;
    if (!x->peer.tls || site->any)
        return false;
    const struct site *by_sni = site_or_any(snapshot, x->peer.sni);
    return site->cert_id >= 0 && by_sni->cert_id != site->cert_id;
}

static bool has_https(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n_listens; i++)
        if (snapshot->listens[i].tls)
            return true;
    return false;
}

/* Plain HTTP to a site that has a certificate, or will have one, is sent to https. */
static bool wants_https(const struct exchange *x, const struct snapshot *snapshot, const struct site *site)
{
    if (site->passthrough)
        return !x->peer.tls;
    if (x->peer.tls || site->http_serve || site->tls == SITE_TLS_OFF || !has_https(snapshot))
        return false;
    if (site->cert_id >= 0)
        return true;
    for (size_t i = 0; i < site->n_routes; i++)
        if (site->routes[i].action == ACTION_PROXY)
            return !site->any;
    return false;
}

struct routed route_request(struct exchange *x, const struct snapshot *snapshot)
{
    struct routed to = {.decision = DECIDE_ERROR, .err = ERR_NOMEM};
    struct str path;
    to.host = host_of(x->req.authority, &x->mem);
    to.site = site_or_any(snapshot, to.host.n > 0 ? to.host : x->peer.sni);
    if (is_https_url_in_plain(x) || is_misdirected(x, snapshot, to.site)) {
        to.err = ERR_HTTP_MISDIRECTED;
        return to;
    }
    to.err = path_read(x->req.path, &x->mem, &path);
    if (to.err != ERR_NONE)
        return to;
    if (wants_https(x, snapshot, to.site)) {
        to.decision = to.host.n > 0 || !to.site->any ? DECIDE_HTTPS : DECIDE_ERROR;
        to.err = to.decision == DECIDE_ERROR ? ERR_HTTP_HOST : ERR_NONE; /* `*` is no name to redirect to */
        return to;
    }
    to.decision = DECIDE_ROUTE;
    for (size_t i = 0; i < to.site->n_routes && !to.route; i++)
        if (path_match(to.site->routes[i].pattern, path))
            to.route = &to.site->routes[i];
    return to;
}

struct str route_authority(struct exchange *x, const struct site *site)
{
    char text[ENDPOINT_TEXT];
    if (x->req.authority.n > 0)
        return x->req.authority;
    if (site->names[0].p[0] != '*')
        return site->names[0];
    if (x->peer.sni.n > 0)
        return x->peer.sni;
    return arena_dup(&x->mem, str_of(endpoint_format(x->peer.local, text)));
}

struct str route_https_url(struct exchange *x, const struct snapshot *snapshot, const struct routed *to)
{
    uint16_t port = to->site->redirect_port > 0 ? to->site->redirect_port : snapshot_https_port(snapshot);
    struct str host = host_of(route_authority(x, to->site), &x->mem);
    struct str path = str_eq(x->req.path, STR("*")) ? STR("/") : x->req.path;
    if (port == 443)
        return arena_printf(&x->mem, "https://%.*s%.*s", STR_ARG(host), STR_ARG(path));
    return arena_printf(&x->mem, "https://%.*s:%u%.*s", STR_ARG(host), port, STR_ARG(path));
}

struct str route_redirect_url(struct exchange *x, struct str url)
{
    size_t scheme = str_find(url, '/');
    size_t authority = scheme + 2 <= url.n ? scheme + 2 : url.n;
    bool has_path = str_find(str_skip(url, authority), '/') < url.n - authority;
    if (has_path || str_eq(x->req.path, STR("*")))
        return url;
    return arena_printf(&x->mem, "%.*s%.*s", STR_ARG(url), STR_ARG(x->req.path));
}
