/*
 * The statements of the store, each prepared once, and the way to run one:
 *
 *     struct query q;
 *     query_start(&q, s, QUERY_X, mem);
 *     query_put_text(&q, names);           parameters, from the first to the last
 *     while (query_next(&q))
 *         id = query_take_int(&q);         columns, from the first to the last
 *     return query_end(&q);
 *
 * The first failure makes the rest do nothing and yield nothing; query_end() tells. Every start has an end,
 * also after a failure: until then a reader holds back the recycling of the write-ahead log. One statement has
 * one use at a time. Bound text is borrowed until query_end(), so that no copy of a key lies in SQLite's
 * memory on our account.
 */
#ifndef EDGE_STORE_QUERY_H
#define EDGE_STORE_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum query_id {
    QUERY_BEGIN,
    QUERY_COMMIT,
    QUERY_ROLLBACK,
    QUERY_DATA_VERSION,

    QUERY_CERT_PUT,
    QUERY_CERT_FIND,
    QUERY_CERT_EACH,
    QUERY_CERT_SET_RENEWAL,
    QUERY_CERT_PRUNE,

    QUERY_ORDER_INSERT,
    QUERY_ORDER_UPDATE,
    QUERY_ORDER_FIND,
    QUERY_ORDER_DROP,

    QUERY_CHALLENGE_PUT,
    QUERY_CHALLENGE_FIND,
    QUERY_CHALLENGE_DROP,

    QUERY_ACCOUNT_SAVE,
    QUERY_ACCOUNT_FIND,

    QUERY_ATTEMPT_SAVE,
    QUERY_ATTEMPT_FIND,

    QUERY_N
};

struct store;

struct query {
    struct store *store;
    struct arena *mem; /* of the text taken */
    sqlite3_stmt *statement;
    enum query_id id;
    int parameter, column; /* the last one put or taken */
    bool failed, found;
};

/* mem may be NULL when no text is taken. */
void query_start(struct query *q, struct store *s, enum query_id id, struct arena *mem);

void query_put_text(struct query *q, struct str text);
void query_put_int(struct query *q, int64_t number);

/* True: there is a row, its columns can be taken. False: no more, or failed. */
bool query_next(struct query *q);
/* The text lies in the arena and ends with a NUL. */
struct str query_take_text(struct query *q);
int64_t query_take_int(struct query *q);

/* The caller's own failure, in words for store_error(). */
void query_fail(struct query *q, const char *reason);

/* -1 failed, 1 there was a row, 0 there was none. */
int query_end(struct query *q);
/* For a change, instead of query_next() and query_end(): 0, or -1. */
int query_run(struct query *q);
/* The same for a change of one row that must be there; `missing` tells of it in store_error(). */
int query_run_on_one(struct query *q, const char *missing);

#endif
