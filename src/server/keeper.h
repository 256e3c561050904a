/*
 * The only role of the daemon that opens the database. It gives the workers their certificates, answers their questions for
 * challenges, and says when `edge renew` is to run. Whoever writes into the database need not tell it: it looks at
 * store_version().
 */
#ifndef EDGE_SERVER_KEEPER_H
#define EDGE_SERVER_KEEPER_H

#include "server/roles.h"

/* Returns the exit status of the process. */
int keeper_main(const struct role_start *start);

#endif
