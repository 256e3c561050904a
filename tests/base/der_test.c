#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/der_write.h"

/* X.690 sections 8.1.3 and 10.1: a length takes as few bytes as it can, and what is written is read again. */
static void lengths(void **state)
{
    static const struct {
        size_t content, header;
    } rows[] = {{0, 2}, {1, 2}, {127, 2}, {128, 3}, {255, 3}, {256, 4}, {65535, 4}, {65536, 5}, {100000, 5}};
    char *bytes = calloc(1, 100000);
    assert_non_null(bytes);
    for (size_t i = 0; i < nitems(rows); i++) {
        struct der_write w = {0};
        struct str content;
        der_write_put(&w, DER_OCTET_STRING, str_from(bytes, rows[i].content));
        struct str in = der_write_str(&w);
        assert_int_equal(in.n, rows[i].header + rows[i].content);
        assert_true(der_take(&in, DER_OCTET_STRING, &content));
        assert_int_equal(content.n, rows[i].content);
        assert_int_equal(in.n, 0);
        buf_done(&w.out);
    }
    free(bytes);
}

/* Each level grows by the header of the one inside it, also where a length changes its form. */
static void nested(void **state)
{
    static const char filler[124] = {0};
    struct der_write w = {0};
    struct str in, content, number;
    size_t outer = der_write_begin(&w, DER_SEQUENCE);
    size_t middle = der_write_begin(&w, DER_SEQUENCE);
    der_write_put(&w, DER_OCTET_STRING, str_from(filler, sizeof filler));
    der_write_small(&w, 5);
    der_write_end(&w, middle);
    der_write_bits(&w, STR("\xaa\x55"));
    der_write_end(&w, outer);
    in = der_write_str(&w);
    assert_true(der_take(&in, DER_SEQUENCE, &content) && in.n == 0);
    in = content;
    assert_true(der_take(&in, DER_SEQUENCE, &content) && content.n == 2 + sizeof filler + 3);
    assert_true(der_take(&content, DER_OCTET_STRING, &(struct str){0}));
    assert_true(der_take_unsigned(&content, &number) && str_eq(number, STR("\5")));
    assert_true(der_take_bits(&in, &content) && str_eq(content, STR("\xaa\x55")) && in.n == 0);
    buf_done(&w.out);
}

static void refused(void **state)
{
    static const struct {
        const char *what;
        struct str der;
    } rows[] = {
        {"nothing", STR("")},
        {"a tag alone", STR("\x04")},
        {"content cut", STR("\x04\x02\x61")},
        {"indefinite length", STR("\x04\x80\x61\x00\x00")},
        {"a long form that is not needed", STR("\x04\x81\x01\x61")},
        {"a leading zero in the length", STR("\x04\x82\x00\x81\x61")},
        {"length cut", STR("\x04\x82\x01")},
        {"a length of four bytes", STR("\x04\x84\x01\x00\x00\x00")},
        {"another tag", STR("\x05\x00")},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct str in = rows[i].der, content;
        if (der_take(&in, DER_OCTET_STRING, &content))
            fail_msg("%s was taken", rows[i].what);
        assert_int_equal(in.n, rows[i].der.n);
    }
}

static void numbers(void **state)
{
    struct str in = STR("\x02\x02\x00\x80"), number;
    assert_true(der_take_unsigned(&in, &number) && str_eq(number, STR("\x80")));
    in = STR("\x02\x01\x00");
    assert_true(der_take_unsigned(&in, &number) && number.n == 0);
    in = STR("\x02\x01\x80");
    assert_false(der_take_unsigned(&in, &number));
    in = STR("\x02\x00");
    assert_false(der_take_unsigned(&in, &number));
    in = STR("\x03\x02\x01\xaa");
    assert_false(der_take_bits(&in, &number)); /* not whole bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(nested),
        cmocka_unit_test(refused),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
