/* The block `acme`: which certificate authority is asked. */
#include "config/parse_int.h"
#include "config/suggest.h"
#include "config/value.h"

#define WRITE "write `letsencrypt`, `letsencrypt-staging`, or the `https://` URL of another directory"

struct authority {
    const char *name;
    const char *url; /* NULL: it takes only accounts that were made elsewhere */
};

static const struct authority authorities[] = {
    {"letsencrypt", "https://acme-v02.api.letsencrypt.org/directory"},
    {"letsencrypt-staging", "https://acme-staging-v02.api.letsencrypt.org/directory"},
    {"zerossl", NULL},
    {"google", NULL},
};

bool acme_is_public(struct str directory)
{
    for (size_t i = 0; i < nitems(authorities); i++)
        if (authorities[i].url && str_eq(directory, str_of(authorities[i].url)))
            return true;
    return false;
}

void set_acme(struct parse *p, const struct directive *row, const struct statement *s)
{
    if (p->token.kind != TOKEN_OPEN)
        ERROR_AT(p, s->name, "`%s` has no block; write `acme { directory NAME }`", row->name);
}

static bool printable(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
            return false;
    return true;
}

/* `[::1]`, `192.0.2.1`, and `1.2.3`, which the C library takes for one. */
static bool is_address(struct str host)
{
    size_t i = 0;
    while (i < host.n && (host.p[i] == '.' || (host.p[i] >= '0' && host.p[i] <= '9')))
        i++;
    return host.n > 0 && (host.p[0] == '[' || i == host.n);
}

/* What keeps the text behind `https://` from being the rest of a directory's URL. NULL: nothing. */
static const char *url_problem(struct str rest)
{
    struct str authority = str_take(rest, str_find(rest, '/'));
    struct str host = str_take(authority, str_find(authority, ':'));
    uint64_t port = 0;
    if (str_find(authority, '@') < authority.n)
        return "has a user name; remove it";
    if (is_address(authority.n > 0 && authority.p[0] == '[' ? authority : host))
        return "names an IP address, which curl's TLS library cannot verify; write a host name instead";
    if (host.n < authority.n &&
        (!str_to_u64(str_skip(authority, host.n + 1), MAX_SITE_PORT, &port) || port == 0))
        return "has no valid port; write a number from 1 to 65535 after the `:`";
    if (host_problem(host) || host.p[0] == '*' || !printable(rest) || str_find(rest, '#') < rest.n)
        return "is no directory; " WRITE;
    return NULL;
}

static void unknown_directory(struct parse *p, struct token token)
{
    struct suggest near = {.word = token.text};
    for (size_t i = 0; i < nitems(authorities); i++)
        suggest_offer(&near, authorities[i].name);
    if (near.best)
        ERROR_AT(p, token, "`%.*s` is no directory; did you mean `%s`?", QUOTE(token), near.best);
    else
        ERROR_AT(p, token, "`%.*s` is no directory; " WRITE, QUOTE(token));
}

void set_directory(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct token token = s->args[0];
    struct str text = token.text, *out = (struct str *)(void *)((char *)p->snapshot + row->offset);
    for (size_t i = 0; i < nitems(authorities); i++) {
        const struct authority *a = &authorities[i];
        if (!str_eq(text, str_of(a->name)))
            continue;
        if (a->url)
            *out = parse_dup(p, str_of(a->url));
        else
            ERROR_AT(p, token, "`%s` needs `eab`, which is not supported yet; write `letsencrypt`", a->name);
        return;
    }
    struct str scheme = STR("https://");
    if (str_istarts(text, STR("http://"))) {
        ERROR_AT(p, token, "`%.*s` is not encrypted; write `https://`", QUOTE(token));
    } else if (!str_istarts(text, scheme)) {
        unknown_directory(p, token);
    } else {
        const char *problem = url_problem(str_skip(text, scheme.n));
        if (problem)
            ERROR_AT(p, token, "`%.*s` %s", QUOTE(token), problem);
        else
            *out = parse_dup(p, text);
    }
}
