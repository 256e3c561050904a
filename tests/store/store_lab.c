#include "store/store_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int lab_new(void **state)
{
    struct lab *lab = calloc(1, sizeof *lab);
    if (!lab)
        return -1;
    const char *top = getenv("TMPDIR");
    (void)snprintf(lab->dir, sizeof lab->dir, "%s/edge-store-XXXXXX", top ? top : "/tmp");
    if (!mkdtemp(lab->dir)) {
        free(lab);
        return -1;
    }
    (void)snprintf(lab->path, sizeof lab->path, "%s/edge.db", lab->dir);
    *state = lab;
    return 0;
}

int lab_free(void **state)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ".real"};
    struct lab *lab = *state;
    for (size_t i = 0; i < nitems(suffixes); i++) {
        char name[sizeof lab->path + 16];
        (void)snprintf(name, sizeof name, "%s%s", lab->path, suffixes[i]);
        (void)remove(name);
    }
    int rc = rmdir(lab->dir);
    free(lab);
    return rc;
}

struct store *lab_try(const char *dir, enum store_mode mode, int busy_ms)
{
    struct buf why = {0};
    struct store *s = store_open(dir, mode, busy_ms, &why);
    if (!s)
        (void)fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&why)));
    buf_done(&why);
    return s;
}

struct store *lab_open(const struct lab *lab, enum store_mode mode)
{
    struct store *s = lab_try(lab->dir, mode, LAB_WAIT);
    assert_non_null(s);
    return s;
}

bool lab_refuses(const struct lab *lab, enum store_mode mode, const char *what, const char *remedy)
{
    struct buf why = {0};
    struct store *s = store_open(lab->dir, mode, 20, &why);
    (void)buf_add(&why, "", 1);
    const char *text = (const char *)buf_data(&why);
    bool good = !s && strstr(text, lab->dir) && strstr(text, what) && strstr(text, remedy);
    if (!good)
        (void)fprintf(stderr, "%s: \"%s\", not \"%s\" and \"%s\"\n", s ? "opened" : "refused", text, what,
                      remedy);
    store_close(s);
    buf_done(&why);
    return good;
}

pid_t lab_start(int (*run)(const struct lab *lab), const struct lab *lab)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(run(lab));
    return pid;
}

int lab_end(pid_t pid)
{
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int lab_run(int (*run)(const struct lab *lab), const struct lab *lab)
{
    return lab_end(lab_start(run, lab));
}

void lab_overwrite(const struct lab *lab, long at, const void *bytes, size_t n)
{
    FILE *f = fopen(lab->path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

void lab_sql(const struct lab *lab, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(lab->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

struct cert_row lab_cert(const char *names)
{
    return (struct cert_row){.names = str_of(names),
                             .directory = STR("https://ca.example/dir"),
                             .chain_pem = STR("chain\n"),
                             .key_pem = STR("key\n"),
                             .issuer = STR("Fake CA 1"),
                             .serial = STR("00ab"),
                             .not_before = 1000,
                             .not_after = 5000000000,
                             .obtained = 1500,
                             .renew_at = 4000};
}

struct order_row lab_order(const char *names)
{
    return (struct order_row){.names = str_of(names),
                              .directory = STR("https://ca.example/dir"),
                              .key_pem = STR("key\n"),
                              .created = 1700};
}
