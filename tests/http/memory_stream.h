/* A stream in memory: the test is the peer. */
#ifndef EDGE_TESTS_HTTP_MEMORY_STREAM_H
#define EDGE_TESTS_HTTP_MEMORY_STREAM_H

#include <stdbool.h>

#include "base/buf.h"
#include "net/stream.h"

struct memory_stream {
    struct stream stream;
    struct link_info info;
    struct buf in;  /* what the peer sent and nobody read yet */
    struct buf out; /* what was written */
    size_t take;    /* bytes that write() still takes before it says "again" */
    size_t read;    /* bytes that were read in all */
    bool in_closed; /* the peer sent its end */
    bool fails;     /* read and write fail with ERR_RESET */
    bool finished;
    bool closed;
    enum stream_close how;
};

/* Caller's memory; close does not free it. */
void memory_stream_init(struct memory_stream *m);
void memory_stream_done(struct memory_stream *m);
/* What was written since the last call; valid until the next write. */
struct str memory_stream_take_output(struct memory_stream *m);

#endif
