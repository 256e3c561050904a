/* Sites in and out of a text: what is not theirs stays, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_cases.h"
#include "config/edit.h"

#define BLOCK  "n.test {\n    proxy 1.2.3.4:5\n}\n"
#define DOS    "n.test {\r\n    proxy 1.2.3.4:5\r\n}\r\n"
#define MARK   "\xef\xbb\xbf"
#define ANSWER " { respond 200 }"

struct row {
    const char *name, *text, *expected;
};

static void expect(const char *name, struct buf *got, const char *expected)
{
    if (!str_eq(buf_str(got), str_of(expected)))
        fail_msg("%s:\n%.*s", name, STR_ARG(buf_str(got)));
    buf_done(got);
}

/* The text without the name; fails the test if there is no such site. */
static struct buf removed(struct str text, const char *name)
{
    struct buf out = {0}, errors = {0};
    struct snapshot *s = config_parse(CASE_FILE, text, &errors);
    if (!s)
        fail_msg("%.*s\n%.*s", STR_ARG(text), STR_ARG(buf_str(&errors)));
    const struct site *site = edit_find(s, str_of(name));
    if (!site)
        fail_msg("no %s in:\n%.*s", name, STR_ARG(text));
    assert_true(edit_remove(text, site, str_of(name), &out));
    snapshot_free(s);
    buf_done(&errors);
    return out;
}

static const struct row adds[] = {
    {"an empty file", "", BLOCK},
    {"a mark alone", MARK, MARK BLOCK},
    {"one line", "email a@b.org\n", "email a@b.org\n\n" BLOCK},
    {"no last line end", "email a@b.org", "email a@b.org\n\nn.test {\n    proxy 1.2.3.4:5\n}"},
    {"line ends of DOS", "email a@b.org\r\n", "email a@b.org\r\n\r\n" DOS},
    {"those of the last line count", "workers 1\nemail a@b.org\r\n", "workers 1\nemail a@b.org\r\n\r\n" DOS},
    {"DOS without the last one", "workers 1\r\nemail a@b.org",
     "workers 1\r\nemail a@b.org\r\n\r\nn.test {\r\n    proxy 1.2.3.4:5\r\n}"},
    {"blank lines at the end stay there", "workers 1\n\n  \n", "workers 1\n\n" BLOCK "\n  \n"},
    {"blanks behind the last line end", "workers 1\n\t", "workers 1\n\n" BLOCK "\t"},
    {"blanks behind the last word", "workers 1 \t", "workers 1 \t\n\nn.test {\n    proxy 1.2.3.4:5\n}"},
    {"nothing but blank lines", "\n \n", "\n" BLOCK "\n \n"},
    {"a comment at the end", "# the end", "# the end\n\nn.test {\n    proxy 1.2.3.4:5\n}"},
    {"a site at the end", "a.test" ANSWER "\n", "a.test" ANSWER "\n\n" BLOCK},
    {"tabs", "a.test {\n\trespond 200\t#c\n}\n", "a.test {\n\trespond 200\t#c\n}\n\n" BLOCK},
};

static void add(void **state)
{
    for (size_t i = 0; i < nitems(adds); i++) {
        const struct row *row = &adds[i];
        struct buf out = {0};
        assert_true(edit_add(str_of(row->text), STR(BLOCK), &out));
        expect(row->name, &out, row->expected);
        struct str added = str_of(row->expected);
        struct buf back = removed(added, "n.test");
        expect(row->name, &back, row->text);
    }
}

/* What is taken out is always n.test. */
static const struct row removals[] = {
    {"alone", BLOCK, ""},
    {"alone, in one line", "n.test" ANSWER, ""},
    {"behind a mark", MARK BLOCK, MARK},
    {"the first of two", BLOCK "\na.test" ANSWER "\n", "a.test" ANSWER "\n"},
    {"the last of two", "a.test" ANSWER "\n\n" BLOCK, "a.test" ANSWER "\n"},
    {"the middle one", "a.test" ANSWER "\n\n" BLOCK "\nb.test" ANSWER "\n",
     "a.test" ANSWER "\n\nb.test" ANSWER "\n"},
    {"a gap before it alone stays", "a.test" ANSWER "\n\n" BLOCK "b.test" ANSWER "\n",
     "a.test" ANSWER "\n\nb.test" ANSWER "\n"},
    {"a gap behind it alone stays", "a.test" ANSWER "\n" BLOCK "\nb.test" ANSWER "\n",
     "a.test" ANSWER "\n\nb.test" ANSWER "\n"},
    {"the comment above it stays", "# new\n" BLOCK "\n# old\n", "# new\n\n# old\n"},
    {"those in it go", "# a\nn.test { # b\n# c\nrespond 200 # d\n# e\n}\n# f\n", "# a\n# f\n"},
    {"the one behind its brace stays", "n.test {\nrespond 200\n}  # f\n", "# f\n"},
    {"an indented one", "  n.test" ANSWER "  \nemail a@b.org\n", "email a@b.org\n"},
    {"two in a line, the first", "n.test" ANSWER " a.test" ANSWER "\n", "a.test" ANSWER "\n"},
    {"two in a line, the second", "a.test" ANSWER " n.test" ANSWER "\n", "a.test" ANSWER "\n"},
    {"between two in a line", "a.test" ANSWER " n.test" ANSWER " b.test" ANSWER "\n",
     "a.test" ANSWER " b.test" ANSWER "\n"},
    {"no blanks between", "a.test{respond 200}n.test{respond 200}#c\n", "a.test{respond 200}#c\n"},
    {"from the middle of a line on", "a.test" ANSWER " n.test {\nrespond 200\n}\nworkers 1\n",
     "a.test" ANSWER "\nworkers 1\n"},
    {"to the middle of a line", "n.test {\nrespond 200\n} workers 1\n", "workers 1\n"},
    {"braces in quotes and comments", "n.test {\nrespond 200 \"}\" # }\n}\nworkers 1\n", "workers 1\n"},
    {"a block inside", "n.test {\nproxy 1.2.3.4:5 {\n}\n}\nworkers 1\n", "workers 1\n"},
    {"in quotes", "\"n.test\"" ANSWER "\nworkers 1\n", "workers 1\n"},
    {"capitals and a dot", "N.Test." ANSWER "\nworkers 1\n", "workers 1\n"},
    {"line ends of DOS", "a.test" ANSWER "\r\n\r\n" DOS, "a.test" ANSWER "\r\n"},
    {"the last without a line end", "workers 1\r\nn.test" ANSWER, "workers 1"},

    {"the first name", "n.test, a.test" ANSWER, "a.test" ANSWER},
    {"the last name", "a.test, n.test" ANSWER, "a.test" ANSWER},
    {"the middle name", "a.test, n.test, b.test" ANSWER, "a.test, b.test" ANSWER},
    {"no blanks in the list", "a.test,n.test,b.test{respond 200}", "a.test,b.test{respond 200}"},
    {"a blank before the comma", "a.test , n.test , b.test" ANSWER, "a.test , b.test" ANSWER},
    {"the brace at the last name", "a.test,n.test{respond 200}", "a.test{respond 200}"},
    {"a comma behind the last name", "a.test, n.test," ANSWER, "a.test," ANSWER},
    {"in quotes in a list", "\"a.test\", \"n.test\",b.test" ANSWER, "\"a.test\", b.test" ANSWER},
    {"capitals and a dot in a list", "a.test, N.TEST." ANSWER, "a.test" ANSWER},
    {"a name that begins the same", "n.test.org, n.test" ANSWER, "n.test.org" ANSWER},
    {"a line of its own", "a.test,\nn.test,\nb.test" ANSWER, "a.test,\nb.test" ANSWER},
    {"the first line", "n.test,\na.test" ANSWER, "a.test" ANSWER},
    {"the last line", "a.test,\n  n.test" ANSWER, "a.test" ANSWER},
    {"the end of a line", "a.test, n.test,\nb.test" ANSWER, "a.test,\nb.test" ANSWER},
    {"comments in the list", "a.test, # a\nn.test, # n\nb.test" ANSWER, "a.test, # a\n# n\nb.test" ANSWER},
    {"a comment before the last", "a.test, # a\nn.test" ANSWER, "a.test, # a\n" ANSWER},
    {"the body stays", "a.test, n.test {\n\trespond 200 # c\n}", "a.test {\n\trespond 200 # c\n}"},
};

static void remove_name(void **state)
{
    for (size_t i = 0; i < nitems(removals); i++) {
        struct buf out = removed(str_of(removals[i].text), "n.test");
        assert_string_equal(case_errors(buf_str(&out)), "");
        expect(removals[i].name, &out, removals[i].expected);
    }
}

static void the_rest_site(void **state)
{
    struct buf out = removed(STR("workers 1\n\n* { respond 404 }\n"), "*");
    expect("*", &out, "workers 1\n");
    struct snapshot *s = case_parse("a.example.org, *.example.org { respond 200\ntls off }\n");
    assert_null(edit_find(s, STR("*")));
    assert_null(edit_find(s, STR("b.example.org")));
    assert_non_null(edit_find(s, STR("*.EXAMPLE.org")));
    snapshot_free(s);
}

/* Every text that other rows begin with or end in gets a site, and loses it again. */
static void there_and_back(void **state)
{
    static const char block[] = "added.test {\n    proxy 1.2.3.4:5\n}\n";
    for (size_t i = 0; i < 2 * nitems(removals); i++) {
        const struct row *row = &removals[i / 2];
        struct str text = str_of(i % 2 == 0 ? row->text : row->expected);
        struct buf with = {0};
        assert_true(edit_add(text, STR(block), &with));
        assert_true(str_starts(buf_str(&with), str_take(text, str_trim(text).n)));
        struct buf back = removed(buf_str(&with), "added.test");
        if (!str_eq(buf_str(&back), text))
            fail_msg("%.*s\nis not\n%.*s", STR_ARG(buf_str(&back)), STR_ARG(text));
        buf_done(&with);
        buf_done(&back);
    }
}

static void words(void **state)
{
    static const struct row rows[] = {
        {"plain", "127.0.0.1:80", "127.0.0.1:80"},
        {"a blank", "unix:/run/a b", "\"unix:/run/a b\""},
        {"a brace", "unix:/run/{a}", "\"unix:/run/{a}\""},
        {"a quote", "unix:/a\"b\\", "\"unix:/a\\\"b\\\\\""},
        {"no comment", "#a", "\"#a\""},
        {"no end of a directive", "a;", "\"a;\""},
        {"nothing", "", "\"\""},
        {"a hash inside", "a#b", "a#b"},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct buf out = {0};
        assert_true(edit_word(str_of(rows[i].text), &out));
        expect(rows[i].name, &out, rows[i].expected);
    }
    struct buf name = {0};
    assert_true(edit_name(STR("email"), &name));
    expect("a directive", &name, "\"email\"");
    assert_true(edit_name(STR("a.test"), &name));
    expect("a name", &name, "a.test");
}

static void internal(void **state)
{
    static const struct {
        const char *text, *name;
        bool wants;
    } rows[] = {
        {"", "photos.example.org", false},
        {"", "nas.local", true},
        {"", "nas.home.arpa", true},
        {"", "nas", true},
        {"", "*", false},
        {"https off\n", "nas.local", false},
        {"acme { directory letsencrypt-staging }\n", "nas.local", true},
        {"acme { directory https://ca.home.arpa/dir }\n", "nas.local", false},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct snapshot *s = case_parse(rows[i].text);
        if (edit_wants_internal(s, str_of(rows[i].name)) != rows[i].wants)
            fail_msg("%s%s", rows[i].text, rows[i].name);
        snapshot_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add),           cmocka_unit_test(remove_name),
        cmocka_unit_test(the_rest_site), cmocka_unit_test(there_and_back),
        cmocka_unit_test(words),         cmocka_unit_test(internal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
