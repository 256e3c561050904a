#include "server/ipc.h"

#include <errno.h>
#include <fcntl.h>
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
    int fd; /* ours; -1: none */
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

struct message_kind {
    size_t len; /* of the body */
    bool fd;    /* a descriptor comes along */
};

static const struct message_kind kinds[] = {
    [IPC_READY] = {.len = sizeof(struct ipc_ready)},
    [IPC_DRAIN] = {.len = sizeof(struct ipc_drain)},
    [IPC_CERTS] = {.fd = true},
    [IPC_ASK] = {.len = sizeof(struct ipc_ask)},
    [IPC_TELL] = {.len = sizeof(struct ipc_tell)},
    [IPC_RENEW] = {.len = 0},
    [IPC_RENEWED] = {.len = 0},
    [IPC_LISTEN] = {.fd = true},
};
_Static_assert(nitems(kinds) == IPC_TYPES, "name the kind of every message");

/* Room for one descriptor among the control data. */
union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int ipc_pair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
}

static void update(struct ipc *i)
{
    if (!i->gone)
        loop_want(i->loop, &i->watch, (short)(POLLIN | (list_empty(&i->queue) ? 0 : POLLOUT)));
}

static void drop_queued(struct ipc *i, struct queued *q)
{
    list_remove(&q->link);
    i->n_queued--;
    if (q->fd >= 0)
        close(q->fd);
    free(q);
}

static void drop_queue(struct ipc *i)
{
    while (!list_empty(&i->queue))
        drop_queued(i, LIST_OWNER(i->queue.next, struct queued, link));
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

/* The descriptor among the control data, or -1. */
static int received_fd(struct msghdr *m)
{
    int fd = -1;
    const struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static bool valid(const struct packet *p, size_t n, const struct msghdr *m, int fd)
{
    if (n < sizeof p->header || p->header.type >= IPC_TYPES || (m->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return false;
    const struct message_kind *kind = &kinds[p->header.type];
    return p->header.len == kind->len && n == sizeof p->header + kind->len && kind->fd == (fd >= 0);
}

/* Returns false when there is nothing more to read. */
static bool read_one(struct ipc *i)
{
    struct packet p = {0};
    union control control = {0};
    struct iovec io = {.iov_base = &p, .iov_len = sizeof p};
    /* Not the whole of it, whose padding would take a second descriptor: that one is cut off and told of by MSG_CTRUNC. */
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t n = recvmsg(i->watch.fd, &m, MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    int fd = n < 0 ? -1 : received_fd(&m);
    if (n <= 0) {
        if (fd >= 0)
            close(fd);
        fail_closed(i);
    } else if (!valid(&p, (size_t)n, &m, fd)) {
        if (fd >= 0)
            close(fd);
        fail_broken(i, &p, (size_t)n);
    } else {
        i->calls->message(i->user, (enum ipc_type)p.header.type, &p.body, fd);
    }
    return !i->gone;
}

static int send_packet(int socket_fd, const struct packet *p, size_t len, int fd)
{
    struct packet copy = *p;
    union control control = {0};
    struct iovec io = {.iov_base = &copy, .iov_len = len};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    }
    return sendmsg(socket_fd, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void flush(struct ipc *i)
{
    while (!list_empty(&i->queue)) {
        struct queued *q = LIST_OWNER(i->queue.next, struct queued, link);
        if (send_packet(i->watch.fd, &q->packet, q->len, q->fd) < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
                drop_queue(i); /* the reader will find the end */
            return;
        }
        drop_queued(i, q);
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

static int enqueue(struct ipc *i, const struct packet *p, size_t len, int fd)
{
    if (i->n_queued >= IPC_QUEUE)
        return -1;
    struct queued *q = calloc(1, sizeof *q);
    if (!q)
        return -1;
    q->packet = *p;
    q->len = len;
    q->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    list_append(&i->queue, &q->link);
    i->n_queued++;
    if (fd >= 0 && q->fd < 0) {
        drop_queued(i, q);
        return -1;
    }
    update(i);
    return 0;
}

static int send_message(struct ipc *i, enum ipc_type type, const union ipc_body *body, int fd)
{
    if (i->gone)
        return -1;
    struct packet p = {.header = {.type = (uint32_t)type, .len = (uint32_t)kinds[type].len}};
    if (body)
        memcpy(&p.body, body, kinds[type].len);
    size_t len = sizeof p.header + kinds[type].len;
    if (list_empty(&i->queue)) {
        if (send_packet(i->watch.fd, &p, len, fd) == 0)
            return 0;
        if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
            return -1;
    }
    return enqueue(i, &p, len, fd);
}

int ipc_send(struct ipc *i, enum ipc_type type, const union ipc_body *body)
{
    return send_message(i, type, body, -1);
}

int ipc_send_fd(struct ipc *i, enum ipc_type type, int fd)
{
    return send_message(i, type, NULL, fd);
}
