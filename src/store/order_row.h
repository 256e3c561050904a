/*
 * An ACME order under way, written before each POST so that a power cut or a lost reply resumes it instead of
 * ordering again. There is at most one per set of names and directory. Its key becomes the certificate's.
 */
#ifndef EDGE_STORE_ORDER_ROW_H
#define EDGE_STORE_ORDER_ROW_H

#include "base/arena.h"
#include "store/store.h"

struct order_row {
    int64_t id;
    struct str names;
    struct str directory;
    struct str key_pem; /* of the certificate to come; secret */
    struct str url;     /* empty before the CA has told it */
    struct str finalize_url;
    struct str certificate_url;
    struct str state; /* the CA's word: "", pending, ready, processing, valid, invalid */
    int64_t created;
};

/*
 * Inserts (id = 0, which it sets) or updates. Fails when there is another one for the names and directory, or
 * the id is gone.
 */
int order_row_save(struct store *s, struct order_row *row);
/* 1 found, 0 none, -1 failed. */
int order_row_find(struct store *s, struct str names, struct str directory, struct arena *mem,
                   struct order_row *row);
/* With its challenges. */
int order_row_drop(struct store *s, int64_t id);

/*
 * A token that edge issued an answer for, or a new answer for it. order: whose it is; fails if there is none.
 */
int challenge_row_put(struct store *s, int64_t order, struct str token, struct str key_authorization,
                      int64_t now);
/* 1 found, 0 none, -1 failed. */
int challenge_row_find(struct store *s, struct str token, struct arena *mem, struct str *key_authorization);
/* Those of one order, when its authorizations are final. */
int challenge_row_drop(struct store *s, int64_t order);

#endif
