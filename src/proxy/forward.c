#include "proxy/forward.h"

#include "base/err.h"
#include "proxy/destination.h"
#include "proxy/path.h"
#include "proxy/route.h"
#include "proxy/tunnel.h"

/* RFC 9110 section 7.6.1; Transfer-Encoding and Content-Length are framing, which the writer of a head owns. */
static bool is_hop_by_hop(struct str name)
{
    static const struct str names[] = {
        {"Connection", 10}, {"Keep-Alive", 10},        {"Proxy-Connection", 16}, {"TE", 2},
        {"Upgrade", 7},     {"Transfer-Encoding", 17}, {"Content-Length", 14},
    };
    for (size_t i = 0; i < nitems(names); i++)
        if (str_ieq(name, names[i]))
            return true;
    /* In any spelling; the reader of heads has refused those of the others. */
    return head_name_reads_as(name, STR("http2-settings"));
}

/* What edge says of the client, and what a backend might believe instead. */
static bool is_forwarding(struct str name)
{
    static const struct str names[] = {
        {"forwarded", 9}, {"x-real-ip", 9}, {"x-original-url", 14}, {"x-rewrite-url", 13}};
    static const struct str prefix = {"x-forwarded-", 12};
    if (head_name_reads_as(str_take(name, prefix.n), prefix))
        return true;
    for (size_t i = 0; i < nitems(names); i++)
        if (head_name_reads_as(name, names[i]))
            return true;
    return false;
}

/* What Connection names; the reader of heads has seen to it that they are few. */
struct options {
    struct str names[HEAD_MAX_OPTIONS];
    size_t n;
};

static void options_init(struct options *o, const struct head *h)
{
    o->n = 0;
    for (const struct field *f = NULL; (f = head_next(h, STR("Connection"), f));) {
        struct str rest = f->value, e;
        while (o->n < HEAD_MAX_OPTIONS && str_next_element(&rest, &e))
            o->names[o->n++] = e;
    }
}

/* The field belongs to the connection that it came on. */
static bool stays_behind(const struct options *o, struct str name)
{
    if (is_hop_by_hop(name))
        return true;
    for (size_t i = 0; i < o->n; i++)
        if (str_ieq(o->names[i], name))
            return true;
    return false;
}

/* Says so by *pass where the field goes on, and changes it where it has to be changed. */
static int convert_field(struct exchange *x, const struct site *site, const struct destination *to,
                         struct field *f, bool *pass)
{
    /* RFC 9110 section 10.1.1: an expectation of an HTTP/1.0 client is none. */
    *pass = !is_forwarding(f->name) && (x->req.minor > 0 || !str_ieq(f->name, STR("Expect")));
    if (str_ieq(f->name, STR("Host")))
        f->value = to->host;
    else if (str_ieq(f->name, STR("Destination")))
        return destination_fix(x, site, to, &f->value);
    return ERR_NONE;
}

/* Copies the fields that pass; Host stays in its place with the effective authority as its value. */
static int copy_fields(struct exchange *x, const struct site *site, const struct destination *to,
                       struct head *out)
{
    struct options options;
    options_init(&options, &x->req);
    if (!head_find(&x->req, STR("Host")) && head_add(out, &x->mem, STR("Host"), to->host) < 0)
        return ERR_NOMEM;
    for (size_t i = 0; i < x->req.n_fields; i++) {
        struct field f = x->req.fields[i];
        bool pass;
        if (stays_behind(&options, f.name))
            continue;
        int err = convert_field(x, site, to, &f, &pass);
        if (err == ERR_NONE && pass && head_add(out, &x->mem, f.name, f.value) < 0)
            err = ERR_NOMEM;
        if (err != ERR_NONE)
            return err;
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
                    struct str strip, struct head *out)
{
    struct str authority = route_authority(x, site);
    struct destination to = {
        .ours = authority, .host = upstream->host.n > 0 ? upstream->host : authority, .strip = strip};
    struct str protocol = {NULL, 0};
    if (!authority.p)
        return ERR_NOMEM;
    to.https = upstream->backends && upstream->backends[0].scheme == BACKEND_HTTPS;
    out->minor = 1;
    out->method = x->req.method;
    out->framing = x->req.framing;
    out->length = x->req.length;
    out->keep_alive = !upstream->no_keepalive;
    out->upgrade = tunnel_wanted(&x->req, &x->mem, &protocol);
    int err = path_strip(x->req.path, strip, &x->mem, &out->path);
    if (err == ERR_NONE)
        err = copy_fields(x, site, &to, out);
    if (err == ERR_NONE && out->upgrade && head_add(out, &x->mem, STR("Upgrade"), protocol) < 0)
        err = ERR_NOMEM;
    return err == ERR_NONE ? add_forwarding(x, authority, out) : err;
}

struct leaving {
    struct options options;
    bool keep_upgrade;
};

static bool leaves(const struct field *f, void *context)
{
    const struct leaving *l = context;
    return !(l->keep_upgrade && str_ieq(f->name, STR("Upgrade"))) && stays_behind(&l->options, f->name);
}

void forward_response(struct head *h, bool keep_upgrade)
{
    /* Taken from the fields as they came: removing Connection first would hide what it names. */
    struct leaving l = {.keep_upgrade = keep_upgrade};
    options_init(&l.options, h);
    head_remove_if(h, leaves, &l);
}
