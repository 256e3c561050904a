#include "proxy/load.h"

#include <stdatomic.h>
#include <string.h>

enum { IP_WORDS = 4 };

struct load_cell {
    _Atomic uint64_t counters[LOAD_COUNTERS];
    _Atomic uint32_t in_use;
};

struct shared_ip {
    _Atomic uint32_t len;
    _Atomic uint32_t words[IP_WORDS];
};

struct load_row {
    _Atomic int64_t failed_at, rests_until;
    _Atomic uint32_t failures; /* in a row */
    _Atomic uint32_t check_failed;
    _Atomic uint32_t lookup_wanted;
    /* The addresses are whole if this is even and the same before and after they were read; 0: never written. */
    _Atomic uint32_t version;
    _Atomic uint32_t n_addresses;
    struct shared_ip addresses[LOAD_ADDRESSES];
};

_Static_assert(sizeof(struct load_row) % 8 == 0, "cells begin behind the rows");

size_t load_size(struct load_shape shape)
{
    return shape.backends * (sizeof(struct load_row) + shape.workers * sizeof(struct load_cell));
}

struct load load_view(void *mem, struct load_shape shape)
{
    struct load_row *rows = mem;
    return (struct load){.shape = shape, .rows = rows, .cells = (struct load_cell *)(rows + shape.backends)};
}

/* Connections in use */

static struct load_cell *cell_of(const struct load *l, size_t worker, size_t backend)
{
    return &l->cells[worker * l->shape.backends + backend];
}

uint32_t load_in_use(const struct load *l, size_t backend)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < l->shape.workers; i++)
        sum += atomic_load(&cell_of(l, i, backend)->in_use);
    return sum;
}

/* Counted first and looked at then: two workers that come at once may both step back, but never both go over the limit. */
bool load_take(const struct load *l, size_t worker, size_t backend, uint32_t limit)
{
    struct load_cell *cell = cell_of(l, worker, backend);
    atomic_fetch_add(&cell->in_use, 1);
    if (limit == 0 || load_in_use(l, backend) <= limit)
        return true;
    atomic_fetch_sub(&cell->in_use, 1);
    return false;
}

void load_give(const struct load *l, size_t worker, size_t backend)
{
    atomic_fetch_sub(&cell_of(l, worker, backend)->in_use, 1);
}

void load_clear_worker(const struct load *l, size_t worker)
{
    for (size_t i = 0; i < l->shape.backends; i++)
        atomic_store(&cell_of(l, worker, i)->in_use, 0);
}

void load_count(const struct load *l, size_t worker, size_t backend, enum load_counter what)
{
    atomic_fetch_add_explicit(&cell_of(l, worker, backend)->counters[what], 1, memory_order_relaxed);
}

uint64_t load_counted(const struct load *l, size_t backend, enum load_counter what)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < l->shape.workers; i++)
        sum += atomic_load_explicit(&cell_of(l, i, backend)->counters[what], memory_order_relaxed);
    return sum;
}

/* Health */

enum load_state load_state(const struct load *l, size_t backend, msec now)
{
    const struct load_row *row = &l->rows[backend];
    if (atomic_load(&row->check_failed))
        return LOAD_DOWN;
    if (atomic_load(&row->failures) == 0)
        return LOAD_UP;
    return now < atomic_load(&row->rests_until) ? LOAD_DOWN : LOAD_TRIAL;
}

msec load_rests_until(const struct load *l, size_t backend)
{
    const struct load_row *row = &l->rows[backend];
    return atomic_load(&row->failures) > 0 ? atomic_load(&row->rests_until) : 0;
}

static msec rest_after(uint32_t failures)
{
    msec rest = LOAD_FIRST_REST_MS;
    for (uint32_t i = 1; i < failures && rest < LOAD_LONGEST_REST_MS; i++)
        rest *= 2;
    return rest < LOAD_LONGEST_REST_MS ? rest : LOAD_LONGEST_REST_MS;
}

bool load_try(const struct load *l, size_t backend, msec now)
{
    struct load_row *row = &l->rows[backend];
    int64_t until = atomic_load(&row->rests_until);
    return now >= until && atomic_compare_exchange_strong(&row->rests_until, &until,
                                                          now + rest_after(atomic_load(&row->failures)));
}

bool load_failed(const struct load *l, size_t backend, msec began, msec now)
{
    struct load_row *row = &l->rows[backend];
    int64_t failed_at = atomic_load(&row->failed_at);
    if (atomic_load(&row->failures) > 0 && began <= failed_at)
        return false;
    if (!atomic_compare_exchange_strong(&row->failed_at, &failed_at, now))
        return false;
    uint32_t failures = atomic_fetch_add(&row->failures, 1) + 1;
    atomic_store(&row->rests_until, now + rest_after(failures));
    return failures == 1;
}

bool load_answered(const struct load *l, size_t backend)
{
    struct load_row *row = &l->rows[backend];
    /* Nearly always so, and then nothing that other processors hold is written. */
    if (atomic_load_explicit(&row->failures, memory_order_relaxed) == 0)
        return false;
    bool news = atomic_exchange(&row->failures, 0) > 0;
    atomic_store(&row->rests_until, 0);
    return news;
}

bool load_checked(const struct load *l, size_t backend, bool good)
{
    return atomic_exchange(&l->rows[backend].check_failed, good ? 0 : 1) != (good ? 0 : 1);
}

/* Addresses */

static void put_ip(struct shared_ip *to, const struct ip *ip)
{
    uint32_t words[IP_WORDS];
    memcpy(words, ip->bytes, sizeof words);
    atomic_store(&to->len, ip->len);
    for (size_t i = 0; i < IP_WORDS; i++)
        atomic_store(&to->words[i], words[i]);
}

static struct ip get_ip(const struct shared_ip *from)
{
    struct ip ip = {.len = (uint8_t)atomic_load(&from->len)};
    for (size_t i = 0; i < IP_WORDS; i++) {
        uint32_t word = atomic_load(&from->words[i]);
        memcpy(ip.bytes + i * sizeof word, &word, sizeof word);
    }
    return ip;
}

void load_set_addresses(const struct load *l, size_t backend, const struct ip *ips, size_t n)
{
    struct load_row *row = &l->rows[backend];
    /* Odd while it is written. A writer that died in the middle left it odd: then it is so already. */
    uint32_t version = atomic_load(&row->version) | 1;
    atomic_store(&row->version, version);
    n = n < LOAD_ADDRESSES ? n : LOAD_ADDRESSES;
    for (size_t i = 0; i < n; i++)
        put_ip(&row->addresses[i], &ips[i]);
    atomic_store(&row->n_addresses, (uint32_t)n);
    atomic_store(&row->version, version + 1 == 0 ? 2 : version + 1);
}

/* A reader that meets a writer again and again is content with nothing: it asks again soon. */
size_t load_addresses(const struct load *l, size_t backend, struct ip out[LOAD_ADDRESSES])
{
    const struct load_row *row = &l->rows[backend];
    for (int i = 0; i < 100; i++) {
        uint32_t version = atomic_load(&row->version);
        size_t n = atomic_load(&row->n_addresses);
        n = n < LOAD_ADDRESSES ? n : LOAD_ADDRESSES;
        for (size_t k = 0; k < n; k++)
            out[k] = get_ip(&row->addresses[k]);
        if (version % 2 == 0 && version == atomic_load(&row->version))
            return n;
    }
    return 0;
}

bool load_looked_up(const struct load *l, size_t backend)
{
    return atomic_load(&l->rows[backend].version) >= 2;
}

bool load_want_lookup(const struct load *l, size_t backend)
{
    return atomic_exchange(&l->rows[backend].lookup_wanted, 1) == 0;
}

bool load_lookup_wanted(const struct load *l, size_t backend)
{
    return atomic_exchange(&l->rows[backend].lookup_wanted, 0) != 0;
}
