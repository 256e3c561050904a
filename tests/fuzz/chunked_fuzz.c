/*
 * The chunked reader by itself: any bytes after a head that announced chunks. Two bytes choose where the
 * first cut is, and the size of the pieces after it. Any split gives the same body, trailers, end and error.
 * A body taken for complete is what the plainest decoder makes of the bytes; written again it reads the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/h1_read.h"
#include "http/h1_write.h"

enum { CHOICE = 2, MAX_TRAILERS = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct body {
    struct h1_reader reader;
    struct buf data, trailers;
    size_t used;
    bool ended;
    int err;
};

static void check(bool right)
{
    if (!right)
        abort();
}

static void body_done(struct body *b)
{
    buf_done(&b->data);
    buf_done(&b->trailers);
}

/* One piece of input, in memory of its exact size; false: nothing more is to come of it. */
static bool feed_piece(struct body *b, struct str in)
{
    struct str piece;
    size_t used;
    char *copy = malloc(in.n > 0 ? in.n : 1);
    check(copy != NULL);
    if (in.n > 0)
        memcpy(copy, in.p, in.n);
    enum h1_event event = h1_read(&b->reader, (const uint8_t *)copy, in.n, &used, &piece);
    check(used <= in.n && event != H1_HEAD);
    b->used += used;
    if (event == H1_BODY)
        check(piece.n > 0 && buf_add_str(&b->data, piece));
    if (event == H1_END)
        check(buf_add_str(&b->trailers, piece));
    b->ended = event == H1_END;
    b->err = event == H1_FAIL ? b->reader.err : ERR_NONE;
    free(copy);
    return event == H1_BODY;
}

/* The first `first` bytes, then `step` more at a time, then the end of the connection. */
static void run(struct body *b, struct str in, size_t first, size_t step)
{
    const struct head chunked = {.framing = FRAME_CHUNKED};
    size_t given = first < in.n ? first : in.n;
    h1_reader_init(&b->reader);
    h1_reader_body(&b->reader, &chunked);
    for (;;) {
        while (feed_piece(b, str_skip(str_take(in, given), b->used)))
            continue;
        if (b->ended || b->err || given == in.n)
            break;
        given += step < in.n - given ? step : in.n - given;
    }
    if (b->ended || b->err)
        return;
    /* A body that was cut off is never taken for a whole one. */
    check(h1_read_eof(&b->reader, in.n - b->used) == H1_FAIL);
    b->err = b->reader.err;
    check(b->err == ERR_CLOSED);
}

/* RFC 9112 section 7.1, by somebody who knows the input to be right. Returns the bytes up to the trailers. */
static size_t decode(struct str in, struct buf *out)
{
    size_t at = 0;
    for (;;) {
        uint64_t size = 0;
        size_t start = at;
        for (; at < in.n && ascii_hex(in.p[at]) >= 0; at++)
            size = size * 16 + (uint64_t)ascii_hex(in.p[at]);
        check(at > start && at < in.n && (in.p[at] == ';' || in.p[at] == '\r'));
        at += str_find(str_skip(in, at), '\n');
        check(at < in.n && in.p[at - 1] == '\r');
        at++;
        if (size == 0)
            return at;
        check(size < in.n - at && in.n - at - size >= 2);
        check(buf_add_str(out, str_take(str_skip(in, at), size)));
        at += size;
        check(str_starts(str_skip(in, at), STR("\r\n")));
        at += 2;
    }
}

static void check_decoded(const struct body *b, struct str in)
{
    struct buf plain = {0};
    size_t at = decode(str_take(in, b->used), &plain);
    check(str_eq(buf_str(&plain), buf_str(&b->data)));
    check(b->used == at + b->trailers.len + 2);
    check(str_eq(str_take(str_skip(in, at), b->trailers.len), buf_str(&b->trailers)));
    check(str_starts(str_skip(in, at + b->trailers.len), STR("\r\n")));
    buf_done(&plain);
}

/* As edge sends it on: one chunk, and the trailers that are left. */
static void check_round_trip(const struct body *b)
{
    struct arena mem = {0};
    struct head trailers, again;
    struct buf out = {0};
    struct body copy = {0};
    /* The largest trailers would not fit any more: `a:b` becomes `a: b`. */
    if (b->trailers.len < MAX_TRAILERS && h1_parse_trailers(buf_str(&b->trailers), &trailers, &mem) == 0) {
        if (b->data.len > 0)
            check(h1_write_chunk_begin(&out, b->data.len) == 0 && buf_add_str(&out, buf_str(&b->data)) &&
                  h1_write_chunk_end(&out) == 0);
        check(h1_write_last_chunk(&out, &trailers) == 0);
        run(&copy, buf_str(&out), out.len, 1);
        check(copy.ended && copy.used == out.len && str_eq(buf_str(&copy.data), buf_str(&b->data)));
        check(h1_parse_trailers(buf_str(&copy.trailers), &again, &mem) == 0);
        check(again.n_fields == trailers.n_fields);
        for (size_t i = 0; i < again.n_fields; i++)
            check(str_eq(again.fields[i].name, trailers.fields[i].name) &&
                  str_eq(again.fields[i].value, trailers.fields[i].value));
    }
    body_done(&copy);
    buf_done(&out);
    arena_done(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < CHOICE)
        return 0;
    struct str in = str_from(data + CHOICE, size - CHOICE);
    struct body whole = {0}, split = {0};
    run(&whole, in, in.n, 1);
    run(&split, in, data[0], data[1] > 0 ? data[1] : 1);
    check(whole.ended == split.ended && whole.err == split.err);
    check(str_eq(buf_str(&whole.data), buf_str(&split.data)));
    check(str_eq(buf_str(&whole.trailers), buf_str(&split.trailers)));
    check(!whole.ended || whole.used == split.used);
    if (whole.ended) {
        check_decoded(&whole, in);
        check_round_trip(&whole);
    }
    body_done(&whole);
    body_done(&split);
    return 0;
}
