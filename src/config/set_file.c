#include "config/parse_int.h"
#include "config/value.h"

enum { MAX_LISTENS = 64, MAX_USER = 32 };

static void *member(struct parse *p, const struct directive *row)
{
    return (char *)p->snapshot + row->offset;
}

void set_path(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct str *out = member(p, row);
    *out = path_resolve(p, s->args[0].text);
}

void set_email(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct str text = s->args[0].text, *out = member(p, row);
    size_t at = str_find(text, '@');
    bool one = at > 0 && at + 1 < text.n && str_find(str_skip(text, at + 1), '@') == text.n - at - 1;
    if (!one || str_find(text, ' ') < text.n || str_find(text, ',') < text.n)
        ERROR_AT(p, s->args[0], "`%.*s` is no mail address; write one like `you@example.org`",
                 QUOTE(s->args[0]));
    else
        *out = parse_dup(p, text);
}

void set_user(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct str text = s->args[0].text, *out = member(p, row);
    bool good = text.n > 0 && text.n <= MAX_USER && text.p[0] != '-';
    for (size_t i = 0; i < text.n && good; i++)
        good = ascii_alnum(text.p[i]) || text.p[i] == '_' || text.p[i] == '-' || text.p[i] == '.';
    if (good)
        *out = parse_dup(p, text);
    else
        ERROR_AT(p, s->args[0], "`%.*s` is no user name; write the name of a system user", QUOTE(s->args[0]));
}

bool number_parse(struct parse *p, const struct directive *row, struct token token, uint64_t *out)
{
    if (str_to_u64(token.text, (uint64_t)row->max, out) && *out >= (uint64_t)row->min)
        return true;
    ERROR_AT(p, token, "`%.*s` does not fit; `%s` takes `%s`, N from %lld to %lld", QUOTE(token), row->name,
             row->arguments, (long long)row->min, (long long)row->max);
    return false;
}

void set_workers(struct parse *p, const struct directive *row, const struct statement *s)
{
    unsigned *out = member(p, row);
    uint64_t n = 0;
    if (str_eq(s->args[0].text, STR("auto")) || number_parse(p, row, s->args[0], &n))
        *out = (unsigned)n;
}

void set_number(struct parse *p, const struct directive *row, const struct statement *s)
{
    uint64_t n, *out = member(p, row);
    if (number_parse(p, row, s->args[0], &n))
        *out = n;
}

/* Time limits */

void set_duration(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct timeouts *timeouts = p->site ? &p->site->site.timeouts : &p->snapshot->timeouts;
    msec value, *out = (msec *)(void *)((char *)timeouts + row->offset);
    char least[DURATION_TEXT], most[DURATION_TEXT];
    if (!duration_parse(s->args[0].text, &value))
        ERROR_AT(p, s->args[0],
                 "`%.*s` is no duration; write a number with `ms`, `s`, `m` or `h`, like `10s`",
                 QUOTE(s->args[0]));
    else if (value < row->min || value > row->max)
        ERROR_AT(p, s->args[0], "`%.*s` is out of bounds; `timeout %s` takes %s to %s", QUOTE(s->args[0]),
                 row->name, duration_format(row->min, least), duration_format(row->max, most));
    else
        *out = value;
}

static void unknown_timeout(struct parse *p, struct token name)
{
    const char *near = directive_nearest(name.text, p->site ? IN_SITE_TIMEOUT : IN_TIMEOUT);
    if (p->site && directive_find(name.text, IN_TIMEOUT))
        ERROR_AT(p, name, "`timeout %.*s` is for all sites alike; write it outside of the sites",
                 QUOTE(name));
    else if (near)
        ERROR_AT(p, name, "there is no timeout `%.*s`; did you mean `%s`?", QUOTE(name), near);
    else
        ERROR_AT(p, name, "there is no timeout `%.*s`; `edge help config` lists all", QUOTE(name));
}

void set_timeout(struct parse *p, const struct directive *row, const struct statement *s)
{
    (void)row;
    const struct directive *limit = directive_find(s->args[0].text, p->site ? IN_SITE_TIMEOUT : IN_TIMEOUT);
    struct statement value = {.name = s->args[0], .args = s->args + 1, .n_args = 1};
    if (!limit)
        unknown_timeout(p, s->args[0]);
    else if (!statement_repeats(p, limit, s->args[0]))
        limit->set(p, limit, &value);
}

/* Addresses to listen on */

static bool is_wildcard(struct ip ip)
{
    struct ip any = {.len = ip.len};
    return ip_eq(ip, any);
}

static bool overlap(struct endpoint a, struct endpoint b)
{
    if (a.port != b.port || a.ip.len != b.ip.len)
        return false;
    return ip_eq(a.ip, b.ip) || is_wildcard(a.ip) || is_wildcard(b.ip);
}

static void report_taken(struct parse *p, const struct listen_draft *had, struct token token, bool tls)
{
    const char *name = had->listen.tls ? "https" : "http";
    if (token.at.line == 0)
        report_error(&p->report, had->at,
                     "`%s` listens here if nothing else is said; write `%s` with another address, or `off`",
                     tls ? "https" : "http", tls ? "https" : "http");
    else if (had->at.line == token.at.line)
        ERROR_AT(p, token, "`%s` listens on `%.*s` already, in this line; remove one of them", name,
                 QUOTE(token));
    else
        ERROR_AT(p, token, "`%s` listens on `%.*s` already, in line %u; remove one of them", name,
                 QUOTE(token), had->at.line);
}

static bool add_listen(struct parse *p, struct token token, struct listen listen)
{
    size_t n = 0;
    for (const struct listen_draft *had = p->listens; had; had = had->next, n++) {
        if (!overlap(had->listen.at, listen.at))
            continue;
        report_taken(p, had, token, listen.tls);
        return false;
    }
    if (n == MAX_LISTENS) {
        ERROR_AT(p, token, "more than %d addresses; write `:PORT` for all addresses of the machine",
                 MAX_LISTENS);
        return false;
    }
    struct listen_draft *d = parse_zalloc(p, &p->mem, 1, sizeof *d);
    if (!d)
        return false;
    d->listen = listen;
    d->at = token.at;
    *p->listens_end = d;
    p->listens_end = &d->next;
    return true;
}

static void bad_listen(struct parse *p, struct token token, const struct directive *row)
{
    uint64_t port;
    struct ip ip;
    if (str_eq(token.text, STR("proxy_protocol")))
        ERROR_AT(p, token, "`proxy_protocol` is not supported yet; remove it");
    else if (str_eq(token.text, STR("off")))
        ERROR_AT(p, token, "`off` stands alone; remove it or the addresses");
    else if (str_to_u64(token.text, MAX_SITE_PORT, &port) && port > 0)
        ERROR_AT(p, token, "`%.*s` is a bare port; write `:%.*s`", QUOTE(token), QUOTE(token));
    else if (ip_parse(token.text, &ip))
        ERROR_AT(p, token,
                 ip.len == 4 ? "`%.*s` has no port; write `%.*s%s`" : "`%.*s` has no port; write `[%.*s]%s`",
                 QUOTE(token), QUOTE(token), row->initial);
    else
        ERROR_AT(p, token, "`%.*s` is no address to listen on; write `:PORT`, `IP:PORT` or `[IPv6]:PORT`",
                 QUOTE(token));
}

static bool is_https(const struct directive *row)
{
    return str_eq(str_of(row->name), STR("https"));
}

static void listen_at(struct parse *p, struct token token, const struct directive *row)
{
    struct listen listen = {.tls = is_https(row)};
    uint64_t port;
    if (endpoint_parse(token.text, &listen.at)) {
        (void)add_listen(p, token, listen);
    } else if (str_starts(token.text, STR(":")) &&
               str_to_u64(str_skip(token.text, 1), MAX_SITE_PORT, &port) && port > 0) {
        listen.wildcard_pair = true;
        listen.at = (struct endpoint){.ip = {.len = 4}, .port = (uint16_t)port};
        bool added = add_listen(p, token, listen);
        listen.at.ip.len = 16;
        if (added)
            (void)add_listen(p, token, listen);
    } else {
        bad_listen(p, token, row);
    }
}

void set_listen(struct parse *p, const struct directive *row, const struct statement *s)
{
    if (s->n_args == 1 && str_eq(s->args[0].text, STR("off"))) {
        *(is_https(row) ? &p->https_off : &p->http_off) = true;
        p->off_at = s->name.at;
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < s->n_args && !p->broken; i++) {
        struct token rest = s->args[i], part;
        bool comma;
        for (; parse_split(&rest, &part, &comma); n++)
            listen_at(p, part, row);
    }
    if (n == 0)
        bad_listen(p, s->args[0], row);
}
