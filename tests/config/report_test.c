/* How errors look, and texts that are no texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_cases.h"

#define BYTES(literal)                 \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

struct shown_row {
    const char *name;
    struct str text;
    const char *expected;
};

#define ZERO_OF " does not fit; `workers` takes `auto | N`, N from 1 to 256\n"

static const struct shown_row shown_rows[] = {
    {"the line and a caret", BYTES("user x\n  workers 0 # none\n"),
     "etc/c:2:11: `0`" ZERO_OF "  workers 0 # none\n          ^\n"},
    {"tabs stay tabs", BYTES("\tworkers\t0"), "etc/c:1:10: `0`" ZERO_OF "\tworkers\t0\n\t       \t^\n"},
    {"characters, not bytes", BYTES("user \xc3\xa4\xe2\x82\xac x\n"),
     "etc/c:1:9: `user` has too many values; write `user NAME`, with quotes around a value that has blanks\n"
     "user \xc3\xa4\xe2\x82\xac x\n        ^\n"},
    {"CRLF", BYTES("workers 0\r\nuser x\r\n"), "etc/c:1:9: `0`" ZERO_OF "workers 0\n        ^\n"},
    {"a byte order mark is no column", BYTES("\xef\xbb\xbfworkers 0"),
     "etc/c:1:9: `0`" ZERO_OF "workers 0\n        ^\n"},
    {"behind the last line", BYTES("* {\n respond 200\n"),
     "etc/c:1:3: this `{` is never closed; add a `}`\n* {\n  ^\n"},
    {"in the order of the text", BYTES("a.test { }\nworkers 0\n"),
     "etc/c:1:1: this site does nothing; write `proxy`, `respond` or `redirect` into its block\na.test { }\n^\n"
     "etc/c:2:9: `0`" ZERO_OF "workers 0\n        ^\n"},
    {"a warning beside nothing else", BYTES("nas { respond 200 }"),
     "etc/c:1:1: warning: no public certificate authority issues for `nas`; write `tls internal`\nnas { respond 200 }\n^\n"},
    {"a bad byte is not printed", BYTES("user \xff\xfe\nworkers 0"),
     "etc/c:1:6: this is not UTF-8; save the file as UTF-8\nuser ??\n     ^\n"
     "etc/c:2:9: `0`" ZERO_OF "workers 0\n        ^\n"},
    {"an escape sequence is not printed", BYTES("user \x1b[2J"),
     "etc/c:1:6: a control character; remove it\nuser ?[2J\n     ^\n"},
};

static void shown(void **state)
{
    for (size_t i = 0; i < nitems(shown_rows); i++) {
        struct buf errors = {0};
        struct snapshot *s = config_parse(CASE_FILE, shown_rows[i].text, &errors);
        assert_int_equal(s != NULL, strstr(shown_rows[i].expected, ": warning: ") != NULL);
        snapshot_free(s);
        if (!str_eq(buf_str(&errors), str_of(shown_rows[i].expected)))
            fail_msg("%s:\n%.*s", shown_rows[i].name, STR_ARG(buf_str(&errors)));
        buf_done(&errors);
    }
}

#define NOT_UTF8 "this is not UTF-8; save the file as UTF-8"
#define CONTROL  "a control character; remove it"
#define NUL      "a NUL byte; this is not a text file, or it was damaged"

static const struct shown_row byte_rows[] = {
    {"Latin-1 in a comment", BYTES("# f\xfcr\n"), "1:4: " NOT_UTF8},
    {"once in each line", BYTES("# \xff\xff\n\n# \xff\n"), "1:3: " NOT_UTF8 "\n3:3: " NOT_UTF8},
    {"overlong", BYTES("# \xc0\xaf"), "1:3: " NOT_UTF8},
    {"a surrogate", BYTES("# \xed\xa0\x80"), "1:3: " NOT_UTF8},
    {"cut at the end", BYTES("# \xe2\x82"), "1:3: " NOT_UTF8},
    {"NUL", BYTES("# a\0"), "1:4: " NUL},
    {"NUL in a word", BYTES("a\0b.test { }"), "1:2: " NUL},
    {"NUL first", BYTES("\0"), "1:1: " NUL},
    {"a bell", BYTES("user \a"), "1:6: " CONTROL},
    {"DEL", BYTES("# \x7f"), "1:3: " CONTROL},
    {"a control character of Latin-1", BYTES("# \xc2\x9b"), "1:3: " CONTROL},
    {"a form feed", BYTES("\f"), "1:1: " CONTROL},
    {"CR alone", BYTES("user a\rworkers 2\n"), "1:7: " CONTROL},
    {"CR at the end", BYTES("user a\r"), "1:7: " CONTROL},
    {"two CR", BYTES("user a\r\r\n"), "1:7: " CONTROL},
    {"UTF-16", BYTES("\xff\xfeu\0s\0"), "1:1: " NOT_UTF8},
    {"what is good", BYTES("# \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xef\xbf\xbd\t\r\n"), ""},
};

static void bytes(void **state)
{
    for (size_t i = 0; i < nitems(byte_rows); i++) {
        const char *errors = case_errors(byte_rows[i].text);
        if (strcmp(errors, byte_rows[i].expected) != 0)
            fail_msg("%s: %s", byte_rows[i].name, errors);
    }
}

/* n times the byte c, then the end. */
static void fill(struct buf *text, const char *start, char c, size_t n, const char *end)
{
    assert_true(buf_add_str(text, str_of(start)));
    uint8_t *at = buf_reserve(text, n);
    assert_non_null(at);
    memset(at, c, n);
    buf_added(text, n);
    assert_true(buf_add_str(text, str_of(end)));
}

static void sizes(void **state)
{
    struct buf text = {0};
    fill(&text, "#", 'x', (1 << 20) - 1, "");
    assert_string_equal(case_errors(buf_str(&text)), "");
    assert_true(buf_add(&text, "x", 1));
    assert_string_equal(case_errors(buf_str(&text)),
                        "1:1: the file is larger than 1 MiB; this is no configuration of edge");
    buf_done(&text);
    fill(&text, "user ", 'x', 5000, "\nworkers 0");
    assert_string_equal(case_errors(buf_str(&text)),
                        "1:6: a word of more than 4096 bytes; is a quote or a line end missing?\n"
                        "2:9: `0` does not fit; `workers` takes `auto | N`, N from 1 to 256");
    buf_done(&text);
}

static void long_line(void **state)
{
    struct buf text = {0}, errors = {0};
    fill(&text, "", ' ', 100000, "user x y ");
    fill(&text, "", 'z', 1000, "");
    assert_null(config_parse("c", buf_str(&text), &errors));
    struct str rest = str_skip(buf_str(&errors), str_find(buf_str(&errors), '\n') + 1);
    size_t caret = str_find(str_skip(rest, str_find(rest, '\n') + 1), '^');
    /* The part around the place is shown, and the caret stands under it. */
    assert_true(str_find(rest, '\n') <= 160);
    assert_true(caret < 160 && rest.p[caret] == 'y');
    buf_done(&errors);
    buf_done(&text);
}

static void many_errors(void **state)
{
    struct buf text = {0}, errors = {0};
    for (int i = 0; i < 5000; i++)
        assert_true(buf_add_str(&text, STR("workers 0\n")));
    assert_null(config_parse("c", buf_str(&text), &errors));
    assert_true(errors.len < 20000);
    assert_true(
        str_ends(buf_str(&errors), STR("c: these are the first 100; correct them to see the others\n")));
    buf_done(&errors);
    buf_done(&text);
}

/* What costs more than its length: nesting, many names, errors at the end of long lines. */
static void hostile(void **state)
{
    static const struct {
        const char *unit;
        const char *errors; /* a part of them */
    } rows[] = {
        {"{", "a block without a name"},
        {"}", "a `}` without its `{`"},
        {"a{", "never closed"},
        {"a.b{", "a site begins inside"},
        {"\"", "quote"},
        {",", "a word of more"},
        {"a,", "a word of more"},
        {"a{proxy :1{", "never closed"},
        {"user x{", "has no block"},
        {"\xff", "UTF-8"},
        {"\n", ""},
        {"#", ""},
        {"a\n", "unknown directive `a`"},
        {"a b\n", "unknown"},
        {"\\", "a word of more"},
        {" ", ""},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct buf text = {0};
        while (text.len < 60000)
            assert_true(buf_add_str(&text, str_of(rows[i].unit)));
        const char *errors = case_errors(buf_str(&text));
        if ((rows[i].errors[0] == '\0') != (errors[0] == '\0') || !strstr(errors, rows[i].errors))
            fail_msg("%s: %.300s", rows[i].unit, errors);
        buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shown),     cmocka_unit_test(bytes),       cmocka_unit_test(sizes),
        cmocka_unit_test(long_line), cmocka_unit_test(many_errors), cmocka_unit_test(hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
