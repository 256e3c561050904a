/* The account at a CA: one per directory URL. It outlives everything else (rate limits: acme.md). */
#ifndef EDGE_STORE_ACCOUNT_ROW_H
#define EDGE_STORE_ACCOUNT_ROW_H

#include "base/arena.h"
#include "store/store.h"

struct account_row {
    struct str directory;
    struct str key_pem; /* P-256, PKCS#8; secret */
    struct str url;     /* empty until the CA has told it */
    struct str contact; /* as registered: the mail address, or empty */
};

/* Inserts or replaces the directory's. */
int account_row_save(struct store *s, const struct account_row *row);
/* 1 found, 0 none, -1 failed. */
int account_row_find(struct store *s, struct str directory, struct arena *mem, struct account_row *row);

#endif
