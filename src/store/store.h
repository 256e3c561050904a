/*
 * The one SQLite file, `edge.db` in the data directory: certificates and their keys, the ACME account, orders
 * in flight, challenges, and what was tried when. WAL and synchronous=FULL: what was stored before a POST is
 * there after a power cut. The database is the API between the daemon and the commands: whoever wants to know
 * of changes asks store_version().
 *
 * A struct store belongs to one process and is not used after fork(). Functions of this folder return 0 or -1;
 * store_error() then tells why. Text handed out lies in the caller's arena.
 */
#ifndef EDGE_STORE_STORE_H
#define EDGE_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct store;

enum store_mode {
    STORE_WRITE, /* makes the file (0600) if it is missing, and migrates it */
    /*
     * Changes nothing in the file. For commands that only show: a missing file is an empty store, a file of an
     * older edge is read as a copy in memory, brought to the present layout; both stay as they were when
     * opened.
     */
    STORE_READ,
};

/*
 * Opens DIR/edge.db. A database of a newer edge, a file that is no database, a full disk or a directory that
 * is missing: NULL, and *why holds a sentence for a person (what, where, what to do). Waits at most busy_ms
 * for another process's lock, here and later. A symbolic link is followed on the way to DIR, never at edge.db
 * itself. Root may open it: what is made then belongs to the owner of DIR.
 */
struct store *store_open(const char *dir, enum store_mode mode, int busy_ms, struct buf *why);
/* NULL allowed. */
void store_close(struct store *s);
/*
 * The last failure, "cannot store an order: database or disk is full". Never NULL; valid until the next call.
 */
const char *store_error(const struct store *s);

/*
 * Another number than last time: some connection, this one or another process's, has changed something (or
 * tried to, and rolled back). The same values stored once more may not count as a change. Costs no more than a
 * look at shared memory. -1: it cannot be told.
 */
int64_t store_version(struct store *s);

/*
 * Several changes that happen together or not at all. When one of them fails: store_rollback() and no more of
 * them, as SQLite may have ended the transaction (a full disk). A failed store_commit() has rolled back. There
 * is no second store_begin() inside.
 */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);

#endif
