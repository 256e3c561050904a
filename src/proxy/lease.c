#include "proxy/lease.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "proxy/balance.h"
#include "proxy/proxy_header.h"

/* Those who use one group of backends. */
struct group {
    struct list line; /* who waits, the first first */
    size_t n;
    struct list busy; /* among leases.busy while somebody waits */
    bool serving;
    uint32_t turn;
};

struct leases {
    struct leases_setup setup;
    struct list busy;
    bool ticking;
    struct group groups[]; /* by the id of the group's first backend */
};

struct leases *leases_new(const struct leases_setup *setup)
{
    struct leases *all = calloc(1, sizeof *all + setup->n_backends * sizeof all->groups[0]);
    if (!all)
        return NULL;
    all->setup = *setup;
    list_init(&all->busy);
    for (size_t i = 0; i < setup->n_backends; i++) {
        list_init(&all->groups[i].line);
        /* Workers begin at different backends. */
        all->groups[i].turn = (uint32_t)setup->worker;
    }
    return all;
}

void leases_free(struct leases *all)
{
    free(all);
}

static struct group *group_of(const struct lease *l)
{
    return &l->all->groups[l->upstream->backends[0].id];
}

/* The line */

static void tick_later(struct leases *all)
{
    if (all->ticking || !all->setup.tick_in)
        return;
    all->ticking = true;
    all->setup.tick_in(all->setup.context, LEASE_TICK_MS);
}

static void join_line(struct lease *l)
{
    struct group *g = group_of(l);
    l->waits = true;
    l->give_up = clock_now() + (l->awaits_name ? l->timeouts->connect : l->timeouts->queue);
    if (g->n++ == 0)
        list_append(&l->all->busy, &g->busy);
    /* Who was in it and found a backend dead is the first again. */
    list_append(l->tried ? g->line.next : &g->line, &l->line);
    tick_later(l->all);
}

static void leave_line(struct lease *l)
{
    struct group *g = group_of(l);
    l->waits = false;
    list_remove(&l->line);
    if (--g->n == 0)
        list_remove(&g->busy);
}

/* The choice */

enum verdict { TAKEN, LATER, NEVER };

static void want_lookup(struct lease *l, size_t id)
{
    const struct leases_setup *setup = &l->all->setup;
    if (load_want_lookup(&setup->load, id) && setup->wake_resolver)
        setup->wake_resolver(setup->context);
}

/* Where the backend is. LATER: its name is being looked up for the first time. */
static enum verdict find_addresses(struct lease *l, const struct backend *b)
{
    const struct load *load = &l->all->setup.load;
    l->address = 0;
    l->n_addresses = 1;
    if (b->kind != BACKEND_NAME)
        return TAKEN;
    l->n_addresses = load_addresses(load, b->id, l->addresses);
    if (l->n_addresses > 0)
        return TAKEN;
    bool first = !load_looked_up(load, b->id);
    want_lookup(l, b->id);
    return first ? LATER : NEVER;
}

static void note_failure(struct lease *l, const struct backend *b, const char *what, int err)
{
    l->err = err;
    /* Out of memory or descriptors: that is not the backend's fault. */
    if (err == ERR_NOMEM || err == ERR_SYS)
        return;
    load_count(&l->all->setup.load, l->all->setup.worker, b->id, LOAD_FAILURES);
    if (load_failed(&l->all->setup.load, b->id, l->began, clock_now()))
        log_warn("backend=%.*s %s: %s", STR_ARG(b->text), what, err_text(err));
}

static void note_unreachable(struct lease *l, const struct backend *b, int err)
{
    note_failure(l, b, "cannot be reached", err);
}

/* One backend of the group is taken, or marked so that the next call picks another. */
static enum verdict try_one(struct lease *l, size_t i)
{
    const struct backend *b = &l->upstream->backends[i];
    const struct leases_setup *setup = &l->all->setup;
    l->began = clock_now();
    enum verdict found = find_addresses(l, b);
    if (found == NEVER) {
        l->tried |= 1ULL << i;
        note_unreachable(l, b, ERR_NO_ADDRESS);
        return NEVER;
    }
    if (found == LATER || !load_take(&setup->load, setup->worker, b->id, l->upstream->max_connections)) {
        l->full |= 1ULL << i;
        l->awaits_name = l->awaits_name && found == LATER;
        return LATER;
    }
    l->backend = b;
    load_count(&setup->load, setup->worker, b->id, LOAD_REQUESTS);
    return TAKEN;
}

static enum verdict choose(struct lease *l)
{
    l->full = 0;
    l->awaits_name = true;
    int i;
    do {
        struct balance_request request = {
            .upstream = l->upstream,
            .load = &l->all->setup.load,
            .client = l->client.ip,
            .turn = group_of(l)->turn,
            .tried = l->tried,
            .full = l->full,
            .now = clock_now(),
        };
        i = balance_pick(&request);
        if (i < 0)
            return l->full != 0 ? LATER : NEVER;
    } while (try_one(l, (size_t)i) != TAKEN);
    group_of(l)->turn = (uint32_t)i + 1;
    return TAKEN;
}

/*
 * Nobody behind it may go before it. With `source` each waits for a backend of its own, and who has tried some waits for the others
 * only.
 */
static bool in_turn(const struct lease *l)
{
    return l->upstream->balance != BALANCE_SOURCE && l->tried == 0;
}

void lease_begin(struct lease *l)
{
    const struct group *g = group_of(l);
    bool behind = g->n > 0 && in_turn(l);
    enum verdict v = behind ? LATER : choose(l);
    if (v == LATER && g->n >= LEASE_LINE_MAX)
        l->go(l, ERR_HTTP_UNAVAILABLE);
    else if (v == LATER)
        join_line(l);
    else
        l->go(l, v == TAKEN ? ERR_NONE : l->err);
}

/* Places were given back: the first of the line go on. Who gives one back meanwhile only leaves it for those still to come. */
static void serve_line(struct group *g)
{
    struct list *next;
    if (g->serving)
        return;
    g->serving = true;
    for (struct list *link = g->line.next; link != &g->line; link = next) {
        struct lease *l = LIST_OWNER(link, struct lease, line);
        enum verdict v = choose(l);
        next = link->next;
        if (v == LATER && in_turn(l))
            break;
        if (v == LATER)
            continue;
        leave_line(l);
        l->go(l, v == TAKEN ? ERR_NONE : l->err);
    }
    g->serving = false;
}

static void expire_line(struct group *g, msec now)
{
    struct list *next;
    for (struct list *link = g->line.next; link != &g->line; link = next) {
        struct lease *l = LIST_OWNER(link, struct lease, line);
        next = link->next;
        if (now < l->give_up)
            continue;
        leave_line(l);
        l->go(l, l->awaits_name ? ERR_NO_ADDRESS : ERR_TIMEOUT_QUEUE);
    }
}

void leases_tick(struct leases *all)
{
    struct list *next;
    msec now = clock_now();
    all->ticking = false;
    for (struct list *link = all->busy.next; link != &all->busy; link = next) {
        struct group *g = LIST_OWNER(link, struct group, busy);
        next = link->next;
        serve_line(g);
        expire_line(g, now);
    }
    if (!list_empty(&all->busy))
        tick_later(all);
}

/* The connection */

struct client *lease_rested(struct lease *l)
{
    return pool_take(l->all->setup.pool, l->backend);
}

static struct stream *wrap(void *context, int fd, struct endpoint peer)
{
    struct lease *l = context;
    const struct leases_setup *setup = &l->all->setup;
    return setup->secure ? setup->secure(setup->context, l->upstream, l->backend, fd, peer) : NULL;
}

void lease_connect(struct lease *l, struct client *c)
{
    const struct backend *b = l->backend;
    struct client_target target = {.endpoint = b->endpoint, .context = l};
    uint8_t header[PROXY_HEADER_MAX];
    unsigned version = l->upstream->proxy_protocol;
    if (b->kind == BACKEND_NAME)
        target.endpoint.ip = l->addresses[l->address];
    if (b->kind == BACKEND_UNIX)
        target.unix_path = b->name;
    if (b->scheme == BACKEND_HTTPS)
        target.wrap = wrap;
    if (version > 0)
        target.preface = str_from(header, proxy_header(version, l->client, l->local, header));
    l->began = clock_now();
    client_connect(c, &target);
}

void lease_connect_again(struct lease *l, struct client *c)
{
    l->tried = 0;
    lease_connect(l, c);
}

void lease_answered(struct lease *l)
{
    if (load_answered(&l->all->setup.load, l->backend->id))
        log_info("backend=%.*s answers again", STR_ARG(l->backend->text));
}

void lease_unanswered(struct lease *l, int err)
{
    note_failure(l, l->backend, "gives no answer", err);
}

static void give_back(struct lease *l)
{
    const struct leases_setup *setup = &l->all->setup;
    load_give(&setup->load, setup->worker, l->backend->id);
    l->backend = NULL;
}

bool lease_failed(struct lease *l, int err)
{
    const struct backend *b = l->backend;
    if (++l->address < l->n_addresses) {
        l->err = err;
        return true;
    }
    note_unreachable(l, b, err);
    if (b->kind == BACKEND_NAME)
        want_lookup(l, b->id);
    l->tried |= 1ULL << (b - l->upstream->backends);
    give_back(l);
    return false;
}

void lease_end(struct lease *l)
{
    if (!l->all)
        return;
    if (l->waits)
        leave_line(l);
    if (!l->backend)
        return;
    give_back(l);
    serve_line(group_of(l));
}
