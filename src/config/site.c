#include "config/site.h"

#include <stdlib.h>

#include "config/parse_int.h"

enum { HTTPS_PORT = 443 };

/* Open addressing with at least half of the places free. */
struct site_name {
    struct str name; /* p is NULL in a free place */
    struct site *site;
};

static uint64_t hash_more(uint64_t h, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3;
    return h;
}

/*
 * The place of head + tail, or the free one where it belongs. FNV-1a is enough: what stands in the table
 * comes from the owner of the machine, so a stranger can make no two names collide that were not there.
 */
static struct site_name *find(const struct snapshot *s, struct str head, struct str tail)
{
    size_t mask = s->index_size - 1;
    size_t i = (size_t)hash_more(hash_more(0xcbf29ce484222325, head), tail) & mask;
    for (;; i = (i + 1) & mask) {
        struct site_name *at = &s->index[i];
        if (!at->name.p)
            return at;
        if (at->name.n == head.n + tail.n && str_starts(at->name, head) && str_ends(at->name, tail))
            return at;
    }
}

bool site_index_make(struct snapshot *s, size_t names)
{
    size_t size = 4;
    while (size < names * 2)
        size *= 2;
    s->index = arena_zalloc(&s->mem, size, sizeof *s->index);
    s->index_size = s->index ? size : 0;
    return s->index != NULL;
}

const struct site *site_index_add(struct snapshot *s, struct str name, struct site *site)
{
    struct site_name *at = find(s, name, STR(""));
    if (at->name.p)
        return at->site;
    *at = (struct site_name){.name = name, .site = site};
    return NULL;
}

const struct site *snapshot_site(const struct snapshot *s, struct str host)
{
    /* What is a pattern in the table is no name when a client sends it. */
    if (host.n == 0 || host.p[0] == '*' || s->index_size == 0)
        return NULL;
    const struct site_name *exact = find(s, host, STR(""));
    if (exact->name.p)
        return exact->site;
    size_t dot = str_find(host, '.');
    if (dot == 0 || dot == host.n)
        return NULL;
    return find(s, STR("*"), str_skip(host, dot))->site;
}

uint16_t snapshot_https_port(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_listens; i++)
        if (s->listens[i].tls)
            return s->listens[i].at.port;
    return HTTPS_PORT;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    struct arena mem = s->mem;
    free(s);
    arena_done(&mem);
}
