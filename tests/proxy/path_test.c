/* Patterns, and the ways round them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "proxy/path.h"

struct read_row {
    const char *target, *read; /* NULL: refused */
};

static const struct read_row read_rows[] = {
    {"/", "/"},
    {"/a/b?c=/../d", "/a/b"},
    {"/a%20b", "/a b"},
    {"/a%2Fb", "/a/b"},
    {"/a%252Fb", "/a%2Fb"},
    {"/./a/./b/.", "/a/b/"},
    {"/%2e/a", "/a"},
    {"/.a/b.", "/.a/b."},
    {"/...", "/..."},
    {"/a..b/..c/d..", "/a..b/..c/d.."},
    {"/a;x=1/b", "/a;x=1/b"},
    {"*", "*"},
    {"/100%25", "/100%"},
    {"/50%25-off", "/50%-off"},
    {"/..", NULL},
    {"/a/../b", NULL},
    {"/a/%2e%2e/b", NULL},
    {"/a/.%2E/b", NULL},
    {"/a/%2e./b", NULL},
    {"/a/%252e%252e/b", NULL},
    {"/a/..%252fb", NULL},
    {"/a/..;/b", NULL},
    {"/a/..;x=1/b", NULL},
    {"/a/%2e%2e%3bx/b", NULL},
    {"/a/..%2fb", NULL},
    {"/a%2f../b", NULL},
    {"/a\\..\\b", NULL},
    {"/a%5c..%5cb", NULL},
    {"/a/..%5cb", NULL},
    {"/a/..?x", NULL},
    {"/a%00b", NULL},
    {"/a%", NULL},
    {"/a%4", NULL},
    {"/a%zz", NULL},
    {"/a%u0041", NULL},
};

static void paths_are_read_once(void **state)
{
    for (size_t i = 0; i < nitems(read_rows); i++) {
        struct arena mem = {0};
        struct str out = {NULL, 0};
        int err = path_read(str_of(read_rows[i].target), &mem, &out);
        if (read_rows[i].read == NULL && err != ERR_HTTP_TARGET)
            fail_msg("%s was taken for %.*s", read_rows[i].target, STR_ARG(out));
        if (read_rows[i].read && (err != ERR_NONE || !str_eq(out, str_of(read_rows[i].read))))
            fail_msg("%s: error %d, %.*s", read_rows[i].target, err, STR_ARG(out));
        arena_done(&mem);
    }
}

struct match_row {
    const char *pattern, *path;
    bool matches;
};

static const struct match_row match_rows[] = {
    {"*", "/", true},
    {"*", "", true},
    {"/s/*", "/s/", true},
    {"/s/*", "/s/a/b", true},
    {"/s/*", "/s", false},
    {"/s/*", "/S/a", false},
    {"/s*", "/s", true},
    {"/a", "/a", true},
    {"/a", "/a/", false},
    {"/a", "/ab", false},
    {"*.jpg", "/x/y.jpg", true},
    {"*.jpg", "/x/y.jpg/z", false},
    {"/a*b*c", "/aXbYc", true},
    {"/a*b*c", "/abc", true},
    {"/a*b*c", "/acb", false},
    {"/*/*", "/a/b", true},
    {"/*/*", "/a", false},
    {"**", "/x", true},
    {"", "", true},
    {"", "/", false},
    {"/api/*/x", "/api/a/b/x", true},
    {"a*aab", "aaaab", true},
};

static void patterns(void **state)
{
    for (size_t i = 0; i < nitems(match_rows); i++) {
        const struct match_row *row = &match_rows[i];
        if (path_match(str_of(row->pattern), str_of(row->path)) != row->matches)
            fail_msg("%s and %s", row->pattern, row->path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read_once),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
