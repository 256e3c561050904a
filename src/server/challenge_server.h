/*
 * Answers challenges on the HTTP ports while no daemon runs: a child process with a loop, a listener and the proxy of a worker, which
 * asks the database itself. Everything else gets what the daemon would give on plain HTTP.
 */
#ifndef EDGE_SERVER_CHALLENGE_SERVER_H
#define EDGE_SERVER_CHALLENGE_SERVER_H

#include "config/site.h"

struct challenge_server;

/*
 * Binds the plain HTTP ports of the snapshot, which lives longer, and starts the child, which becomes the owner of the data
 * directory. Before this process opens the database: SQLite does not survive a fork. NULL when no port could be bound, or errno
 * tells.
 */
struct challenge_server *challenge_server_new(struct snapshot *snapshot);
/* Ends the child and closes the ports. NULL allowed. */
void challenge_server_free(struct challenge_server *c);

#endif
