/* The command line: exit statuses, and what stands on which output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "cli/commands.h"

enum { WORDS = 8, OUTPUT = 16384 };

struct result {
    int status;
    char out[OUTPUT], err[OUTPUT];
};

static char folder[] = "/tmp/edge-cli-XXXXXX";

/* fd goes to a new file; returns where it went before. */
static int redirect(int fd, const char *name)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int before = dup(fd), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(before >= 0 && file >= 0);
    dup2(file, fd);
    close(file);
    return before;
}

/* What was written to fd, which goes back to where it went before. */
static void restore(int fd, int before, char *text)
{
    ssize_t n = pread(fd, text, OUTPUT - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    dup2(before, fd);
    close(before);
}

/* `line` is a command line; words are separated by single blanks. */
static void run(const char *line, struct result *r)
{
    char copy[256], *words[WORDS + 1] = {NULL}, *rest = copy;
    int n = 0;
    (void)snprintf(copy, sizeof copy, "%s", line);
    while (rest && n < WORDS)
        words[n++] = strsep(&rest, " ");
    fflush(stdout);
    int out = redirect(STDOUT_FILENO, "out"), err = redirect(STDERR_FILENO, "err");
    r->status = commands_main(n, words);
    fflush(stdout);
    fflush(stderr);
    restore(STDOUT_FILENO, out, r->out);
    restore(STDERR_FILENO, err, r->err);
}

struct row {
    const char *line;
    int status;
    const char *out, *err; /* a part of it; NULL: there is nothing */
};

static const struct row rows[] = {
    {"edge", 2, NULL, "usage: edge COMMAND"},
    {"edge help", 0, "usage: edge COMMAND", NULL},
    {"edge --help", 0, "usage: edge COMMAND", NULL},
    {"edge -h", 0, "usage: edge COMMAND", NULL},
    {"edge help check", 0, "usage: edge check", NULL},
    {"edge check --help", 0, "usage: edge check", NULL},
    {"edge check -h -c x", 0, "-c FILE", NULL},
    {"edge help version", 0, "--json", NULL},
    {"edge help config", 0, "max_connections N", NULL},
    {"edge help config", 0, "tunnel DURATION [1h]", NULL},
    {"edge help config", 0, "route PATTERN [strip PREFIX] proxy | respond | redirect ...", NULL},
    {"edge help config", 0, "balance round_robin | least_connections | source [round_robin]", NULL},
    {"edge help config", 0, "directory letsencrypt | letsencrypt-staging | URL [letsencrypt]", NULL},
    {"edge help renew", 0, "usage: edge renew [HOST...] [OPTION...]", NULL},
    {"edge help renew", 0, "--force ", NULL},
    {"edge renew --help", 0, "usage: edge renew", NULL},
    {"edge help certs", 0, "--json ", NULL},
    {"edge renew --forc", 2, NULL, "edge: `renew` has no option `--forc`; did you mean `--force`?\n"},
    {"edge renew --json", 2, NULL, "edge: `renew` has no option `--json`"},
    {"edge renew a.test b.test -c /nowhere/edge.conf --force c.test", 2, NULL,
     "edge: configuration /nowhere/edge.conf: No such file or directory; "},
    {"edge certs --force", 2, NULL, "edge: `certs` has no option `--force`"},
    {"edge certs a.test", 2, NULL, "edge: `certs` has nothing to do with `a.test`"},
    {"edge certs --json -c /nowhere/edge.conf", 2, NULL,
     "edge: configuration /nowhere/edge.conf: No such file or directory; "},
    {"edge help adduser", 2, NULL, "edge: `adduser` is not supported yet\n"},
    {"edge help chekc", 2, NULL, "there is no command `chekc`; did you mean `check`?\n"},
    {"edge help check serve", 2, NULL, "`help` has nothing to do with `serve`"},
    {"edge chekc", 2, NULL, "edge: there is no command `chekc`; did you mean `check`?\n"},
    {"edge frobnicate", 2, NULL, "edge: there is no command `frobnicate`; `edge help` lists them\n"},
    {"edge ", 2, NULL, "there is no command ``"},
    {"edge -c x check", 2, NULL, "edge: options stand behind the command"},
    {"edge version", 0, "edge 1.", NULL},
    {"edge --version", 0, "SQLite ", NULL},
    {"edge version -c x --json", 0, "{\"edge\":\"1.", NULL},
    {"edge version --jsno", 2, NULL, "did you mean `--json`?"},
    {"edge version x", 2, NULL, "`version` has nothing to do with `x`"},
    {"edge check --json", 2, NULL, "edge: `check` has no option `--json`"},
    {"edge check -c", 2, NULL, "edge: `-c` needs a value; write `-c FILE`\n"},
    {"edge check x", 2, NULL, "edge: `check` has nothing to do with `x`"},
    {"edge check -- -c", 2, NULL, "edge: `check` has nothing to do with `-c`"},
    {"edge check -c /nowhere/edge.conf", 2, NULL,
     "edge: configuration /nowhere/edge.conf: No such file or directory; write it (edge.conf(5) shows how), or name another "
     "one with `-c FILE`\n"},
    {"edge serve -c /nowhere/edge.conf", 2, NULL,
     "edge: configuration /nowhere/edge.conf: No such file or directory; "},
    {"edge add", 2, NULL, "edge: `add` needs a host name and a backend; write `edge add HOST BACKEND`"},
    {"edge add a.test", 2, NULL, "edge: `add` needs a backend"},
    {"edge add --app x a.test", 2, NULL, "edge: `add` knows no application `x`; "},
    {"edge add http://a.test/ 3000", 2, NULL, "write `edge add a.test BACKEND`\n"},
    {"edge add a.test 3000 -c /nowhere/edge.conf", 1, NULL,
     "edge: configuration /nowhere/edge.conf: cannot find its folder: No such file or directory; nothing was changed; "},
    {"edge add a.test 3000 -c /tmp", 1, NULL,
     "edge: configuration /tmp: cannot change what is no file: Is a directory; "},
    {"edge remove", 2, NULL, "edge: `remove` needs a host name; write `edge remove HOST`\n"},
    {"edge remove a.test b.test", 2, NULL, "`remove` has nothing to do with `b.test`"},
    {"edge remove a.test -c /tmp/edge-nowhere.conf", 2, NULL,
     "edge: configuration /tmp/edge-nowhere.conf: No such file or directory; "},
    {"edge check -c /tmp", 2, NULL, "edge: configuration /tmp: Is a directory; "},
};

static void commands(void **state)
{
    struct result *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (size_t i = 0; i < nitems(rows); i++) {
        const struct row *row = &rows[i];
        run(row->line, r);
        bool good = r->status == row->status;
        good = good && (row->out ? strstr(r->out, row->out) != NULL : r->out[0] == '\0');
        good = good && (row->err ? strstr(r->err, row->err) != NULL : r->err[0] == '\0');
        if (!good)
            fail_msg("%s: %d\n%s%s", row->line, r->status, r->out, r->err);
    }
    free(r);
}

/* The command with `-c` and a file of that text. */
static void run_on(const char *command, const char *text, struct result *r)
{
    char path[64], line[96];
    (void)snprintf(path, sizeof path, "%s/c", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    (void)snprintf(line, sizeof line, "edge %s -c %s", command, path);
    run(line, r);
}

static void check_file(const char *text, struct result *r)
{
    run_on("check", text, r);
}

static void check(void **state)
{
    struct result *r = calloc(1, sizeof *r);
    assert_non_null(r);
    check_file("", r);
    assert_int_equal(r->status, 0);
    assert_non_null(strstr(r->out, "/c: ok, 0 sites\n"));
    check_file("a.test { respond 200\n tls off }\n", r);
    assert_int_equal(r->status, 0);
    assert_non_null(strstr(r->out, "/c: ok, 1 site\n"));
    check_file("a.test { respond 200\n tls off }\n* { respond 404 }\n", r);
    assert_non_null(strstr(r->out, "/c: ok, 2 sites\n"));
    check_file("worker 2\nuser a b\n", r);
    assert_int_equal(r->status, 2);
    assert_string_equal(r->out, "");
    assert_non_null(
        strstr(r->err, "/c:1:1: unknown directive `worker`; did you mean `workers`?\nworker 2\n^\n"));
    assert_non_null(strstr(r->err, "/c:2:8: "));
    free(r);
}

/* A certificate that cannot be read is a bad configuration, too. */
static void check_certificates(void **state)
{
    struct result *r = calloc(1, sizeof *r);
    assert_non_null(r);
    check_file("a.test { respond 200\n tls missing.pem missing.key }\n", r);
    assert_int_equal(r->status, 2);
    assert_string_equal(r->out, "");
    assert_non_null(strstr(r->err, "missing.pem"));
    check_file("a.test { respond 200\n tls off\n route /x proxy https://b.lan {\n tls missing.pem } }\n", r);
    assert_int_equal(r->status, 2);
    assert_non_null(strstr(r->err, "/c:3: backends of a.test: "));
    assert_non_null(strstr(r->err, "missing.pem: No such file or directory\n"));
    free(r);
}

/* Before edge was ever started there is no data directory. */
static void certs(void **state)
{
    static const struct {
        const char *command, *text;
        int status;
        const char *out, *err;
    } cases[] = {
        {"certs", "a.test { respond 200\n tls off }\n", 0, "/c: no site has a certificate\n", ""},
        {"certs --json", "", 0, "[]\n", ""},
        {"certs", "a.example.org { respond 200 }\n", 0,
         "\na.example.org  -       -    -          -          -\n", ""},
        {"certs --json", "a.example.org { respond 200 }\n", 0, "[\n{\"hosts\":[\"a.example.org\"],", ""},
        {"certs", "a.example.org { respond 200\n tls x.pem }\n", 0, "/x.pem: No such file or directory\n",
         ""},
        {"certs", "worker 2\n", 2, "", "/c:2:1: unknown directive `worker`"},
        {"certs", "a.test { respond 200 }\n", 0, "a.test", "warning: no public certificate authority"},
        {"renew", "worker 2\n", 2, "", "/c:2:1: unknown directive `worker`"},
    };
    struct result *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (size_t i = 0; i < nitems(cases); i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "data missing\n%s", cases[i].text);
        run_on(cases[i].command, text, r);
        bool good = r->status == cases[i].status && strstr(r->out, cases[i].out) &&
                    strstr(r->err, cases[i].err);
        if (!good || (cases[i].err[0] == '\0' && r->err[0] != '\0'))
            fail_msg("%s: %d\n%s%s", cases[i].text, r->status, r->out, r->err);
    }
    free(r);
}

/* What the file says now. */
static void expect_file(const char *expected)
{
    char path[64], text[256] = "";
    (void)snprintf(path, sizeof path, "%s/c", folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, expected);
}

static void add_and_remove(void **state)
{
    struct result *r = calloc(1, sizeof *r);
    assert_non_null(r);
    run_on("add n.test 3000", "# mine\na.test { respond 200 }", r);
    assert_int_equal(r->status, 0);
    assert_non_null(strstr(r->out, "/c: n.test was added\n"));
    expect_file(
        "# mine\na.test { respond 200 }\n\nn.test {\n    proxy 127.0.0.1:3000\n    tls   internal\n}");
    run_on("remove n.test", "# mine\nn.test, a.test { respond 200\ntls off }\n", r);
    assert_int_equal(r->status, 0);
    assert_string_equal(r->err, "");
    expect_file("# mine\na.test { respond 200\ntls off }\n");
    run_on("remove b.test", "a.test { respond 200\ntls off }\n", r);
    assert_int_equal(r->status, 1);
    assert_non_null(strstr(r->err, "did you mean `a.test`?\n    a.test\n"));
    run_on("add a.test 3000", "# mine\nA.test { respond 200 }\n", r);
    assert_int_equal(r->status, 1);
    assert_non_null(strstr(r->err, "/c:2: `a.test` has a site already; "));
    run_on("add b.test 3000", "worker 2\n", r);
    assert_int_equal(r->status, 2);
    assert_non_null(strstr(r->err, "/c:1:1: unknown directive `worker`"));
    expect_file("worker 2\n");
    run_on("check --hosts", "a.test, b.test { respond 200\ntls off }\n* { respond 404 }\n", r);
    assert_string_equal(r->out, "a.test\nb.test\n*\n");
    free(r);
}

/* What exists is explained; what does not is told so, and not listed. */
static void every_command(void **state)
{
    size_t n;
    const struct command *all = command_rows(&n);
    struct result *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (size_t i = 0; i < n; i++) {
        const struct command *c = &all[i];
        char line[64], shown[64];
        assert_true(c->name && c->arguments && c->summary[0] && c->text);
        assert_ptr_equal(command_find(c->name), c);
        (void)snprintf(line, sizeof line, "edge %s%s", c->run ? "help " : "", c->name);
        run(line, r);
        assert_int_equal(r->status, c->run ? 0 : 2);
        if (!c->run)
            assert_non_null(strstr(r->err, "is not supported yet\n"));
        (void)snprintf(shown, sizeof shown, "  edge %s ", c->name);
        run("edge help", r);
        assert_int_equal(strstr(r->out, shown) != NULL, c->run != NULL);
    }
    free(r);
}

static void every_option(void **state)
{
    size_t n;
    const struct option *all = option_rows(&n);
    unsigned ids = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(all[i].name && all[i].name[0] == '-' && all[i].help[0]);
        assert_false(ids & all[i].id);
        ids |= all[i].id;
    }
}

/* Half an answer is no success. */
static void full_disk(void **state)
{
    char *words[] = {(char[]){"edge"}, (char[]){"version"}, NULL};
    int full = open("/dev/full", O_WRONLY), before = dup(STDOUT_FILENO);
    int err = redirect(STDERR_FILENO, "err");
    char text[OUTPUT];
    assert_true(full >= 0 && before >= 0);
    fflush(stdout);
    dup2(full, STDOUT_FILENO);
    int status = commands_main(2, words);
    dup2(before, STDOUT_FILENO);
    clearerr(stdout);
    close(full);
    close(before);
    restore(STDERR_FILENO, err, text);
    assert_int_equal(status, 1);
    assert_string_equal(text, "edge: standard output: No space left on device\n");
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"out", "err", "c"};
    char path[64];
    for (size_t i = 0; i < nitems(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),  cmocka_unit_test(check),          cmocka_unit_test(check_certificates),
        cmocka_unit_test(certs),     cmocka_unit_test(every_command),  cmocka_unit_test(every_option),
        cmocka_unit_test(full_disk), cmocka_unit_test(add_and_remove),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
