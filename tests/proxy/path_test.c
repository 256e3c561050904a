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
    {"//b/c", "//b/c"},
    {"/a%25zz%252Fb", "/a%zz%2Fb"},
    {"/%EF%BC%8E%EF%BC%8E/a", "/\xef\xbc\x8e\xef\xbc\x8e/a"},
    {"/%83%5C", "/\x83\\"},
    {"/%C0%B4", "/\xc0\xb4"},
    {"/%E0%80%B1", "/\xe0\x80\xb1"},
    {"/%C3%A9/%F0%9F%93%B7.jpg", "/\xc3\xa9/\xf0\x9f\x93\xb7.jpg"},
    {"/..", NULL},
    {"/a//..", NULL},
    {"/%2e", "/"},
    {"/%2e%2e", NULL},
    {"/a/%2E%2E%2Fb", NULL},
    {"/a%25zz/%252e%252e/b", NULL},
    {"/%2525/%252e%252e/b", NULL},
    {"/a/%252e%252e%255cb", NULL},
    {"/a/%252e%252e%253bx/b", NULL},
    {"/a/..;;/b", NULL},
    {"/.;/a", NULL},
    {"/a/.;x=1/b", NULL},
    {"/.%3bx/a", NULL},
    {"/.a;x/b", "/.a;x/b"},
    {"/a/..;%2fb", NULL},
    {"/a%2500b", NULL},
    {"/a/%c0%ae%c0%ae/b", NULL},
    {"/a/%25c0%25ae/b", NULL},
    {"/a/.%C0%AE/b", NULL},
    {"/a%c0%afb", NULL},
    {"/a%c1%9cb", NULL},
    {"/a%c0%80b", NULL},
    {"/%e0%80%ae%e0%80%ae/", NULL},
    {"/%f0%80%80%ae/", NULL},
    {"/%f8%80%80%80%ae/", NULL},
    {"/%fc%80%80%80%80%af", NULL},
    {"/%E0%81%9C", NULL},
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

struct strip_row {
    const char *target, *prefix;
    const char *left; /* NULL: refused */
};

static const struct strip_row strip_rows[] = {
    {"/api/x", "/api", "/x"},
    {"/api", "/api", "/"},
    {"/api/", "/api", "/"},
    {"/api?a=/api/", "/api", "/?a=/api/"},
    {"/api/?a", "/api", "/?a"},
    {"/apix", "/api", "/apix"},
    {"/apix/y", "/api", "/apix/y"},
    {"/API/x", "/api", "/API/x"},
    {"/x/api/y", "/api", "/x/api/y"},
    {"/ap", "/api", "/ap"},
    {"/", "/api", "/"},
    {"*", "/api", "*"},
    /* As it is read, and the rest as it was written. */
    {"/%61pi/%78", "/api", "/%78"},
    {"/./api/x", "/api", "/x"},
    {"/%2e/api/x", "/api", "/x"},
    {"/%2E%2Fapi/x", "/api", "/x"},
    {"/././%2e/api/./x", "/api", "/./x"},
    {"/a/./b/c", "/a/b", "/c"},
    {"/a%2fb/c", "/a/b", "/c"},
    {"/.api/x", "/api", "/.api/x"},
    {"/a\xc3\xa4/x", "/a\xc3\xa4", "/x"},
    {"/a%c3%a4/x", "/a\xc3\xa4", "/x"},
    /* What is left is no other server's name, and has one reading. */
    {"/api//host/x", "/api", "/host/x"},
    {"/api///", "/api", "/"},
    {"/api%2fx", "/api", NULL},
    {"/api%5cx", "/api", NULL},
    {"/api%2ex", "/api", "/api%2ex"},
};

static void prefixes_are_taken_off(void **state)
{
    for (size_t i = 0; i < nitems(strip_rows); i++) {
        const struct strip_row *row = &strip_rows[i];
        struct arena mem = {0};
        struct str out = {NULL, 0};
        int err = path_strip(str_of(row->target), str_of(row->prefix), &mem, &out);
        if (err != (row->left ? ERR_NONE : ERR_HTTP_TARGET))
            fail_msg("%s: error %d", row->target, err);
        if (row->left && !str_eq(out, str_of(row->left)))
            fail_msg("%s: %.*s", row->target, STR_ARG(out));
        arena_done(&mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read_once),
        cmocka_unit_test(patterns),
        cmocka_unit_test(prefixes_are_taken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
