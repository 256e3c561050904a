#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/db_file.h"
#include "store/explain.h"
#include "store/migrate.h"
#include "store/store_int.h"

enum {
    LONGEST_NAP = 10, /* ms between two looks at a lock */
    LOOKASIDE = 100,  /* pieces of SQLite's own small allocations */
    LOOKASIDE_SIZE = 128,
};

/*
 * FULL: with NORMAL a power cut could lose the row that was stored before a POST. The cache and the log are
 * small because the keeper lives long and the rows are few; no mmap, so that a failing disk is an error and
 * not a SIGBUS.
 */
static const char connection_settings[] = "PRAGMA synchronous = FULL;"
                                          "PRAGMA foreign_keys = ON;"
                                          "PRAGMA trusted_schema = OFF;"
                                          "PRAGMA cell_size_check = ON;"
                                          "PRAGMA secure_delete = ON;"
                                          "PRAGMA mmap_size = 0;"
                                          "PRAGMA cache_size = -128;"
                                          "PRAGMA wal_autocheckpoint = 100;"
                                          "PRAGMA journal_size_limit = 524288;";

/* How a file is opened, handed down the steps of store_open(). */
struct opening {
    const char *path;
    struct buf *why;
};

static bool nap(struct store *s, int tries)
{
    msec now = clock_now();
    if (tries == 0)
        s->busy_until = now + s->busy_ms;
    if (now >= s->busy_until)
        return false;
    int ms = tries < LONGEST_NAP ? tries + 1 : LONGEST_NAP;
    (void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
    return true;
}

/* Not sqlite3_busy_timeout(): how finely that one waits depends on how SQLite was configured. */
static int on_busy(void *context, int tries)
{
    return nap(context, tries);
}

static int exec(struct store *s, const char *sql)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL);
}

/* SQLite does not wait when two connections change the mode at once, as neither would let go. */
static int use_write_ahead_log(struct store *s)
{
    int rc = exec(s, "PRAGMA journal_mode = WAL");
    for (int tries = 0; (rc & 0xff) == SQLITE_BUSY && nap(s, tries); tries++)
        rc = exec(s, "PRAGMA journal_mode = WAL");
    return rc;
}

static int connect_to(struct store *s, const char *path, int flags)
{
    int rc = sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_busy_handler(s->db, on_busy, s);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, LOOKASIDE_SIZE, LOOKASIDE);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return exec(s, connection_settings);
}

static int copy_from(struct store *s, sqlite3 *file)
{
    sqlite3_backup *b = sqlite3_backup_init(s->db, "main", file, "main");
    if (!b)
        return sqlite3_errcode(s->db);
    for (int tries = 0; (sqlite3_backup_step(b, -1) & 0xff) == SQLITE_BUSY && nap(s, tries); tries++)
        ;
    return sqlite3_backup_finish(b); /* tells of a failed step too */
}

/*
 * Puts an empty store in memory in place of the file, or one that was brought to the present layout: who may
 * only read cannot bring the file there.
 */
static int read_from_memory(struct store *s, bool copy)
{
    sqlite3 *file = s->db;
    s->db = NULL;
    int rc = connect_to(s, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (rc == SQLITE_OK && copy)
        rc = copy_from(s, file);
    if (rc == SQLITE_OK)
        rc = migrate_run(s->db, migrate_present());
    if (rc == SQLITE_OK)
        rc = exec(s, "PRAGMA query_only = ON");
    (void)sqlite3_close(file);
    return rc;
}

/* The file is edge's and of a layout that this edge can work with; *version tells which. */
static bool fits(struct store *s, const struct opening *o, int *version)
{
    struct migrate_state state;
    int known = migrate_present().n;
    if (migrate_look(s->db, &state) != SQLITE_OK)
        explain_sqlite(o->why, o->path, s->db);
    else if (state.foreign)
        explain_trouble(o->why, o->path, TROUBLE_FOREIGN);
    else if (state.version > known)
        explain_newer(o->why, o->path, state.version, known);
    else {
        *version = state.version;
        return true;
    }
    return false;
}

/* SQLite opens a file to read only, without a word, when it may not write it. */
static bool can_write(struct store *s, const struct opening *o)
{
    if (sqlite3_db_readonly(s->db, "main") == 0)
        return true;
    explain_read_only(o->why, o->path);
    return false;
}

static bool open_to_write(struct store *s, const struct opening *o)
{
    int version;
    if (db_file_make(o->path, o->why) < 0)
        return false;
    int rc = connect_to(s, o->path, SQLITE_OPEN_READWRITE);
    if (rc == SQLITE_OK) {
        if (!fits(s, o, &version) || !can_write(s, o))
            return false;
        rc = use_write_ahead_log(s);
    }
    if (rc == SQLITE_OK)
        rc = migrate_run(s->db, migrate_present());
    if (rc != SQLITE_OK)
        explain_sqlite(o->why, o->path, s->db);
    return rc == SQLITE_OK;
}

static bool open_to_read(struct store *s, const struct opening *o)
{
    int version = 0, rc;
    int found = db_file_look(o->path, o->why);
    if (found < 0)
        return false;
    if (found == 0) {
        rc = read_from_memory(s, false);
    } else {
        rc = connect_to(s, o->path, SQLITE_OPEN_READONLY);
        if (rc == SQLITE_OK && !fits(s, o, &version))
            return false;
        if (rc == SQLITE_OK && version < migrate_present().n)
            rc = read_from_memory(s, true);
    }
    if (rc != SQLITE_OK)
        explain_sqlite(o->why, o->path, s->db);
    return rc == SQLITE_OK;
}

struct store *store_open(const char *dir, enum store_mode mode, int busy_ms, struct buf *why)
{
    struct store *s = NULL;
    char *path = db_file_path(dir, why);
    if (!path)
        return NULL;
    s = calloc(1, sizeof *s);
    if (!s) {
        explain_trouble(why, path, TROUBLE_MEMORY);
        goto out;
    }
    s->busy_ms = busy_ms;
    struct opening o = {path, why};
    if (!(mode == STORE_WRITE ? open_to_write(s, &o) : open_to_read(s, &o))) {
        store_close(s);
        s = NULL;
    }
out:
    free(path);
    return s;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < nitems(s->prepared); i++)
        (void)sqlite3_finalize(s->prepared[i]);
    (void)sqlite3_close(s->db);
    free(s);
}

void store_failed(struct store *s, const char *doing, const char *reason)
{
    (void)snprintf(s->error, sizeof s->error, "cannot %s: %s", doing, reason);
}

const char *store_error(const struct store *s)
{
    return s->error;
}

int64_t store_version(struct store *s)
{
    struct query q;
    int64_t others = 0;
    query_start(&q, s, QUERY_DATA_VERSION, NULL);
    if (query_next(&q))
        others = query_take_int(&q);
    /*
     * Both only grow, so the sum is new when one of them is. The first counts what other connections commit.
     */
    return query_end(&q) < 0 ? -1 : others + sqlite3_total_changes64(s->db);
}

static int run(struct store *s, enum query_id id)
{
    struct query q;
    query_start(&q, s, id, NULL);
    return query_run(&q);
}

int store_begin(struct store *s)
{
    return run(s, QUERY_BEGIN);
}

int store_commit(struct store *s)
{
    if (run(s, QUERY_COMMIT) == 0)
        return 0;
    store_rollback(s);
    return -1;
}

/*
 * Says nothing of a failure: it follows one, which store_error() goes on telling. SQLite may have rolled back
 * itself.
 */
void store_rollback(struct store *s)
{
    char kept[STORE_ERROR_TEXT];
    memcpy(kept, s->error, sizeof kept);
    if (!sqlite3_get_autocommit(s->db))
        (void)run(s, QUERY_ROLLBACK);
    memcpy(s->error, kept, sizeof kept);
}
