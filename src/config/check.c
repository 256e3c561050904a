/* What can be told only when the whole file was read; then the drafts become the snapshot. */
#include <string.h>

#include "config/parse_int.h"

static void check_action(struct parse *p, const struct draft *d)
{
    if (d->site.n_routes == 0 && d->rest_at.line == 0 && d->passthrough_at.line == 0)
        report_error(&p->report, d->at,
                     "this site does nothing; write `proxy`, `respond` or `redirect` into its block");
    if (d->rest_at.line != 0 && d->all_at.line != 0)
        report_error(&p->report, d->rest_at,
                     "this is never reached: `route *` in line %u takes every path; remove one of them",
                     d->all_at.line);
}

/* Where TLS is not looked into, nothing can be said about what is inside. */
static void check_passthrough(struct parse *p, const struct draft *d)
{
    unsigned line = d->passthrough_at.line;
    struct place action = d->rest_at.line != 0 ? d->rest_at : d->route_at;
    if (line == 0)
        return;
    if (p->https_off)
        report_error(
            &p->report, d->passthrough_at,
            "`passthrough` is for TLS connections, and `https off` accepts none; let `https` listen, or "
            "write `proxy`");
    if (action.line != 0)
        report_error(
            &p->report, action,
            "this is never reached: `passthrough` in line %u forwards all of the site; remove one of "
            "them",
            line);
    if (d->tls_at.line != 0)
        report_error(&p->report, d->tls_at,
                     "`passthrough` in line %u leaves the certificate to the backend; remove `tls`", line);
    if (d->serve_at.line != 0)
        report_error(&p->report, d->serve_at,
                     "`passthrough` in line %u leaves nothing to serve by plain HTTP; remove this", line);
}

/* Certificates that edge is to get or to make, but cannot. */
static void check_certificate(struct parse *p, const struct draft *d)
{
    const struct site *site = &d->site;
    if (p->https_off || site->passthrough || site->tls == SITE_TLS_FILES || site->tls == SITE_TLS_OFF)
        return;
    if (site->any && d->tls_at.line != 0)
        report_error(&p->report, d->tls_at,
                     "`*` is no name that a certificate could be made for; write `tls CERT KEY`");
    for (size_t i = 0; i < site->n_names && site->tls == SITE_TLS_AUTO && !site->any; i++)
        if (str_starts(site->names[i], STR("*.")))
            report_error(
                &p->report, d->names_at[i],
                "`%.*s` needs `tls CERT KEY`: a certificate for it takes DNS validation, which is not "
                "supported yet; write that, or the whole names",
                STR_ARG(report_quote(site->names[i])));
}

/*
 * Names under these are nobody's or everybody's: RFC 6761, RFC 6762 appendix G, RFC 8375. So are those of one
 * part.
 */
bool check_is_private(struct str name)
{
    static const char *const ends[] = {".test",  ".invalid",  ".localhost", ".example",
                                       ".local", ".intranet", ".internal",  ".private",
                                       ".corp",  ".home",     ".home.arpa", ".lan"};
    for (size_t i = 0; i < nitems(ends); i++)
        if (str_ends(name, str_of(ends[i])))
            return true;
    return str_find(name, '.') == name.n;
}

/* What may be meant so, but will get no certificate from the authority. */
static void warn_of_certificates(struct parse *p)
{
    bool public = acme_is_public(p->snapshot->acme_directory), told = !p->http_off;
    for (size_t i = 0; i < p->n_drafts; i++) {
        const struct draft *d = p->drafts[i];
        if (d->site.tls != SITE_TLS_AUTO || d->site.any)
            continue;
        if (!told)
            report_warning(&p->report, p->off_at,
                           "the certificate of the site in line %u is issued only after a look at port 80 "
                           "(HTTP-01), which `http off` closes; let `http` listen, or write `tls CERT KEY`",
                           d->site.line);
        told = true;
        for (size_t j = 0; j < d->site.n_names && public; j++)
            if (check_is_private(d->site.names[j]))
                report_warning(&p->report, d->names_at[j],
                               "no public certificate authority issues for `%.*s`; write `tls internal`",
                               STR_ARG(report_quote(d->site.names[j])));
    }
}

static void check_http(struct parse *p, const struct draft *d)
{
    bool explicit = d->redirect_at.line != 0;
    if (d->site.passthrough)
        return;
    if (explicit && d->site.tls == SITE_TLS_OFF)
        report_error(&p->report, d->redirect_at,
                     "`tls off` in line %u leaves nothing to redirect to; write `http serve`",
                     d->tls_at.line);
    else if (explicit && p->https_off)
        report_error(&p->report, d->redirect_at,
                     "`https off` leaves nothing to redirect to; write `http serve`");
    else if (d->site.tls == SITE_TLS_OFF && p->http_off)
        report_error(&p->report, d->tls_at,
                     "with `http off` and `tls off` this site cannot be reached; remove one of them");
}

/* Whatever is asked, some route matches. */
static void finish_routes(struct parse *p, struct draft *d)
{
    struct site *site = &d->site;
    bool all = d->all_at.line != 0;
    size_t n = site->n_routes + !all;
    struct route *routes = parse_zalloc(p, &p->snapshot->mem, n, sizeof *routes);
    if (!routes)
        return;
    if (site->n_routes > 0)
        memcpy(routes, site->routes, site->n_routes * sizeof *routes);
    if (!all && d->rest_at.line != 0)
        routes[n - 1] = d->rest;
    else if (!all)
        routes[n - 1] = (struct route){.pattern = STR("*"), .action = ACTION_RESPOND, .code = 404};
    site->routes = routes;
    site->n_routes = n;
}

/* Members that the site did not set are 0, which no setter writes. */
static void finish_timeouts(const struct timeouts *all, struct timeouts *site)
{
    size_t n;
    const struct directive *rows = directive_rows(&n);
    for (size_t i = 0; i < n; i++) {
        msec value;
        if (!(rows[i].where & IN_TIMEOUT))
            continue;
        memcpy(&value, (const char *)site + rows[i].offset, sizeof value);
        if (value == 0)
            memcpy((char *)site + rows[i].offset, (const char *)all + rows[i].offset, sizeof value);
    }
}

/*
 * Sites that only answer or redirect do so on the HTTP port as well, unless they were given a certificate of
 * their own: one that comes by itself is none. So does `*`.
 */
static bool serves_http(const struct parse *p, const struct draft *d)
{
    if (d->site.http_serve || p->https_off)
        return true;
    if (d->site.passthrough || d->redirect_at.line != 0 || d->site.tls == SITE_TLS_FILES ||
        d->site.tls == SITE_TLS_INTERNAL)
        return false;
    bool proxies = false;
    for (size_t i = 0; i < d->site.n_routes; i++)
        proxies = proxies || d->site.routes[i].action == ACTION_PROXY;
    return d->site.any || !proxies;
}

static void finish_site(struct parse *p, struct draft *d)
{
    /* After an error in the site its absence would be told where something is there, but wrong. */
    if (d->errors == 0) {
        check_action(p, d);
        check_passthrough(p, d);
        check_certificate(p, d);
        check_http(p, d);
    }
    finish_routes(p, d);
    finish_timeouts(&p->snapshot->timeouts, &d->site.timeouts);
    d->site.http_serve = serves_http(p, d);
    /* Where nobody asks for a certificate, none is ordered. */
    if (d->site.passthrough || (p->https_off && !d->site.any && d->site.tls != SITE_TLS_FILES))
        d->site.tls = SITE_TLS_OFF;
}

static void check_names(struct parse *p, const struct draft *d, struct site *site)
{
    struct snapshot *s = p->snapshot;
    for (size_t i = 0; i < site->n_names; i++) {
        bool any = str_eq(site->names[i], STR("*"));
        const struct site *had = any ? s->any : site_index_add(s, site->names[i], site);
        if (had && had->line == site->line)
            report_error(&p->report, d->names_at[i], "`%.*s` stands in line %u twice; remove one of them",
                         STR_ARG(report_quote(site->names[i])), site->line);
        else if (had)
            report_error(&p->report, d->names_at[i],
                         "`%.*s` has a site in line %u already; remove one of them",
                         STR_ARG(report_quote(site->names[i])), had->line);
        else if (any)
            s->any = site;
    }
}

/* `* { respond 404 }`, which is not counted as a line of the file. */
static void default_site(struct parse *p, struct site *site)
{
    struct arena *mem = &p->snapshot->mem;
    site->names = parse_zalloc(p, mem, 1, sizeof *site->names);
    site->routes = parse_zalloc(p, mem, 1, sizeof *site->routes);
    if (!site->names || !site->routes)
        return;
    site->names[0] = STR("*");
    site->n_names = site->n_routes = 1;
    site->routes[0] = (struct route){.pattern = STR("*"), .action = ACTION_RESPOND, .code = 404};
    site->timeouts = p->snapshot->timeouts;
    site->any = site->http_serve = true;
    site->cert_id = -1;
    p->snapshot->any = site;
}

static void finish_sites(struct parse *p)
{
    struct snapshot *s = p->snapshot;
    size_t names = 0;
    s->sites = parse_zalloc(p, &s->mem, p->n_drafts + 1, sizeof *s->sites);
    for (size_t i = 0; i < p->n_drafts; i++)
        names += p->drafts[i]->site.n_names;
    if (!s->sites || !site_index_make(s, names)) {
        p->broken = true;
        return;
    }
    for (size_t i = 0; i < p->n_drafts && !p->broken; i++) {
        finish_site(p, p->drafts[i]);
        s->sites[i] = p->drafts[i]->site;
        check_names(p, p->drafts[i], &s->sites[i]);
    }
    s->n_sites = p->n_drafts;
    if (!s->any)
        default_site(p, &s->sites[s->n_sites++]);
}

static void finish_listens(struct parse *p)
{
    struct snapshot *s = p->snapshot;
    for (const struct listen_draft *d = p->listens; d; d = d->next)
        s->n_listens++;
    s->listens = parse_zalloc(p, &s->mem, s->n_listens, sizeof *s->listens);
    size_t n = 0;
    for (const struct listen_draft *d = p->listens; d && s->listens; d = d->next)
        s->listens[n++] = d->listen;
}

static bool is_unspecified(struct ip ip)
{
    static const struct ip none = {.len = 0};
    return memcmp(ip.bytes, none.bytes, sizeof ip.bytes) == 0;
}

static bool is_loopback(struct ip ip)
{
    struct ip one;
    return ip.len == 4 ? ip.bytes[0] == 127 : ip_parse(STR("::1"), &one) && ip_eq(ip, one);
}

/* As far as it can be told from what is written: other addresses of this machine are known to the machine alone. */
static bool is_own_port(const struct snapshot *s, const struct backend *b)
{
    struct ip ip = ip_unmap(b->endpoint.ip);
    bool here = is_loopback(ip) || is_unspecified(ip);
    for (size_t i = 0; i < s->n_listens && b->kind == BACKEND_IP; i++) {
        const struct endpoint *at = &s->listens[i].at;
        if (at->port == b->endpoint.port && at->ip.len == ip.len &&
            (ip_eq(at->ip, ip) || (here && is_unspecified(at->ip)) ||
             (is_unspecified(ip) && is_loopback(at->ip))))
            return true;
    }
    return false;
}

/* One request would become as many as there are descriptors. */
static void warn_of_circles(struct parse *p)
{
    for (const struct upstream_draft *d = p->upstreams; d; d = d->next)
        for (size_t i = 0; i < d->upstream->n_backends; i++)
            if (is_own_port(p->snapshot, &d->upstream->backends[i]))
                report_warning(&p->report, d->backends_at[i],
                               "edge itself listens on `%.*s`, so that requests would go round in circles; "
                               "write the port of the application",
                               STR_ARG(report_quote(d->upstream->backends[i].text)));
}

void check_finish(struct parse *p)
{
    if (p->broken)
        return;
    if (p->http_off && p->https_off)
        report_error(&p->report, p->off_at, "`http` and `https` are both off; let one of them listen");
    finish_listens(p);
    finish_sites(p);
    if (p->report.errors == 0 && !p->broken) {
        warn_of_certificates(p);
        warn_of_circles(p);
    }
}
