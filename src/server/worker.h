/* The role that serves: it accepts connections, speaks TLS and HTTP, and hands requests to the proxy. */
#ifndef EDGE_SERVER_WORKER_H
#define EDGE_SERVER_WORKER_H

#include "server/roles.h"

/* Returns the exit status of the process. */
int worker_main(const struct role_start *start);

#endif
