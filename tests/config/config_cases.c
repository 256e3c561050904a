#include "config/config_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct str next_line(struct str *rest)
{
    struct str line = str_take(*rest, str_find(*rest, '\n'));
    *rest = str_skip(*rest, line.n + 1);
    return line;
}

struct snapshot *case_parse(const char *text)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse(CASE_FILE, str_of(text), &errors);
    if (!s || errors.len > 0)
        fail_msg("%s\n%.*s", text, STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    return s;
}

/* What was told, without the lines and carets; nothing but warnings if `accepted`. */
static const char *messages(struct str rest, bool accepted)
{
    static char out[65536];
    size_t n = 0;
    while (rest.n > 0) {
        struct str line = next_line(&rest);
        if (!str_starts(line, STR(CASE_FILE ":")))
            fail_msg("not an error: %.*s", STR_ARG(line));
        line = str_skip(line, sizeof CASE_FILE);
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", n > 0 ? "\n" : "", STR_ARG(line));
        if (str_starts(line, STR(" these are the first")))
            continue;
        if (accepted)
            assert_non_null(memmem(line.p, line.n, ": warning: ", 11));
        (void)next_line(&rest);
        struct str caret = next_line(&rest);
        assert_int_equal(str_find(caret, '^'), caret.n - 1);
    }
    out[n] = '\0';
    return out;
}

const char *case_errors(struct str text)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse(CASE_FILE, text, &errors);
    const char *told = messages(buf_str(&errors), s != NULL);
    const char *result = s ? "" : told;
    snapshot_free(s);
    buf_done(&errors);
    return result;
}

void case_refused(const struct config_case *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *errors = case_errors(str_of(rows[i].text));
        if (strcmp(errors, rows[i].expected) != 0)
            fail_msg("%s:\n%s\ninstead of\n%s", rows[i].name, errors, rows[i].expected);
    }
}

const char *case_warnings(const char *text)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse(CASE_FILE, str_of(text), &errors);
    const char *told = messages(buf_str(&errors), s != NULL);
    if (!s)
        fail_msg("%s\n%s", text, told);
    snapshot_free(s);
    buf_done(&errors);
    return told;
}

static void dump_timeouts(struct buf *out, const struct timeouts *t)
{
    (void)buf_printf(out, " timeouts %lld %lld %lld %lld %lld %lld %lld %lld %lld", (long long)t->connect,
                     (long long)t->handshake, (long long)t->head, (long long)t->idle, (long long)t->send,
                     (long long)t->response, (long long)t->tunnel, (long long)t->queue, (long long)t->drain);
}

static void dump_backend(struct buf *out, const struct backend *b)
{
    char text[ENDPOINT_TEXT];
    if (b->scheme == BACKEND_HTTPS)
        (void)buf_add_str(out, STR(" https"));
    if (b->kind == BACKEND_UNIX)
        (void)buf_printf(out, " unix(%.*s)", STR_ARG(b->name));
    else if (b->kind == BACKEND_NAME)
        (void)buf_printf(out, " %.*s:%u", STR_ARG(b->name), b->endpoint.port);
    else
        (void)buf_printf(out, " %s", endpoint_format(b->endpoint, text));
    (void)buf_printf(out, " #%zu", b->id);
}

static void dump_tls(struct buf *out, const struct upstream *up)
{
    if (up->trust == TRUST_FILE)
        (void)buf_printf(out, " trust(%.*s)", STR_ARG(up->ca_file));
    else if (up->backends[0].scheme == BACKEND_HTTPS)
        (void)buf_printf(out, " %s", up->trust == TRUST_NONE ? "insecure" : "verify");
    if (up->tls_name.n > 0)
        (void)buf_printf(out, " name(%.*s)", STR_ARG(up->tls_name));
}

/* Options are told where they are no defaults. */
static void dump_upstream(struct buf *out, const struct upstream *up)
{
    static const char *const balance[] = {[BALANCE_ROUND_ROBIN] = "",
                                          [BALANCE_LEAST_CONNECTIONS] = " least_connections",
                                          [BALANCE_SOURCE] = " source"};
    for (size_t i = 0; i < up->n_backends; i++)
        dump_backend(out, &up->backends[i]);
    (void)buf_printf(out, "%s", balance[up->balance]);
    if (up->check.on)
        (void)buf_printf(out, " check(%.*s %lld)", STR_ARG(up->check.path), (long long)up->check.every);
    dump_tls(out, up);
    if (up->proxy_protocol > 0)
        (void)buf_printf(out, " header(v%u)", up->proxy_protocol);
    if (up->max_connections > 0)
        (void)buf_printf(out, " max(%u)", up->max_connections);
    if (up->no_keepalive)
        (void)buf_add_str(out, STR(" once"));
    if (up->host.n > 0)
        (void)buf_printf(out, " host(%.*s)", STR_ARG(up->host));
}

static void dump_route(struct buf *out, const struct route *r)
{
    (void)buf_printf(out, "; %.*s", STR_ARG(r->pattern));
    if (r->strip.n > 0)
        (void)buf_printf(out, " strip(%.*s)", STR_ARG(r->strip));
    if (r->action == ACTION_PROXY)
        dump_upstream(out, r->upstream);
    else
        (void)buf_printf(out, " %s %d %.*s", r->action == ACTION_RESPOND ? "respond" : "redirect", r->code,
                         STR_ARG(r->text));
}

static void dump_site(struct buf *out, const struct snapshot *s, const struct site *site)
{
    static const char *const tls[] = {
        [SITE_TLS_AUTO] = "auto", [SITE_TLS_INTERNAL] = "internal", [SITE_TLS_OFF] = "off"};
    for (size_t i = 0; i < site->n_names; i++)
        (void)buf_printf(out, "%s%.*s", i > 0 ? " " : "", STR_ARG(site->names[i]));
    if (site->tls == SITE_TLS_FILES)
        (void)buf_printf(out, " tls(%.*s %.*s)", STR_ARG(site->cert_file), STR_ARG(site->key_file));
    else
        (void)buf_printf(out, " tls %s", tls[site->tls]);
    (void)buf_printf(out, site->http_serve ? " serve" : " redirect %u", site->redirect_port);
    if (memcmp(&site->timeouts, &s->timeouts, sizeof s->timeouts) != 0)
        dump_timeouts(out, &site->timeouts);
    if (site->passthrough) {
        (void)buf_add_str(out, STR("; passthrough"));
        dump_upstream(out, site->passthrough);
    }
    for (size_t i = 0; i < site->n_routes; i++)
        dump_route(out, &site->routes[i]);
    (void)buf_add_str(out, STR("\n"));
}

const char *case_dump(const struct snapshot *s)
{
    static char text[65536];
    struct buf out = {0};
    char address[ENDPOINT_TEXT];
    for (size_t i = 0; i < s->n_listens; i++) {
        const struct listen *l = &s->listens[i];
        (void)buf_printf(&out, "%s %s%s\n", l->tls ? "https" : "http", endpoint_format(l->at, address),
                         l->wildcard_pair ? " pair" : "");
    }
    for (size_t i = 0; i < s->n_sites; i++)
        dump_site(&out, s, &s->sites[i]);
    (void)snprintf(text, sizeof text, "%.*s", STR_ARG(buf_str(&out)));
    buf_done(&out);
    return text;
}

void case_read(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s cannot be read", path);
    for (size_t n = 1; n > 0;) {
        uint8_t *at = buf_reserve(out, 4096);
        assert_non_null(at);
        n = fread(at, 1, 4096, f);
        buf_added(out, n);
    }
    fclose(f);
    assert_true(buf_add(out, "", 1));
    out->len--;
}
