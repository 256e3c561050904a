/* Opening, modes of the files, settings, transactions, reading without writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_int.h"
#include "store/store_lab.h"

static void expect_mode(const struct lab *lab, const char *suffix)
{
    char name[sizeof lab->path + 8];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s%s", lab->path, suffix);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void modes_with(const struct lab *lab, mode_t mask)
{
    mode_t before = umask(mask);
    struct order_row row = lab_order("a.example");
    struct store *s = lab_open(lab, STORE_WRITE);
    assert_int_equal(order_row_save(s, &row), 0);
    (void)umask(before);
    expect_mode(lab, "");
    expect_mode(lab, "-wal");
    expect_mode(lab, "-shm");
    store_close(s);
    assert_int_equal(unlink(lab->path), 0);
}

static void modes(void **state)
{
    modes_with(*state, 0);
    modes_with(*state, 022);
    modes_with(*state, 0777);
}

static void modes_are_narrowed(void **state)
{
    const struct lab *lab = *state;
    store_close(lab_open(lab, STORE_WRITE));
    assert_int_equal(chmod(lab->path, 0664), 0);
    struct store *s = lab_open(lab, STORE_WRITE);
    expect_mode(lab, "");
    expect_mode(lab, "-wal");
    expect_mode(lab, "-shm");
    store_close(s);
}

static int setting(struct store *s, const char *pragma)
{
    sqlite3_stmt *statement = NULL;
    char sql[80];
    (void)snprintf(sql, sizeof sql, "PRAGMA %s", pragma);
    assert_int_equal(sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    int value = strcmp(text, "wal") == 0 ? 'w' : atoi(text);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return value;
}

static void settings(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    assert_int_equal(setting(s, "journal_mode"), 'w');
    assert_int_equal(setting(s, "synchronous"), 2);
    assert_int_equal(setting(s, "foreign_keys"), 1);
    assert_int_equal(setting(s, "trusted_schema"), 0);
    assert_int_equal(setting(s, "secure_delete"), 1);
    assert_int_equal(setting(s, "application_id"), 0x65646765);
    store_close(s);
    s = lab_open(*state, STORE_READ);
    assert_int_equal(setting(s, "trusted_schema"), 0);
    store_close(s);
}

static void read_without_file(void **state)
{
    const struct lab *lab = *state;
    struct arena mem = {0};
    struct order_row row = lab_order("a.example");
    struct store *s = lab_open(lab, STORE_READ);
    assert_int_equal(order_row_find(s, row.names, row.directory, &mem, &row), 0);
    assert_int_equal(order_row_save(s, &row), -1);
    assert_non_null(strstr(store_error(s), "readonly"));
    assert_true(store_version(s) >= 0);
    store_close(s);
    assert_int_equal(access(lab->path, F_OK), -1);
    arena_done(&mem);
}

static void read_only(void **state)
{
    struct arena mem = {0};
    struct order_row row = lab_order("a.example");
    struct store *s = lab_open(*state, STORE_WRITE);
    assert_int_equal(order_row_save(s, &row), 0);
    store_close(s);
    s = lab_open(*state, STORE_READ);
    assert_int_equal(order_row_find(s, row.names, row.directory, &mem, &row), 1);
    assert_int_equal(order_row_save(s, &row), -1);
    assert_int_equal(order_row_drop(s, row.id), -1);
    assert_string_equal(store_error(s), "cannot remove an order: attempt to write a readonly database");
    store_close(s);
    arena_done(&mem);
}

/* As after a power cut right behind its making; both ways to open it. */
static void empty_file(void **state)
{
    const struct lab *lab = *state;
    struct arena mem = {0};
    struct cert_row row = lab_cert("a.example");
    struct stat st;
    FILE *f = fopen(lab->path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    struct store *s = lab_open(lab, STORE_READ);
    assert_int_equal(cert_row_find(s, row.names, &mem, &row), 0);
    store_close(s);
    assert_int_equal(stat(lab->path, &st), 0);
    assert_int_equal(st.st_size, 0);
    s = lab_open(lab, STORE_WRITE);
    assert_int_equal(cert_row_put(s, &row), 0);
    store_close(s);
    arena_done(&mem);
}

static void linked_directory(void **state)
{
    const struct lab *lab = *state;
    struct lab other = *lab;
    (void)strcat(other.dir, ".link");
    assert_int_equal(symlink(lab->dir, other.dir), 0);
    store_close(lab_open(&other, STORE_WRITE));
    assert_int_equal(access(lab->path, F_OK), 0);
    assert_int_equal(unlink(other.dir), 0);
}

static void transactions(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct order_row a = lab_order("a.example"), b = lab_order("b.example"), out;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(order_row_save(s, &a), 0);
    assert_int_equal(order_row_save(s, &b), 0);
    assert_int_equal(store_begin(s), -1);
    store_rollback(s);
    assert_string_equal(store_error(s),
                        "cannot begin changes: cannot start a transaction within a transaction");
    assert_int_equal(order_row_find(s, a.names, a.directory, &mem, &out), 0);
    a.id = b.id = 0;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(order_row_save(s, &a), 0);
    assert_int_equal(order_row_save(s, &b), 0);
    assert_int_equal(store_commit(s), 0);
    assert_int_equal(order_row_find(s, b.names, b.directory, &mem, &out), 1);
    assert_int_equal(store_commit(s), -1);
    store_rollback(s);
    arena_done(&mem);
    store_close(s);
}

static bool file_holds(const char *path, const char *text)
{
    static char bytes[1 << 20];
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t n = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static void removed_keys_are_overwritten(void **state)
{
    const struct lab *lab = *state;
    struct order_row row = lab_order("a.example");
    row.key_pem = STR("this-is-a-private-key");
    struct store *s = lab_open(lab, STORE_WRITE);
    assert_int_equal(order_row_save(s, &row), 0);
    store_close(s);
    assert_true(file_holds(lab->path, row.key_pem.p));
    s = lab_open(lab, STORE_WRITE);
    assert_int_equal(order_row_drop(s, row.id), 0);
    store_close(s);
    assert_false(file_holds(lab->path, row.key_pem.p));
}

static void closing_nothing(void **state)
{
    store_close(NULL);
    struct store *s = lab_open(*state, STORE_WRITE);
    assert_string_equal(store_error(s), "");
    store_close(s);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, lab_new, lab_free)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(modes),           CASE(modes_are_narrowed),
        CASE(settings),        CASE(read_without_file),
        CASE(read_only),       CASE(empty_file),
        CASE(transactions),    CASE(removed_keys_are_overwritten),
        CASE(closing_nothing), CASE(linked_directory),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
