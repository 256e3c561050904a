#include "server/names.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/loop.h"
#include "server/lookup.h"
#include "server/upstreams.h"

enum {
    EVERY_MS = 10000,
    SOONEST_MS = 1000, /* between two look-ups of one name */
    NO_THREAD_MS = 100,
    /* Of names that failed the last time: those that hang must leave threads to the others. */
    FAILING_AT_ONCE = LOOKUP_THREADS / 2,
};

struct name {
    struct names *all;
    struct str text;
    struct timer due;
    struct list line; /* among those that wait for a thread */
    bool busy;        /* waits for one, or has one */
    bool wanted;
    msec asked;        /* when the last look-up began; of one that failed, when it ended */
    unsigned failures; /* in a row */
    bool told;         /* the failure is in the log */
    bool known;        /* the workers know the addresses, or that there are none */
    bool published;    /* by this process: one before us may have died in the middle of it */
    struct ip ips[LOAD_ADDRESSES];
    size_t n;
};

struct names {
    struct loop *loop;
    const struct load *load;
    struct lookups *lookups;
    struct list line; /* names that wait for a thread */
    struct timer no_thread;
    unsigned failing; /* look-ups under way of names that failed the last time */
    struct name **of; /* by the backend's id; NULL: it has no name */
    size_t n_backends;
    size_t n;
    struct name list[];
};

/* Where it leads */

static bool has_ip(const struct ip *ips, size_t n, struct ip ip)
{
    for (size_t i = 0; i < n; i++)
        if (ip_eq(ips[i], ip))
            return true;
    return false;
}

/* DNS servers turn the order around with every answer: that is no news. */
static bool same_addresses(const struct name *name, const struct ip *ips, size_t n)
{
    if (n != name->n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!has_ip(name->ips, name->n, ips[i]))
            return false;
    return true;
}

static void log_addresses(const struct name *name)
{
    struct buf text = {0};
    char ip[IP_TEXT];
    for (size_t i = 0; i < name->n; i++)
        (void)buf_printf(&text, "%s%s", i > 0 ? "," : "", ip_format(name->ips[i], ip));
    log_info("name=%.*s leads to %.*s now", STR_ARG(name->text), STR_ARG(buf_str(&text)));
    buf_done(&text);
}

static void publish(struct name *name, const struct ip *ips, size_t n)
{
    const struct names *all = name->all;
    bool same = same_addresses(name, ips, n);
    if (name->published && same)
        return;
    bool news = name->known && n > 0 && !same;
    name->known = name->published = true;
    name->n = n;
    for (size_t i = 0; i < n; i++)
        name->ips[i] = ips[i];
    for (size_t id = 0; id < all->n_backends; id++)
        if (all->of[id] == name)
            load_set_addresses(all->load, id, ips, n);
    if (news)
        log_addresses(name);
}

/* When it is asked */

static void look_in(struct name *name, msec ms)
{
    loop_timer(name->all->loop, &name->due, ms > 0 ? ms : 1);
}

static msec next_in(const struct name *name)
{
    msec wait = SOONEST_MS;
    if (name->failures == 0 && !name->wanted)
        return EVERY_MS;
    for (unsigned i = 1; i < name->failures && wait < EVERY_MS && !name->wanted; i++)
        wait *= 2;
    return wait < EVERY_MS ? wait : EVERY_MS;
}

/* The first of the line get a thread, as long as there are any. */
static void serve_line(struct names *all)
{
    struct list *next;
    for (struct list *link = all->line.next; link != &all->line; link = next) {
        struct name *name = LIST_OWNER(link, struct name, line);
        next = link->next;
        if (name->failures > 0 && all->failing >= FAILING_AT_ONCE)
            continue;
        if (lookups_start(all->lookups, name->text, name) < 0) {
            loop_timer(all->loop, &all->no_thread, NO_THREAD_MS);
            return;
        }
        list_remove(&name->line);
        name->asked = clock_now();
        name->wanted = false;
        all->failing += name->failures > 0;
    }
}

static void on_no_thread(struct timer *t)
{
    serve_line(LIST_OWNER(t, struct names, no_thread));
}

/* Names that somebody waits for go first. */
static void join_line(struct name *name)
{
    struct names *all = name->all;
    name->busy = true;
    list_append(name->wanted ? all->line.next : &all->line, &name->line);
}

static void on_due(struct timer *t)
{
    struct name *name = LIST_OWNER(t, struct name, due);
    join_line(name);
    serve_line(name->all);
}

void names_wanted(struct names *all)
{
    for (size_t id = 0; id < all->n_backends; id++) {
        struct name *name = all->of[id];
        if (!name || !load_lookup_wanted(all->load, id) || name->wanted)
            continue;
        name->wanted = true;
        if (!name->busy)
            look_in(name, name->asked + SOONEST_MS - clock_now());
    }
}

/* The answer */

static void found(struct name *name, const struct lookup_answer *answer)
{
    if (name->told)
        log_info("name=%.*s can be looked up again", STR_ARG(name->text));
    name->told = false;
    name->failures = 0;
    publish(name, answer->ips, answer->n);
}

/* A DNS server that is just starting says that nothing exists: so addresses go away with the second such answer only. */
static void not_found(struct name *name, const struct lookup_answer *answer)
{
    name->failures++;
    name->asked = clock_now();
    bool gone = answer->result == LOOKUP_NOWHERE && name->failures > 1;
    if (gone || name->n == 0)
        publish(name, NULL, 0);
    if (name->told || (name->n > 0 && name->failures == 1))
        return;
    name->told = true;
    log_warn("name=%.*s cannot be looked up: %s%s", STR_ARG(name->text), answer->why,
             name->n > 0 ? "; going on with the addresses it had" : "");
}

static void answered(void *context, const struct lookup_answer *answer)
{
    struct name *name = context;
    name->busy = false;
    name->all->failing -= name->failures > 0;
    if (answer->result == LOOKUP_FOUND)
        found(name, answer);
    else
        not_found(name, answer);
    look_in(name, name->asked + next_in(name) - clock_now());
    serve_line(name->all);
}

/* Starting */

static struct name *name_of(struct names *all, const struct backend *b)
{
    for (size_t i = 0; i < all->n; i++)
        if (str_eq(all->list[i].text, b->name))
            return &all->list[i];
    struct name *name = &all->list[all->n++];
    *name = (struct name){.all = all, .text = b->name, .due = {.fire = on_due}};
    /* One of us may have lived before. */
    name->known = load_looked_up(all->load, b->id);
    name->n = load_addresses(all->load, b->id, name->ips);
    return name;
}

struct names *names_new(struct loop *loop, const struct snapshot *s, const struct load *load)
{
    struct names *all = calloc(1, sizeof *all + s->n_backends * sizeof all->list[0]);
    if (!all)
        return NULL;
    all->loop = loop;
    all->load = load;
    all->n_backends = s->n_backends;
    all->no_thread.fire = on_no_thread;
    list_init(&all->line);
    all->of = calloc(s->n_backends + 1, sizeof(struct name *));
    all->lookups = lookups_new(loop, answered);
    if (!all->of || !all->lookups)
        return NULL;
    for (struct upstream_cursor c = {0}; upstreams_next(s, &c);)
        for (size_t i = 0; i < c.upstream->n_backends; i++)
            if (c.upstream->backends[i].kind == BACKEND_NAME)
                all->of[c.upstream->backends[i].id] = name_of(all, &c.upstream->backends[i]);
    for (size_t i = 0; i < all->n; i++)
        join_line(&all->list[i]);
    serve_line(all);
    return all;
}
