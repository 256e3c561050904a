/*
 * The way from an older layout to a newer one: data stays, a failure leaves what was, many may do it at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "store/migrate.h"
#include "store/store_int.h"
#include "store/store_lab.h"

enum { MANY = 6 };

/* The present plan and what a later edge might add, or get wrong. */
struct longer {
    const char *steps[16];
    struct migrate_plan plan;
};

static void longer_plan(struct longer *l, const char *step, const char *another)
{
    struct migrate_plan present = migrate_present();
    int n = 0;
    for (; n < present.n; n++)
        l->steps[n] = present.steps[n];
    l->steps[n++] = step;
    if (another)
        l->steps[n++] = another;
    l->plan = (struct migrate_plan){l->steps, n};
}

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int n = sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return n;
}

static void upgrade_keeps_data(void **state)
{
    const struct lab *lab = *state;
    struct arena mem = {0};
    struct cert_row row = lab_cert("a.example"), out;
    struct longer l;
    sqlite3 *db = NULL;
    struct store *old = lab_open(lab, STORE_WRITE);
    assert_int_equal(cert_row_put(old, &row), 0);

    longer_plan(&l, "ALTER TABLE cert ADD COLUMN ari_window TEXT NOT NULL DEFAULT '';",
                "CREATE TABLE user (id INTEGER)");
    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    assert_int_equal(migrate_run(db, l.plan), SQLITE_OK);
    assert_int_equal(number(db, "PRAGMA user_version"), l.plan.n);
    assert_int_equal(number(db, "SELECT count(*) FROM cert WHERE names = 'a.example' AND ari_window = ''"),
                     1);
    assert_int_equal(number(db, "SELECT count(*) FROM user"), 0);
    assert_int_equal(migrate_run(db, l.plan), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);

    /* The keeper of the edge before goes on with what it has open. */
    assert_int_equal(cert_row_find(old, row.names, &mem, &out), 1);
    assert_int_equal(cert_row_put(old, &row), 0);
    store_close(old);
    assert_true(lab_refuses(lab, STORE_WRITE, "written by a newer edge", "install that edge again"));
    arena_done(&mem);
}

static void failed_step_leaves_nothing(void **state)
{
    const struct lab *lab = *state;
    struct migrate_state look;
    struct longer l;
    sqlite3 *db = NULL;
    store_close(lab_open(lab, STORE_WRITE));
    longer_plan(&l, "CREATE TABLE half (x); INSERT INTO half VALUES (1); CREATE TABLE cert (x)", NULL);
    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    assert_int_equal(migrate_run(db, l.plan), SQLITE_ERROR);
    assert_string_equal(sqlite3_errmsg(db), "table cert already exists");
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    assert_int_equal(number(db, "PRAGMA user_version"), migrate_present().n);
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
    assert_int_equal(migrate_look(db, &look), SQLITE_OK);
    assert_false(look.foreign);
    assert_int_equal(look.version, migrate_present().n);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    store_close(lab_open(lab, STORE_WRITE));
}

static void newer_is_left_alone(void **state)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 900", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(migrate_run(db, migrate_present()), SQLITE_OK);
    assert_int_equal(number(db, "PRAGMA user_version"), 900);
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema"), 0);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A released layout is what it was: the first step alone gives what version 1 had. */
static void first_layout(void **state)
{
    static const char *const tables[] = {"account", "acme_order", "attempt", "cert", "challenge"};
    const struct migrate_plan first = {migrate_present().steps, 1};
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(migrate_run(db, first), SQLITE_OK);
    for (size_t i = 0; i < nitems(tables); i++) {
        char sql[100];
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = '%s'", tables[i]);
        assert_int_equal(number(db, sql), 1);
    }
    assert_int_equal(migrate_run(db, migrate_present()), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Waits for the starting gun, so that all come at the same moment. */
static int open_first(const struct lab *lab)
{
    char gun[sizeof lab->path + 8];
    (void)snprintf(gun, sizeof gun, "%s.real", lab->path);
    while (access(gun, F_OK) < 0)
        (void)usleep(100);
    struct store *s = lab_try(lab->dir, STORE_WRITE, LAB_WAIT);
    if (!s)
        return 1;
    struct cert_row row = lab_cert("a.example");
    int rc = cert_row_put(s, &row) < 0;
    if (rc)
        (void)fprintf(stderr, "%s\n", store_error(s));
    store_close(s);
    return rc ? 2 : 0;
}

static void one_race(const struct lab *lab)
{
    pid_t pids[MANY];
    char gun[sizeof lab->path + 8];
    int bad = 0;
    (void)snprintf(gun, sizeof gun, "%s.real", lab->path);
    for (int i = 0; i < MANY; i++)
        pids[i] = lab_start(open_first, lab);
    (void)usleep(20000);
    FILE *f = fopen(gun, "w");
    assert_non_null(f);
    (void)fclose(f);
    for (int i = 0; i < MANY; i++)
        bad += lab_end(pids[i]) != 0;
    assert_int_equal(bad, 0);
    struct store *s = lab_open(lab, STORE_READ);
    assert_int_equal(number(s->db, "SELECT count(*) FROM cert"), MANY);
    store_close(s);
    (void)unlink(gun);
    (void)unlink(lab->path);
    assert_int_equal(access(lab->path, F_OK), -1);
}

static void new_file_opened_by_many(void **state)
{
    for (int i = 0; i < 10; i++) {
        static const char *const beside[] = {"-wal", "-shm"};
        const struct lab *lab = *state;
        one_race(lab);
        /* A reader leaves them. */
        for (size_t k = 0; k < nitems(beside); k++) {
            char name[sizeof lab->path + 8];
            (void)snprintf(name, sizeof name, "%s%s", lab->path, beside[k]);
            (void)unlink(name);
        }
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, lab_new, lab_free)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(upgrade_keeps_data), CASE(failed_step_leaves_nothing), CASE(newer_is_left_alone),
        CASE(first_layout),       CASE(new_file_opened_by_many),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
