#include "net/outbox.h"

#include "base/err.h"
#include "net/stream.h"

enum { DIRECT = 8 * 1024 }; /* from here on a copy costs more than a system call of its own */

void outbox_done(struct outbox *o)
{
    buf_done(&o->queue);
    *o = (struct outbox){0};
}

void outbox_clear(struct outbox *o)
{
    buf_done(&o->queue);
    o->payload = 0;
    o->stuck = false;
}

static void fail(struct outbox *o, int err)
{
    if (o->err == ERR_NONE || err == ERR_NOMEM)
        o->err = err;
}

static bool drops(const struct outbox *o)
{
    return o->err == ERR_NOMEM || (o->err != ERR_NONE && o->begun);
}

void outbox_add(struct outbox *o, struct str s)
{
    if (!drops(o) && !buf_add_str(&o->queue, s))
        fail(o, ERR_NOMEM);
}

/* Writes the queue as far as the stream takes it. */
static void push(struct outbox *o, struct stream *stream)
{
    while (o->queue.len > 0 && !o->stuck) {
        ssize_t n = stream->ops->write(stream, buf_data(&o->queue), o->queue.len);
        if (n == STREAM_FAIL) {
            fail(o, stream->err);
            return;
        }
        if (n < 0 || (size_t)n < o->queue.len)
            o->stuck = true;
        if (n > 0) {
            o->begun = true;
            buf_take(&o->queue, (size_t)n);
        }
    }
    if (o->payload > o->queue.len) {
        o->gone += o->payload - o->queue.len;
        o->payload = o->queue.len;
    }
    buf_shrink(&o->queue);
}

void outbox_payload(struct outbox *o, struct stream *stream, struct str data)
{
    if (data.n >= DIRECT && !o->stuck && o->err == ERR_NONE) {
        push(o, stream);
        ssize_t n = o->stuck || o->err != ERR_NONE ? 0 : stream->ops->write(stream, data.p, data.n);
        if (n == STREAM_FAIL)
            fail(o, stream->err);
        if (n < 0 || (size_t)n < data.n)
            o->stuck = true;
        if (n > 0) {
            o->begun = true;
            o->gone += (size_t)n;
            data = str_skip(data, (size_t)n);
        }
    }
    if (drops(o))
        o->gone += data.n;
    else if (!buf_add_str(&o->queue, data))
        fail(o, ERR_NOMEM);
    else
        o->payload += data.n;
}

bool outbox_flush(struct outbox *o, struct stream *stream)
{
    if (o->err != ERR_NONE)
        return false;
    o->stuck = false;
    push(o, stream);
    if (o->err != ERR_NONE || o->stuck)
        return false;
    ssize_t n = stream->ops->write(stream, NULL, 0);
    if (n == STREAM_FAIL)
        fail(o, stream->err);
    o->stuck = n != 0;
    return n == 0;
}

bool outbox_empty(const struct outbox *o)
{
    return o->queue.len == 0 && !o->stuck;
}

size_t outbox_gone(struct outbox *o)
{
    size_t n = o->gone;
    o->gone = 0;
    return n;
}
