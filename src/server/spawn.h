/* fork and exec of a role: the same binary under a name for ps, with only its own descriptors at their numbers. */
#ifndef EDGE_SERVER_SPAWN_H
#define EDGE_SERVER_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "server/roles.h"

/* Descriptors of the supervisor; all are borrowed. */
struct spawn_fds {
    int null; /* becomes standard input and output */
    int image;
    int sessions;
    int load; /* -1: there are no backends */
    int wake;
    const int *listens; /* -1: not bound */
    size_t n_listens;
};

/* Returns the process id, or -1 with errno. `ipc` is the role's end of its pair, borrowed. */
pid_t spawn_role(enum role_id id, const struct role_start *start, int ipc, const struct spawn_fds *fds);

/* `edge renew -c FILE`, the program that the timer runs; what it tells goes to standard error. Returns the process id, or -1. */
pid_t spawn_renew(const char *config_file, int null);

#endif
