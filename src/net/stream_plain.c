#include "net/stream_plain.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "net/sock.h"

struct stream_plain {
    struct stream stream;
    struct link_info info;
};

static ssize_t fail(struct stream *s)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return STREAM_AGAIN;
    s->err = err_from_errno(errno);
    return STREAM_FAIL;
}

static ssize_t plain_read(struct stream *s, void *out, size_t n)
{
    if (n == 0)
        return 0;
    ssize_t got = recv(s->fd, out, n, 0);
    return got < 0 ? fail(s) : got;
}

static ssize_t plain_write(struct stream *s, const void *p, size_t n)
{
    if (n == 0)
        return 0;
    ssize_t put = send(s->fd, p, n, MSG_NOSIGNAL);
    return put < 0 ? fail(s) : put;
}

static short plain_want(struct stream *s, short owner)
{
    (void)s;
    return owner;
}

static bool plain_buffered(struct stream *s)
{
    (void)s;
    return false;
}

static const struct link_info *plain_info(struct stream *s)
{
    return &((struct stream_plain *)(void *)s)->info;
}

static void plain_close(struct stream *s, enum stream_close how)
{
    if (how == STREAM_FINISH) {
        (void)shutdown(s->fd, SHUT_WR);
        return;
    }
    if (how == STREAM_RESET)
        sock_reset(s->fd);
    else
        close(s->fd);
    free(s);
}

static const struct stream_ops plain_ops = {
    .read = plain_read,
    .write = plain_write,
    .want = plain_want,
    .buffered = plain_buffered,
    .info = plain_info,
    .close = plain_close,
};

struct stream *stream_plain_new(int fd, struct endpoint peer)
{
    struct stream_plain *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->stream.ops = &plain_ops;
    p->stream.fd = fd;
    p->info.peer = peer;
    p->info.local = sock_local(fd);
    return &p->stream;
}
