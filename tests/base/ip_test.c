#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ip.h"

static void addresses(void **state)
{
    static const char *const rows[][2] = {
        /* text, what is printed; NULL: no address */
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"", NULL},
        {"192.0.2", NULL},
        {"192.0.2.1.1", NULL},
        {"192.0.2.256", NULL},
        {"192.0.2.01", NULL},
        {"192.0.2.1 ", NULL},
        {" 192.0.2.1", NULL},
        {"0x7f.0.0.1", NULL},
        {"2130706433", NULL},
        {"[::1]", NULL},
        {"fe80::1%eth0", NULL},
        {"1:2:3:4:5:6:7", NULL},
        {"1:2:3:4:5:6:7:8:9", NULL},
        {"::1::", NULL},
        {"localhost", NULL},
        {"00000000000000000000000000000000000000000000000000000000000::1", NULL},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct ip ip = {0};
        char text[IP_TEXT];
        assert_int_equal(ip_parse(str_of(rows[i][0]), &ip), rows[i][1] != NULL);
        assert_string_equal(ip_format(ip, text), rows[i][1] ? rows[i][1] : "-");
    }
    struct ip ip;
    assert_false(ip_parse(STR("192.0.2.1\0"), &ip));
}

static void endpoints(void **state)
{
    static const char *const rows[][2] = {
        {"192.0.2.1:80", "192.0.2.1:80"},
        {"192.0.2.1:65535", "192.0.2.1:65535"},
        {"[2001:db8::1]:443", "[2001:db8::1]:443"},
        {"[::]:1", "[::]:1"},
        {"", NULL},
        {":80", NULL},
        {"[]:80", NULL},
        {"192.0.2.1", NULL},
        {"192.0.2.1:", NULL},
        {"192.0.2.1:0", NULL},
        {"192.0.2.1:65536", NULL},
        {"192.0.2.1:+80", NULL},
        {"192.0.2.1:80 ", NULL},
        {"192.0.2.1:80:80", NULL},
        {"2001:db8::1:80", NULL},
        {"[192.0.2.1]:80", NULL},
        {"[::1]80", NULL},
        {"[::1]", NULL},
        {"[::1", NULL},
        {"[", NULL},
        {"::1]:80", NULL},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct endpoint e = {0};
        char text[ENDPOINT_TEXT];
        bool good = endpoint_parse(str_of(rows[i][0]), &e);
        assert_int_equal(good, rows[i][1] != NULL);
        if (good)
            assert_string_equal(endpoint_format(e, text), rows[i][1]);
    }
}

static void longest(void **state)
{
    char text[ENDPOINT_TEXT];
    struct endpoint e;
    assert_true(endpoint_parse(STR("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535"), &e));
    assert_string_equal(endpoint_format(e, text), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    assert_string_equal(endpoint_format((struct endpoint){0}, text), "-:0");
}

static void mapped(void **state)
{
    struct ip a, b;
    assert_true(ip_parse(STR("::ffff:192.0.2.1"), &a) && ip_parse(STR("192.0.2.1"), &b));
    assert_false(ip_eq(a, b));
    assert_true(ip_eq(ip_unmap(a), b) && ip_eq(ip_unmap(b), b));
    assert_true(ip_parse(STR("::192.0.2.1"), &a));
    assert_true(ip_eq(ip_unmap(a), a));
    assert_true(ip_eq((struct ip){0}, (struct ip){0}) && !ip_eq((struct ip){0}, b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(longest),
        cmocka_unit_test(mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
