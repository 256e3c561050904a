#include "proxy/relay.h"

#include "base/err.h"
#include "proxy/forward.h"
#include "proxy/tunnel.h"

struct relay {
    struct lease lease;
    struct exchange *x;
    struct relay_env *env;
    struct client *client; /* NULL before there is one and after it was given back */
    struct client_limits limits;
    struct head request; /* as the backend gets it; empty for a tunnel */
    struct str protocol; /* asked for by Upgrade */
    bool raw;            /* a tunnel from the start */
    bool body_begun;
    bool body_ended;
    bool again; /* it was sent a second time */
};

static const struct client_user client_calls;

/* Makes c the one that carries the request. */
static void give_request(struct relay *r, struct client *c)
{
    r->client = c;
    client_attach(c, &client_calls, r);
    if (r->raw)
        client_tunnel(c);
    else
        client_request(c, &r->request);
}

/* A client that holds the request until it is known where to. */
static bool hold(struct relay *r)
{
    struct client *c = client_open(r->env->loop, &r->limits);
    if (!c)
        return false;
    give_request(r, c);
    return true;
}

/* The end without an answer from a backend. */
static void give_up(struct relay *r, int err)
{
    struct exchange *x = r->x;
    if (r->client)
        client_close(r->client);
    r->client = NULL;
    lease_end(&r->lease);
    if (x->state == XCHG_WAIT_HEAD && err_status(err) == 503)
        xchg_answer(x, 503, (struct field){STR("Retry-After"), STR("5")},
                    http_error_text(&x->mem, 503, str_of(err_text(err))));
    else
        xchg_reset(x, err);
}

/* There is a place at a backend, or there will be none. */
static void on_place(struct lease *lease, int err)
{
    struct relay *r = LIST_OWNER(lease, struct relay, lease);
    struct client *rested = err == ERR_NONE && !r->again && !r->raw ? lease_rested(lease) : NULL;
    if (err != ERR_NONE) {
        give_up(r, err);
    } else if (rested && r->client) {
        struct client *held = r->client;
        r->client = rested;
        client_limit(rested, &r->limits);
        client_take_over(rested, held);
    } else if (rested) {
        client_limit(rested, &r->limits);
        give_request(r, rested);
    } else if (r->client || hold(r)) {
        lease_connect(lease, r->client);
    } else {
        give_up(r, ERR_NOMEM);
    }
}

static struct relay *relay_new(struct exchange *x, struct relay_env *env, const struct site *site,
                               const struct upstream *upstream)
{
    const struct timeouts *t = &site->timeouts;
    struct relay *r = arena_zalloc(&x->mem, 1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct relay){.x = x, .env = env};
    r->raw = x->state == XCHG_TUNNEL;
    r->limits = (struct client_limits){.connect = t->connect, .send = t->send, .response = t->response};
    r->lease = (struct lease){.all = env->leases,
                              .upstream = upstream,
                              .timeouts = t,
                              .client = x->peer.client,
                              .local = x->peer.local,
                              .go = on_place};
    xchg_limits(x, &(struct xchg_limits){.send = t->send, .tunnel = t->tunnel});
    return r;
}

void relay_begin(struct exchange *x, struct relay_env *env, const struct site *site,
                 const struct upstream *upstream, struct str strip)
{
    struct relay *r = relay_new(x, env, site, upstream);
    int err = r ? ERR_NONE : ERR_NOMEM;
    x->work = r;
    if (r && !r->raw)
        err = forward_request(x, site, upstream, strip, &r->request);
    if (err != ERR_NONE) {
        xchg_reset(x, err);
        return;
    }
    const struct field *upgrade = r->request.upgrade ? head_find(&r->request, STR("Upgrade")) : NULL;
    if (upgrade)
        r->protocol = upgrade->value;
    lease_begin(&r->lease);
    if (r->lease.waits && !hold(r))
        give_up(r, ERR_NOMEM);
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
    r->body_ended = true;
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
    lease_end(&r->lease);
}

/* From the backend */

static void on_connected(void *user)
{
    struct relay *r = user;
    /* What becomes of a tunnel tells nothing of the backend. */
    if (r->raw)
        lease_answered(&r->lease);
}

static size_t on_interim(void *user, const struct head *h)
{
    struct relay *r = user;
    struct head copy = *h;
    lease_answered(&r->lease);
    forward_response(&copy, false);
    return xchg_interim(r->x, &copy);
}

static void on_head(void *user, struct head *h)
{
    struct relay *r = user;
    lease_answered(&r->lease);
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
    /* Half of a tunnel goes on. */
    if (r->x->state == XCHG_TUNNEL)
        return;
    r->client = NULL;
    if (client_reusable(c))
        pool_return(r->env->pool, r->lease.backend, c);
    else
        client_close(c);
    lease_end(&r->lease);
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
static bool may_send_again(const struct relay *r)
{
    return !r->body_begun && !r->raw && r->request.framing == FRAME_NONE && is_idempotent(&r->x->req);
}

static bool died_after_rest(const struct relay *r, int why)
{
    return !r->again && client_requests(r->client) > 1 && client_untouched(r->client) &&
           (why == ERR_CLOSED || why == ERR_RESET);
}

static void send_again(struct relay *r)
{
    r->again = true;
    if (!client_unsent(r->client)) {
        client_close(r->client);
        r->client = NULL;
        if (!hold(r)) {
            give_up(r, ERR_NOMEM);
            return;
        }
        if (r->body_ended)
            client_end(r->client, NULL);
    }
    lease_connect_again(&r->lease, r->client);
}

/* Nothing has left: nobody minds who gets it. */
static void try_elsewhere(struct relay *r, int why)
{
    if (lease_failed(&r->lease, why))
        lease_connect(&r->lease, r->client);
    else
        lease_begin(&r->lease);
}

static void on_failed(void *user, int why)
{
    struct relay *r = user;
    bool rest_was_too_long = died_after_rest(r, why);
    bool unsent = client_unsent(r->client);
    if (rest_was_too_long && (unsent || may_send_again(r))) {
        send_again(r);
    } else if (unsent) {
        try_elsewhere(r, why);
    } else {
        /* In the line there is none yet. */
        if (r->lease.backend && r->x->state == XCHG_WAIT_HEAD && !rest_was_too_long)
            lease_unanswered(&r->lease, why);
        give_up(r, why);
    }
}

static const struct client_user client_calls = {
    .connected = on_connected,
    .interim = on_interim,
    .head = on_head,
    .body = on_body,
    .end = on_end,
    .sent = on_sent,
    .failed = on_failed,
};
