/*
 * The active checks of backends (`check`): a connection, or a GET whose answer is 200 to 399. The first one comes within a second of
 * the start, a failed one is repeated after a second; the second failure in a row takes the backend out, one success brings it back.
 */
#ifndef EDGE_SERVER_HEALTH_H
#define EDGE_SERVER_HEALTH_H

#include "config/site.h"
#include "proxy/load.h"

struct backend_tls;
struct health;
struct loop;

/* All but the loop's outlive it: it lives as long as the process. NULL when memory is out. */
struct health *health_new(struct loop *loop, const struct snapshot *s, const struct load *load,
                          const struct backend_tls *tls);

#endif
