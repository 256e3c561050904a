#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/suggest.h"
#include "config/value.h"

struct duration_row {
    const char *text;
    msec value;
    const char *shortest; /* NULL: text is */
};

static void durations(void **state)
{
    static const struct duration_row rows[] = {
        {"500ms", 500, NULL},
        {"10s", 10000, NULL},
        {"5m", 300000, NULL},
        {"1h", 3600000, NULL},
        {"1000ms", 1000, "1s"},
        {"75s", 75000, NULL},
        {"600s", 600000, "10m"},
        {"3610s", 3610000, NULL},
        {"60m", 3600000, "1h"},
        {"0ms", 0, NULL},
        {"0s", 0, "0ms"},
        {"007s", 7000, "7s"},
        {"2562047788015h", 2562047788015LL * 3600000, NULL},
        {"9223372036854775807ms", INT64_MAX, NULL},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        char text[DURATION_TEXT];
        msec value = -1;
        assert_true(duration_parse(str_of(rows[i].text), &value));
        assert_int_equal(value, rows[i].value);
        assert_string_equal(duration_format(value, text), rows[i].shortest ? rows[i].shortest : rows[i].text);
        assert_true(duration_parse(str_of(text), &value));
        assert_int_equal(value, rows[i].value);
    }
}

static void bad_durations(void **state)
{
    static const char *const rows[] = {"",
                                       "10",
                                       "s",
                                       "10 s",
                                       "-1s",
                                       "+1s",
                                       "1.5s",
                                       "10S",
                                       "10sec",
                                       "1d",
                                       "1h30m",
                                       "0x10s",
                                       " 10s",
                                       "10s ",
                                       "9223372036854775808ms",
                                       "2562047788016h"};
    msec value;
    for (size_t i = 0; i < nitems(rows); i++)
        if (duration_parse(str_of(rows[i]), &value))
            fail_msg("`%s` was accepted", rows[i]);
}

struct size_row {
    const char *text;
    uint64_t value;
    const char *shortest;
};

static void sizes(void **state)
{
    static const struct size_row rows[] = {
        {"64k", 65536, NULL},
        {"64K", 65536, "64k"},
        {"10M", 10485760, NULL},
        {"10m", 10485760, "10M"},
        {"50G", 53687091200, NULL},
        {"1024M", 1073741824, "1G"},
        {"0", 0, NULL},
        {"1", 1, NULL},
        {"1025", 1025, NULL},
        {"8589934591G", 8589934591ULL << 30, NULL},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        char text[SIZE_TEXT];
        uint64_t value = 99;
        assert_true(size_parse(str_of(rows[i].text), &value));
        assert_int_equal(value, rows[i].value);
        assert_string_equal(size_format(value, text), rows[i].shortest ? rows[i].shortest : rows[i].text);
        assert_true(size_parse(str_of(text), &value));
        assert_int_equal(value, rows[i].value);
    }
}

static void bad_sizes(void **state)
{
    static const char *const rows[] = {
        "", "k", "-1k", "1.5G", "10 M", "10MB", "1T", "8589934592G", "18446744073709551616"};
    uint64_t value;
    for (size_t i = 0; i < nitems(rows); i++)
        if (size_parse(str_of(rows[i]), &value))
            fail_msg("`%s` was accepted", rows[i]);
}

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void hosts(void **state)
{
    static const char *const rows[] = {"example.org",
                                       "nas",
                                       "*",
                                       "*.example.org",
                                       "a.b.c.d.e",
                                       "xn--mnchen-3ya.example",
                                       "a_b.lan",
                                       "1e.test",
                                       "1.2.3.x",
                                       "EXAMPLE.org",
                                       L63 ".org",
                                       L63 "." L63 "." L63 "."
                                           "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    for (size_t i = 0; i < nitems(rows); i++)
        if (host_problem(str_of(rows[i])))
            fail_msg("`%s`: %s", rows[i], host_problem(str_of(rows[i])));
}

static void bad_hosts(void **state)
{
    static const char *const rows[][2] = {
        {"", "empty"},
        {".", "empty"},
        {"a..b", "empty"},
        {".a", "empty"},
        {"a.", "empty"}, /* the parser takes a final dot off */
        {"*.", "empty"},
        {"-a.org", "begin or end"},
        {"a-.org", "begin or end"},
        {"a.-", "begin or end"},
        {"*a.org", "whole first part"},
        {"a.*.org", "whole first part"},
        {"*.*.org", "whole first part"},
        {"**", "whole first part"},
        {"m\xc3\xbcnchen.example", "xn--"},
        {"a b", "letters, digits"},
        {"a@b", "letters, digits"},
        {"a;", "letters, digits"},
        {"192.0.2.1", "address"},
        {"192.0.2.1:80", "address"},
        {"::1", "address"},
        {"[::1]", "address"},
        {"[::1]:443", "address"},
        {"a.org:8443", "port"},
        {"https://a.org", "http://"},
        {"a.org/x", "http://"},
        {L63 "a.org", "63"},
        {L63 "." L63 "." L63 "." L63, "253"},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        const char *problem = host_problem(str_of(rows[i][0]));
        if (!problem || !strstr(problem, rows[i][1]))
            fail_msg("`%s`: %s", rows[i][0], problem ? problem : "accepted");
    }
}

static void utf8(void **state)
{
    static const struct {
        const char *text;
        size_t length;
    } rows[] = {
        {"a", 1},
        {"\x7f", 1},
        {"\xc2\x80", 2},
        {"\xdf\xbf", 2},
        {"\xe0\xa0\x80", 3},
        {"\xed\x9f\xbf", 3},
        {"\xef\xbf\xbf", 3},
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"", 0},
        {"\x80", 0},
        {"\xc0\x80", 0}, /* overlong */
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\xff", 0},
        {"\xc3", 0}, /* cut */
        {"\xe2\x82", 0},
        {"\xe2\x82"
         "a",
         0},
        {"\xf0\x9f\x98", 0},
    };
    for (size_t i = 0; i < nitems(rows); i++)
        assert_int_equal(utf8_length(str_of(rows[i].text)), rows[i].length);
}

static void distances(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"", "", 0},           {"", "abc", 3},           {"proxy", "proxy", 0},    {"proxi", "proxy", 1},
        {"prxoy", "proxy", 1}, {"prox", "proxy", 1},     {"proxyy", "proxy", 1},   {"respnd", "respond", 1},
        {"ca", "abc", 3},      {"kitten", "sitting", 3}, {"worker", "workers", 1},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        assert_int_equal(edit_distance(str_of(rows[i].a), str_of(rows[i].b)), rows[i].distance);
        assert_int_equal(edit_distance(str_of(rows[i].b), str_of(rows[i].a)), rows[i].distance);
    }
    assert_true(edit_distance(STR("abcdefghijklmnopqrstuvwxyzabcdefg"), STR("a")) == SIZE_MAX);
}

static void suggestions(void **state)
{
    static const char *const words[] = {"http", "https", "proxy", "tls"};
    static const char *const rows[][2] = {
        {"htps", "https"}, {"httpss", "https"}, {"prox", "proxy"}, {"tsl", "tls"},
        {"xyz", NULL},     {"a", NULL},         {"", NULL},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct suggest s = {.word = str_of(rows[i][0])};
        for (size_t j = 0; j < nitems(words); j++)
            suggest_offer(&s, words[j]);
        if (rows[i][1])
            assert_string_equal(s.best, rows[i][1]);
        else
            assert_null(s.best);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations), cmocka_unit_test(bad_durations), cmocka_unit_test(sizes),
        cmocka_unit_test(bad_sizes), cmocka_unit_test(hosts),         cmocka_unit_test(bad_hosts),
        cmocka_unit_test(utf8),      cmocka_unit_test(distances),     cmocka_unit_test(suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
