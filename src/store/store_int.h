/* What the files of this folder share and nobody else sees. */
#ifndef EDGE_STORE_STORE_INT_H
#define EDGE_STORE_STORE_INT_H

#include <sqlite3.h>

#include "base/clock.h"
#include "store/query.h"
#include "store/store.h"

enum { STORE_ERROR_TEXT = 512 };

struct store {
    sqlite3 *db;
    int busy_ms;
    msec busy_until;                 /* of the wait under way */
    sqlite3_stmt *prepared[QUERY_N]; /* made at first use, kept until the store is closed */
    char error[STORE_ERROR_TEXT];
};

/* Keeps "doing: reason" for store_error(). */
void store_failed(struct store *s, const char *doing, const char *reason);

#endif
