#include "proxy/forward.h"

#include "base/err.h"
#include "proxy/tunnel.h"

/* RFC 9110 section 7.6.1; Transfer-Encoding and Content-Length are framing, which the writer of a head owns. */
static bool is_hop_by_hop(struct str name)
{
    static const struct str names[] = {
        {"Connection", 10}, {"Keep-Alive", 10},        {"Proxy-Connection", 16}, {"TE", 2},
        {"Upgrade", 7},     {"Transfer-Encoding", 17}, {"Content-Length", 14},   {"HTTP2-Settings", 14},
    };
    for (size_t i = 0; i < nitems(names); i++)
        if (str_ieq(name, names[i]))
            return true;
    return false;
}

/* What edge says of the client, and what a backend might believe instead. Compared with `_` taken for `-`: CGI merges them. */
static bool is_forwarding(struct str name)
{
    static const struct str names[] = {
        {"Forwarded", 9}, {"X-Real-IP", 9}, {"X-Original-URL", 14}, {"X-Rewrite-URL", 13}};
    static const char prefix[] = "x-forwarded-";
    char plain[16];
    size_t n = name.n < sizeof plain ? name.n : sizeof plain;
    for (size_t i = 0; i < n; i++)
        plain[i] = name.p[i] == '_' ? '-' : ascii_lower(name.p[i]);
    struct str head = str_from(plain, n);
    if (str_starts(head, (struct str){prefix, sizeof prefix - 1}))
        return true;
    for (size_t i = 0; i < nitems(names); i++)
        if (name.n == n && str_ieq(head, names[i]))
            return true;
    return false;
}

/* The authority of an http or https URL, and in *rest what follows it; empty for anything else. */
static struct str url_authority(struct str url, struct str *rest)
{
    static const struct str schemes[] = {{"https://", 8}, {"http://", 7}};
    for (size_t i = 0; i < nitems(schemes); i++) {
        if (!str_istarts(url, schemes[i]))
            continue;
        struct str tail = str_skip(url, schemes[i].n);
        size_t n = str_find(tail, '/');
        *rest = str_skip(tail, n);
        return str_take(tail, n);
    }
    return (struct str){NULL, 0};
}

/*
 * WebDAV's COPY and MOVE name their target as a whole URL (RFC 4918 section 10.3). A backend that is spoken to by http takes
 * https for another server: the URL gets the scheme the backend knows. Someone else's URL stays as it is.
 */
static struct str fix_destination(struct exchange *x, struct str url, struct str authority, bool https)
{
    struct str rest = {NULL, 0};
    struct str theirs = url_authority(url, &rest);
    if (theirs.n == 0 || !str_ieq(theirs, authority))
        return url;
    return arena_printf(&x->mem, "%s://%.*s%.*s", https ? "https" : "http", STR_ARG(theirs), STR_ARG(rest));
}

/* Copies the fields that pass; Host stays in its place with the effective authority as its value. */
static int copy_fields(struct exchange *x, const struct upstream *upstream, struct str authority,
                       struct head *out)
{
    struct str host = upstream->host.n > 0 ? upstream->host : authority;
    bool https = upstream->backends && upstream->backends[0].scheme == BACKEND_HTTPS;
    bool has_host = head_find(&x->req, STR("Host")) != NULL;
    if (!has_host && head_add(out, &x->mem, STR("Host"), host) < 0)
        return ERR_NOMEM;
    for (size_t i = 0; i < x->req.n_fields; i++) {
        struct field f = x->req.fields[i];
        if (str_ieq(f.name, STR("Host")))
            f.value = host;
        else if (is_hop_by_hop(f.name) || is_forwarding(f.name) ||
                 head_lists(&x->req, STR("Connection"), f.name))
            continue;
        else if (str_ieq(f.name, STR("Destination")))
            f.value = fix_destination(x, f.value, authority, https);
        if (head_add(out, &x->mem, f.name, f.value) < 0)
            return ERR_NOMEM;
    }
    return ERR_NONE;
}

static int add_forwarding(struct exchange *x, struct str authority, struct head *out)
{
    char ip_text[IP_TEXT];
    struct str ip = arena_dup(&x->mem, str_of(ip_format(x->peer.client.ip, ip_text)));
    struct str port = arena_printf(&x->mem, "%u", x->peer.local.port);
    const struct field fields[] = {
        {STR("X-Real-IP"), ip},
        {STR("X-Forwarded-For"), ip},
        {STR("X-Forwarded-Proto"), x->peer.tls ? STR("https") : STR("http")},
        {STR("X-Forwarded-Host"), authority},
        {STR("X-Forwarded-Port"), port},
    };
    if (!ip.p || !port.p)
        return ERR_NOMEM;
    for (size_t i = 0; i < nitems(fields); i++)
        if (head_add(out, &x->mem, fields[i].name, fields[i].value) < 0)
            return ERR_NOMEM;
    return ERR_NONE;
}

int forward_request(struct exchange *x, const struct site *site, const struct upstream *upstream,
                    struct head *out)
{
    struct str authority = x->req.authority.n > 0 ? x->req.authority : site->names[0];
    struct str protocol = {NULL, 0};
    out->minor = 1;
    out->method = x->req.method;
    out->path = x->req.path;
    out->framing = x->req.framing;
    out->length = x->req.length;
    out->keep_alive = !upstream->no_keepalive;
    out->upgrade = tunnel_wanted(&x->req, &x->mem, &protocol);
    int err = copy_fields(x, upstream, authority, out);
    if (err == ERR_NONE && out->upgrade && head_add(out, &x->mem, STR("Upgrade"), protocol) < 0)
        err = ERR_NOMEM;
    return err == ERR_NONE ? add_forwarding(x, authority, out) : err;
}

void forward_response(struct head *h, bool keep_upgrade)
{
    /* Decided on the fields as they came: taking Connection out first would hide what it names. */
    bool drop[HEAD_MAX_FIELDS];
    size_t n = h->n_fields < HEAD_MAX_FIELDS ? h->n_fields : HEAD_MAX_FIELDS;
    for (size_t i = 0; i < n; i++) {
        struct str name = h->fields[i].name;
        bool upgrade = keep_upgrade && str_ieq(name, STR("Upgrade"));
        drop[i] = !upgrade && (is_hop_by_hop(name) || head_lists(h, STR("Connection"), name));
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!drop[i])
            h->fields[kept++] = h->fields[i];
    h->n_fields = kept;
}
