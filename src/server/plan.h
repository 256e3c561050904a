/*
 * Which certificates a configuration needs, which it has, and when the next one is due. The keeper asks it when to start `edge
 * renew`, and `edge renew` what to do: both see the same plan. Facts: RFC 9773 aside, acme.md "Renewal time".
 */
#ifndef EDGE_SERVER_PLAN_H
#define EDGE_SERVER_PLAN_H

#include "base/arena.h"
#include "config/site.h"
#include "store/attempt_row.h"
#include "store/cert_row.h"
#include "store/store.h"

/* One certificate: the names of one site that is to have one. */
struct plan_item {
    const struct site *site;
    struct str key;       /* the site's names, sorted, with commas: the key of everything in the store */
    bool has_cert;        /* of the configured CA */
    struct cert_row cert; /* without chain and key */
    struct attempt_row attempt;
    int64_t due; /* seconds since 1970; in the past: now */
};

struct plan {
    struct plan_item *items;
    size_t n;
};

/* acme.md: sites with a proxy, route, redirect or respond and `tls auto`; never `*` and wildcards. */
bool plan_wants_cert(const struct site *site);
/* A site's key: lower-case names, sorted, joined by commas. p is NULL when memory is out. */
struct str plan_key(const struct site *site, struct arena *mem);
/* What is to be done for each such site, at `now`. Results lie in mem. Returns -1 when the store fails (store_error()) or memory is out. */
int plan_make(const struct snapshot *snapshot, struct store *store, struct arena *mem, int64_t now,
              struct plan *out);
/* When the first is due; INT64_MAX for an empty plan. */
int64_t plan_next(const struct plan *plan);

/* When a certificate with these dates is to be renewed: at 1/3 of its life left, 1/2 below ten days. */
int64_t plan_renewal(int64_t not_before, int64_t not_after);
/* Seconds to wait after so many failures in a row (at least 1): 1, 10, 100 minutes, then daily; `jitter` in 0 … 999 spreads the last. */
int64_t plan_back_off(unsigned failures, unsigned jitter);

#endif
