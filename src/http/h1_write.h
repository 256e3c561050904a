/*
 * Writes HTTP/1.1 messages into a buffer. What belongs to the connection is written here from `how`, and
 * skipped where it stands in a head: Connection, Keep-Alive, Proxy-Connection, Content-Length and
 * Transfer-Encoding always; Upgrade unless how->upgrade; Trailer where no trailers can follow; TE unless it says
 * just "trailers" in a request, in which case Connection names it (RFC 9110 section 10.1.4).
 *
 * All return 0, or -1 when memory is out or when a name or value could not be read back as it stands (a CR,
 * LF, NUL …): a head that the reader gave always can, one made of configuration might not. After -1 nothing
 * was added.
 */
#ifndef EDGE_HTTP_H1_WRITE_H
#define EDGE_HTTP_H1_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "http/head.h"

/*
 * Field names that are never copied from one connection to the other by a head that goes to these functions.
 */
bool h1_is_connection_field(struct str name);

struct h1_how {
    enum framing framing; /* what to announce: Content-Length, chunked, or nothing (NONE, CLOSE) */
    uint64_t length;
    bool close;   /* Connection: close */
    bool keep;    /* Connection: keep-alive, for an HTTP/1.0 peer */
    bool upgrade; /* Connection: upgrade, and the Upgrade field passes */
};

/* Method, path and fields of h. FRAME_LENGTH with 0 writes Content-Length: 0. */
int h1_write_request(struct buf *out, const struct head *h, const struct h1_how *how);
/*
 * Always HTTP/1.1, with h->status and h->reason. A missing Date is not added. 1xx: `how` may be NULL, and 101
 * is an upgrade in any case. 1xx and 204 never announce a body (RFC 9112 section 6.1, RFC 9110 section 8.6);
 * for HEAD and 304 it is up to the caller.
 */
int h1_write_response(struct buf *out, const struct head *h, const struct h1_how *how);
/*
 * The line before a chunk of n > 0 bytes (0 would end the body: -1); after the bytes comes
 * h1_write_chunk_end().
 */
int h1_write_chunk_begin(struct buf *out, size_t n);
int h1_write_chunk_end(struct buf *out);
/*
 * The last chunk and the trailers (NULL: none); those that mean nothing there are skipped, as
 * h1_parse_trailers() drops them.
 */
int h1_write_last_chunk(struct buf *out, const struct head *trailers);

#endif
