/*
 * Locks between processes that use one data directory: flock on a file in it, which dies with its holder. A lease by the clock would
 * break when the clock is set.
 */
#ifndef EDGE_SERVER_DATA_LOCK_H
#define EDGE_SERVER_DATA_LOCK_H

/* DAEMON: held shared by every keeper. RENEW: held by the one `edge renew` that works. */
enum data_lock_kind { DATA_LOCK_DAEMON, DATA_LOCK_RENEW };
enum data_lock_how {
    DATA_LOCK_SHARED,
    DATA_LOCK_TRY,  /* exclusive; fails with EWOULDBLOCK when it is held */
    DATA_LOCK_WAIT, /* exclusive; waits */
};

/* The lock's descriptor, to be closed to let go; or -1 with errno. */
int data_lock(const char *dir, enum data_lock_kind kind, enum data_lock_how how);

#endif
