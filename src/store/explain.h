/* Why the database cannot be used, as a sentence for the person who runs edge: what, where, what to do. */
#ifndef EDGE_STORE_EXPLAIN_H
#define EDGE_STORE_EXPLAIN_H

#include <sqlite3.h>

#include "base/buf.h"

enum trouble {
    TROUBLE_MISSING,
    TROUBLE_NO_DIRECTORY,
    TROUBLE_LINK,
    TROUBLE_NO_FILE,
    TROUBLE_RIGHTS,
    TROUBLE_FULL,
    TROUBLE_READ_ONLY,
    TROUBLE_LOCKED,
    TROUBLE_DAMAGED,
    TROUBLE_FOREIGN,
    TROUBLE_MEMORY,
    TROUBLE_OTHER,
    TROUBLE_N
};

void explain_trouble(struct buf *why, const char *path, enum trouble trouble);
void explain_errno(struct buf *why, const char *path, int number);
/* The last failure of a call on db, with SQLite's words at the end. */
void explain_sqlite(struct buf *why, const char *path, sqlite3 *db);
/* Open, but not to be written. */
void explain_read_only(struct buf *why, const char *path);
/* Written by an edge that knows more than this one. */
void explain_newer(struct buf *why, const char *path, int version, int known);

#endif
