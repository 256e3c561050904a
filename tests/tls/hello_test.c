#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "tls/hello.h"
#include "tls/rec.h"

/* --- making ClientHellos */

struct maker {
    uint8_t p[200000];
    size_t n;
};

static void put(struct maker *m, struct str s)
{
    memcpy(m->p + m->n, s.p, s.n);
    m->n += s.n;
}

/* A length of so many bytes in front of what stands from `from` on. */
static void wrap(struct maker *m, size_t from, size_t bytes)
{
    size_t n = m->n - from;
    memmove(m->p + from + bytes, m->p + from, n);
    for (size_t i = 0; i < bytes; i++)
        m->p[from + i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
    m->n += bytes;
}

/* `extensions` is the list without its length; p NULL: the message has none. */
static struct str make(struct maker *m, struct str suites, struct str compression, struct str extensions)
{
    m->n = 0;
    put(m, STR("\x03\x03"
               "0123456789abcdef0123456789abcdef"
               "\x04"
               "sess"));
    size_t at = m->n;
    put(m, suites);
    wrap(m, at, 2);
    at = m->n;
    put(m, compression);
    wrap(m, at, 1);
    at = m->n;
    if (extensions.p) {
        put(m, extensions);
        wrap(m, at, 2);
    }
    wrap(m, 0, 3);
    memmove(m->p + 1, m->p, m->n++);
    m->p[0] = 1;
    return str_from(m->p, m->n);
}

#define SUITES         STR("\xc0\x2b\xc0\x30")
#define NO_COMPRESSION STR("\0")

static struct str usual(struct maker *m)
{
    return make(m, SUITES, NO_COMPRESSION,
                STR("\x00\x00\x00\x13\x00\x11\x00\x00\x0e"
                    "WWW.Example.OR"
                    "\x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17"
                    "\x00\x0b\x00\x02\x01\x00"
                    "\x00\x0d\x00\x04\x00\x02\x04\x03"
                    "\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1"
                    "\x00\x2b\x00\x05\x04\x03\x04\x03\x03"
                    "\xff\x01\x00\x01\x00"));
}

static void assert_usual(const struct hello *h)
{
    assert_int_equal(h->version, 0x0303);
    assert_int_equal(h->record_version, 0x0301);
    assert_true(str_eq(h->random, STR("0123456789abcdef0123456789abcdef")));
    assert_true(str_eq(h->session_id, STR("sess")));
    assert_true(str_eq(h->suites, SUITES));
    assert_true(str_eq(hello_sni(h), STR("www.example.or")));
    assert_true(hello_lists(h->groups, 29) && hello_lists(h->groups, 23) && !hello_lists(h->groups, 24));
    assert_true(hello_lists(h->signatures, 0x0403));
    assert_true(hello_alpn(h, STR("h2")) && hello_alpn(h, STR("http/1.1")) && !hello_alpn(h, STR("http/1")));
    assert_true(hello_offers(h, TLS_1_2) && hello_offers(h, TLS_1_3) && !hello_offers(h, 0x0302));
    struct str body;
    assert_true(hello_extension(h, EXTENSION_RENEGOTIATION_INFO, &body));
    assert_int_equal(body.n, 1);
    assert_false(hello_extension(h, 44, &body));
}

/* --- reading */

/* As records of at most `record` bytes of content, given in segments of at most `segment` bytes. */
static enum hello_verdict feed(struct str message, size_t record, size_t segment, struct hello_reader *r,
                               struct hello *h)
{
    static struct maker wire;
    wire.n = 0;
    while (message.n > 0) {
        size_t n = message.n < record ? message.n : record;
        put(&wire, str_from((const uint8_t[]){REC_HANDSHAKE, 3, 1, (uint8_t)(n >> 8), (uint8_t)n}, 5));
        put(&wire, str_take(message, n));
        message = str_skip(message, n);
    }
    struct str rest = str_from(wire.p, wire.n);
    enum hello_verdict v = HELLO_WAIT;
    while (v == HELLO_WAIT && rest.n > 0) {
        size_t used = 0, n = rest.n < segment ? rest.n : segment;
        v = hello_feed(r, str_take(rest, n), &used, h);
        assert_true(v != HELLO_WAIT || used == n);
        rest = str_skip(rest, used);
    }
    if (v == HELLO_DONE)
        assert_int_equal(rest.n, 0);
    return v;
}

static void every_split(void **state)
{
    static struct maker m;
    struct str message = usual(&m);
    for (size_t segment = 1; segment <= message.n + 5; segment++) {
        for (size_t record = 1; record <= message.n; record += segment < 3 ? 1 : 37) {
            struct hello_reader r = {0};
            struct hello h;
            assert_int_equal(feed(message, record, segment, &r, &h), HELLO_DONE);
            assert_usual(&h);
            assert_true(str_eq(h.message, message));
            hello_done(&r);
        }
    }
}

static void largest(void **state)
{
    static struct maker m;
    static uint8_t padding[65535];
    padding[1] = 99;
    padding[2] = 0xff;
    padding[3] = 0xfb;
    struct hello_reader r = {0};
    struct hello h;
    struct str message = make(&m, SUITES, NO_COMPRESSION, str_from(padding, sizeof padding));
    assert_int_equal(feed(message, 16384, 1460, &r, &h), HELLO_DONE);
    hello_done(&r);
}

static void bad_records(void **state)
{
    static const struct {
        struct str wire;
        enum hello_verdict verdict;
        int err;
    } rows[] = {
        {STR("G"), HELLO_HTTP, 0},
        {STR("post /"), HELLO_HTTP, 0},
        {STR("\x16"), HELLO_WAIT, 0},
        {STR("\x16\x03\x01\x00\x10\x01\x00\x00\x0c"), HELLO_WAIT, 0},
        {STR("\x15\x03\x01\x00\x02\x02\x28"), HELLO_FAIL, ERR_TLS + ALERT_UNEXPECTED_MESSAGE},
        {STR("\x80\x2e\x01\x00\x02\x00"), HELLO_FAIL, ERR_TLS + ALERT_UNEXPECTED_MESSAGE}, /* SSL 2.0 */
        {STR("\x16\x02\x01\x00\x10"), HELLO_FAIL, ERR_TLS + ALERT_PROTOCOL_VERSION},
        {STR("\x16\x03\x01\x40\x01"), HELLO_FAIL, ERR_TLS + ALERT_RECORD_OVERFLOW},
        {STR("\x16\x03\x01\x00\x00"), HELLO_FAIL, ERR_TLS + ALERT_UNEXPECTED_MESSAGE},
        {STR("\x16\x03\x01\x00\x01\x02"), HELLO_FAIL, ERR_TLS + ALERT_UNEXPECTED_MESSAGE}, /* ServerHello */
        {STR("\x16\x03\x01\x00\x04\x01\x03\x00\x00"), HELLO_FAIL, ERR_TLS + ALERT_ILLEGAL_PARAMETER},
        {STR("\x16\x03\x01\x00\x06\x01\x00\x00\x01\x00\x00"), HELLO_FAIL, ERR_TLS + ALERT_UNEXPECTED_MESSAGE},
        {STR("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), HELLO_FAIL, ERR_TLS + ALERT_DECODE_ERROR},
        {STR("\x16\x03\x01\x00\x01\x01\x17\x03\x01\x00\x01"), HELLO_FAIL, ERR_TLS + ALERT_UNEXPECTED_MESSAGE},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        for (size_t segment = 1; segment < 20; segment++) {
            struct hello_reader r = {0};
            struct hello h;
            size_t used = 0;
            enum hello_verdict v = HELLO_WAIT;
            for (struct str in = rows[i].wire; in.n > 0 && v == HELLO_WAIT; in = str_skip(in, used))
                v = hello_feed(&r, str_take(in, segment), &used, &h);
            assert_int_equal(v, rows[i].verdict);
            assert_int_equal(r.err, rows[i].err);
            hello_done(&r);
        }
    }
}

static const struct {
    struct str list;
    int alert;
} extension_rows[] = {
    {STR(""), 0},
    {STR("\x00\x63\x00\x00"), 0},
    {STR("\x00\x63\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x63\x00\x01"), ALERT_DECODE_ERROR},
    {STR("\x00\x63\x00\x00\x00\x63\x00\x00"), ALERT_ILLEGAL_PARAMETER},
    /* server_name */
    {STR("\x00\x00\x00\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x00\x00\x02\x00\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x00\x00\x05\x00\x03\x00\x00\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x00\x00\x06\x00\x04\x00\x00\x01"
         "a"),
     0},
    {STR("\x00\x00\x00\x07\x00\x05\x00\x00\x02"
         "a."),
     0},
    {STR("\x00\x00\x00\x08\x00\x06\x00\x00\x03"
         "a.."),
     ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x00\x00\x06\x00\x04\x00\x00\x01"
         "."),
     ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x00\x00\x07\x00\x05\x00\x00\x02"
         "a\0"),
     ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x00\x00\x07\x00\x05\x00\x00\x02"
         "a\xe4"),
     ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x00\x00\x07\x00\x05\x00\x00\x02"
         "a:"),
     ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x00\x00\x07\x00\x05\x00\x00\x02"
         "*."),
     ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x00\x00\x06\x00\x03\x00\x00\x01"
         "a"),
     ALERT_DECODE_ERROR},
    {STR("\x00\x00\x00\x06\x00\x05\x00\x00\x01"
         "a"),
     ALERT_DECODE_ERROR},
    {STR("\x00\x00\x00\x06\x00\x04\x01\x00\x01"
         "a"),
     0},
    {STR("\x00\x00\x00\x0a\x00\x08\x00\x00\x01"
         "a\x00\x00\x01"
         "b"),
     ALERT_ILLEGAL_PARAMETER},
    /* max_fragment_length */
    {STR("\x00\x01\x00\x01\x04"), 0},
    {STR("\x00\x01\x00\x01\x05"), ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x01\x00\x00"), ALERT_DECODE_ERROR},
    /* supported_groups, signature_algorithms, supported_versions */
    {STR("\x00\x0a\x00\x02\x00\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x0a\x00\x03\x00\x01\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x0a\x00\x05\x00\x02\x00\x1d\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x0d\x00\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x0d\x00\x05\x00\x03\x04\x03\x05"), ALERT_DECODE_ERROR},
    {STR("\x00\x2b\x00\x01\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x2b\x00\x03\x03\x03\x03"), ALERT_DECODE_ERROR},
    /* ec_point_formats */
    {STR("\x00\x0b\x00\x01\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x0b\x00\x02\x01\x01"), ALERT_ILLEGAL_PARAMETER},
    {STR("\x00\x0b\x00\x04\x03\x01\x02\x00"), 0},
    /* ALPN */
    {STR("\x00\x10\x00\x02\x00\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x10\x00\x03\x00\x01\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x10\x00\x05\x00\x03\x01h\x00"), ALERT_DECODE_ERROR},
    {STR("\x00\x10\x00\x05\x00\x03\x03h2"), ALERT_DECODE_ERROR},
    /* renegotiation_info */
    {STR("\xff\x01\x00\x00"), ALERT_DECODE_ERROR},
    {STR("\xff\x01\x00\x01\x01"), ALERT_DECODE_ERROR},
    {STR("\xff\x01\x00\x02\x01\x00"), ALERT_HANDSHAKE_FAILURE},
};

static void extensions(void **state)
{
    static struct maker m;
    for (size_t i = 0; i < nitems(extension_rows); i++) {
        struct hello h;
        int alert = hello_parse(make(&m, SUITES, NO_COMPRESSION, extension_rows[i].list), &h);
        if (alert != extension_rows[i].alert)
            fail_msg("row %zu: alert %d instead of %d", i, alert, extension_rows[i].alert);
    }
}

static void fixed_part(void **state)
{
    static struct maker m;
    struct hello h;
    const struct str none = {NULL, 0};
    assert_int_equal(hello_parse(make(&m, SUITES, NO_COMPRESSION, none), &h), 0);
    assert_true(hello_offers(&h, TLS_1_2) && !hello_offers(&h, TLS_1_3));
    assert_int_equal(hello_sni(&h).n, 0);
    assert_int_equal(hello_parse(make(&m, STR(""), NO_COMPRESSION, none), &h), ALERT_DECODE_ERROR);
    assert_int_equal(hello_parse(make(&m, STR("\xc0\x2b\xc0"), NO_COMPRESSION, none), &h),
                     ALERT_DECODE_ERROR);
    assert_int_equal(hello_parse(make(&m, SUITES, STR(""), none), &h), ALERT_DECODE_ERROR);
    assert_int_equal(hello_parse(make(&m, SUITES, STR("\x01"), none), &h), ALERT_ILLEGAL_PARAMETER);
    assert_int_equal(hello_parse(make(&m, SUITES, STR("\x01\0"), none), &h), 0);
    /* Cut anywhere, and with a byte too many. */
    struct str message = usual(&m);
    for (size_t n = 0; n < message.n; n++)
        assert_int_not_equal(hello_parse(str_take(message, n), &h), 0);
    m.p[m.n] = 0;
    assert_int_equal(hello_parse(str_from(m.p, m.n + 1), &h), ALERT_DECODE_ERROR);
    /* A session id of 33 bytes. */
    message = make(&m, SUITES, NO_COMPRESSION, none);
    m.p[4 + 34] = 33;
    assert_int_equal(hello_parse(message, &h), ALERT_DECODE_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split), cmocka_unit_test(largest),    cmocka_unit_test(bad_records),
        cmocka_unit_test(extensions),  cmocka_unit_test(fixed_part),
    };
    return cmocka_run_group_tests_name("tls/hello", tests, NULL, NULL);
}
