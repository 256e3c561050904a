/* Every reason not to open the store, provoked for real, and the sentence that tells of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/store_lab.h"

enum { NOBODY = 65534, CANNOT = 77 }; /* CANNOT: the machine does not let us try */

static void make(const struct lab *lab)
{
    store_close(lab_open(lab, STORE_WRITE));
}

static void directory(void **state)
{
    struct lab lab = *(struct lab *)*state;
    struct buf why = {0};
    (void)strcat(lab.dir, "/none");
    assert_true(lab_refuses(&lab, STORE_WRITE, "none does not exist", "edge serve makes it"));
    assert_true(lab_refuses(&lab, STORE_READ, "none does not exist", "`data`"));
    assert_int_equal(close(open(lab.dir, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    assert_true(lab_refuses(&lab, STORE_WRITE, "none is not a directory", "`data`"));
    assert_int_equal(unlink(lab.dir), 0);
    buf_done(&why);
}

static void no_regular_file(void **state)
{
    struct lab *lab = *state;
    char real[sizeof lab->path + 8];
    make(lab);
    (void)snprintf(real, sizeof real, "%s.real", lab->path);
    assert_int_equal(rename(lab->path, real), 0);
    assert_int_equal(symlink("edge.db.real", lab->path), 0);
    assert_true(lab_refuses(lab, STORE_WRITE, "edge.db is a symbolic link", "put the file itself there"));
    assert_true(lab_refuses(lab, STORE_READ, "edge.db is a symbolic link", "put the file itself there"));
    assert_int_equal(unlink(lab->path), 0);
    assert_int_equal(symlink("nothing", lab->path), 0);
    assert_true(lab_refuses(lab, STORE_WRITE, "edge.db is a symbolic link", "put the file itself there"));
    assert_int_equal(unlink(lab->path), 0);
    assert_int_equal(mkfifo(lab->path, 0600), 0);
    assert_true(lab_refuses(lab, STORE_WRITE, "is not a regular file", "move it away"));
}

static void newer(void **state)
{
    struct lab *lab = *state;
    make(lab);
    lab_sql(lab, "PRAGMA user_version = 4711");
    assert_true(
        lab_refuses(lab, STORE_WRITE, "written by a newer edge (version 4711", "install that edge again"));
    assert_true(
        lab_refuses(lab, STORE_READ, "written by a newer edge (version 4711", "install that edge again"));
}

static void foreign(void **state)
{
    struct lab *lab = *state;
    lab_sql(lab, "CREATE TABLE cert (x)");
    assert_true(lab_refuses(lab, STORE_WRITE, "database of another program", "move it away"));
    assert_true(lab_refuses(lab, STORE_READ, "database of another program", "move it away"));
    lab_sql(lab, "DROP TABLE cert; PRAGMA application_id = 1");
    assert_true(lab_refuses(lab, STORE_WRITE, "database of another program", "move it away"));
}

static void damaged(void **state)
{
    static const char noise[4096] = "This was overwritten by an editor.\n";
    struct lab *lab = *state;
    make(lab);
    lab_overwrite(lab, 4096 + 50, noise, 200); /* a table's root page: seen when it is read */
    struct store *s = lab_open(lab, STORE_READ);
    store_close(s);
    lab_overwrite(lab, 100, noise, 3000); /* the schema */
    assert_true(lab_refuses(lab, STORE_WRITE, "no database or is damaged", "backup"));
    assert_true(lab_refuses(lab, STORE_READ, "no database or is damaged", "backup"));
    lab_overwrite(lab, 0, noise, 16); /* the mark of SQLite */
    assert_true(lab_refuses(lab, STORE_WRITE, "no database or is damaged", "backup"));
    assert_true(lab_refuses(lab, STORE_READ, "no database or is damaged", "file is not a database"));
    assert_int_equal(truncate(lab->path, 37), 0);
    assert_true(lab_refuses(lab, STORE_WRITE, "no database or is damaged", "backup"));
}

/* Damage that opening cannot see is an error of the row's function. */
static void damaged_inside(void **state)
{
    static const char zeros[4096];
    struct lab *lab = *state;
    struct cert_row row = lab_cert("a.example");
    struct arena mem = {0};
    struct store *s = lab_open(lab, STORE_WRITE);
    assert_int_equal(cert_row_put(s, &row), 0);
    store_close(s);
    for (long page = 1; page < 10; page++)
        lab_overwrite(lab, page * 4096, zeros, sizeof zeros);
    s = lab_open(lab, STORE_WRITE);
    assert_int_equal(cert_row_find(s, row.names, &mem, &row), -1);
    assert_string_equal(store_error(s), "cannot look for a certificate: database disk image is malformed");
    arena_done(&mem);
    store_close(s);
}

/* Another program's exclusive lock, as from a tool that copies or repairs the file. */
static int hold_lock(const struct lab *lab)
{
    sqlite3 *db = NULL;
    char held[sizeof lab->path + 8];
    (void)snprintf(held, sizeof held, "%s.real", lab->path);
    if (sqlite3_open(lab->path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE held (x)", NULL,
                     NULL, NULL) != SQLITE_OK ||
        creat(held, 0600) < 0)
        return 1;
    for (;;)
        (void)pause();
}

static void locked(void **state)
{
    struct lab *lab = *state;
    struct stat st;
    char held[sizeof lab->path + 8];
    make(lab);
    (void)snprintf(held, sizeof held, "%s.real", lab->path);
    pid_t pid = lab_start(hold_lock, lab);
    for (int i = 0; i < LAB_WAIT / 10 && stat(held, &st) < 0; i++)
        (void)usleep(10000);
    bool write = lab_refuses(lab, STORE_WRITE, "is locked by another program", "fuser -v");
    bool read = lab_refuses(lab, STORE_READ, "is locked by another program", "database is locked");
    (void)kill(pid, SIGKILL);
    assert_int_equal(lab_end(pid), 128 + SIGKILL);
    assert_true(write && read);
    make(lab);
}

static bool become_nobody(void)
{
    return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
           setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static int refused_to_nobody(const struct lab *lab)
{
    if (!become_nobody())
        return CANNOT;
    bool good = lab_refuses(lab, STORE_WRITE, "edge.db is not open to the user ", ": run this as root") &&
                lab_refuses(lab, STORE_READ, "edge.db is not open to the user ", ": run this as root");
    return !good;
}

static int not_to_be_written(const struct lab *lab)
{
    if (!become_nobody())
        return CANNOT;
    return !lab_refuses(lab, STORE_WRITE, "edge.db is not open to the user ", ": run this as root");
}

static void expect_good(int status)
{
    if (status == CANNOT)
        skip();
    assert_int_equal(status, 0);
}

static void rights(void **state)
{
    struct lab *lab = *state;
    expect_good(lab_run(refused_to_nobody, lab)); /* the directory cannot be entered */
    make(lab);
    expect_good(lab_run(refused_to_nobody, lab));
    assert_int_equal(chmod(lab->dir, 0755), 0);
    expect_good(lab_run(refused_to_nobody, lab)); /* the file cannot be opened */
    assert_int_equal(chmod(lab->path, 0644), 0);
    expect_good(lab_run(not_to_be_written, lab));
    assert_int_equal(unlink(lab->path), 0);
    expect_good(lab_run(not_to_be_written, lab)); /* nor made */
    assert_int_equal(chown(lab->dir, 1, 1), 0);
    assert_int_equal(chmod(lab->dir, 0777), 0);
    make(lab); /* by root, for the owner of the directory */
    struct stat st;
    assert_int_equal(stat(lab->path, &st), 0);
    assert_int_equal(st.st_uid, 1);
    expect_good(lab_run(refused_to_nobody, lab));
}

/* A file system of our own over the directory, seen by this process alone. */
static bool mount_small(const struct lab *lab, const char *options)
{
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", "", MS_REC | MS_PRIVATE, "") == 0 &&
           mount("tmpfs", lab->dir, "tmpfs", 0, options) == 0;
}

static bool fill_up(const struct lab *lab)
{
    static const char zeros[4096];
    char name[sizeof lab->path + 8];
    (void)snprintf(name, sizeof name, "%s/full", lab->dir);
    int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    bool full = errno == ENOSPC;
    (void)close(fd);
    return full;
}

static bool make_room(const struct lab *lab)
{
    char name[sizeof lab->path + 8];
    (void)snprintf(name, sizeof name, "%s/full", lab->dir);
    return unlink(name) == 0;
}

static int on_full_disk(const struct lab *lab)
{
    if (!mount_small(lab, "size=256k"))
        return CANNOT;
    if (!fill_up(lab) || !lab_refuses(lab, STORE_WRITE, "the file system is full", "make room") ||
        !make_room(lab))
        return 1;
    struct store *s = lab_try(lab->dir, STORE_WRITE, 100);
    struct cert_row row = lab_cert("a.example");
    struct order_row order = lab_order("a.example");
    struct arena mem = {0};
    if (!s || cert_row_put(s, &row) < 0 || !fill_up(lab))
        return 2;
    int n = 0;
    while (store_begin(s) == 0 && order_row_save(s, &order) == 0 && cert_row_put(s, &row) == 0 &&
           store_commit(s) == 0) {
        if (order_row_drop(s, order.id) < 0 || ++n > 1000)
            break;
        order.id = 0;
    }
    store_rollback(s);
    if (n > 1000 || !strstr(store_error(s), "full") || cert_row_find(s, row.names, &mem, &row) != 1)
        return 3;
    order.id = 0;
    bool again = make_room(lab) && order_row_drop(s, 1) == 0 && cert_row_put(s, &row) == 0;
    arena_done(&mem);
    store_close(s);
    return again ? 0 : 4;
}

static int on_read_only_disk(const struct lab *lab)
{
    struct store *s;
    if (!mount_small(lab, "size=1m"))
        return CANNOT;
    if (mount("none", lab->dir, "", MS_REMOUNT | MS_RDONLY, "") < 0 ||
        !lab_refuses(lab, STORE_WRITE, "the file system is read-only", "mount it writable"))
        return 1;
    s = lab_try(lab->dir, STORE_READ, 100);
    if (!s)
        return 2;
    store_close(s);
    if (mount("none", lab->dir, "", MS_REMOUNT, "") < 0)
        return 3;
    store_close(lab_try(lab->dir, STORE_WRITE, 100));
    if (mount("none", lab->dir, "", MS_REMOUNT | MS_RDONLY, "") < 0 ||
        !lab_refuses(lab, STORE_WRITE, "the file system is read-only", "mount it writable") ||
        !lab_refuses(lab, STORE_READ, "the file system is read-only", "mount it writable"))
        return 4;
    return 0;
}

static void full_disk(void **state)
{
    expect_good(lab_run(on_full_disk, *state));
}

static void read_only_disk(void **state)
{
    expect_good(lab_run(on_read_only_disk, *state));
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, lab_new, lab_free)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(directory),      CASE(no_regular_file), CASE(newer),  CASE(foreign),   CASE(damaged),
        CASE(damaged_inside), CASE(locked),          CASE(rights), CASE(full_disk), CASE(read_only_disk),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
