#include "proxy/pool.h"

#include <stdlib.h>

#include "base/list.h"

struct resting {
    struct list link;
    struct client *client;
    struct shelf *shelf;
};

/* The resting connections of one backend, the latest last. */
struct shelf {
    struct list resting;
    size_t n;
};

struct pool {
    size_t n_shelves;
    struct shelf shelves[];
};

struct pool *pool_new(size_t n_backends)
{
    struct pool *p = calloc(1, sizeof *p + n_backends * sizeof p->shelves[0]);
    if (!p)
        return NULL;
    p->n_shelves = n_backends;
    for (size_t i = 0; i < n_backends; i++)
        list_init(&p->shelves[i].resting);
    return p;
}

static struct client *take(struct resting *r)
{
    struct client *c = r->client;
    list_remove(&r->link);
    r->shelf->n--;
    free(r);
    return c;
}

void pool_clear(struct pool *p)
{
    for (size_t i = 0; i < p->n_shelves; i++)
        while (!list_empty(&p->shelves[i].resting))
            client_close(take(LIST_OWNER(p->shelves[i].resting.next, struct resting, link)));
}

void pool_free(struct pool *p)
{
    if (p)
        pool_clear(p);
    free(p);
}

static void on_lost(struct client *c, void *context)
{
    take(context);
    client_close(c);
}

struct client *pool_take(struct pool *p, const struct backend *b)
{
    struct shelf *shelf = &p->shelves[b->id];
    /* The latest first: it is the least likely to be closed by the backend just now. */
    while (!list_empty(&shelf->resting)) {
        struct client *c = take(LIST_OWNER(shelf->resting.prev, struct resting, link));
        if (client_alive(c))
            return c;
        client_close(c);
    }
    return NULL;
}

void pool_return(struct pool *p, const struct backend *b, struct client *c)
{
    struct shelf *shelf = &p->shelves[b->id];
    struct resting *r = shelf->n < POOL_MAX_RESTING ? malloc(sizeof *r) : NULL;
    if (!r) {
        client_close(c);
        return;
    }
    *r = (struct resting){.client = c, .shelf = shelf};
    list_append(&shelf->resting, &r->link);
    shelf->n++;
    client_rest(c, POOL_REST_MS, on_lost, r);
}
