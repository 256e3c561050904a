/* An order under way, shared by order.c and order_find.c. */
#ifndef EDGE_ACME_ORDER_INT_H
#define EDGE_ACME_ORDER_INT_H

#include "acme/acme_int.h"
#include "base/json.h"

enum order_status {
    ORDER_PENDING,
    ORDER_READY,
    ORDER_PROCESSING,
    ORDER_VALID,
    ORDER_INVALID,
    ORDER_STATUS_N
};

struct order {
    struct acme *a;
    struct acme_order *kept; /* what outlives this run */
    struct arena mem;        /* of what does not */
    enum order_status status;
    struct str *authorizations;
    size_t n_authorizations;
    struct buf error; /* what the order itself says when it is invalid */
    int64_t retry_after;
    unsigned polls, finalized, downloads;
    bool resumed;    /* it was made by an earlier run */
    bool replaced;   /* the CA did not know it any more: a new one was made, once */
    bool authorized; /* every authorization was valid */
};

/* Whether the document is an order for exactly these names. */
bool order_is_for(struct json *j, const struct acme_order *kept);
/*
 * An order whose making was tried before, but whose URL never reached the store: sought in the account's
 * list, where the CA keeps one (RFC 8555 section 7.1.2.1). Sets kept->url if there is one that can go on.
 */
enum acme_end order_find(struct order *o);

#endif
