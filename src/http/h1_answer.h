/* How an answer is framed toward an HTTP/1.x client: bytes for a buffer, no socket. RFC 9112 section 6.3. */
#ifndef EDGE_HTTP_H1_ANSWER_H
#define EDGE_HTTP_H1_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/head.h"

struct h1_answer {
    enum framing framing; /* of what follows the head on the wire; NONE: nothing does */
    uint64_t left;        /* with FRAME_LENGTH: bytes that are still due */
};

/* Only the end of the connection can end the body of answer h to request req: the client speaks HTTP/1.0. */
bool h1_answer_needs_close(const struct head *req, const struct head *h);
/*
 * Writes the head of answer h to request req and tells in *a what has to follow. close: this is the connection's last answer.
 * Returns 0, or -1 when memory is out or h cannot be written.
 */
int h1_answer_begin(struct h1_answer *a, struct buf *out, const struct head *req, const struct head *h,
                    bool close);
/* A whole answer with `Connection: close`: the standard page of err_status(err). Returns 0 or -1. */
int h1_answer_page(struct buf *out, int err);

#endif
