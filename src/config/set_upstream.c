/* `proxy` and `passthrough`: their backends, and what their block says about them. */
#include <string.h>

#include "config/parse_int.h"
#include "config/value.h"

enum { CHECK_EVERY = 10000 };

static bool same_backend(const struct backend *a, const struct backend *b)
{
    return a->kind == b->kind && a->endpoint.port == b->endpoint.port &&
           ip_eq(a->endpoint.ip, b->endpoint.ip) && str_eq(a->name, b->name);
}

/* It can stand beside those before it; if not, it was reported. */
static bool suits_others(struct parse *p, const struct upstream *up, const struct backend *b,
                         struct token token)
{
    if (up->n_backends > 0 && up->backends[0].scheme != b->scheme) {
        ERROR_AT(p, token,
                 "some of these backends have `https://` and some do not; write all of them alike, or use "
                 "`route` for several `proxy`");
        return false;
    }
    for (size_t i = 0; i < up->n_backends; i++) {
        if (!same_backend(&up->backends[i], b))
            continue;
        ERROR_AT(p, token, "`%.*s` stands here twice; remove one of them", QUOTE(token));
        return false;
    }
    return true;
}

static bool add_backend(struct parse *p, struct upstream_draft *d, struct token token)
{
    struct upstream *up = d->upstream;
    struct backend b = {.scheme = BACKEND_HTTP};
    if (d->passthrough && token.text.n > 0 && !str_istarts(token.text, STR("unix:")) &&
        memmem(token.text.p, token.text.n, "://", 3)) {
        ERROR_AT(p, token,
                 "`%.*s` has a scheme; `passthrough` forwards bytes as they come, write `HOST:PORT`",
                 QUOTE(token));
        return false;
    }
    if (!backend_parse(p, token, &b) || !suits_others(p, up, &b, token))
        return false;
    b.id = p->snapshot->n_backends++;
    d->backends_at[up->n_backends] = token.at;
    up->backends[up->n_backends++] = b;
    return true;
}

/* NULL after an error, which was reported. */
static struct upstream *new_upstream(struct parse *p, const struct statement *s, bool passthrough)
{
    if (s->n_args > MAX_BACKENDS) {
        ERROR_AT(p, s->args[MAX_BACKENDS], "more than %d backends; leave some out", MAX_BACKENDS);
        return NULL;
    }
    struct arena *mem = &p->snapshot->mem;
    struct upstream_draft *d = parse_zalloc(p, &p->mem, 1, sizeof *d);
    struct upstream *up = parse_zalloc(p, mem, 1, sizeof *up);
    if (!d || !up || !(up->backends = parse_zalloc(p, mem, s->n_args, sizeof *up->backends)) ||
        !(d->backends_at = parse_zalloc(p, &p->mem, s->n_args, sizeof *d->backends_at)))
        return NULL;
    *d = (struct upstream_draft){.upstream = up, .passthrough = passthrough, .backends_at = d->backends_at};
    up->line = s->name.at.line;
    bool good = true;
    for (size_t i = 0; i < s->n_args; i++)
        good = add_backend(p, d, s->args[i]) && good;
    if (!good)
        return NULL;
    p->upstream = d;
    return up;
}

void set_proxy(struct parse *p, const struct directive *row, const struct statement *s)
{
    (void)row;
    struct route *route = site_action(p, s);
    if (!route)
        return;
    route->upstream = new_upstream(p, s, false);
    route->action = ACTION_PROXY;
}

void set_passthrough(struct parse *p, const struct directive *row, const struct statement *s)
{
    (void)row;
    p->site->passthrough_at = s->name.at;
    p->site->site.passthrough = new_upstream(p, s, true);
}

/* The block */

/* Refuses what `passthrough` cannot do, because it does not look into the connections. */
static bool needs_proxy(struct parse *p, const struct statement *s, const char *why)
{
    if (p->upstream->passthrough)
        ERROR_AT(p, s->name, "`passthrough` has no `%.*s`: %s", QUOTE(s->name), why);
    return !p->upstream->passthrough;
}

/* The argument is none of the words that the row takes. */
static void unknown_word(struct parse *p, const struct directive *row, struct token token)
{
    ERROR_AT(p, token, "`%.*s` does not fit; write `%s %s`", QUOTE(token), row->name, row->arguments);
}

void set_balance(struct parse *p, const struct directive *row, const struct statement *s)
{
    static const char *const words[] = {[BALANCE_ROUND_ROBIN] = "round_robin",
                                        [BALANCE_LEAST_CONNECTIONS] = "least_connections",
                                        [BALANCE_SOURCE] = "source"};
    p->upstream->balance_at = s->name.at;
    for (size_t i = 0; i < nitems(words); i++) {
        if (!str_eq(s->args[0].text, str_of(words[i])))
            continue;
        p->upstream->upstream->balance = (enum balance)i;
        return;
    }
    unknown_word(p, row, s->args[0]);
}

/* What goes into a request's first line as it is (RFC 9112 section 3.2.1). */
static bool path_fits(struct parse *p, struct token token)
{
    bool good = token.text.n > 0 && token.text.p[0] == '/';
    for (size_t i = 0; i < token.text.n && good; i++)
        good = token.text.p[i] > ' ' && token.text.p[i] < 0x7f && token.text.p[i] != '#';
    if (!good)
        ERROR_AT(p, token, "`%.*s` is no path to ask for; write one like `/health`, with `%%20` for a blank",
                 QUOTE(token));
    return good;
}

static bool check_interval(struct parse *p, const struct directive *row, struct token token, msec *out)
{
    char least[DURATION_TEXT], most[DURATION_TEXT];
    if (duration_parse(token.text, out) && *out >= row->min && *out <= row->max)
        return true;
    ERROR_AT(p, token, "`%.*s` does not fit; `check every` takes a duration of %s to %s, like `10s`",
             QUOTE(token), duration_format(row->min, least), duration_format(row->max, most));
    return false;
}

static void unknown_check(struct parse *p, const struct directive *row, struct token token)
{
    if (str_starts(token.text, STR("/")))
        ERROR_AT(p, token, "`%.*s` misses its method; write `check GET %.*s`", QUOTE(token), QUOTE(token));
    else
        unknown_word(p, row, token);
}

void set_check(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct check check = {.on = true};
    p->upstream->check_at = s->name.at;
    for (size_t i = 0; i < s->n_args; i += 2) {
        const struct token *word = &s->args[i], *value = word + 1;
        bool get = str_eq(word->text, STR("GET")) && check.path.n == 0;
        if (!get && (!str_eq(word->text, STR("every")) || check.every > 0)) {
            unknown_check(p, row, *word);
            return;
        }
        if (i + 1 == s->n_args) {
            ERROR_AT(p, *word, "`%.*s` misses a value; write `check %s`", QUOTE(*word), row->arguments);
            return;
        }
        if (get &&
            !needs_proxy(
                p, s,
                "a check with GET speaks HTTP, and what the backend speaks is unknown; write `check`, a TCP connect"))
            return;
        if (get ? !path_fits(p, *value) : !check_interval(p, row, *value, &check.every))
            return;
        if (get)
            check.path = parse_dup(p, value->text);
    }
    if (check.every == 0)
        check.every = CHECK_EVERY;
    p->upstream->upstream->check = check;
}

static void set_tls_name(struct parse *p, const struct statement *s)
{
    struct token token = s->args[1];
    if (p->upstream->name_at.line != 0) {
        ERROR_AT(p, s->name, "`tls name` was given in line %u already; remove one of them",
                 p->upstream->name_at.line);
        return;
    }
    struct ip ip; /* some certificates name addresses */
    if (!host_is_name(token.text) && !ip_parse(token.text, &ip)) {
        ERROR_AT(
            p, token,
            "`%.*s` is neither a host name nor an address; write the one that stands in the backend's certificate",
            QUOTE(token));
        return;
    }
    p->upstream->name_at = s->name.at;
    p->upstream->upstream->tls_name = parse_lower(p, token.text);
}

static void set_trust(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct upstream *up = p->upstream->upstream;
    struct str word = s->args[0].text;
    if (p->upstream->trust_at.line != 0)
        ERROR_AT(p, s->name, "line %u says already how the certificate is checked; remove one of them",
                 p->upstream->trust_at.line);
    else if (str_eq(word, STR("verify")))
        up->trust = TRUST_SYSTEM;
    else if (str_eq(word, STR("insecure")))
        up->trust = TRUST_NONE;
    else if (str_find(word, '/') == word.n && str_find(word, '.') == word.n)
        /* A misspelled word, which would be told as a file that is missing. */
        ERROR_AT(p, s->args[0], "`%.*s` does not fit; write `%s %s`, a file's name with a `/` or `.` in it",
                 QUOTE(s->args[0]), row->name, row->arguments);
    else {
        up->trust = TRUST_FILE;
        up->ca_file = path_resolve(p, word);
    }
    p->upstream->trust_at = s->name.at;
}

void set_backend_tls(struct parse *p, const struct directive *row, const struct statement *s)
{
    const struct backend *first = &p->upstream->upstream->backends[0];
    bool name = str_eq(s->args[0].text, STR("name"));
    if (!needs_proxy(p, s, "the client's TLS goes through as it is; remove it"))
        return;
    if (first->scheme != BACKEND_HTTPS)
        ERROR_AT(
            p, s->name,
            first->kind == BACKEND_UNIX
                ? "`tls` is for backends with `https://`, and a socket gets plain HTTP; remove it"
                : "`tls` is for backends with `https://`; write that before the backend, or remove this");
    else if (name && s->n_args == 2)
        set_tls_name(p, s);
    else if (name)
        ERROR_AT(p, s->args[0], "`tls name` misses a value; write `tls name NAME`");
    else if (s->n_args == 2)
        ERROR_AT(p, s->args[1], "`tls` has too many values; write each `tls %s` in a line of its own",
                 row->arguments);
    else
        set_trust(p, row, s);
}

void set_proxy_header(struct parse *p, const struct directive *row, const struct statement *s)
{
    bool v2 = str_eq(s->args[0].text, STR("v2"));
    if (v2 || str_eq(s->args[0].text, STR("v1")))
        p->upstream->upstream->proxy_protocol = v2 ? 2 : 1;
    else
        unknown_word(p, row, s->args[0]);
}

void set_backend_connections(struct parse *p, const struct directive *row, const struct statement *s)
{
    uint64_t n;
    if (number_parse(p, row, s->args[0], &n))
        p->upstream->upstream->max_connections = (uint32_t)n;
}

void set_keepalive(struct parse *p, const struct directive *row, const struct statement *s)
{
    bool off = str_eq(s->args[0].text, STR("off"));
    if (!needs_proxy(p, s, "each client has a connection of its own; remove it"))
        return;
    if (!off && !str_eq(s->args[0].text, STR("on")))
        unknown_word(p, row, s->args[0]);
    if (!off)
        p->upstream->keep_at = s->name.at;
    p->upstream->upstream->no_keepalive = off;
}

void set_host(struct parse *p, const struct directive *row, const struct statement *s)
{
    (void)row;
    if (!needs_proxy(p, s, "requests are not looked into; remove it"))
        return;
    if (host_is_authority(s->args[0].text))
        p->upstream->upstream->host = parse_dup(p, s->args[0].text);
    else
        ERROR_AT(p, s->args[0], "`%.*s` is no host; write a host name or an address, with `:PORT` if needed",
                 QUOTE(s->args[0]));
}

/* Behind the block */

/* A certificate is verified against a name: without one it would be anybody's. */
static void check_names(struct parse *p, const struct upstream_draft *d)
{
    const struct upstream *up = d->upstream;
    for (size_t i = 0; i < up->n_backends && up->tls_name.n == 0; i++)
        if (up->backends[i].scheme == BACKEND_HTTPS && up->backends[i].name.n == 0)
            report_error(
                &p->report, d->backends_at[i],
                "%s needs a name, and `%.*s` has only an address; write `tls name NAME` into its block, the "
                "name or address in its certificate, or `tls insecure`",
                up->trust == TRUST_FILE ? "`tls CA-FILE`" : "`tls verify`",
                STR_ARG(report_quote(up->backends[i].text)));
}

void upstream_finish(struct parse *p)
{
    struct upstream_draft *d = p->upstream;
    struct upstream *up = d->upstream;
    *p->upstreams_end = d;
    p->upstreams_end = &d->next;
    if (up->trust != TRUST_NONE)
        check_names(p, d);
    if (up->proxy_protocol > 0 && d->keep_at.line != 0)
        report_error(&p->report, d->keep_at,
                     "`proxy_protocol` tells one client per connection, so that none is kept for the next; "
                     "remove `keepalive on`");
    up->no_keepalive = up->no_keepalive || up->proxy_protocol > 0;
    if (up->n_backends == 1 && d->balance_at.line != 0)
        report_warning(&p->report, d->balance_at,
                       "`balance` has one backend to choose from; add another, or remove it");
    if (up->n_backends == 1 && d->check_at.line != 0)
        report_warning(&p->report, d->check_at,
                       "`check` leaves out no backend where there is one only; add another, or remove it");
}
