#include "http/h1_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/h1_round_trip.h"

#define RAW(literal)                   \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

struct row {
    const char *name;
    struct str in; /* read, then written with `how` */
    struct h1_how how;
    const char *out; /* NULL: -1 */
};

static void compare(const struct row *row, int rc, const struct buf *out)
{
    if (!row->out) {
        assert_int_equal(rc, -1);
        assert_int_equal(out->len, 0);
        return;
    }
    if (rc != 0 || !str_eq(buf_str(out), str_of(row->out)))
        fail_msg("%s: %d, %.*s", row->name, rc, STR_ARG(buf_str(out)));
}

static const struct row requests_rows[] = {
    {"plain",
     RAW("GET /a?b HTTP/1.1\r\nhost:  x \r\nX: y\r\nEmpty:\r\n\r\n"),
     {0},
     "GET /a?b HTTP/1.1\r\nhost: x\r\nX: y\r\nEmpty: \r\n\r\n"},
    {"always 1.1", RAW("GET / HTTP/1.0\r\nHost: x\r\n\r\n"), {0}, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
    {"origin form",
     RAW("GET http://y/z HTTP/1.1\r\nHost: x\r\n\r\n"),
     {0},
     "GET /z HTTP/1.1\r\nHost: y\r\n\r\n"},
    {"asterisk",
     RAW("OPTIONS http://y HTTP/1.1\r\nHost: x\r\n\r\n"),
     {0},
     "OPTIONS * HTTP/1.1\r\nHost: y\r\n\r\n"},
    {"length",
     RAW("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 007\r\n\r\n"),
     {.framing = FRAME_LENGTH, .length = 7},
     "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n"},
    {"zero",
     RAW("PUT / HTTP/1.1\r\nHost: x\r\n\r\n"),
     {.framing = FRAME_LENGTH},
     "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"},
    {"chunked",
     RAW("PUT / HTTP/1.1\r\nHost: x\r\ntransfer-encoding: chunked\r\nTrailer: y\r\n\r\n"),
     {.framing = FRAME_CHUNKED},
     "PUT / HTTP/1.1\r\nHost: x\r\nTrailer: y\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {"no trailers, no Trailer",
     RAW("PUT / HTTP/1.1\r\nHost: x\r\nTrailer: y\r\n\r\n"),
     {.framing = FRAME_LENGTH},
     "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"},
    {"connection fields are not copied",
     RAW("GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, x\r\nKeep-Alive: 5\r\nproxy-connection: y\r\n"
         "Upgrade: websocket\r\nTE: gzip\r\nX: y\r\n\r\n"),
     {0},
     "GET / HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n"},
    {"close",
     RAW("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
     {.close = true, .keep = true},
     "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
    {"keep-alive",
     RAW("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
     {.keep = true},
     "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"},
    {"upgrade",
     RAW("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
     {.upgrade = true},
     "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"},
    {"TE: trailers",
     RAW("GET / HTTP/1.1\r\nHost: x\r\nte: Trailers\r\nTE: trailers\r\n\r\n"),
     {.close = true},
     "GET / HTTP/1.1\r\nHost: x\r\nte: Trailers\r\nConnection: close, TE\r\n\r\n"},
    {"TE: trailers and more",
     RAW("GET / HTTP/1.1\r\nHost: x\r\nTE: trailers, gzip\r\n\r\n"),
     {0},
     "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
};

static void requests(void **state)
{
    for (size_t i = 0; i < nitems(requests_rows); i++) {
        struct arena mem = {0};
        struct buf out = {0};
        struct head h;
        assert_int_equal(h1_parse_request(requests_rows[i].in, &h, &mem), 0);
        compare(&requests_rows[i], h1_write_request(&out, &h, &requests_rows[i].how), &out);
        round_trip_request(&h);
        buf_done(&out);
        arena_done(&mem);
    }
}

static const struct row responses_rows[] = {
    {"plain",
     RAW("HTTP/1.0 200 All right\r\nX: y\r\nContent-Length: 5\r\n\r\n"),
     {.framing = FRAME_LENGTH, .length = 5},
     "HTTP/1.1 200 All right\r\nX: y\r\nContent-Length: 5\r\n\r\n"},
    {"no reason",
     RAW("HTTP/1.1 404\r\n\r\n"),
     {.framing = FRAME_CLOSE, .close = true},
     "HTTP/1.1 404 \r\nConnection: close\r\n\r\n"},
    {"chunked",
     RAW("HTTP/1.1 200 x\r\nUpgrade: h2c\r\n\r\n"),
     {.framing = FRAME_CHUNKED, .keep = true},
     "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n"},
    {"interim",
     RAW("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
     {.framing = FRAME_LENGTH},
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"},
    {"204 announces nothing",
     RAW("HTTP/1.1 204 x\r\n\r\n"),
     {.framing = FRAME_CHUNKED},
     "HTTP/1.1 204 x\r\n\r\n"},
    {"304",
     RAW("HTTP/1.1 304 x\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n"),
     {.framing = FRAME_LENGTH, .length = 9},
     "HTTP/1.1 304 x\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n"},
    {"426 keeps Upgrade if told",
     RAW("HTTP/1.1 426 x\r\nUpgrade: a\r\nContent-Length: 0\r\n\r\n"),
     {.framing = FRAME_LENGTH, .upgrade = true},
     "HTTP/1.1 426 x\r\nUpgrade: a\r\nContent-Length: 0\r\nConnection: upgrade\r\n\r\n"},
    {"TE means nothing here",
     RAW("HTTP/1.1 200 x\r\nTE: trailers\r\n\r\n"),
     {.framing = FRAME_CLOSE},
     "HTTP/1.1 200 x\r\n\r\n"},
};

static void responses(void **state)
{
    for (size_t i = 0; i < nitems(responses_rows); i++) {
        struct arena mem = {0};
        struct buf out = {0};
        struct head h;
        assert_int_equal(h1_parse_response(responses_rows[i].in, false, &h, &mem), 0);
        compare(&responses_rows[i], h1_write_response(&out, &h, &responses_rows[i].how), &out);
        round_trip_response(&h, false);
        buf_done(&out);
        arena_done(&mem);
    }
}

/* 101 is an upgrade whatever `how` says. */
static void switching(void **state)
{
    struct arena mem = {0};
    struct buf out = {0};
    struct head h;
    assert_int_equal(
        h1_parse_response(STR("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"), false,
                          &h, &mem),
        0);
    assert_int_equal(h1_write_response(&out, &h, NULL), 0);
    assert_true(
        str_eq(buf_str(&out), STR("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")));
    round_trip_response(&h, false);
    buf_done(&out);
    arena_done(&mem);
}

/* What could end a line early, or another one begin, is never written. */
static void refused(void **state)
{
    static const struct field fields[] = {
        {RAW("X"), RAW("a\r\nEvil: b")}, {RAW("X"), RAW("a\nb")}, {RAW("X"), RAW("a\r")},
        {RAW("X"), RAW("a\0b")},         {RAW("X"), RAW("\x7f")}, {RAW(""), RAW("a")},
        {RAW("X Y"), RAW("a")},          {RAW("X:"), RAW("a")},   {RAW("X\r\nY"), RAW("a")},
    };
    static const struct str methods[] = {RAW(""), RAW("G T"), RAW("GET\r\n"), RAW("G\0T")};
    static const struct str paths[] = {RAW(""),          RAW("a"),    RAW("/ "), RAW("/\r\n"), RAW("/\0"),
                                       RAW("/\xc3\xa9"), RAW("/a b"), RAW("/#"), RAW("**")};
    static const int statuses[] = {-1, 0, 99, 600, 1000000};
    struct h1_how how = {.framing = FRAME_NONE};
    struct head good = {.method = STR("GET"), .path = STR("/"), .status = 200, .reason = STR("OK")}, bad;
    struct buf out = {0};
    for (size_t i = 0; i < nitems(fields); i++) {
        struct field copy = fields[i];
        bad = good;
        bad.fields = &copy;
        bad.n_fields = 1;
        assert_int_equal(h1_write_request(&out, &bad, &how), -1);
        assert_int_equal(h1_write_response(&out, &bad, &how), -1);
        assert_int_equal(h1_write_last_chunk(&out, &bad), -1);
    }
    for (size_t i = 0; i < nitems(methods); i++) {
        bad = good;
        bad.method = methods[i];
        assert_int_equal(h1_write_request(&out, &bad, &how), -1);
    }
    for (size_t i = 0; i < nitems(paths); i++) {
        bad = good;
        bad.path = paths[i];
        assert_int_equal(h1_write_request(&out, &bad, &how), -1);
    }
    for (size_t i = 0; i < nitems(statuses); i++) {
        bad = good;
        bad.status = statuses[i];
        assert_int_equal(h1_write_response(&out, &bad, &how), -1);
    }
    bad = good;
    bad.reason = STR("O\nK");
    assert_int_equal(h1_write_response(&out, &bad, &how), -1);
    assert_int_equal(h1_write_chunk_begin(&out, 0), -1);
    assert_int_equal(out.len, 0);
    assert_int_equal(h1_write_request(&out, &good, &how), 0);
    buf_done(&out);
}

static void chunks(void **state)
{
    struct buf out = {0};
    struct field fields[] = {{STR("X"), STR("y")}, {STR("Content-Length"), STR("5")}, {STR("Z"), STR("")}};
    struct head trailers = {.fields = fields, .n_fields = nitems(fields)};
    assert_int_equal(h1_write_chunk_begin(&out, 26), 0);
    assert_true(buf_add_str(&out, STR("abcdefghijklmnopqrstuvwxyz")));
    assert_int_equal(h1_write_chunk_end(&out), 0);
    assert_int_equal(h1_write_last_chunk(&out, NULL), 0);
    assert_int_equal(h1_write_chunk_begin(&out, UINT32_MAX), 0);
    assert_int_equal(h1_write_last_chunk(&out, &trailers), 0);
    assert_true(str_eq(buf_str(&out), STR("1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n"
                                          "ffffffff\r\n0\r\nX: y\r\nZ: \r\n\r\n")));
    buf_done(&out);
}

/* The largest numbers and all options at once fit into what is set aside for them. */
static void room(void **state)
{
    struct buf out = {0};
    struct field te = {STR("TE"), STR("trailers")};
    struct head h = {.method = STR("M"), .path = STR("/"), .fields = &te, .n_fields = 1, .status = 599};
    struct h1_how how = {
        .framing = FRAME_LENGTH, .length = UINT64_MAX, .close = true, .keep = true, .upgrade = true};
    assert_int_equal(h1_write_request(&out, &h, &how), 0);
    assert_true(
        str_eq(buf_str(&out), STR("M / HTTP/1.1\r\nTE: trailers\r\nContent-Length: 18446744073709551615\r\n"
                                  "Connection: close, upgrade, TE\r\n\r\n")));
    buf_done(&out);
    assert_int_equal(h1_write_response(&out, &h, &how), 0);
    assert_true(str_eq(buf_str(&out), STR("HTTP/1.1 599 \r\nContent-Length: 18446744073709551615\r\n"
                                          "Connection: close, upgrade\r\n\r\n")));
    buf_done(&out);
}

static void connection_fields(void **state)
{
    static const char *const yes[] = {"connection", "Keep-Alive", "PROXY-CONNECTION", "Content-Length",
                                      "transfer-encoding"};
    static const char *const no[] = {"Upgrade", "TE", "Trailer", "Host", "Content-Type", "Connections", ""};
    for (size_t i = 0; i < nitems(yes); i++)
        assert_true(h1_is_connection_field(str_of(yes[i])));
    for (size_t i = 0; i < nitems(no); i++)
        assert_false(h1_is_connection_field(str_of(no[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),          cmocka_unit_test(responses), cmocka_unit_test(switching),
        cmocka_unit_test(refused),           cmocka_unit_test(chunks),    cmocka_unit_test(room),
        cmocka_unit_test(connection_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
