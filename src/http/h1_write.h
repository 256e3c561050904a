/*
 * Writes HTTP/1.1 messages into a buffer. The heads come without Connection, Keep-Alive, Content-Length, Transfer-Encoding
 * and Trailer: those belong to the connection and are written here from `how`. Return 0, or -1 when memory is out.
 */
#ifndef EDGE_HTTP_H1_WRITE_H
#define EDGE_HTTP_H1_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "http/head.h"

/* Field names that never are copied from one connection to the other by a head that goes to these functions. */
bool h1_is_connection_field(struct str name);

struct h1_how {
    enum framing framing; /* what to announce: Content-Length, chunked, or nothing (NONE, CLOSE) */
    uint64_t length;
    bool close;   /* Connection: close */
    bool keep;    /* Connection: keep-alive, for an HTTP/1.0 peer */
    bool upgrade; /* Connection: upgrade */
};

/* Method, path and fields of h. FRAME_LENGTH with 0 writes Content-Length: 0. */
int h1_write_request(struct buf *out, const struct head *h, const struct h1_how *how);
/* Always HTTP/1.1. A missing Date is not added. 1xx: `how` may be NULL. */
int h1_write_response(struct buf *out, const struct head *h, const struct h1_how *how);
/* The line before a chunk of n > 0 bytes; after the bytes comes h1_write_chunk_end(). */
int h1_write_chunk_begin(struct buf *out, size_t n);
int h1_write_chunk_end(struct buf *out);
/* The last chunk and the trailers (NULL: none). */
int h1_write_last_chunk(struct buf *out, const struct head *trailers);

#endif
