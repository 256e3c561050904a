/*
 * The reader itself: limits and their boundaries, the end of the connection, and what it promises about its
 * calls.
 */
#include "http/h1_rows.h"

#include "http/h1_int.h"

/* prefix, n times fill, suffix. */
static struct str padded(struct buf *b, struct str prefix, size_t n, struct str suffix)
{
    buf_done(b);
    assert_true(buf_add_str(b, prefix));
    for (size_t i = 0; i < n; i++)
        assert_true(buf_add(b, "a", 1));
    assert_true(buf_add_str(b, suffix));
    return buf_str(b);
}

static void expect_row(int err, const char *name, struct str in)
{
    struct row row = {.err = err, .name = name, .in = in};
    row_check(&row, ROW_REQUEST);
}

static void target_length(void **state)
{
    struct buf b = {0};
    struct str tail = STR(" HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_row(0, "target of the greatest length", padded(&b, STR("GET /"), HEAD_MAX_TARGET - 1, tail));
    expect_row(ERR_HTTP_TARGET_LONG, "one more", padded(&b, STR("GET /"), HEAD_MAX_TARGET, tail));
    expect_row(ERR_HTTP_TARGET_LONG, "far more", padded(&b, STR("GET /"), HEAD_MAX_BYTES, tail));
    /* No line end in sight: refused as soon as no line end could save it. */
    expect_row(ERR_HTTP_TARGET_LONG, "no end", padded(&b, STR("GET /"), H1_MAX_LINE, STR("")));
    expect_row(ERR_HTTP_TARGET_LONG, "no end, exactly", padded(&b, STR("GET /"), H1_MAX_LINE - 5, STR("")));
    expect_row(ERR_CLOSED, "no end yet", padded(&b, STR("GET /"), H1_MAX_LINE - 6, STR("")));
    expect_row(ERR_HTTP_METHOD, "method without an end", padded(&b, STR(""), H1_MAX_LINE, STR("")));
    buf_done(&b);
}

static void head_length(void **state)
{
    struct buf b = {0};
    struct str head = STR("GET / HTTP/1.1\r\nHost: a\r\nX: "), end = STR("\r\n\r\n");
    size_t room = HEAD_MAX_BYTES - head.n - end.n;
    expect_row(0, "head of the greatest length", padded(&b, head, room, end));
    expect_row(0, "and a body behind it",
               padded(&b, head, room, STR("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")));
    expect_row(ERR_HTTP_FIELDS_LARGE, "one more", padded(&b, head, room + 1, end));
    expect_row(ERR_HTTP_FIELDS_LARGE, "far more", padded(&b, head, 2 * room, end));
    expect_row(ERR_HTTP_FIELDS_LARGE, "no end", padded(&b, head, room + end.n, STR("")));
    expect_row(ERR_CLOSED, "no end yet", padded(&b, head, room + end.n - 1, STR("")));
    expect_row(ERR_HTTP_FIELDS_LARGE, "an error behind the limit is not seen",
               padded(&b, head, room + end.n, STR("\n")));
    buf_done(&b);
}

static struct str with_fields(struct buf *b, struct str prefix, size_t n)
{
    buf_done(b);
    assert_true(buf_add_str(b, prefix));
    for (size_t i = 0; i < n; i++)
        assert_true(buf_printf(b, "N%zu: v\r\n", i));
    assert_true(buf_add_str(b, STR("\r\n")));
    return buf_str(b);
}

static void field_count(void **state)
{
    struct buf b = {0};
    struct str head = STR("GET / HTTP/1.1\r\nHost: a\r\n");
    struct str last = STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    expect_row(0, "most fields", with_fields(&b, head, HEAD_MAX_FIELDS - 1));
    expect_row(ERR_HTTP_FIELDS_LARGE, "one more", with_fields(&b, head, HEAD_MAX_FIELDS));
    expect_row(0, "most trailers", with_fields(&b, last, HEAD_MAX_FIELDS));
    expect_row(ERR_HTTP_FIELDS_LARGE, "one more trailer", with_fields(&b, last, HEAD_MAX_FIELDS + 1));
    buf_done(&b);
}

static void chunk_limits(void **state)
{
    struct buf b = {0};
    struct str head = STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;");
    struct str last = STR("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX:");
    struct str end = STR("\r\nx\r\n0\r\n\r\n"), stop = STR("\r\n\r\n");
    expect_row(0, "longest extension", padded(&b, head, H1_MAX_EXTENSIONS - 1, end));
    expect_row(ERR_HTTP_CHUNK, "longer", padded(&b, head, H1_MAX_EXTENSIONS, end));
    expect_row(0, "longest trailers", padded(&b, last, H1_MAX_TRAILERS - 2 - stop.n, stop));
    expect_row(ERR_HTTP_FIELDS_LARGE, "longer", padded(&b, last, H1_MAX_TRAILERS - 1 - stop.n, stop));
    expect_row(ERR_HTTP_FIELDS_LARGE, "no end", padded(&b, last, H1_MAX_TRAILERS - 2, STR("")));
    expect_row(ERR_CLOSED, "no end yet", padded(&b, last, H1_MAX_TRAILERS - 3, STR("")));
    buf_done(&b);
}

static enum h1_event read_str(struct h1_reader *r, struct str in, size_t *used, struct str *piece)
{
    return h1_read(r, (const uint8_t *)in.p, in.n, used, piece);
}

/* A byte of a head is looked at once: what was scanned without an end is not scanned again. */
static void scan_goes_on(void **state)
{
    struct h1_reader r;
    struct str in = STR("GET / HTTP/1.1\r\nHost: a\r\n\r\nx"), piece;
    size_t used;
    h1_reader_init(&r);
    for (size_t n = 1; n < in.n - 1; n++) {
        assert_int_equal(read_str(&r, str_take(in, n), &used, &piece), H1_MORE);
        assert_int_equal(used, 0);
        assert_int_equal(r.scanned, n);
        assert_false(h1_reader_idle(&r));
    }
    assert_int_equal(read_str(&r, in, &used, &piece), H1_HEAD);
    assert_int_equal(used, in.n - 1);
    assert_true(piece.p == in.p && piece.n == used);
}

static void waits_for_the_body_to_be_told(void **state)
{
    struct h1_reader r;
    struct head h = {.framing = FRAME_LENGTH, .length = 1};
    struct str in = STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), piece;
    size_t used;
    h1_reader_init(&r);
    assert_int_equal(read_str(&r, in, &used, &piece), H1_HEAD);
    assert_int_equal(read_str(&r, STR("xy"), &used, &piece), H1_MORE);
    assert_int_equal(used, 0);
    assert_false(h1_reader_idle(&r));
    h1_reader_body(&r, &h);
    assert_int_equal(read_str(&r, STR("xy"), &used, &piece), H1_BODY);
    assert_int_equal(used, 1);
    assert_false(h1_reader_idle(&r));
    assert_int_equal(h1_read(&r, NULL, 0, &used, &piece), H1_END);
    assert_int_equal(piece.n, 0);
    assert_true(h1_reader_idle(&r));
    assert_int_equal(h1_read(&r, NULL, 0, &used, &piece), H1_MORE);
}

static void idle(void **state)
{
    struct h1_reader r;
    struct str piece;
    size_t used;
    h1_reader_init(&r);
    assert_true(h1_reader_idle(&r));
    assert_int_equal(h1_read_eof(&r, 0), H1_MORE);
    assert_int_equal(read_str(&r, STR("\r\n"), &used, &piece), H1_MORE);
    assert_int_equal(used, 2);
    assert_true(h1_reader_idle(&r));
    assert_int_equal(h1_read_eof(&r, 0), H1_MORE);
    assert_int_equal(h1_read_eof(&r, 1), H1_FAIL);
    assert_int_equal(r.err, ERR_CLOSED);
    assert_false(h1_reader_idle(&r));
}

static void failure_stays(void **state)
{
    struct h1_reader r;
    struct str piece, in = STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    size_t used;
    h1_reader_init(&r);
    assert_int_equal(read_str(&r, STR("\n"), &used, &piece), H1_FAIL);
    assert_int_equal(r.err, ERR_HTTP_SYNTAX);
    assert_int_equal(read_str(&r, in, &used, &piece), H1_FAIL);
    assert_int_equal(used, 0);
    assert_int_equal(h1_read_eof(&r, 0), H1_FAIL);
    assert_int_equal(r.err, ERR_HTTP_SYNTAX);
}

/* What the input's end means in each state. */
static void ends(void **state)
{
    static const struct {
        struct head h;
        enum h1_event event;
    } rows[] = {
        {{.framing = FRAME_NONE}, H1_END},
        {{.framing = FRAME_LENGTH}, H1_END},
        {{.framing = FRAME_LENGTH, .length = 5, .no_body = true}, H1_END},
        {{.framing = FRAME_CHUNKED, .no_body = true}, H1_END},
        {{.framing = FRAME_CLOSE}, H1_END},
        {{.framing = FRAME_LENGTH, .length = 5}, H1_FAIL},
        {{.framing = FRAME_CHUNKED}, H1_FAIL},
    };
    struct h1_reader r;
    for (size_t i = 0; i < nitems(rows); i++) {
        h1_reader_init(&r);
        h1_reader_body(&r, &rows[i].h);
        assert_int_equal(h1_read_eof(&r, 0), rows[i].event);
    }
    h1_reader_init(&r);
    h1_reader_raw(&r);
    assert_int_equal(h1_read_eof(&r, 0), H1_END);
    /* Bytes that were not read yet would be lost. */
    h1_reader_raw(&r);
    assert_int_equal(h1_read_eof(&r, 1), H1_FAIL);
}

static void raw_passes_everything(void **state)
{
    struct h1_reader r;
    struct str piece, in = STR("\0\r\n\r\n\n");
    size_t used;
    h1_reader_init(&r);
    h1_reader_raw(&r);
    assert_int_equal(read_str(&r, in, &used, &piece), H1_BODY);
    assert_int_equal(used, in.n);
    assert_true(str_eq(piece, in));
    assert_int_equal(h1_read(&r, NULL, 0, &used, &piece), H1_MORE);
}

static void trailers_are_filtered(void **state)
{
    static const char *const dropped[] = {"Content-Length",
                                          "transfer-encoding",
                                          "Host",
                                          "Connection",
                                          "TE",
                                          "Trailer",
                                          "Upgrade",
                                          "Authorization",
                                          "Cookie",
                                          "Set-Cookie",
                                          "Content-Type",
                                          "Proxy-Authenticate",
                                          "X-Real-IP",
                                          "X-Forwarded-For",
                                          "x_forwarded_proto",
                                          "Forwarded",
                                          "X_Original_URL",
                                          "X.Forwarded.Host",
                                          "x-real~ip",
                                          "Keep-Alive",
                                          "Expect",
                                          "Destination"};
    static const char *const kept[] = {"X-Checksum", "Server-Timing", "grpc-status",
                                       "Digest",     "X-Forwarded",   "ETag"};
    struct buf b = {0};
    struct arena mem = {0};
    struct head h;
    assert_int_equal(h1_parse_trailers((struct str){NULL, 0}, &h, &mem), 0);
    assert_int_equal(h.n_fields, 0);
    for (size_t i = 0; i < nitems(dropped); i++)
        assert_true(buf_printf(&b, "%s: 1\r\n", dropped[i]));
    assert_int_equal(h1_parse_trailers(buf_str(&b), &h, &mem), 0);
    assert_int_equal(h.n_fields, 0);
    for (size_t i = 0; i < nitems(kept); i++)
        assert_true(buf_printf(&b, "%s: 1\r\n", kept[i]));
    assert_int_equal(h1_parse_trailers(buf_str(&b), &h, &mem), 0);
    assert_int_equal(h.n_fields, nitems(kept));
    for (size_t i = 0; i < nitems(kept); i++)
        assert_true(str_eq(h.fields[i].name, str_of(kept[i])));
    buf_done(&b);
    arena_done(&mem);
}

static void alphabets(void **state)
{
    const char *tokens = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int c = 0; c < 256; c++) {
        assert_int_equal(h1_is_tchar((uint8_t)c), c != 0 && strchr(tokens, c) != NULL);
        assert_int_equal(h1_is_value_char((uint8_t)c), c == '\t' || (c >= ' ' && c != 127));
    }
    assert_false(h1_is_token(STR("")));
    assert_true(h1_is_value(STR("")));
}

/* The parsers take what no reader would give them, too. */
static void pieces_without_an_end(void **state)
{
    static const struct str pieces[] = {RAW(""),
                                        RAW("\r\n"),
                                        RAW("GET / HTTP/1.1"),
                                        RAW("GET / HTTP/1.1\r\n"),
                                        RAW("GET / HTTP/1.1\r\nHost: a\r\n"),
                                        RAW("\r\n\n"),
                                        RAW("\n"),
                                        RAW("HTTP/1.1 200\r\n"),
                                        RAW("GET / HTTP/1.1\r\nHost: a\r\n\r\nX: y\r\n")};
    struct arena mem = {0};
    struct head h;
    for (size_t i = 0; i < nitems(pieces); i++) {
        assert_int_not_equal(h1_parse_request(pieces[i], &h, &mem), 0);
        assert_int_not_equal(h1_parse_response(pieces[i], false, &h, &mem), 0);
    }
    assert_int_equal(h1_parse_trailers(STR("X: y"), &h, &mem), ERR_HTTP_CHUNK);
    arena_done(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_length),
        cmocka_unit_test(head_length),
        cmocka_unit_test(field_count),
        cmocka_unit_test(chunk_limits),
        cmocka_unit_test(scan_goes_on),
        cmocka_unit_test(waits_for_the_body_to_be_told),
        cmocka_unit_test(idle),
        cmocka_unit_test(failure_stays),
        cmocka_unit_test(ends),
        cmocka_unit_test(raw_passes_everything),
        cmocka_unit_test(alphabets),
        cmocka_unit_test(trailers_are_filtered),
        cmocka_unit_test(pieces_without_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
