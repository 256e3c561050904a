#include "proxy/proxy.h"

#include <stdlib.h>

#include "base/err.h"
#include "proxy/challenge.h"
#include "proxy/pool.h"
#include "proxy/relay.h"
#include "proxy/route.h"

struct proxy {
    const struct snapshot *snapshot;
    struct relay_env relay;
    void *own_load; /* NULL where the table is shared */
    struct challenges challenges;
};

static void pass(struct exchange *x);

/* Pools, the lines before the backends. False when memory is out. */
static bool open_backends(struct proxy *p, const struct proxy_setup *setup)
{
    size_t n = setup->snapshot->n_backends;
    struct leases_setup leases = {
        .n_backends = n,
        .load = setup->load,
        .worker = setup->worker,
        .tick_in = setup->tick_in,
        .wake_resolver = setup->wake_resolver,
        .secure = setup->secure,
        .context = setup->context,
    };
    if (!setup->load.rows) {
        struct load_shape shape = {.workers = 1, .backends = n};
        p->own_load = calloc(1, load_size(shape) + 1);
        if (!p->own_load)
            return false;
        leases.load = load_view(p->own_load, shape);
        leases.worker = 0;
    }
    p->relay.loop = setup->loop;
    p->relay.pool = leases.pool = pool_new(n);
    p->relay.leases = leases_new(&leases);
    return p->relay.pool && p->relay.leases;
}

struct proxy *proxy_new(const struct proxy_setup *setup)
{
    const struct snapshot *snapshot = setup->snapshot;
    struct proxy *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->snapshot = snapshot;
    p->challenges = (struct challenges){.ask = setup->ask, .pass = pass, .context = setup->context};
    challenges_init(&p->challenges);
    if (!open_backends(p, setup)) {
        proxy_free(p);
        return NULL;
    }
    return p;
}

void proxy_free(struct proxy *p)
{
    if (!p)
        return;
    pool_free(p->relay.pool);
    leases_free(p->relay.leases);
    free(p->own_load);
    free(p);
}

void proxy_tick(struct proxy *p)
{
    leases_tick(p->relay.leases);
}

void proxy_drain(struct proxy *p)
{
    pool_clear(p->relay.pool);
}

static void redirect(struct exchange *x, struct str url, int code)
{
    if (!url.p) {
        xchg_reset(x, ERR_NOMEM);
        return;
    }
    struct str text = arena_printf(&x->mem, "%d %.*s\n%.*s\n", code, STR_ARG(http_reason(code)),
                                   STR_ARG(url));
    xchg_answer(x, code, (struct field){STR("Location"), url}, text);
}

static void redirect_to_https(struct exchange *x, struct proxy *p, const struct routed *to)
{
    /* 308 keeps the method and the body; 301 is what every old client understands (reference.md). */
    bool reads = method_is(&x->req, STR("GET")) || method_is(&x->req, STR("HEAD"));
    redirect(x, route_https_url(x, p->snapshot, to), reads ? 301 : 308);
}

/* What somebody reads who has just installed edge and looks whether it is there; NULL when there are sites. */
static struct str no_site_yet(const struct snapshot *snapshot)
{
    /* The default `*` is in no line. */
    if (snapshot->n_sites == 1 && snapshot->sites[0].line == 0)
        return STR("edge runs and has no site yet: `sudo edge add HOST BACKEND` on its machine adds one");
    return (struct str){NULL, 0};
}

static void act(struct exchange *x, struct proxy *p, const struct routed *to)
{
    const struct route *route = to->route;
    if (!route) {
        xchg_error_page(x, 404, STR("No route of this site matches the path"));
        return;
    }
    switch (route->action) {
    case ACTION_PROXY: relay_begin(x, &p->relay, to->site, route->upstream, route->strip); break;
    case ACTION_REDIRECT: redirect(x, route_redirect_url(x, route->text), route->code); break;
    case ACTION_RESPOND:
        if (route->text.n > 0)
            xchg_answer(x, route->code, (struct field){0},
                        arena_printf(&x->mem, "%.*s\n", STR_ARG(route->text)));
        else
            xchg_error_page(x, route->code, no_site_yet(p->snapshot));
        break;
    }
}

static void decide(struct exchange *x)
{
    struct proxy *p = x->service;
    struct routed to = route_request(x, p->snapshot);
    switch (to.decision) {
    case DECIDE_ERROR: xchg_reset(x, to.err); break;
    case DECIDE_HTTPS: redirect_to_https(x, p, &to); break;
    case DECIDE_ROUTE: act(x, p, &to); break;
    }
}

/* After a look-up that found nothing. The request has no body, and its end was told while it waited. */
static void pass(struct exchange *x)
{
    static const struct head no_trailers;
    decide(x);
    if (x->work)
        relay_body_end(x, &no_trailers);
}

void proxy_challenge(struct proxy *p, uint32_t number, struct str key_authorization)
{
    challenges_tell(&p->challenges, number, key_authorization);
}

/* TLS that is not ours: the name that the client asked for tells where it goes. */
static void join(struct exchange *x)
{
    struct proxy *p = x->service;
    const struct site *site = x->peer.sni.n > 0 ? snapshot_site(p->snapshot, x->peer.sni) : NULL;
    if (!site)
        site = p->snapshot->any;
    if (site->passthrough)
        relay_begin(x, &p->relay, site, site->passthrough, (struct str){NULL, 0});
    else
        xchg_reset(x, ERR_HTTP_MISDIRECTED);
}

static void proxy_begin(struct exchange *x)
{
    struct proxy *p = x->service;
    struct str token;
    if (x->state == XCHG_TUNNEL)
        join(x);
    else if (p->challenges.ask && challenge_token(x, &token))
        challenge_begin(&p->challenges, x, token);
    else
        decide(x);
}

/* An exchange without work was answered by edge itself, or waits: what still comes of its body is dropped. */

static void proxy_body(struct exchange *x, struct str data)
{
    if (x->work)
        relay_body(x, data);
    else
        xchg_consumed(x, data.n);
}

static void proxy_body_end(struct exchange *x, const struct head *trailers)
{
    if (x->work)
        relay_body_end(x, trailers);
}

static void proxy_sent(struct exchange *x, size_t n)
{
    if (x->work)
        relay_sent(x, n);
}

static void proxy_expired(struct exchange *x)
{
    struct proxy *p = x->service;
    challenge_expired(&p->challenges, x);
}

static void proxy_gone(struct exchange *x, int why)
{
    struct proxy *p = x->service;
    if (x->work)
        relay_gone(x, why);
    else
        challenge_gone(&p->challenges, x);
}

const struct handler *proxy_handler(void)
{
    static const struct handler handler = {
        .begin = proxy_begin,
        .body = proxy_body,
        .body_end = proxy_body_end,
        .sent = proxy_sent,
        .expired = proxy_expired,
        .gone = proxy_gone,
    };
    return &handler;
}
