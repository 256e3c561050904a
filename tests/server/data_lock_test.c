#include "server/data_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"

enum { LONG_MS = 20000, MOMENT_MS = 100, OWNER = 65533 };

static int make_directory(void **state)
{
    const char *top = getenv("TMPDIR");
    char *dir = malloc(PATH_MAX);
    if (!dir)
        return -1;
    (void)snprintf(dir, PATH_MAX, "%s/edge-lock-XXXXXX", top ? top : "/tmp");
    *state = dir;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"daemon.lock", "renew.lock", "target"};
    char *dir = *state, path[PATH_MAX + 16];
    for (size_t i = 0; i < nitems(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)remove(path);
    }
    int rc = rmdir(dir);
    free(dir);
    return rc;
}

/* Another process that takes a lock, writes what came of it (0, or errno) into a pipe, and sleeps. */
struct holder {
    pid_t pid;
    int from;
};

static _Noreturn void hold(const char *dir, enum data_lock_kind kind, enum data_lock_how how, int to)
{
    int result = data_lock(dir, kind, how) < 0 ? errno : 0;
    if (write(to, &result, sizeof result) == (ssize_t)sizeof result)
        for (;;)
            pause();
    _exit(1);
}

static struct holder start(const char *dir, enum data_lock_kind kind, enum data_lock_how how)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        hold(dir, kind, how, ends[1]);
    close(ends[1]);
    return (struct holder){pid, ends[0]};
}

/* -1: it has said nothing yet. */
static int result_of(const struct holder *h, int wait_ms)
{
    struct pollfd p = {.fd = h->from, .events = POLLIN};
    int result = -1;
    if (poll(&p, 1, wait_ms) == 1)
        assert_int_equal(read(h->from, &result, sizeof result), (int)sizeof result);
    return result;
}

static void kill_holder(const struct holder *h)
{
    assert_int_equal(kill(h->pid, SIGKILL), 0);
    assert_int_equal(waitpid(h->pid, NULL, 0), h->pid);
    close(h->from);
}

struct row {
    enum data_lock_kind held;
    enum data_lock_how first;
    enum data_lock_kind wanted;
    enum data_lock_how second;
    int result; /* of the second; -1: it waits */
};

static const struct row rows[] = {
    {DATA_LOCK_DAEMON, DATA_LOCK_SHARED, DATA_LOCK_DAEMON, DATA_LOCK_SHARED, 0},
    {DATA_LOCK_DAEMON, DATA_LOCK_SHARED, DATA_LOCK_DAEMON, DATA_LOCK_TRY, EWOULDBLOCK},
    {DATA_LOCK_DAEMON, DATA_LOCK_SHARED, DATA_LOCK_DAEMON, DATA_LOCK_WAIT, -1},
    {DATA_LOCK_DAEMON, DATA_LOCK_TRY, DATA_LOCK_DAEMON, DATA_LOCK_SHARED, -1},
    {DATA_LOCK_RENEW, DATA_LOCK_TRY, DATA_LOCK_RENEW, DATA_LOCK_TRY, EWOULDBLOCK},
    {DATA_LOCK_RENEW, DATA_LOCK_TRY, DATA_LOCK_RENEW, DATA_LOCK_WAIT, -1},
    {DATA_LOCK_RENEW, DATA_LOCK_WAIT, DATA_LOCK_RENEW, DATA_LOCK_TRY, EWOULDBLOCK},
    {DATA_LOCK_DAEMON, DATA_LOCK_SHARED, DATA_LOCK_RENEW, DATA_LOCK_TRY, 0},
    {DATA_LOCK_RENEW, DATA_LOCK_TRY, DATA_LOCK_DAEMON, DATA_LOCK_SHARED, 0},
};

/* Between two processes; and who waits gets it when the first one is killed. */
static void between_processes(void **state)
{
    for (size_t i = 0; i < nitems(rows); i++) {
        const struct row *r = &rows[i];
        struct holder first = start(*state, r->held, r->first);
        assert_int_equal(result_of(&first, LONG_MS), 0);
        struct holder second = start(*state, r->wanted, r->second);
        int result = result_of(&second, r->result < 0 ? MOMENT_MS : LONG_MS);
        if (result != r->result)
            fail_msg("row %zu: %d", i, result);
        kill_holder(&first);
        if (r->result < 0)
            assert_int_equal(result_of(&second, LONG_MS), 0);
        kill_holder(&second);
    }
}

static void dies_with_its_holder(void **state)
{
    struct holder h = start(*state, DATA_LOCK_RENEW, DATA_LOCK_TRY);
    assert_int_equal(result_of(&h, LONG_MS), 0);
    assert_int_equal(data_lock(*state, DATA_LOCK_RENEW, DATA_LOCK_TRY), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    kill_holder(&h);
    int fd = data_lock(*state, DATA_LOCK_RENEW, DATA_LOCK_TRY);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

/* As keepers of two generations have it: the lock is held until the last one ends. */
static void shared_until_the_last(void **state)
{
    struct holder a = start(*state, DATA_LOCK_DAEMON, DATA_LOCK_SHARED);
    struct holder b = start(*state, DATA_LOCK_DAEMON, DATA_LOCK_SHARED);
    assert_int_equal(result_of(&a, LONG_MS), 0);
    assert_int_equal(result_of(&b, LONG_MS), 0);
    kill_holder(&a);
    assert_int_equal(data_lock(*state, DATA_LOCK_DAEMON, DATA_LOCK_TRY), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    kill_holder(&b);
    int fd = data_lock(*state, DATA_LOCK_DAEMON, DATA_LOCK_TRY);
    assert_true(fd >= 0);
    close(fd);
}

static void let_go(void **state)
{
    for (int i = 0; i < 3; i++) {
        int fd = data_lock(*state, DATA_LOCK_RENEW, DATA_LOCK_TRY);
        assert_true(fd >= 0);
        close(fd);
    }
}

static void file_of(const char *dir, const char *name, struct stat *st)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(lstat(path, st), 0);
}

/* Whoever makes the file: the daemon, which owns the directory, must be able to lock it too. */
static void belongs_to_the_directory(void **state)
{
    struct stat st;
    bool root = geteuid() == 0;
    uid_t owner = root ? OWNER : geteuid();
    if (root)
        assert_int_equal(chown(*state, OWNER, OWNER), 0);
    int fd = data_lock(*state, DATA_LOCK_RENEW, DATA_LOCK_TRY);
    assert_true(fd >= 0);
    close(fd);
    file_of(*state, "renew.lock", &st);
    assert_int_equal(st.st_uid, owner);
    assert_int_equal(st.st_mode & 07777, 0600);
    pid_t pid = fork();
    if (pid == 0) {
        if (root && (setgid(OWNER) < 0 || setuid(OWNER) < 0))
            _exit(2);
        _exit(data_lock(*state, DATA_LOCK_RENEW, DATA_LOCK_TRY) < 0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Root gives away what it made, and nothing else that the directory's owner put there. */
static void another_ones_file(void **state)
{
    char path[PATH_MAX + 16], target[PATH_MAX + 16];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/renew.lock", (const char *)*state);
    (void)snprintf(target, sizeof target, "%s/target", (const char *)*state);
    int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(link(target, path), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(*state, OWNER, OWNER), 0);
        assert_int_equal(data_lock(*state, DATA_LOCK_RENEW, DATA_LOCK_TRY), -1);
        assert_int_equal(errno, EPERM);
    }
    file_of(*state, "target", &st);
    assert_int_equal(st.st_uid, geteuid());
}

static void refusals(void **state)
{
    char path[PATH_MAX + 16], target[PATH_MAX + 16], *dir = *state;
    (void)snprintf(path, sizeof path, "%s/nowhere", dir);
    assert_int_equal(data_lock(path, DATA_LOCK_RENEW, DATA_LOCK_TRY), -1);
    assert_int_equal(errno, ENOENT);
    /* A link that the directory's owner laid out for root. */
    (void)snprintf(path, sizeof path, "%s/renew.lock", dir);
    (void)snprintf(target, sizeof target, "%s/target", dir);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(data_lock(dir, DATA_LOCK_RENEW, DATA_LOCK_TRY), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(access(target, F_OK), -1);
    char *longest = malloc(2 * PATH_MAX);
    assert_non_null(longest);
    memset(longest, 'x', 2 * PATH_MAX - 1);
    longest[2 * PATH_MAX - 1] = '\0';
    assert_int_equal(data_lock(longest, DATA_LOCK_RENEW, DATA_LOCK_TRY), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(between_processes, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(dies_with_its_holder, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(shared_until_the_last, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(let_go, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(belongs_to_the_directory, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(another_ones_file, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(refusals, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
