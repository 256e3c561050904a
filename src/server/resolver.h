/*
 * The role that looks up the names of backends and checks whether backends are there. What it finds lies in the table that it shares
 * with the workers (proxy/load.h): while it is dead they go on with the last of it. It runs only if there is something to do.
 */
#ifndef EDGE_SERVER_RESOLVER_H
#define EDGE_SERVER_RESOLVER_H

#include "server/roles.h"

/* Returns the exit status of the process. */
int resolver_main(const struct role_start *start);

#endif
