/*
 * What a backend receives: any bytes as a request, through the reader, the proxy's rules and the writer. The
 * backend reads one message of the same framing, with one Host, edge's own word about the client and nobody
 * else's, and no upgrade that would be a tunnel past edge's rules.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/h1_read.h"
#include "http/h1_write.h"
#include "proxy/forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool right)
{
    if (!right)
        abort();
}

/* Where a program behind CGI would find it: letters and digits count, the rest is `-`. */
static bool reads_as(struct str name, const char *known)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_alnum(name.p[i]) ? ascii_lower(name.p[i]) : '-';
        if (c != known[i])
            return false; /* the NUL of a shorter one too */
    }
    return known[name.n] == '\0';
}

static void check_once(const struct head *h, const char *name, struct str value)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n_fields; i++) {
        if (!reads_as(h->fields[i].name, name))
            continue;
        check(str_ieq(h->fields[i].name, str_of(name)) && str_eq(h->fields[i].value, value));
        n++;
    }
    check(n == 1);
}

static void check_absent(const struct head *h, const char *name)
{
    for (size_t i = 0; i < h->n_fields; i++)
        check(!reads_as(h->fields[i].name, name));
}

static void check_upgrade(const struct head *h)
{
    struct str rest, protocol;
    if (!h->upgrade)
        return;
    check(head_single(h, STR("Upgrade"), &rest));
    while (str_next_element(&rest, &protocol)) {
        struct str name = str_take(protocol, str_find(protocol, '/'));
        check(!str_istarts(name, STR("h2")) && !str_ieq(name, STR("http")) && !str_ieq(name, STR("tls")));
    }
}

static void check_received(const struct head *h, const struct exchange *x)
{
    struct str host = x->req.authority.n > 0 ? x->req.authority : STR("a.test");
    check_once(h, "host", host);
    check_once(h, "x-real-ip", STR("192.0.2.7"));
    check_once(h, "x-forwarded-for", STR("192.0.2.7"));
    check_once(h, "x-forwarded-proto", STR("https"));
    check_once(h, "x-forwarded-host", host);
    check_once(h, "x-forwarded-port", STR("8443"));
    check_absent(h, "forwarded");
    check_absent(h, "x-forwarded-server");
    check_absent(h, "x-original-url");
    check_absent(h, "x-rewrite-url");
    check_absent(h, "proxy-connection");
    check_absent(h, "keep-alive");
    check_absent(h, "http2-settings");
    check(str_eq(h->method, x->req.method) && str_eq(h->path, x->req.path));
    check(h->framing == x->req.framing && h->length == x->req.length);
    check(!h->upgrade || (x->req.upgrade && (h->framing == FRAME_NONE || h->length == 0)));
    check_upgrade(h);
}

static void check_written(struct exchange *x, const struct head *out)
{
    struct buf text = {0};
    struct head received;
    struct h1_reader r;
    struct str piece;
    size_t used;
    struct h1_how how = {.framing = out->framing, .length = out->length, .upgrade = out->upgrade};
    check(h1_write_request(&text, out, &how) == 0);
    /* The largest head has no room left for what edge adds. */
    if (text.len <= HEAD_MAX_BYTES && out->n_fields < HEAD_MAX_FIELDS - 2) {
        h1_reader_init(&r);
        check(h1_read(&r, buf_data(&text), text.len, &used, &piece) == H1_HEAD && used == text.len);
        check(h1_parse_request(piece, &received, &x->mem) == 0);
        check_received(&received, x);
    }
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct str names[] = {{"a.test", 6}, {"b.test", 6}};
    static struct backend backend = {.kind = BACKEND_IP};
    static const struct upstream upstream = {.backends = &backend, .n_backends = 1};
    static const struct site site = {.names = names, .n_names = nitems(names)};
    struct exchange x = {.peer = {.tls = true}};
    struct head out = {0};
    struct h1_reader r;
    struct str piece;
    size_t used;
    check(endpoint_parse(STR("192.0.2.7:1"), &x.peer.client));
    check(endpoint_parse(STR("192.0.2.1:8443"), &x.peer.local));
    h1_reader_init(&r);
    if (h1_read(&r, data, size, &used, &piece) == H1_HEAD && h1_parse_request(piece, &x.req, &x.mem) == 0 &&
        forward_request(&x, &site, &upstream, STR(""), &out) == ERR_NONE)
        check_written(&x, &out);
    arena_done(&x.mem);
    return 0;
}
