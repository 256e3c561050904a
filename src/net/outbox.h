/*
 * What waits to be written to a stream. Payload that comes when nothing waits goes to the stream at once, without a copy; the rest is
 * kept. The outbox counts payload apart from what is wrapped around it, so that its owner can return credit.
 */
#ifndef EDGE_NET_OUTBOX_H
#define EDGE_NET_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

struct stream;

/* All-zero is an empty one. */
struct outbox {
    struct buf queue;
    size_t payload; /* bytes of payload in the queue; anything else in it is taken to leave first */
    size_t gone;    /* payload that left, or was dropped, since outbox_gone() was asked */
    bool stuck;     /* the stream took less than it was offered */
    bool begun;     /* the stream took a byte; the owner clears it */
    /*
     * enum err; sticky. After it nothing is written. If a byte had been taken, or memory is out, what comes is dropped; else all of
     * it is kept, because it may go out on another stream.
     */
    int err;
};

void outbox_done(struct outbox *o);
/* Heads, chunk lines …; copied. Write straight into o->queue with functions that take a struct buf, or use this. */
void outbox_add(struct outbox *o, struct str s);
void outbox_payload(struct outbox *o, struct stream *stream, struct str data);
/* True when everything was handed to the kernel. False: it waits for POLLOUT, or o->err is set. */
bool outbox_flush(struct outbox *o, struct stream *stream);
bool outbox_empty(const struct outbox *o);
/* Payload bytes that have left, or were dropped, since the last call. */
size_t outbox_gone(struct outbox *o);
/* Drops what waits. */
void outbox_clear(struct outbox *o);

#endif
