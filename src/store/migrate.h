/*
 * The layout of the database and how an older one becomes the present one. The number of the layout is
 * `user_version`: that many steps have been taken. Steps only add - tables, columns with a default, indexes -
 * for at least one release, because a keeper of the edge before stays at work on the same file until its last
 * connection has ended.
 */
#ifndef EDGE_STORE_MIGRATE_H
#define EDGE_STORE_MIGRATE_H

#include <sqlite3.h>
#include <stdbool.h>

/* In the file's header, so that `file` and other tools tell edge.db from any other database: "edge". */
enum { MIGRATE_APPLICATION = 0x65646765 };

struct migrate_plan {
    const char *const *steps; /* SQL; the step at index i leads from layout i to i + 1 */
    int n;
};

/* What a file is: consistent, of one moment. */
struct migrate_state {
    int version;
    bool foreign; /* another program's */
};

/*
 * Both functions return SQLite's result code. After a failure db is good for sqlite3_errmsg() and for closing,
 * which rolls back: doing that here would lose the message.
 */

/* The layout this edge works with. */
struct migrate_plan migrate_present(void);

/* Changes nothing. */
int migrate_look(sqlite3 *db, struct migrate_state *state);
/*
 * Takes the missing steps, each in one transaction that takes the write lock first, so that any number of
 * processes may do it at once. The steps before a failed one are kept. A newer layout is left alone.
 */
int migrate_run(sqlite3 *db, struct migrate_plan plan);

#endif
