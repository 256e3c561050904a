#include "store/migrate.h"

#include <stdio.h>

#include "base/str.h"

/* Never change a step that was released: add one. STRICT, so that a column holds what its type says. */
static const char *const steps[] = {
    /* AUTOINCREMENT: the id of a certificate that was removed is not given again. */
    "CREATE TABLE cert ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " names TEXT NOT NULL,"
    " directory TEXT NOT NULL,"
    " chain_pem TEXT NOT NULL,"
    " key_pem TEXT NOT NULL,"
    " issuer TEXT NOT NULL,"
    " serial TEXT NOT NULL,"
    " not_before INTEGER NOT NULL,"
    " not_after INTEGER NOT NULL,"
    " obtained INTEGER NOT NULL,"
    " renew_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX cert_names ON cert (names);"

    "CREATE TABLE acme_order ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " names TEXT NOT NULL,"
    " directory TEXT NOT NULL,"
    " key_pem TEXT NOT NULL,"
    " url TEXT NOT NULL,"
    " finalize_url TEXT NOT NULL,"
    " certificate_url TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " created INTEGER NOT NULL,"
    " UNIQUE (names, directory)) STRICT;"

    "CREATE TABLE challenge ("
    " token TEXT PRIMARY KEY NOT NULL,"
    " order_id INTEGER NOT NULL REFERENCES acme_order (id) ON DELETE CASCADE,"
    " key_authorization TEXT NOT NULL,"
    " created INTEGER NOT NULL) STRICT;"
    "CREATE INDEX challenge_order ON challenge (order_id);"

    "CREATE TABLE account ("
    " directory TEXT PRIMARY KEY NOT NULL,"
    " key_pem TEXT NOT NULL,"
    " url TEXT NOT NULL,"
    " contact TEXT NOT NULL) STRICT;"

    "CREATE TABLE attempt ("
    " names TEXT PRIMARY KEY NOT NULL,"
    " last_try INTEGER NOT NULL,"
    " next_try INTEGER NOT NULL,"
    " failures INTEGER NOT NULL,"
    " last_error TEXT NOT NULL) STRICT;",
};

struct migrate_plan migrate_present(void)
{
    return (struct migrate_plan){steps, (int)nitems(steps)};
}

static int read_int(sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *out = sqlite3_column_int(statement, 0);
    return sqlite3_finalize(statement);
}

static int exec(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int migrate_look(sqlite3 *db, struct migrate_state *state)
{
    int version = 0, application = 0, tables = 0;
    int rc = exec(db, "BEGIN");
    if (rc == SQLITE_OK)
        rc = read_int(db, "PRAGMA user_version", &version);
    if (rc == SQLITE_OK)
        rc = read_int(db, "PRAGMA application_id", &application);
    if (rc == SQLITE_OK)
        rc = read_int(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc == SQLITE_OK)
        rc = exec(db, "COMMIT");
    if (rc != SQLITE_OK)
        return rc;
    /* All zero is a file that was made and never written: power was cut, or somebody else is about to. */
    state->foreign = application != MIGRATE_APPLICATION && (application != 0 || version != 0 || tables != 0);
    state->version = version;
    return SQLITE_OK;
}

/* One step of those that the file lacks. */
static int step(sqlite3 *db, struct migrate_plan plan, int *version)
{
    int rc = exec(db, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = read_int(db, "PRAGMA user_version", version);
    if (rc == SQLITE_OK && *version < plan.n) {
        char header[96];
        (void)snprintf(header, sizeof header, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                       MIGRATE_APPLICATION, *version + 1);
        rc = exec(db, plan.steps[*version]);
        if (rc == SQLITE_OK)
            rc = exec(db, header);
        ++*version;
    }
    if (rc == SQLITE_OK)
        rc = exec(db, "COMMIT");
    return rc;
}

int migrate_run(sqlite3 *db, struct migrate_plan plan)
{
    int version = 0;
    int rc = read_int(db, "PRAGMA user_version", &version);
    while (rc == SQLITE_OK && version < plan.n)
        rc = step(db, plan, &version);
    return rc;
}
