#include <string.h>

#include "config/parse_int.h"
#include "config/value.h"

/* The permanent redirect that keeps the method (RFC 9110 section 15.4.9), so that a POST stays one. */
enum { PERMANENT = 308 };

struct str path_resolve(struct parse *p, struct str path)
{
    if (p->folder.n == 0 || str_starts(path, STR("/")))
        return parse_dup(p, path);
    struct str whole = arena_printf(&p->snapshot->mem, "%.*s%.*s", STR_ARG(p->folder), STR_ARG(path));
    p->broken = p->broken || !whole.p;
    return whole;
}

/* Names */

bool parse_split(struct token *token, struct token *part, bool *comma)
{
    *comma = false;
    while (str_starts(token->text, STR(",")) && !token->quoted) {
        *comma = true;
        token->text = str_skip(token->text, 1);
        token->at.column++;
    }
    if (token->text.n == 0)
        return false;
    *part = *token;
    part->text = token->quoted ? token->text : str_take(token->text, str_find(token->text, ','));
    for (size_t i = 0; i < part->text.n; i++)
        token->at.column += !utf8_continues(token->text.p[i]);
    token->text = str_skip(token->text, part->text.n);
    return true;
}

static void add_name(struct parse *p, struct draft *d, struct token token)
{
    struct site *site = &d->site;
    struct str name = token.text;
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name.n--;
    const char *problem = host_problem(name);
    if (problem) {
        ERROR_AT(p, token, "`%.*s`: %s", QUOTE(token), problem);
        return;
    }
    site->names[site->n_names] = parse_lower(p, name);
    d->names_at[site->n_names++] = token.at;
    site->any = site->any || str_eq(name, STR("*"));
}

/* Goes over the names; with d it adds them, without it counts them. */
static size_t each_name(struct parse *p, const struct statement *s, struct draft *d)
{
    size_t n = 0;
    bool comma = true;
    for (size_t i = 0; i <= s->n_args; i++) {
        struct token rest = i == 0 ? s->name : s->args[i - 1], part;
        bool before;
        while (parse_split(&rest, &part, &before)) {
            if (d && !comma && !before)
                ERROR_AT(p, part, "a comma is missing before `%.*s`; commas separate the names of a site",
                         QUOTE(part));
            if (d)
                add_name(p, d, part);
            comma = false;
            n++;
        }
        comma = comma || before;
    }
    return n;
}

static bool keep_draft(struct parse *p, struct draft *d, struct token name)
{
    if (p->n_drafts == MAX_SITES) {
        ERROR_AT(p, name, "more than %d sites; give several names to one site", MAX_SITES);
        return false;
    }
    struct draft **drafts = parse_grow(p, p->drafts, p->n_drafts, &p->drafts_cap, sizeof(struct draft *));
    if (!drafts)
        return false;
    p->drafts = drafts;
    drafts[p->n_drafts++] = d;
    return true;
}

struct draft *parse_site_names(struct parse *p, const struct statement *s)
{
    size_t errors = p->report.errors, n = each_name(p, s, NULL);
    struct draft *d = parse_zalloc(p, &p->mem, 1, sizeof *d);
    if (!d || !(d->site.names = parse_zalloc(p, &p->snapshot->mem, n, sizeof(struct str))) ||
        !(d->names_at = parse_zalloc(p, &p->mem, n, sizeof(struct place))) || !keep_draft(p, d, s->name))
        return NULL;
    d->at = s->name.at;
    d->site.line = s->name.at.line;
    d->site.cert_id = -1;
    (void)each_name(p, s, d);
    if (d->site.any && d->site.n_names > 1)
        ERROR_AT(p, s->name, "`*` cannot share a block with other names; give it a block of its own");
    if (n == 0)
        ERROR_AT(p, s->name, "a block without a name; write the host name before the `{`");
    d->errors = p->report.errors - errors;
    return d;
}

/* What a site does */

struct route *site_action(struct parse *p, const struct statement *s)
{
    struct draft *d = p->site;
    if (p->route)
        return p->route;
    if (d->rest_at.line != 0) {
        ERROR_AT(
            p, s->name,
            "line %u says already what this site does; use `route` for some of its paths, or write several "
            "backends in one line",
            d->rest_at.line);
        return NULL;
    }
    d->rest_at = s->name.at;
    d->rest.pattern = STR("*");
    return p->route = &d->rest;
}

void set_respond(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct route *route = site_action(p, s);
    uint64_t code;
    if (!route)
        return;
    if (!str_to_u64(s->args[0].text, (uint64_t)row->max, &code) || code < (uint64_t)row->min) {
        ERROR_AT(p, s->args[0], "`%.*s` is no status code; write a number from %d to %d", QUOTE(s->args[0]),
                 (int)row->min, (int)row->max);
        return;
    }
    if (s->n_args > 1 && (code == 204 || code == 205 || code == 304)) {
        ERROR_AT(p, s->args[1], "an answer with status %d has no text; remove it", (int)code);
        return;
    }
    route->action = ACTION_RESPOND;
    route->code = (int)code;
    route->text = parse_dup(p, s->n_args > 1 ? s->args[1].text : STR(""));
}

static bool redirect_target_fits(struct str url)
{
    struct str scheme = str_istarts(url, STR("https://")) ? STR("https://") : STR("http://");
    if (!str_istarts(url, scheme) || url.n == scheme.n || strchr("/?#:", url.p[scheme.n]))
        return false;
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] >= 0x7f ||
            strchr("\"<>\\^`{|}", url.p[i]))
            return false;
    return true;
}

void set_redirect(struct parse *p, const struct directive *row, const struct statement *s)
{
    (void)row;
    static const char *const codes[] = {"301", "302", "303", "307", "308"};
    struct route *route = site_action(p, s);
    uint64_t code = 0;
    if (!route)
        return;
    if (!redirect_target_fits(s->args[0].text)) {
        ERROR_AT(p, s->args[0], "`%.*s` is no address to redirect to; write one like `https://example.org`",
                 QUOTE(s->args[0]));
        return;
    }
    for (size_t i = 0; i < nitems(codes) && s->n_args > 1 && code == 0; i++)
        if (str_eq(s->args[1].text, str_of(codes[i])))
            (void)str_to_u64(s->args[1].text, 999, &code);
    if (s->n_args > 1 && code == 0) {
        ERROR_AT(p, s->args[1], "`%.*s` is no redirect; write 301, 302, 303, 307 or 308", QUOTE(s->args[1]));
        return;
    }
    route->action = ACTION_REDIRECT;
    route->code = code > 0 ? (int)code : PERMANENT;
    route->text = parse_dup(p, s->args[0].text);
}

static struct route *new_route(struct parse *p, struct token pattern)
{
    struct draft *d = p->site;
    struct site *site = &d->site;
    if (d->all_at.line != 0) {
        ERROR_AT(p, pattern,
                 "this route is never reached: `route *` in line %u takes every path; move that to the end",
                 d->all_at.line);
        return NULL;
    }
    struct route *routes = parse_grow(p, site->routes, site->n_routes, &d->routes_cap, sizeof *routes);
    if (!routes)
        return NULL;
    site->routes = routes;
    if (site->n_routes == 0)
        d->route_at = pattern.at;
    if (str_eq(pattern.text, STR("*")))
        d->all_at = pattern.at;
    struct route *r = &routes[site->n_routes++];
    r->pattern = parse_dup(p, pattern.text);
    return r;
}

static bool pattern_fits(struct parse *p, struct token token)
{
    struct str text = token.text;
    if (text.n == 0 || (text.p[0] != '/' && text.p[0] != '*'))
        ERROR_AT(p, token, "`%.*s` is no pattern; it begins with `/` or `*`", QUOTE(token));
    else if (str_find(text, '?') < text.n || str_find(text, '#') < text.n)
        ERROR_AT(p, token, "`%.*s` can never match; patterns are for the path, without `?` and what follows",
                 QUOTE(token));
    else
        return true;
    return false;
}

/* The part of a pattern before its first `*`: every path that matches begins with it. */
static bool strip_can_match(struct str pattern, struct str prefix)
{
    size_t star = str_find(pattern, '*');
    struct str head = str_take(pattern, star);
    return str_starts(head, prefix) || (star < pattern.n && str_starts(prefix, head));
}

static bool strip_fits(struct parse *p, struct token pattern, struct token prefix)
{
    struct str text = prefix.text;
    if (text.n == 0 || text.p[0] != '/' || str_find(text, '*') < text.n)
        ERROR_AT(p, prefix,
                 "`%.*s` is no prefix; write one like `/api`, which begins with `/` and has no `*`",
                 QUOTE(prefix));
    else if (str_find(text, '?') < text.n || str_find(text, '#') < text.n)
        ERROR_AT(p, prefix, "`%.*s` can never be taken off; paths have no `?` and what follows",
                 QUOTE(prefix));
    else if (text.n == 1)
        ERROR_AT(p, prefix, "`strip /` takes nothing off; remove it, or write a prefix like `/api`");
    else if (!strip_can_match(pattern.text, text))
        ERROR_AT(p, prefix, "no path that `%.*s` matches begins with `%.*s`; write a prefix of the pattern",
                 QUOTE(pattern), QUOTE(prefix));
    else
        return true;
    return false;
}

/* `strip PREFIX`, which stands before the action. Without it *prefix is left alone. */
static bool take_strip(struct parse *p, const struct directive *row, struct statement *s, struct str *prefix)
{
    if (!str_eq(s->args[1].text, STR("strip")))
        return true;
    if (s->n_args < 4) {
        ERROR_AT(p, s->args[1], "`strip` misses a value; write `%s %s`", row->name, row->arguments);
        return false;
    }
    if (!strip_fits(p, s->args[0], s->args[2]))
        return false;
    *prefix = parse_dup(p, s->args[2].text);
    prefix->n -= str_ends(*prefix, STR("/")); /* whole segments are taken off, however it is written */
    s->args[2] = s->args[0];
    s->args += 2;
    s->n_args -= 2;
    return true;
}

void set_route(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct statement rest = *s;
    struct str strip = STR("");
    if (!pattern_fits(p, s->args[0]) || !take_strip(p, row, &rest, &strip))
        return;
    struct token verb = rest.args[1];
    const struct directive *action = directive_find(verb.text, IN_SITE);
    struct statement inner = {.name = verb, .args = rest.args + 2, .n_args = rest.n_args - 2};
    if (!action || !action->action) {
        ERROR_AT(p, verb, "`%.*s` is no action; write `proxy`, `respond` or `redirect`", QUOTE(verb));
        return;
    }
    if (!statement_fits(p, action, &inner) || !(p->route = new_route(p, s->args[0])))
        return;
    p->route->strip = strip;
    action->set(p, action, &inner);
}

/* TLS and plain HTTP */

void set_site_http(struct parse *p, const struct directive *row, const struct statement *s)
{
    struct site *site = &p->site->site;
    struct str what = s->args[0].text;
    uint64_t port = 0;
    if (str_eq(what, STR("serve")) && s->n_args == 1) {
        site->http_serve = true;
        p->site->serve_at = s->name.at;
        return;
    }
    if (!str_eq(what, STR("redirect"))) {
        ERROR_AT(p, s->args[0],
                 "`http` in a site takes `%s`; the addresses to listen on are set outside of the sites",
                 row->arguments);
        return;
    }
    if (s->n_args > 1 && (!str_to_u64(s->args[1].text, (uint64_t)row->max, &port) || port == 0)) {
        ERROR_AT(p, s->args[1], "`%.*s` is no port; write a number from 1 to %d", QUOTE(s->args[1]),
                 MAX_SITE_PORT);
        return;
    }
    site->redirect_port = (uint16_t)port;
    p->site->redirect_at = s->name.at;
}

void set_site_tls(struct parse *p, const struct directive *row, const struct statement *s)
{
    (void)row;
    struct site *site = &p->site->site;
    struct str what = s->args[0].text;
    p->site->tls_at = s->name.at;
    if (s->n_args == 2) {
        site->tls = SITE_TLS_FILES;
        site->cert_file = path_resolve(p, what);
        site->key_file = path_resolve(p, s->args[1].text);
    } else if (str_eq(what, STR("off"))) {
        site->tls = SITE_TLS_OFF;
        site->http_serve = true;
    } else if (str_eq(what, STR("internal"))) {
        site->tls = SITE_TLS_INTERNAL;
    } else if (!str_eq(what, STR("auto"))) {
        site->tls = SITE_TLS_FILES;
        site->cert_file = site->key_file = path_resolve(p, what);
    }
}
