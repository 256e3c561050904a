/* Where messages begin and end (RFC 9112 sections 2.2, 6.3 and 7.1). */
#include "http/h1_read.h"

#include <string.h>

#include "base/err.h"
#include "http/h1_int.h"

struct input {
    const uint8_t *p;
    size_t len;
    size_t used;
    struct str piece;
};

void h1_reader_init(struct h1_reader *r)
{
    *r = (struct h1_reader){.state = H1_WAIT_HEAD};
}

void h1_reader_init_response(struct h1_reader *r)
{
    h1_reader_init(r);
    r->of_response = true;
}

static enum h1_event fail(struct h1_reader *r, int err)
{
    r->state = H1_FAILED;
    r->err = err;
    return H1_FAIL;
}

static void enter(struct h1_reader *r, enum h1_state state)
{
    r->state = state;
    r->scanned = r->line = 0;
    r->digits = 0;
    r->blanks = 0;
}

static void take(struct input *in, size_t n)
{
    in->piece = str_from(in->p + in->used, n);
    in->used += n;
}

/* Heads and trailers */

/* SCAN_BARE: a CR or LF alone in a line. */
enum scan { SCAN_MORE, SCAN_END, SCAN_BARE, SCAN_LONG_LINE, SCAN_LONG };

/*
 * Looks for the empty line in the first `limit` bytes, going on where the last call stopped. Each verdict
 * depends on the shortest prefix that allows it, never on how much came at once: so the error of a message
 * does not depend on its split.
 */
static enum scan scan_lines(struct h1_reader *r, struct str in, size_t limit, size_t first_line)
{
    struct str window = str_take(in, limit);
    while (r->scanned < window.n) {
        size_t lf = r->scanned + str_find(str_skip(window, r->scanned), '\n');
        r->scanned = lf;
        if (r->line == 0 && lf >= first_line)
            return SCAN_LONG_LINE;
        if (lf == window.n)
            break;
        if (lf == r->line || str_find(str_skip(window, r->line), '\r') != lf - 1 - r->line)
            return SCAN_BARE;
        r->scanned = lf + 1;
        if (lf == r->line + 1)
            return SCAN_END;
        r->line = lf + 1;
    }
    return window.n == limit ? SCAN_LONG : SCAN_MORE;
}

/* False: too many of them. */
static bool skip_blank_lines(struct h1_reader *r, struct input *in)
{
    while (in->len - in->used >= 2 && memcmp(in->p + in->used, "\r\n", 2) == 0) {
        in->used += 2;
        r->scanned = 0;
        if (++r->blanks > H1_MAX_BLANK_LINES)
            return false;
    }
    return true;
}

/*
 * A backend that speaks something else is found out by its first bytes: it may never send what ends a head. Both versions begin so.
 */
static bool begins_an_answer(struct str in)
{
    struct str begin = STR("HTTP/1.");
    return str_eq(str_take(in, begin.n), str_take(begin, in.n));
}

/* The same for a client: TLS sent to a plain port is told so at once, not when the head's time is over. */
static bool begins_a_request(struct str in)
{
    return in.n == 0 || in.p[0] == '\r' || h1_is_tchar((uint8_t)in.p[0]);
}

/* The part of a request line that never ends is the method's, or the target's. */
static int long_line(struct str in)
{
    return str_find(in, ' ') > H1_MAX_METHOD ? ERR_HTTP_METHOD : ERR_HTTP_TARGET_LONG;
}

static enum h1_event read_head(struct h1_reader *r, struct input *in)
{
    if (!r->of_response && !skip_blank_lines(r, in))
        return fail(r, ERR_HTTP_SYNTAX);
    struct str rest = str_skip(str_from(in->p, in->len), in->used);
    if (r->of_response && !begins_an_answer(rest))
        return fail(r, ERR_HTTP_BACKEND);
    if (!r->of_response && !begins_a_request(rest))
        return fail(r, ERR_HTTP_SYNTAX);
    switch (scan_lines(r, rest, HEAD_MAX_BYTES, H1_MAX_LINE)) {
    case SCAN_MORE: return H1_MORE;
    case SCAN_END:
        take(in, r->scanned);
        enter(r, H1_WAIT_PARSED);
        return H1_HEAD;
    case SCAN_BARE: return fail(r, r->line == 0 ? ERR_HTTP_SYNTAX : ERR_HTTP_FIELD);
    case SCAN_LONG_LINE: return fail(r, long_line(rest));
    case SCAN_LONG: break;
    }
    return fail(r, ERR_HTTP_FIELDS_LARGE);
}

static enum h1_event read_trailers(struct h1_reader *r, struct input *in)
{
    struct str rest = str_skip(str_from(in->p, in->len), in->used);
    switch (scan_lines(r, rest, H1_MAX_TRAILERS, H1_MAX_TRAILERS)) {
    case SCAN_MORE: return H1_MORE;
    case SCAN_END:
        take(in, r->scanned);
        in->piece.n -= 2; /* the empty line */
        enter(r, H1_WAIT_HEAD);
        return H1_END;
    case SCAN_BARE: return fail(r, ERR_HTTP_CHUNK);
    case SCAN_LONG_LINE:
    case SCAN_LONG: break;
    }
    return fail(r, ERR_HTTP_FIELDS_LARGE);
}

/* Bodies */

static enum h1_event read_data(struct h1_reader *r, struct input *in, enum h1_state then)
{
    size_t n = in->len - in->used;
    if (n == 0)
        return H1_MORE;
    if (n > r->left)
        n = (size_t)r->left;
    take(in, n);
    r->left -= n;
    if (r->left == 0)
        enter(r, then);
    return H1_BODY;
}

static enum h1_event read_all(struct input *in)
{
    if (in->len == 0)
        return H1_MORE;
    take(in, in->len);
    return H1_BODY;
}

/* Leading zeros count, so that a size is bounded as text too. Larger than INT64_MAX is refused. */
static bool size_digit(struct h1_reader *r, int digit)
{
    if (r->digits == H1_MAX_SIZE_DIGITS || r->left > INT64_MAX >> 4)
        return false;
    r->digits++;
    r->left = r->left << 4 | (uint64_t)digit;
    return true;
}

static bool extension_end(struct h1_reader *r, uint8_t c)
{
    if (c == '\r')
        enter(r, H1_WAIT_CHUNK_SIZE_LF);
    r->ext = H1_EXT_NAME_START;
    return c == '\r' || c == ';';
}

/*
 * RFC 9112 section 7.1.1. Extensions are understood by nobody and dropped; but they are held to their
 * grammar, as bytes that one reader skips and another does not are how chunks are smuggled. Blanks ("bad
 * whitespace") are refused.
 */
static bool extension_byte(struct h1_reader *r, uint8_t c)
{
    bool token = h1_is_tchar(c);
    if (++r->digits > H1_MAX_EXTENSIONS)
        return false;
    switch (r->ext) {
    case H1_EXT_NAME_START: r->ext = H1_EXT_NAME; return token;
    case H1_EXT_NAME:
        if (c == '=')
            r->ext = H1_EXT_VALUE_START;
        return token || c == '=' || extension_end(r, c);
    case H1_EXT_VALUE_START: r->ext = c == '"' ? H1_EXT_QUOTED : H1_EXT_TOKEN; return token || c == '"';
    case H1_EXT_TOKEN: return token || extension_end(r, c);
    case H1_EXT_QUOTED:
        if (c == '"' || c == '\\')
            r->ext = c == '"' ? H1_EXT_QUOTED_END : H1_EXT_ESCAPED;
        return h1_is_value_char(c);
    case H1_EXT_ESCAPED: r->ext = H1_EXT_QUOTED; return h1_is_value_char(c);
    case H1_EXT_QUOTED_END: return extension_end(r, c);
    }
    return false;
}

static bool size_byte(struct h1_reader *r, uint8_t c)
{
    int digit = ascii_hex((char)c);
    if (digit >= 0)
        return size_digit(r, digit);
    if (r->digits == 0 || (c != ';' && c != '\r'))
        return false;
    enter(r, c == ';' ? H1_WAIT_CHUNK_EXT : H1_WAIT_CHUNK_SIZE_LF);
    r->ext = H1_EXT_NAME_START;
    return true;
}

/* One byte of what stands between the data of chunks. */
static bool chunk_byte(struct h1_reader *r, uint8_t c)
{
    switch (r->state) {
    case H1_WAIT_CHUNK_SIZE: return size_byte(r, c);
    case H1_WAIT_CHUNK_EXT: return extension_byte(r, c);
    case H1_WAIT_CHUNK_SIZE_LF:
        enter(r, r->left > 0 ? H1_WAIT_CHUNK_DATA : H1_WAIT_TRAILERS);
        return c == '\n';
    case H1_WAIT_CHUNK_CR: enter(r, H1_WAIT_CHUNK_LF); return c == '\r';
    case H1_WAIT_CHUNK_LF: enter(r, H1_WAIT_CHUNK_SIZE); return c == '\n';
    default: return false;
    }
}

static enum h1_event read_chunked(struct h1_reader *r, struct input *in)
{
    while (in->used < in->len) {
        if (r->state == H1_WAIT_CHUNK_DATA)
            return read_data(r, in, H1_WAIT_CHUNK_CR);
        if (r->state == H1_WAIT_TRAILERS)
            return read_trailers(r, in);
        if (!chunk_byte(r, in->p[in->used]))
            return fail(r, ERR_HTTP_CHUNK);
        in->used++;
    }
    return H1_MORE;
}

static enum h1_event step(struct h1_reader *r, struct input *in)
{
    switch (r->state) {
    case H1_WAIT_HEAD: return read_head(r, in);
    case H1_WAIT_PARSED: return H1_MORE;
    case H1_WAIT_DATA: return read_data(r, in, H1_WAIT_TELL_END);
    case H1_WAIT_CLOSE:
    case H1_RAW: return read_all(in);
    case H1_WAIT_TELL_END: enter(r, H1_WAIT_HEAD); return H1_END;
    case H1_FAILED: return H1_FAIL;
    default: return read_chunked(r, in);
    }
}

enum h1_event h1_read(struct h1_reader *r, const uint8_t *in, size_t len, size_t *used, struct str *piece)
{
    struct input input = {.p = in, .len = len};
    enum h1_event event = step(r, &input);
    *used = input.used;
    *piece = input.piece;
    return event;
}

void h1_reader_body(struct h1_reader *r, const struct head *h)
{
    r->left = 0;
    if (h->no_body || h->framing == FRAME_NONE || (h->framing == FRAME_LENGTH && h->length == 0)) {
        enter(r, H1_WAIT_TELL_END);
    } else if (h->framing == FRAME_LENGTH) {
        enter(r, H1_WAIT_DATA);
        r->left = h->length;
    } else {
        enter(r, h->framing == FRAME_CHUNKED ? H1_WAIT_CHUNK_SIZE : H1_WAIT_CLOSE);
    }
}

void h1_reader_raw(struct h1_reader *r)
{
    enter(r, H1_RAW);
}

enum h1_event h1_read_eof(struct h1_reader *r, size_t unread)
{
    bool until_close = r->state == H1_WAIT_CLOSE || r->state == H1_RAW;
    if (r->state == H1_FAILED)
        return H1_FAIL;
    if (r->state == H1_WAIT_TELL_END || (until_close && unread == 0)) {
        enter(r, H1_WAIT_HEAD);
        return H1_END;
    }
    if (h1_reader_idle(r) && unread == 0)
        return H1_MORE;
    return fail(r, ERR_CLOSED);
}

bool h1_reader_idle(const struct h1_reader *r)
{
    return r->state == H1_WAIT_HEAD && r->scanned == 0;
}
