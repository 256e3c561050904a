#include "server/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/rand.h"
#include "http/client.h"
#include "net/loop.h"
#include "proxy/proxy_header.h"
#include "server/backend_tls.h"
#include "server/upstreams.h"

enum {
    FIRST_WITHIN_MS = 500,
    RETRY_MS = 1000,
    NO_NAME_YET_MS = 100,
    ANSWER_MS = 5000, /* for an answer, and again for the rest of its body */
    CLOSE_MS = 1000,  /* for the backend to end a connection that was all we wanted */
    BODY_MAX = 256 * 1024,
};

struct probe {
    struct health *health;
    const struct site *site;
    const struct upstream *upstream;
    const struct backend *backend;
    struct timer due, limit;
    struct client *client; /* NULL: none is under way */
    bool judged;
    size_t read;       /* of the body */
    unsigned failures; /* in a row */
    struct ip ips[LOAD_ADDRESSES];
    size_t n, at;
};

struct health {
    struct loop *loop;
    const struct load *load;
    const struct backend_tls *tls;
    size_t n;
    struct probe probes[];
};

/* The verdict */

/* A tenth more or less, so that the checks of many backends do not stay in step. */
static msec jittered(msec ms)
{
    return ms - ms / 10 + rand_below((uint32_t)(ms / 5) + 1);
}

static void judge(struct probe *p, bool good, const char *why)
{
    const struct backend *b = p->backend;
    if (p->judged)
        return;
    p->judged = true;
    p->failures = good ? 0 : p->failures + 1;
    if (p->failures == 1 || !load_checked(p->health->load, b->id, good))
        return;
    if (good)
        log_info("backend=%.*s passes its check again", STR_ARG(b->text));
    else
        log_warn("backend=%.*s fails its check: %s", STR_ARG(b->text), why);
}

static void finish(struct probe *p)
{
    msec every = p->upstream->check.every;
    if (p->client)
        client_close(p->client);
    p->client = NULL;
    loop_timer_clear(p->health->loop, &p->limit);
    if (p->failures == 1 && every > RETRY_MS)
        every = RETRY_MS;
    loop_timer(p->health->loop, &p->due, jittered(every));
}

/* Out of memory or descriptors: that says nothing about the backend. */
static void fail(struct probe *p, int err)
{
    if (err != ERR_NOMEM && err != ERR_SYS)
        judge(p, false, err_text(err));
    finish(p);
}

/* The connection */

static struct stream *wrap(void *context, int fd, struct endpoint peer)
{
    const struct probe *p = context;
    return backend_tls_stream(p->health->tls, p->upstream, p->backend, fd, peer);
}

static bool by_get(const struct probe *p)
{
    return p->upstream->check.path.n > 0;
}

static void connect_to(struct probe *p)
{
    static const struct endpoint nobody;
    const struct backend *b = p->backend;
    struct client_target target = {.endpoint = b->endpoint, .context = p};
    uint8_t header[PROXY_HEADER_MAX];
    unsigned version = p->upstream->proxy_protocol;
    if (b->kind == BACKEND_NAME)
        target.endpoint.ip = p->ips[p->at];
    if (b->kind == BACKEND_UNIX)
        target.unix_path = b->name;
    if (b->scheme == BACKEND_HTTPS && by_get(p))
        target.wrap = wrap;
    if (version > 0) /* without addresses: the connection is edge's own */
        target.preface = str_from(header, proxy_header(version, nobody, nobody, header));
    client_connect(p->client, &target);
}

static void on_connected(void *user)
{
    struct probe *p = user;
    if (by_get(p))
        return;
    judge(p, true, "");
    /* Not by a reset, which some programs log as an error: the backend closes when it finds nobody there. */
    client_end(p->client, NULL);
    loop_timer(p->health->loop, &p->limit, CLOSE_MS);
}

static size_t on_interim(void *user, const struct head *h)
{
    (void)user;
    (void)h;
    return 0;
}

static void on_head(void *user, struct head *h)
{
    struct probe *p = user;
    char why[32];
    (void)snprintf(why, sizeof why, "it answers with %d", h->status);
    judge(p, h->status >= 200 && h->status < 400, why);
    /* Its body is read like anybody's, but not for ever, nor as fast as it may come. */
    loop_timer(p->health->loop, &p->limit, ANSWER_MS);
}

static void on_body(void *user, struct str data)
{
    struct probe *p = user;
    p->read += data.n;
    if (p->judged && p->read > BODY_MAX)
        finish(p);
    else
        client_consumed(p->client, data.n);
}

static void on_end(void *user, const struct head *trailers)
{
    (void)trailers;
    finish(user);
}

static void on_sent(void *user, size_t n)
{
    (void)user;
    (void)n;
}

static void on_failed(void *user, int why)
{
    struct probe *p = user;
    if (client_unsent(p->client) && ++p->at < p->n)
        connect_to(p);
    else
        fail(p, why);
}

static void on_limit(struct timer *t)
{
    fail(LIST_OWNER(t, struct probe, limit), ERR_TIMEOUT_RESPONSE);
}

/* The question */

/* The name that the application knows itself by, if one can be told. */
static struct str host_of(const struct probe *p, char text[ENDPOINT_TEXT])
{
    if (p->upstream->host.n > 0)
        return p->upstream->host;
    if (!str_starts(p->site->names[0], STR("*")))
        return p->site->names[0];
    if (p->backend->kind == BACKEND_NAME)
        return p->backend->name;
    return p->backend->kind == BACKEND_IP ? str_of(endpoint_format(p->backend->endpoint, text))
                                          : STR("localhost");
}

static void ask(struct probe *p)
{
    char host[ENDPOINT_TEXT];
    struct field fields[] = {
        {STR("Host"), host_of(p, host)},
        {STR("User-Agent"), STR("edge-check")},
        {STR("Accept"), STR("*/*")},
    };
    struct head h = {
        .minor = 1,
        .method = STR("GET"),
        .path = p->upstream->check.path,
        .fields = fields,
        .n_fields = nitems(fields),
    };
    client_request(p->client, &h);
    client_end(p->client, NULL);
}

/* False: nobody knows yet where the backend's name leads. */
static bool find_addresses(struct probe *p)
{
    const struct load *load = p->health->load;
    p->at = 0;
    p->n = 1;
    if (p->backend->kind != BACKEND_NAME)
        return true;
    p->n = load_addresses(load, p->backend->id, p->ips);
    return p->n > 0 || load_looked_up(load, p->backend->id);
}

static void on_due(struct timer *t)
{
    static const struct client_user calls = {
        .connected = on_connected,
        .interim = on_interim,
        .head = on_head,
        .body = on_body,
        .end = on_end,
        .sent = on_sent,
        .failed = on_failed,
    };
    struct probe *p = LIST_OWNER(t, struct probe, due);
    struct loop *loop = p->health->loop;
    msec connect = p->site->timeouts.connect;
    struct client_limits limits = {.connect = connect, .send = ANSWER_MS, .response = ANSWER_MS};
    if (!find_addresses(p)) {
        loop_timer(loop, &p->due, NO_NAME_YET_MS);
        return;
    }
    p->judged = false;
    p->read = 0;
    p->client = p->n > 0 ? client_open(loop, &limits) : NULL;
    if (!p->client) {
        fail(p, p->n > 0 ? ERR_NOMEM : ERR_NO_ADDRESS);
        return;
    }
    client_attach(p->client, &calls, p);
    if (by_get(p))
        ask(p);
    else
        client_tunnel(p->client);
    loop_timer(loop, &p->limit, connect + ANSWER_MS);
    connect_to(p);
}

/* Starting */

static size_t count(const struct snapshot *s)
{
    size_t n = 0;
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c);)
        n += c.upstream->check.on ? c.upstream->n_backends : 0;
    return n;
}

static void add_probes(struct health *h, const struct upstream_cursor *c)
{
    for (size_t i = 0; i < c->upstream->n_backends; i++) {
        struct probe *p = &h->probes[h->n++];
        *p = (struct probe){
            .health = h,
            .site = c->site,
            .upstream = c->upstream,
            .backend = &c->upstream->backends[i],
            .due = {.fire = on_due},
            .limit = {.fire = on_limit},
        };
        loop_timer(h->loop, &p->due, 1 + rand_below(FIRST_WITHIN_MS));
    }
}

struct health *health_new(struct loop *loop, const struct snapshot *s, const struct load *load,
                          const struct backend_tls *tls)
{
    struct health *h = calloc(1, sizeof *h + count(s) * sizeof h->probes[0]);
    if (!h)
        return NULL;
    *h = (struct health){.loop = loop, .load = load, .tls = tls};
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c);)
        if (c.upstream->check.on)
            add_probes(h, &c);
    return h;
}
