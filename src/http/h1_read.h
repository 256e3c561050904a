/*
 * Reads HTTP/1.x messages (RFC 9112): bytes in, events out. It never allocates, never repairs, and knows no
 * socket.
 *
 *   h1_reader_init(&r);
 *   for (;;) switch (h1_read(&r, in, len, &used, &piece)) …   then drop `used` bytes from the input
 *
 * A head must lie in the input as one piece: while it is incomplete, H1_MORE asks for more bytes behind those
 * it did not use (HEAD_MAX_BYTES at most, then H1_FAIL). The same holds for a trailer section (16 KiB at
 * most). Body data needs no such piece: every byte is passed on as it comes. Any split of the input gives the
 * same messages and the same error.
 *
 * Refused here, as soon as it is seen: a first byte that begins no message, a line with a bare CR or LF, a
 * first line or a head that is too long, bad chunks. All the rest of the grammar is refused by h1_parse_…(), which sees whole heads.
 */
#ifndef EDGE_HTTP_H1_READ_H
#define EDGE_HTTP_H1_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "http/head.h"

enum h1_event {
    H1_MORE, /* the input is used up as far as it can be */
    H1_HEAD, /* piece = the whole head; parse it, then h1_reader_body() */
    H1_BODY, /* piece = body bytes, never empty */
    H1_END,  /* the message is complete; piece = the raw trailer fields, empty if there were none */
    H1_FAIL, /* r->err; every further call says the same */
};

enum h1_state {
    H1_WAIT_HEAD,
    H1_WAIT_PARSED, /* H1_HEAD was given, h1_reader_body() is due; h1_read() uses nothing */
    H1_WAIT_DATA,   /* Content-Length */
    H1_WAIT_CHUNK_SIZE,
    H1_WAIT_CHUNK_EXT,
    H1_WAIT_CHUNK_SIZE_LF,
    H1_WAIT_CHUNK_DATA,
    H1_WAIT_CHUNK_CR,
    H1_WAIT_CHUNK_LF,
    H1_WAIT_TRAILERS,
    H1_WAIT_CLOSE,    /* until the connection ends */
    H1_RAW,           /* tunnel */
    H1_WAIT_TELL_END, /* the body is used up, H1_END comes next */
    H1_FAILED,
};

/* Inside a chunk extension (RFC 9112 section 7.1.1): what may come next. */
enum h1_ext {
    H1_EXT_NAME_START,
    H1_EXT_NAME,
    H1_EXT_VALUE_START,
    H1_EXT_TOKEN,
    H1_EXT_QUOTED,
    H1_EXT_ESCAPED,
    H1_EXT_QUOTED_END,
};

struct h1_reader {
    enum h1_state state;
    int err;         /* enum err after H1_FAIL */
    size_t scanned;  /* bytes of the head or the trailers that hold no end */
    size_t line;     /* where the line begins that the scan is in */
    uint64_t left;   /* of the body or the chunk */
    uint32_t digits; /* of the chunk size; bytes of the extension */
    enum h1_ext ext;
    uint8_t blanks; /* empty lines skipped before this head */
    bool of_response;
};

/* Up to four empty lines before a request are skipped (RFC 9112 section 2.2). */
void h1_reader_init(struct h1_reader *r);
/* The same for a backend's answers, before which nothing may come. */
void h1_reader_init_response(struct h1_reader *r);
/* in may be NULL if len is 0. Call it again until H1_MORE: H1_END may come without further bytes. */
enum h1_event h1_read(struct h1_reader *r, const uint8_t *in, size_t len, size_t *used, struct str *piece);
/* After H1_HEAD: what follows. no_body (HEAD, 204 …) and FRAME_NONE give H1_END next. */
void h1_reader_body(struct h1_reader *r, const struct head *h);
/* After a 101: every further byte is H1_BODY. */
void h1_reader_raw(struct h1_reader *r);
/*
 * The connection ended, and h1_read() left `unread` bytes: H1_END where that ends the message (FRAME_CLOSE,
 * raw, or the end was due anyway), H1_MORE between messages with nothing unread, else H1_FAIL with
 * ERR_CLOSED.
 */
enum h1_event h1_read_eof(struct h1_reader *r, size_t unread);
/* Nothing of a next message has come in: the connection is between messages. */
bool h1_reader_idle(const struct h1_reader *r);

/*
 * Parse what H1_HEAD gave. Return 0 or an enum err. Strings borrow from piece; the field array and a
 * rewritten path lie in mem. They set everything in struct head, framing, keep_alive, expect_continue,
 * upgrade, authority and path included; the caller has no rule of RFC 9112 left to apply. On an error method,
 * target and minor hold what could be read, for the log.
 *
 * The Host field of a request in absolute form has the target's authority as its value afterwards (RFC 9112
 * section 3.2.2).
 */
int h1_parse_request(struct str piece, struct head *h, struct arena *mem);
/*
 * to_head: it answers a HEAD request. Errors are ERR_HTTP_BACKEND or ERR_NOMEM. To HEAD and with 304, framing
 * and length tell what was announced (FRAME_NONE: nothing); 1xx and 204 announce nothing. A 101 always has
 * `upgrade`.
 */
int h1_parse_response(struct str piece, bool to_head, struct head *h, struct arena *mem);
/*
 * Framing, routing and authentication fields are dropped from the trailers (RFC 9110 section 6.5.1). Errors
 * are ERR_HTTP_CHUNK, ERR_HTTP_FIELDS_LARGE or ERR_NOMEM.
 */
int h1_parse_trailers(struct str piece, struct head *h, struct arena *mem);

/*
 * A valid authority: name, IPv4 or [IPv6], optional port; no userinfo (RFC 9110 section 7.2), no percent-
 * encoding.
 */
bool h1_valid_authority(struct str s);

#endif
