#include "server/ipc.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"

enum { READ_BURST = 32 }; /* messages per turn */

struct header {
    uint32_t type;
    uint32_t len; /* of the body */
};

struct packet {
    struct header header;
    union ipc_body body;
};

struct queued {
    struct list link;
    size_t len;
    struct packet packet;
};

struct ipc {
    struct loop *loop;
    struct watch watch;
    struct task free_task;
    const struct ipc_user *calls;
    void *user;
    struct list queue;
    size_t n_queued;
    bool gone; /* nothing can be sent or received any more */
    bool freed;
};

static const size_t body_len[] = {
    [IPC_READY] = sizeof(struct ipc_ready),
    [IPC_DRAIN] = sizeof(struct ipc_drain),
};
_Static_assert(nitems(body_len) == IPC_TYPES, "name the length of every message");

int ipc_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
}

static void update(struct ipc *i)
{
    if (!i->gone)
        loop_want(i->loop, &i->watch, (short)(POLLIN | (list_empty(&i->queue) ? 0 : POLLOUT)));
}

static void drop_queue(struct ipc *i)
{
    for (struct list *link; (link = list_shift(&i->queue));)
        free(LIST_OWNER(link, struct queued, link));
    i->n_queued = 0;
}

static void hang_up(struct ipc *i)
{
    if (i->gone)
        return;
    i->gone = true;
    loop_unwatch(i->loop, &i->watch);
    close(i->watch.fd);
    drop_queue(i);
}

static void fail_closed(struct ipc *i)
{
    hang_up(i);
    i->calls->closed(i->user);
}

static void fail_broken(struct ipc *i, const struct packet *p, size_t n)
{
    log_error("ipc: not a message: type %u, length %u, %zu bytes", p->header.type, p->header.len, n);
    hang_up(i);
    if (!i->calls->broken)
        die("ipc: the other end does not speak my language");
    i->calls->broken(i->user);
}

static bool valid(const struct packet *p, size_t n, const struct msghdr *m)
{
    return n >= sizeof p->header && p->header.type < IPC_TYPES && p->header.len == body_len[p->header.type] &&
           n == sizeof p->header + p->header.len && (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
}

/* Returns false when there is nothing more to read. */
static bool read_one(struct ipc *i)
{
    struct packet p = {0};
    struct iovec io = {.iov_base = &p, .iov_len = sizeof p};
    /* Without room for control data the kernel keeps descriptors out of our table and says MSG_CTRUNC. */
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    ssize_t n = recvmsg(i->watch.fd, &m, MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        fail_closed(i);
    else if (!valid(&p, (size_t)n, &m))
        fail_broken(i, &p, (size_t)n);
    else
        i->calls->message(i->user, (enum ipc_type)p.header.type, &p.body);
    return !i->gone;
}

static int send_packet(int fd, const struct packet *p, size_t len)
{
    return send(fd, p, len, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void flush(struct ipc *i)
{
    while (!list_empty(&i->queue)) {
        struct queued *q = LIST_OWNER(i->queue.next, struct queued, link);
        if (send_packet(i->watch.fd, &q->packet, q->len) < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
                drop_queue(i); /* the reader will find the end */
            return;
        }
        list_remove(&q->link);
        i->n_queued--;
        free(q);
    }
}

static void ready(struct watch *w, short events)
{
    struct ipc *i = LIST_OWNER(w, struct ipc, watch);
    if (events & POLLOUT)
        flush(i);
    for (int n = 0; (events & ~POLLOUT) && n < READ_BURST; n++)
        if (!read_one(i))
            break;
    update(i);
}

struct ipc *ipc_new(struct loop *loop, int fd, const struct ipc_user *calls, void *user)
{
    struct ipc *i = calloc(1, sizeof *i);
    if (!i)
        return NULL;
    i->loop = loop;
    i->calls = calls;
    i->user = user;
    list_init(&i->queue);
    if (loop_watch(loop, &i->watch, fd, ready) < 0) {
        free(i);
        return NULL;
    }
    update(i);
    return i;
}

static void free_now(struct task *t)
{
    free(LIST_OWNER(t, struct ipc, free_task));
}

void ipc_free(struct ipc *i)
{
    if (!i || i->freed)
        return;
    hang_up(i);
    i->freed = true;
    /* Not at once: one of its own functions may be our caller. */
    i->free_task.run = free_now;
    loop_task(i->loop, &i->free_task);
}

static int enqueue(struct ipc *i, const struct packet *p, size_t len)
{
    if (i->n_queued >= IPC_QUEUE)
        return -1;
    struct queued *q = calloc(1, sizeof *q);
    if (!q)
        return -1;
    q->packet = *p;
    q->len = len;
    list_append(&i->queue, &q->link);
    i->n_queued++;
    update(i);
    return 0;
}

int ipc_send(struct ipc *i, enum ipc_type type, const union ipc_body *body)
{
    if (i->gone)
        return -1;
    struct packet p = {.header = {.type = (uint32_t)type, .len = (uint32_t)body_len[type]}};
    if (body)
        memcpy(&p.body, body, body_len[type]);
    size_t len = sizeof p.header + body_len[type];
    if (list_empty(&i->queue)) {
        if (send_packet(i->watch.fd, &p, len) == 0)
            return 0;
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
            return -1;
    }
    return enqueue(i, &p, len);
}
