#include "http/memory_stream.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"

static struct memory_stream *of(struct stream *s)
{
    return LIST_OWNER(s, struct memory_stream, stream);
}

static ssize_t fail(struct stream *s)
{
    s->err = ERR_RESET;
    return STREAM_FAIL;
}

static ssize_t memory_read(struct stream *s, void *out, size_t n)
{
    struct memory_stream *m = of(s);
    if (m->fails)
        return fail(s);
    if (m->in.len == 0)
        return m->in_closed ? 0 : STREAM_AGAIN;
    if (n > m->in.len)
        n = m->in.len;
    memcpy(out, buf_data(&m->in), n);
    buf_take(&m->in, n);
    m->read += n;
    return (ssize_t)n;
}

static ssize_t memory_write(struct stream *s, const void *p, size_t n)
{
    struct memory_stream *m = of(s);
    if (m->fails)
        return fail(s);
    if (n == 0)
        return 0;
    if (m->take == 0)
        return STREAM_AGAIN;
    if (n > m->take)
        n = m->take;
    m->take -= n;
    return buf_add(&m->out, p, n) ? (ssize_t)n : fail(s);
}

static short memory_want(struct stream *s, short owner)
{
    (void)s;
    return owner;
}

static bool memory_buffered(struct stream *s)
{
    return of(s)->in.len > 0;
}

static const struct link_info *memory_info(struct stream *s)
{
    return &of(s)->info;
}

static void memory_close(struct stream *s, enum stream_close how)
{
    struct memory_stream *m = of(s);
    if (how == STREAM_FINISH) {
        m->finished = true;
        return;
    }
    m->closed = true;
    m->how = how;
}

static const struct stream_ops memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .want = memory_want,
    .buffered = memory_buffered,
    .info = memory_info,
    .close = memory_close,
};

void memory_stream_init(struct memory_stream *m)
{
    *m = (struct memory_stream){.take = SIZE_MAX};
    m->stream.ops = &memory_ops;
    m->stream.fd = -1;
}

void memory_stream_done(struct memory_stream *m)
{
    buf_done(&m->in);
    buf_done(&m->out);
}

struct str memory_stream_take_output(struct memory_stream *m)
{
    struct str all = buf_str(&m->out);
    buf_take(&m->out, m->out.len);
    return all;
}
