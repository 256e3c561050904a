#include "server/plan.h"

#include <stdlib.h>
#include <string.h>

enum {
    MINUTE = 60,
    DAY = 24 * 3600,
    SHORT_LIFE = 10 * DAY, /* certificates below it are renewed at half their life */
};

bool plan_wants_cert(const struct site *site)
{
    return site->tls == SITE_TLS_AUTO && !site->any && !str_starts(site->names[0], STR("*."));
}

static int compare_names(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct str plan_key(const struct site *site, struct arena *mem)
{
    struct str none = {NULL, 0};
    struct str *sorted = arena_zalloc(mem, site->n_names, sizeof *sorted);
    if (!sorted)
        return none;
    memcpy(sorted, site->names, site->n_names * sizeof *sorted);
    qsort(sorted, site->n_names, sizeof *sorted, compare_names);
    size_t length = 0;
    for (size_t i = 0; i < site->n_names; i++)
        length += sorted[i].n + 1;
    char *text = arena_alloc(mem, length);
    if (!text)
        return none;
    size_t at = 0;
    for (size_t i = 0; i < site->n_names; i++) {
        memcpy(text + at, sorted[i].p, sorted[i].n);
        at += sorted[i].n;
        text[at++] = ',';
    }
    return (struct str){text, at - 1};
}

int64_t plan_renewal(int64_t not_before, int64_t not_after)
{
    int64_t life = not_after - not_before;
    return not_after - (life < SHORT_LIFE ? life / 2 : life / 3);
}

int64_t plan_back_off(unsigned failures, unsigned jitter)
{
    static const int64_t waits[] = {MINUTE, 10 * MINUTE, 100 * MINUTE};
    if (failures <= nitems(waits))
        return failures == 0 ? 0 : waits[failures - 1];
    return DAY - (int64_t)jitter * MINUTE / 10;
}

/*
 * A stored moment is trusted only as far as it can have been meant: a clock that was wrong when it was written must not put it
 * off for years.
 */
static int64_t due_at(const struct plan_item *item, int64_t now)
{
    int64_t due = now;
    if (item->has_cert) {
        int64_t life = item->cert.not_after - item->cert.not_before;
        due = item->cert.renew_at - now > life ? now : item->cert.renew_at;
    }
    int64_t next_try = item->attempt.next_try;
    if (item->attempt.failures > 0 && next_try - now <= DAY && next_try > due)
        due = next_try;
    return due;
}

static int fill_item(struct plan_item *item, const struct snapshot *s, struct store *store, struct arena *mem,
                     int64_t now)
{
    item->key = plan_key(item->site, mem);
    if (!item->key.p)
        return -1;
    int found = cert_row_find(store, item->key, mem, &item->cert);
    int tried = found < 0 ? -1 : attempt_row_find(store, item->key, mem, &item->attempt);
    if (tried < 0)
        return -1;
    /* One that was made here, or by the CA that was configured before, does not count: staging is followed by production. */
    item->has_cert = found == 1 && str_eq(item->cert.directory, s->acme_directory);
    item->due = due_at(item, now);
    return 0;
}

int plan_make(const struct snapshot *snapshot, struct store *store, struct arena *mem, int64_t now,
              struct plan *out)
{
    *out = (struct plan){.items = arena_zalloc(mem, snapshot->n_sites + 1, sizeof *out->items)};
    if (!out->items)
        return -1;
    for (size_t i = 0; i < snapshot->n_sites; i++) {
        if (!plan_wants_cert(&snapshot->sites[i]))
            continue;
        struct plan_item *item = &out->items[out->n++];
        item->site = &snapshot->sites[i];
        if (fill_item(item, snapshot, store, mem, now) < 0)
            return -1;
    }
    return 0;
}

int64_t plan_next(const struct plan *plan)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < plan->n; i++)
        if (plan->items[i].due < next)
            next = plan->items[i].due;
    return next;
}
