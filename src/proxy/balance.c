#include "proxy/balance.h"

#include <string.h>

static bool has(uint64_t set, size_t i)
{
    return (set >> i) & 1;
}

static size_t id_of(const struct balance_request *r, size_t i)
{
    return r->upstream->backends[i].id;
}

/* A backend on trial is left to the one request that may try it; with nothing better it is picked below. */
static bool is_candidate(const struct balance_request *r, size_t i)
{
    return !has(r->tried | r->full, i) && load_state(r->load, id_of(r, i), r->now) == LOAD_UP;
}

static int round_robin(const struct balance_request *r)
{
    size_t n = r->upstream->n_backends;
    for (size_t k = 0; k < n; k++) {
        size_t i = (r->turn + k) % n;
        if (is_candidate(r, i))
            return (int)i;
    }
    return -1;
}

/* Equals take turns, so that a quiet group is not served by its first backend alone. */
static int least_connections(const struct balance_request *r)
{
    size_t n = r->upstream->n_backends;
    uint32_t least = 0;
    int best = -1;
    for (size_t k = 0; k < n; k++) {
        size_t i = (r->turn + k) % n;
        if (!is_candidate(r, i))
            continue;
        uint32_t in_use = load_in_use(r->load, id_of(r, i));
        if (best >= 0 && in_use >= least)
            continue;
        least = in_use;
        best = (int)i;
    }
    return best;
}

/* FNV-1a, and at the end what spreads its bits (the finalizer of splitmix64). */
static uint64_t weight(struct ip client, struct str backend)
{
    uint64_t h = 0xcbf29ce484222325;
    for (size_t i = 0; i < client.len; i++)
        h = (h ^ client.bytes[i]) * 0x100000001b3;
    for (size_t i = 0; i < backend.n; i++)
        h = (h ^ (uint8_t)backend.p[i]) * 0x100000001b3;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
    h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
    return h ^ (h >> 31);
}

/* Highest random weight: when a backend fails only its own clients move, and they come back to it. A full one is waited for. */
static int by_source(const struct balance_request *r)
{
    struct ip client = ip_unmap(r->client);
    uint64_t highest = 0;
    int best = -1;
    for (size_t i = 0; i < r->upstream->n_backends; i++) {
        if (has(r->tried, i) || load_state(r->load, id_of(r, i), r->now) != LOAD_UP)
            continue;
        uint64_t w = weight(client, r->upstream->backends[i].text);
        if (best >= 0 && w <= highest)
            continue;
        highest = w;
        best = (int)i;
    }
    return best;
}

static int longest_ago(const struct balance_request *r)
{
    msec earliest = 0;
    int best = -1;
    for (size_t i = 0; i < r->upstream->n_backends; i++) {
        if (has(r->tried | r->full, i))
            continue;
        msec until = load_rests_until(r->load, id_of(r, i));
        if (best >= 0 && until >= earliest)
            continue;
        earliest = until;
        best = (int)i;
    }
    return best;
}

/* The one request that may try a backend whose rest is over. */
static int on_trial(const struct balance_request *r)
{
    for (size_t i = 0; i < r->upstream->n_backends; i++)
        if (!has(r->tried | r->full, i) && load_state(r->load, id_of(r, i), r->now) == LOAD_TRIAL &&
            load_try(r->load, id_of(r, i), r->now))
            return (int)i;
    return -1;
}

int balance_pick(const struct balance_request *r)
{
    int i = on_trial(r);
    if (i >= 0)
        return i;
    switch (r->upstream->balance) {
    case BALANCE_ROUND_ROBIN: i = round_robin(r); break;
    case BALANCE_LEAST_CONNECTIONS: i = least_connections(r); break;
    case BALANCE_SOURCE: i = by_source(r); break;
    }
    if (i >= 0 && has(r->full, (size_t)i))
        return -1;
    return i >= 0 ? i : longest_ago(r);
}
