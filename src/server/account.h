/* Who edge runs as, and the directories it owns. Everything here happens once, before anything is served. */
#ifndef EDGE_SERVER_ACCOUNT_H
#define EDGE_SERVER_ACCOUNT_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/site.h"

struct account {
    const char *name; /* lies in the snapshot's memory */
    uid_t uid;
    gid_t gid;
    bool drop; /* started as root: account_drop() changes to it */
};

/* The `user` of the configuration if we are root, else whoever we are. Returns -1, with a line logged, if there is no such user. */
int account_find(struct snapshot *s, const char *config_file, struct account *out);
/*
 * Makes the data and the run directory where they are missing. Returns the run directory (in the snapshot's memory), or NULL if
 * neither `run` nor DATA/run can be used. A data directory that cannot be used is one warning: edge serves without it.
 */
const char *account_directories(struct snapshot *s, const struct account *a);
/*
 * Becomes the account for good, with its groups and without any capability. Returns -1, with a line logged: then nothing may be
 * served. Who was not started as root keeps what he has (packaged: CAP_NET_BIND_SERVICE, for listeners that come later).
 */
int account_drop(const struct account *a);

#endif
