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

/*
 * It answers, as far as is known: by its checks and by what requests saw; with SEEN by the latter alone, for the time when checks
 * find fault with all of them (they may ask for a path that is not there).
 */
enum sign { CHECKED_AND_SEEN, SEEN };

static bool is_good(const struct balance_request *r, size_t i, enum sign sign)
{
    size_t id = id_of(r, i);
    return sign == SEEN ? load_rests_until(r->load, id) == 0 : load_state(r->load, id, r->now) == LOAD_UP;
}

/* A backend on trial is left to the one request that may try it. */
static bool is_candidate(const struct balance_request *r, size_t i, enum sign sign)
{
    return !has(r->tried | r->full, i) && is_good(r, i, sign);
}

static int round_robin(const struct balance_request *r, enum sign sign)
{
    size_t n = r->upstream->n_backends;
    for (size_t k = 0; k < n; k++) {
        size_t i = (r->turn + k) % n;
        if (is_candidate(r, i, sign))
            return (int)i;
    }
    return -1;
}

/* Equals take turns, so that a quiet group is not served by its first backend alone. */
static int least_connections(const struct balance_request *r, enum sign sign)
{
    size_t n = r->upstream->n_backends;
    uint32_t least = 0;
    int best = -1;
    for (size_t k = 0; k < n; k++) {
        size_t i = (r->turn + k) % n;
        if (!is_candidate(r, i, sign))
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

static bool is_on_trial(const struct balance_request *r, size_t i)
{
    return !has(r->full, i) && load_state(r->load, id_of(r, i), r->now) == LOAD_TRIAL;
}

/* Among those that are good or on trial, but not in `out`. */
static int heaviest(const struct balance_request *r, struct ip client, uint64_t out, enum sign sign)
{
    uint64_t highest = 0;
    int best = -1;
    for (size_t i = 0; i < r->upstream->n_backends; i++) {
        if (has(out, i) || (!is_good(r, i, sign) && !is_on_trial(r, i)))
            continue;
        uint64_t w = weight(client, r->upstream->backends[i].text);
        if (best >= 0 && w <= highest)
            continue;
        highest = w;
        best = (int)i;
    }
    return best;
}

/*
 * Highest random weight: when a backend fails only its own clients move, and they come back to it; so it is one of them that tries
 * it after its rest. A full one is waited for.
 */
static int by_source(const struct balance_request *r, enum sign sign)
{
    struct ip client = ip_unmap(r->client);
    uint64_t out = r->tried;
    for (;;) {
        int i = heaviest(r, client, out, sign);
        if (i < 0 || has(r->full, (size_t)i))
            return -1;
        if (!is_on_trial(r, (size_t)i) || load_try(r->load, id_of(r, (size_t)i), r->now))
            return i;
        out |= 1ULL << i;
    }
}

/* The one request that may try a backend whose rest is over. */
static int on_trial(const struct balance_request *r)
{
    for (size_t i = 0; i < r->upstream->n_backends; i++)
        if (!has(r->tried, i) && is_on_trial(r, i) && load_try(r->load, id_of(r, i), r->now))
            return (int)i;
    return -1;
}

static int pick_good(const struct balance_request *r, enum sign sign)
{
    switch (r->upstream->balance) {
    case BALANCE_ROUND_ROBIN: return round_robin(r, sign);
    case BALANCE_LEAST_CONNECTIONS: return least_connections(r, sign);
    case BALANCE_SOURCE: return by_source(r, sign);
    }
    return -1;
}

/* To wait for a good one is better than to try one that is not. */
static bool is_one_full(const struct balance_request *r, enum sign sign)
{
    for (size_t i = 0; i < r->upstream->n_backends; i++)
        if (has(r->full & ~r->tried, i) && is_good(r, i, sign))
            return true;
    return false;
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

int balance_pick(const struct balance_request *r)
{
    int i = r->upstream->balance == BALANCE_SOURCE ? -1 : on_trial(r);
    for (enum sign sign = CHECKED_AND_SEEN; i < 0 && sign <= SEEN; sign++) {
        i = pick_good(r, sign);
        if (i < 0 && is_one_full(r, sign))
            return -1;
    }
    return i >= 0 ? i : longest_ago(r);
}
