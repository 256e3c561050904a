#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/b64.h"
#include "base/json_write.h"

/* RFC 4648 section 10, in the alphabet of section 5 and without padding. */
static void vectors(void **state)
{
    static const struct {
        const char *plain, *coded;
    } rows[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"},
    };
    struct arena mem = {0};
    for (size_t i = 0; i < nitems(rows); i++) {
        struct buf out = {0};
        assert_true(str_eq(b64_url(&mem, str_of(rows[i].plain)), str_of(rows[i].coded)));
        assert_true(b64_url_put(&out, str_of(rows[i].plain)));
        assert_true(str_eq(buf_str(&out), str_of(rows[i].coded)));
        struct str back = b64_url_read(&mem, str_of(rows[i].coded));
        assert_true(back.p && str_eq(back, str_of(rows[i].plain)));
        buf_done(&out);
    }
    arena_done(&mem);
}

/* RFC 7515 appendix C. */
static void jose(void **state)
{
    static const uint8_t bytes[] = {3, 236, 255, 224, 193};
    struct arena mem = {0};
    assert_true(str_eq(b64_url(&mem, str_from(bytes, sizeof bytes)), STR("A-z_4ME")));
    arena_done(&mem);
}

static void refused(void **state)
{
    static const char *const rows[] = {"Z",    "Zg==", "Zg=", "Zm9v\n", " Zm9v", "Zm+v",
                                       "Zm/v", "Zh",   "Zm9", "Zm9vY",  "Zm.v"};
    struct arena mem = {0};
    for (size_t i = 0; i < nitems(rows); i++) {
        if (b64_url_read(&mem, str_of(rows[i])).p)
            fail_msg("%s was taken", rows[i]);
    }
    arena_done(&mem);
}

static void alphabet(void **state)
{
    assert_true(b64_is_url(STR("abcXYZ019-_")));
    assert_false(b64_is_url(STR("")) || b64_is_url(STR("a.b")) || b64_is_url(STR("a/b")) ||
                 b64_is_url(STR("a=")) || b64_is_url(STR("a b")) || b64_is_url(STR("a\0b")) ||
                 b64_is_url(STR("\xc3\xa4")));
}

static void json_texts(void **state)
{
    static const struct {
        struct str text, written;
    } rows[] = {
        {STR(""), STR("\"\"")},
        {STR("plain"), STR("\"plain\"")},
        {STR("a\"b\\c/"), STR("\"a\\\"b\\\\c/\"")},
        {STR("\n\t\0\x7f"), STR("\"\\u000a\\u0009\\u0000\\u007f\"")},
        {STR("\xc3\xa4"), STR("\"\xc3\xa4\"")},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct buf out = {0};
        assert_true(json_write_text(&out, rows[i].text));
        assert_true(str_eq(buf_str(&out), rows[i].written));
        buf_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),  cmocka_unit_test(jose),       cmocka_unit_test(refused),
        cmocka_unit_test(alphabet), cmocka_unit_test(json_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
