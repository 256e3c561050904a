/* Several processes on one database: what one commits the other sees, and killing one harms nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/attempt_row.h"
#include "store/store_int.h"
#include "store/store_lab.h"

enum { KILLS = 25, CHANGES = 20 };

static void version_of_own_changes(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct attempt_row row = {.names = STR("a")};
    int64_t first = store_version(s);
    assert_true(first >= 0);
    assert_int_equal(store_version(s), first);
    assert_int_equal(attempt_row_find(s, row.names, &mem, &row), 0);
    assert_int_equal(store_version(s), first);
    assert_int_equal(attempt_row_save(s, &row), 0);
    int64_t second = store_version(s);
    assert_int_not_equal(second, first);
    assert_int_equal(attempt_row_save(s, &row), 0);
    assert_int_not_equal(store_version(s), second);
    arena_done(&mem);
    store_close(s);
}

static void version_of_others_changes(void **state)
{
    struct store *a = lab_open(*state, STORE_WRITE), *b = lab_open(*state, STORE_READ);
    struct attempt_row row = {.names = STR("a")};
    int64_t seen = store_version(b);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(store_version(b), seen);
        row.last_try++; /* the same once more would not be a change */
        assert_int_equal(store_begin(a), 0);
        assert_int_equal(attempt_row_save(a, &row), 0);
        assert_int_equal(store_version(b), seen);
        assert_int_equal(store_commit(a), 0);
        int64_t now = store_version(b);
        assert_int_not_equal(now, seen);
        seen = now;
    }
    store_close(a);
    assert_int_equal(store_version(b), seen);
    store_close(b);
}

/* The time of the last try counts up; each is its own transaction. */
static int count_up(const struct lab *lab)
{
    struct store *s = lab_try(lab->dir, STORE_WRITE, LAB_WAIT);
    struct attempt_row row = {.names = STR("counter")};
    int rc = !s;
    for (row.last_try = 1; rc == 0 && row.last_try <= CHANGES; row.last_try++) {
        rc = attempt_row_save(s, &row) < 0;
        (void)usleep(2000);
    }
    store_close(s);
    return rc;
}

static void reader_beside_writer(void **state)
{
    const struct lab *lab = *state;
    struct arena mem = {0};
    struct attempt_row row;
    int64_t version = -1, value = 0;
    int changes = 0;
    store_close(lab_open(lab, STORE_WRITE));
    pid_t pid = lab_start(count_up, lab);
    struct store *s = lab_open(lab, STORE_READ);
    for (int i = 0; i < LAB_WAIT && value < CHANGES; i++, usleep(1000)) {
        int64_t now = store_version(s);
        int found = attempt_row_find(s, STR("counter"), &mem, &row);
        assert_true(now >= 0 && found >= 0);
        int64_t read = found ? row.last_try : 0;
        assert_true(read >= value);
        /* No change of a row without a change of the version. */
        assert_true(read == value || store_version(s) != version);
        changes += now != version;
        version = now;
        value = read;
    }
    assert_int_equal(lab_end(pid), 0);
    assert_int_equal(value, CHANGES);
    assert_true(changes > 2);
    arena_done(&mem);
    store_close(s);
}

static void two_writers(void **state)
{
    const struct lab *lab = *state;
    pid_t a = lab_start(count_up, lab), b = lab_start(count_up, lab);
    int first = lab_end(a), second = lab_end(b);
    assert_int_equal(first, 0);
    assert_int_equal(second, 0);
}

static void busy_time_is_kept(void **state)
{
    const struct lab *lab = *state;
    struct attempt_row row = {.names = STR("a")};
    struct store *a = lab_open(lab, STORE_WRITE), *b = lab_try(lab->dir, STORE_WRITE, 60);
    assert_non_null(b);
    assert_int_equal(store_begin(a), 0);
    assert_int_equal(attempt_row_save(a, &row), 0);
    msec before = clock_now();
    assert_int_equal(attempt_row_save(b, &row), -1);
    assert_string_equal(store_error(b), "cannot store what was tried: database is locked");
    assert_true(clock_now() - before >= 60);
    assert_int_equal(store_commit(a), 0);
    assert_int_equal(attempt_row_save(b, &row), 0);
    store_close(a);
    store_close(b);
}

/* Tells through a pipe what is committed, so that the test knows what must be there after the kill. */
static int write_until_killed(const struct lab *lab, int told)
{
    struct store *s = lab_try(lab->dir, STORE_WRITE, LAB_WAIT);
    struct arena mem = {0};
    struct attempt_row row = {.names = STR("counter")};
    if (!s || attempt_row_find(s, row.names, &mem, &row) < 0)
        return 1;
    for (;;) {
        struct cert_row cert = lab_cert("a.example");
        row.last_try++;
        cert.obtained = row.last_try;
        if (store_begin(s) < 0 || cert_row_put(s, &cert) < 0 || attempt_row_save(s, &row) < 0 ||
            store_commit(s) < 0)
            return 2;
        if (write(told, &row.last_try, sizeof row.last_try) < 0)
            return 3;
    }
}

static int64_t read_last(int told)
{
    int64_t value = 0, next;
    while (read(told, &next, sizeof next) == (ssize_t)sizeof next)
        value = next;
    return value;
}

static int64_t kill_one(const struct lab *lab, int round)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        _exit(write_until_killed(lab, ends[1]));
    }
    (void)close(ends[1]);
    (void)usleep(3000 + (unsigned)round * 2777 % 40000);
    (void)kill(pid, SIGKILL);
    int64_t told = read_last(ends[0]);
    (void)close(ends[0]);
    assert_int_equal(lab_end(pid), 128 + SIGKILL);
    return told;
}

static int64_t number(struct store *s, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return n;
}

/* Committed rows are there, a half transaction is not: as many certificates as the counter says. */
static int64_t verify(const struct lab *lab, enum store_mode mode)
{
    struct store *s = lab_open(lab, mode);
    int64_t counted = number(s, "SELECT coalesce(max(last_try), 0) FROM attempt");
    assert_int_equal(number(s, "SELECT count(*) FROM cert"), counted);
    assert_int_equal(number(s, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
                     0);
    store_close(s);
    return counted;
}

static void killed_while_writing(void **state)
{
    const struct lab *lab = *state;
    int64_t committed = 0;
    for (int i = 0; i < KILLS; i++) {
        int64_t told = kill_one(lab, i);
        if (told > committed)
            committed = told;
        /* Every other time by a reader, who finds a log that nobody has brought in order. */
        int64_t counted = verify(lab, i % 2 ? STORE_READ : STORE_WRITE);
        assert_true(counted == committed || counted == committed + 1);
        committed = counted;
    }
    assert_true(committed > 0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, lab_new, lab_free)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(version_of_own_changes), CASE(version_of_others_changes),
        CASE(reader_beside_writer),   CASE(two_writers),
        CASE(busy_time_is_kept),      CASE(killed_while_writing),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
