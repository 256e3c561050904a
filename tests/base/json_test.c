#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static struct json *open_text(const char *text)
{
    return json_open(str_of(text));
}

/* Anything but RFC 8259 within the limits is refused whole. */
static void refused(void **state)
{
    static const struct {
        const char *what, *text;
    } rows[] = {
        {"nothing", ""},
        {"blank", " \n"},
        {"a word", "hello"},
        {"HTML", "<html><body>{\"a\":1}</body></html>"},
        {"cut", "{\"a\":\"b"},
        {"cut in an array", "[1,2"},
        {"two values", "{} {}"},
        {"single quotes", "{'a':1}"},
        {"a bare name", "{a:1}"},
        {"a comma at the end", "[1,]"},
        {"a comment", "[1/* */]"},
        {"hexadecimal", "[0x10]"},
        {"a leading zero", "[01]"},
        {"a plus", "[+1]"},
        {"Infinity", "[Infinity]"},
        {"NaN", "NaN"},
        {"a raw newline in a text", "[\"a\nb\"]"},
        {"an unknown escape", "[\"\\x41\"]"},
        {"half an escape", "[\"\\u00\"]"},
        {"an escaped NUL", "[\"a\\u0000b\"]"},
        {"an escaped NUL in a name", "{\"a\\u0000\":1}"},
        {"a closing bracket too many", "[1]]"},
        {"brackets crossed", "[{]}"},
        {"a byte order mark", "\xef\xbb\xbf{}"},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct json *j = open_text(rows[i].text);
        if (j)
            fail_msg("%s was taken", rows[i].what);
    }
    assert_null(json_open(str_from("[1]\0", 4)));
}

static void depth(void **state)
{
    char text[2 * JSON_DEPTH + 8];
    for (size_t levels = JSON_DEPTH; levels <= JSON_DEPTH + 1; levels++) {
        memset(text, '[', levels);
        memset(text + levels, ']', levels);
        struct json *j = json_open(str_from(text, 2 * levels));
        assert_int_equal(j != NULL, levels == JSON_DEPTH);
        json_close(j);
    }
    /* Brackets in a text nest nothing. */
    memset(text, '[', sizeof text);
    text[1] = text[sizeof text - 2] = '"';
    text[sizeof text - 1] = ']';
    struct json *j = json_open(str_from(text, sizeof text));
    assert_non_null(j);
    json_close(j);
}

static void size(void **state)
{
    char *text = malloc(JSON_SIZE + 1);
    assert_non_null(text);
    memset(text, ' ', JSON_SIZE + 1);
    memcpy(text, "[7]", 3);
    struct json *j = json_open(str_from(text, JSON_SIZE));
    assert_non_null(j);
    json_close(j);
    assert_null(json_open(str_from(text, JSON_SIZE + 1)));
    free(text);
}

static void types(void **state)
{
    static const struct {
        const char *path;
        enum json_type type;
    } rows[] = {
        {"$", JSON_OBJECT},    {"$.null", JSON_NULL},   {"$.yes", JSON_BOOL},       {"$.no", JSON_BOOL},
        {"$.n", JSON_NUMBER},  {"$.real", JSON_NUMBER}, {"$.text", JSON_TEXT},      {"$.list", JSON_ARRAY},
        {"$.in", JSON_OBJECT}, {"$.in.a", JSON_NUMBER}, {"$.list[1]", JSON_TEXT},   {"$.list[9]", JSON_NONE},
        {"$.gone", JSON_NONE}, {"$.n.a", JSON_NONE},    {"$.text[0].a", JSON_NONE}, {"$[", JSON_NONE},
        {"", JSON_NONE},       {"nonsense", JSON_NONE},
    };
    struct json *j = open_text(
        "{\"null\":null,\"yes\":true,\"no\":false,\"n\":42,\"real\":1.5,\"text\":\"t\","
        "\"list\":[1,\"two\",[]],\"in\":{\"a\":1}}");
    assert_non_null(j);
    for (size_t i = 0; i < nitems(rows); i++) {
        if (json_type(j, "%s", rows[i].path) != rows[i].type)
            fail_msg("%s", rows[i].path);
    }
    json_close(j);
}

static void values(void **state)
{
    struct arena mem = {0};
    int64_t n = 0;
    struct json *j = open_text(
        "{\"t\":\"a\\\"\\\\\\n\\u00e4\\ud83d\\ude00\",\"empty\":\"\",\"big\":9223372036854775807,"
        "\"bigger\":9223372036854775808,\"real\":2.0,\"yes\":true,\"no\":false,\"one\":1,"
        "\"s\":\"true\",\"a\":[10,20,30],\"twice\":1,\"twice\":2}");
    assert_non_null(j);
    struct str t = json_text(j, &mem, "$.t");
    assert_true(str_eq(t, STR("a\"\\\n\xc3\xa4\xf0\x9f\x98\x80")));
    t = json_text(j, &mem, "$.empty");
    assert_true(t.p && t.n == 0);
    assert_null(json_text(j, &mem, "$.big").p);
    assert_null(json_text(j, &mem, "$.gone").p);
    assert_true(json_int(j, &n, "$.big") && n == INT64_MAX);
    assert_false(json_int(j, &n, "$.bigger"));
    assert_false(json_int(j, &n, "$.real"));
    assert_false(json_int(j, &n, "$.s"));
    assert_true(json_int(j, &n, "$.a[%d]", 2) && n == 30);
    assert_true(json_int(j, &n, "$.twice") && n == 1);
    assert_true(json_is_true(j, "$.yes"));
    assert_false(json_is_true(j, "$.no") || json_is_true(j, "$.one") || json_is_true(j, "$.s") ||
                 json_is_true(j, "$.gone"));
    assert_int_equal(json_count(j, "$.a"), 3);
    assert_int_equal(json_count(j, "$.t"), 0);
    assert_int_equal(json_count(j, "$"), 0);
    assert_int_equal(json_count(j, "$.gone"), 0);
    json_close(j);
    arena_done(&mem);
}

/* A path that does not fit names nothing. */
static void long_path(void **state)
{
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct json *j = open_text("{\"a\":1}");
    assert_int_equal(json_type(j, "$.%s", name), JSON_NONE);
    assert_int_equal(json_type(j, "$.a"), JSON_NUMBER);
    json_close(j);
    json_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused), cmocka_unit_test(depth),  cmocka_unit_test(size),
        cmocka_unit_test(types),   cmocka_unit_test(values), cmocka_unit_test(long_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
