#include "proxy/relay.h"

#include "base/err.h"
#include "base/log.h"
#include "proxy/forward.h"
#include "proxy/tunnel.h"

struct relay {
    struct exchange *x;
    struct relay_env *env;
    const struct site *site;
    const struct backend *backend;
    struct client *client; /* NULL before it is opened and after it was given back */
    struct client_limits limits;
    struct head request; /* as the backend gets it */
    struct str protocol; /* asked for by Upgrade */
    bool body_begun;     /* a byte of the request's body was passed on: it cannot be sent again */
    bool again;          /* it was sent a second time */
};

static const struct client_user client_calls;

static void start(struct relay *r, struct client *c)
{
    r->client = c;
    if (!c) {
        xchg_reset(r->x, ERR_NOMEM);
        return;
    }
    client_attach(c, &client_calls, r);
    client_request(c, &r->request);
}

void relay_begin(struct exchange *x, struct relay_env *env, const struct site *site,
                 const struct upstream *upstream)
{
    const struct timeouts *t = &site->timeouts;
    struct relay *r = arena_zalloc(&x->mem, 1, sizeof *r);
    if (!r) {
        xchg_reset(x, ERR_NOMEM);
        return;
    }
    *r = (struct relay){.x = x, .env = env, .site = site, .backend = &upstream->backends[0]};
    r->limits = (struct client_limits){.connect = t->connect, .send = t->send, .response = t->response};
    xchg_limits(x, &(struct xchg_limits){.send = t->send, .tunnel = t->tunnel});
    x->work = r;
    int err = forward_request(x, site, upstream, &r->request);
    const struct field *upgrade = r->request.upgrade ? head_find(&r->request, STR("Upgrade")) : NULL;
    if (upgrade)
        r->protocol = upgrade->value;
    if (err != ERR_NONE)
        xchg_reset(x, err);
    else
        start(r, pool_lease(env->pool, r->backend, &r->limits));
}

/* From the client */

void relay_body(struct exchange *x, struct str data)
{
    struct relay *r = x->work;
    if (!r->client) {
        xchg_consumed(x, data.n); /* nobody wants it any more */
        return;
    }
    r->body_begun = true;
    client_body(r->client, data);
}

void relay_body_end(struct exchange *x, const struct head *trailers)
{
    struct relay *r = x->work;
    if (r->client)
        client_end(r->client, trailers);
}

void relay_sent(struct exchange *x, size_t n)
{
    struct relay *r = x->work;
    if (r->client)
        client_consumed(r->client, n);
}

void relay_gone(struct exchange *x, int why)
{
    struct relay *r = x->work;
    (void)why;
    if (r->client)
        client_close(r->client);
    r->client = NULL;
}

/* From the backend */

static size_t on_interim(void *user, const struct head *h)
{
    struct relay *r = user;
    struct head copy = *h;
    forward_response(&copy, false);
    return xchg_interim(r->x, &copy);
}

static void note_answer(struct relay *r)
{
    struct backend_watch *w = &r->env->watches[r->backend->id];
    if (w->failing)
        log_info("backend=%.*s answers again", STR_ARG(r->backend->text));
    w->failing = false;
}

static void on_head(void *user, struct head *h)
{
    struct relay *r = user;
    note_answer(r);
    if (h->status != 101) {
        forward_response(h, false);
        xchg_head(r->x, h);
    } else if (tunnel_agreed(h, r->protocol)) {
        forward_response(h, true);
        xchg_tunnel(r->x, h);
    } else {
        xchg_reset(r->x, ERR_HTTP_BACKEND);
    }
}

static void on_body(void *user, struct str data)
{
    struct relay *r = user;
    xchg_body(r->x, data);
}

static void on_end(void *user, const struct head *trailers)
{
    struct relay *r = user;
    struct client *c = r->client;
    xchg_end(r->x, trailers);
    if (client_reusable(c)) {
        r->client = NULL;
        pool_return(r->env->pool, r->backend, c);
    }
}

static void on_sent(void *user, size_t n)
{
    struct relay *r = user;
    xchg_consumed(r->x, n);
}

/* RFC 9110 section 9.2.2; WebDAV's reading methods of RFC 4918 are among them. */
static bool is_idempotent(const struct head *req)
{
    static const struct str methods[] = {{"GET", 3}, {"HEAD", 4},   {"OPTIONS", 7},  {"TRACE", 5},
                                         {"PUT", 3}, {"DELETE", 6}, {"PROPFIND", 8}, {"REPORT", 6}};
    for (size_t i = 0; i < nitems(methods); i++)
        if (method_is(req, methods[i]))
            return true;
    return false;
}

/*
 * A connection that rested can die just as the request goes out. The request is sent again, once and on a new connection, if
 * no byte of an answer came, doing it twice does no harm, and all of it is still here.
 */
static bool may_send_again(const struct relay *r, int why)
{
    return !r->again && !r->body_begun && r->request.framing == FRAME_NONE &&
           client_requests(r->client) > 1 && client_untouched(r->client) && is_idempotent(&r->x->req) &&
           (why == ERR_CLOSED || why == ERR_RESET);
}

static void on_failed(void *user, int why)
{
    struct relay *r = user;
    bool again = may_send_again(r, why);
    client_close(r->client);
    r->client = NULL;
    if (again) {
        r->again = true;
        start(r, pool_open(r->env->pool, r->backend, &r->limits));
        if (r->client)
            client_end(r->client, NULL);
        return;
    }
    struct backend_watch *w = &r->env->watches[r->backend->id];
    if (!w->failing && r->x->state == XCHG_WAIT_HEAD)
        log_warn("backend=%.*s site=%.*s %s", STR_ARG(r->backend->text), STR_ARG(r->site->names[0]),
                 err_text(why));
    w->failing = w->failing || r->x->state == XCHG_WAIT_HEAD;
    xchg_reset(r->x, why);
}

static const struct client_user client_calls = {
    .interim = on_interim,
    .head = on_head,
    .body = on_body,
    .end = on_end,
    .sent = on_sent,
    .failed = on_failed,
};
