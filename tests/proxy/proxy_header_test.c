/* The PROXY header, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "proxy/proxy_header.h"

static struct endpoint at(const char *text)
{
    struct endpoint e = {0};
    if (text)
        assert_true(endpoint_parse(str_of(text), &e));
    return e;
}

static void version_1(void **state)
{
    static const struct {
        const char *client, *local, *header;
    } rows[] = {
        {"192.0.2.7:51000", "198.51.100.1:443", "PROXY TCP4 192.0.2.7 198.51.100.1 51000 443\r\n"},
        {"[2001:db8::7]:1", "[2001:db8::1]:65535", "PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n"},
        {"[::ffff:192.0.2.7]:5", "[::ffff:198.51.100.1]:80", "PROXY TCP4 192.0.2.7 198.51.100.1 5 80\r\n"},
        {"192.0.2.7:5", "[2001:db8::1]:80", "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 5 80\r\n"},
        {NULL, "198.51.100.1:443", "PROXY UNKNOWN\r\n"},
        {"192.0.2.7:5", NULL, "PROXY UNKNOWN\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[PROXY_HEADER_MAX];
        size_t n = proxy_header(1, at(rows[i].client), at(rows[i].local), out);
        assert_int_equal(n, strlen(rows[i].header));
        assert_memory_equal(out, rows[i].header, n);
    }
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void version_2(void **state)
{
    static const struct {
        const char *client, *local, *header;
        size_t n;
    } rows[] = {
        {"192.0.2.7:258", "198.51.100.1:443",
         SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x07\xc6\x33\x64\x01\x01\x02\x01\xbb", 28},
        {"[2001:db8::7]:258", "[::1]:443",
         SIGNATURE "\x21\x21\x00\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                   "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\x02\x01\xbb",
         52},
        {"192.0.2.7:258", NULL, SIGNATURE "\x21\x00\x00\x00", 16},
        {NULL, NULL, SIGNATURE "\x20\x00\x00\x00", 16},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t out[PROXY_HEADER_MAX];
        size_t n = proxy_header(2, at(rows[i].client), at(rows[i].local), out);
        assert_int_equal(n, rows[i].n);
        assert_memory_equal(out, rows[i].header, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1),
        cmocka_unit_test(version_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
