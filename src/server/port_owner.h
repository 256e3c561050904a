/* Who listens on a port, for a message that a person can act on. */
#ifndef EDGE_SERVER_PORT_OWNER_H
#define EDGE_SERVER_PORT_OWNER_H

#include <stddef.h>

#include "base/ip.h"

/*
 * Writes "nginx (pid 812)" into out, or "another program (…)" if /proc does not tell. Looks through all processes: for start-up
 * troubles only. Returns out.
 */
char *port_owner(struct endpoint at, char *out, size_t size);

#endif
