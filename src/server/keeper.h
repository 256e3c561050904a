/* The role that keeps what lasts. It has nothing to keep yet: certificates, users and their database come to it. */
#ifndef EDGE_SERVER_KEEPER_H
#define EDGE_SERVER_KEEPER_H

#include "server/roles.h"

/* Returns the exit status of the process. */
int keeper_main(const struct role_start *start);

#endif
