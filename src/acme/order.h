/* An order from wherever it is to its certificate (RFC 8555 section 7.4). */
#ifndef EDGE_ACME_ORDER_H
#define EDGE_ACME_ORDER_H

#include "acme/acme_int.h"

enum acme_end order_obtain(struct acme *a, struct acme_order *order);

#endif
