#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static void equality(void **state)
{
    assert_true(str_eq(STR("abc"), str_of("abc")));
    assert_true(str_eq(STR(""), (struct str){NULL, 0}));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_false(str_eq(STR("abc"), STR("ab")));
    assert_true(str_eq(STR("a\0b"), str_from("a\0b", 3)));
    assert_true(str_ieq(STR("Content-LENGTH"), STR("content-length")));
    assert_false(str_ieq(STR("ab"), STR("abc")));
    /* Only ASCII letters have case: these pairs differ in the same bit. */
    assert_false(str_ieq(STR("@[\\]^"), STR("`{|}~")));
    assert_false(str_ieq(STR("\xc4"), STR("\xe4")));
}

static void order(void **state)
{
    static const char *const sorted[] = {"", "A", "a", "aa", "ab", "b", "\xff"};
    for (size_t i = 0; i < nitems(sorted); i++)
        for (size_t j = 0; j < nitems(sorted); j++) {
            int c = str_cmp(str_of(sorted[i]), str_of(sorted[j]));
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
        }
}

static void ends(void **state)
{
    assert_true(str_starts(STR("abc"), STR("ab")) && str_starts(STR("abc"), STR("")) &&
                str_starts(STR(""), STR("")));
    assert_false(str_starts(STR("ab"), STR("abc")) || str_starts(STR("abc"), STR("AB")));
    assert_true(str_istarts(STR("abc"), STR("AB")) && str_ends(STR("abc"), STR("bc")) &&
                str_ends(STR("abc"), STR("")));
    assert_false(str_istarts(STR("a"), STR("AB")) || str_ends(STR("bc"), STR("abc")) ||
                 str_ends(STR("abc"), STR("ab")));
}

static void parts(void **state)
{
    struct str s = STR("a=b=c");
    assert_int_equal(str_find(s, '='), 1);
    assert_int_equal(str_find(s, 'x'), 5);
    assert_int_equal(str_find((struct str){NULL, 0}, 'x'), 0);
    assert_true(str_eq(str_skip(s, 2), STR("b=c")) && str_eq(str_skip(s, 5), STR("")) &&
                str_eq(str_skip(s, 99), STR("")));
    assert_true(str_eq(str_take(s, 1), STR("a")) && str_eq(str_take(s, 99), s) &&
                str_eq(str_take(s, 0), STR("")));
    assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")) && str_eq(str_trim(STR(" \t")), STR("")));
    assert_true(str_eq(str_trim(STR("\na\r")), STR("\na\r"))); /* blanks alone: OWS */
}

struct list_row {
    const char *list, *elements; /* joined with | */
};

static void elements(void **state)
{
    static const struct list_row rows[] = {
        {"", ""},
        {"a", "a|"},
        {"a,b", "a|b|"},
        {" a , \tb ,", "a|b|"},
        {",,a,, ,b,,", "a|b|"},
        {"\"a,b\", c", "\"a,b\"|c|"},
        {"\"a\\\",b\",c", "\"a\\\",b\"|c|"},
        {"a;q=\"x,y\",b", "a;q=\"x,y\"|b|"},
        {"\"open, to the end", "\"open, to the end|"},
        {"a b", "a b|"},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        char out[64] = "";
        struct str rest = str_of(rows[i].list), element;
        while (str_next_element(&rest, &element)) {
            (void)strncat(out, element.p, element.n);
            (void)strcat(out, "|");
        }
        assert_string_equal(out, rows[i].elements);
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool good;
        uint64_t value;
    } rows[] = {
        {"0", 0, true, 0},
        {"000", 9, true, 0},
        {"65535", 65535, true, 65535},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"7", 7, true, 7},
        {"9", 9, true, 9},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999", UINT64_MAX, false, 0},
        {"65536", 65535, false, 0},
        {"8", 7, false, 0},
        {"10", 9, false, 0},
        {"", 9, false, 0},
        {"+1", 9, false, 0},
        {"-1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 99, false, 0},
        {"1a", 99, false, 0},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        uint64_t value = 0;
        assert_int_equal(str_to_u64(str_of(rows[i].text), rows[i].max, &value), rows[i].good);
        assert_int_equal(value, rows[i].value);
    }
}

static void characters(void **state)
{
    for (int c = 0; c < 256; c++) {
        bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
        assert_int_equal(ascii_lower((char)c), (char)(upper ? c + 32 : c));
        assert_int_equal(ascii_alnum((char)c), lower || upper || digit);
        int expected = digit                  ? c - '0'
                       : c >= 'a' && c <= 'f' ? c - 'a' + 10
                       : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                              : -1;
        assert_int_equal(ascii_hex((char)c), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality),   cmocka_unit_test(order),    cmocka_unit_test(ends),
        cmocka_unit_test(parts),      cmocka_unit_test(elements), cmocka_unit_test(numbers),
        cmocka_unit_test(characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
