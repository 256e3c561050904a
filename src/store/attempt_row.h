/* What was tried for a set of names and when the next try is due: back-off survives restarts. */
#ifndef EDGE_STORE_ATTEMPT_ROW_H
#define EDGE_STORE_ATTEMPT_ROW_H

#include "base/arena.h"
#include "store/store.h"

struct attempt_row {
    struct str names;
    int64_t last_try;
    int64_t next_try;      /* 0: at once */
    unsigned failures;     /* in a row; 0 after a success */
    struct str last_error; /* in the CA's words; empty after a success */
};

/* Inserts or replaces that of the names. */
int attempt_row_save(struct store *s, const struct attempt_row *row);
/* 1 found, 0 none, -1 failed. */
int attempt_row_find(struct store *s, struct str names, struct arena *mem, struct attempt_row *row);

#endif
