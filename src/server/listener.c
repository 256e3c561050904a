#include "server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "http/session.h"
#include "net/loop.h"
#include "net/sock.h"
#include "net/stream.h"
#include "net/stream_plain.h"
#include "server/greeter.h"

enum {
    ACCEPT_BURST = 10, /* per socket and turn */
    REST_MS = 100,     /* when descriptors or memory are out */
};

struct port {
    struct watch watch;
    struct listener *listener;
    bool tls;
};

struct listener {
    struct session_env sessions;
    struct greeter_env greeters;
    struct listener_setup setup;
    struct timer rest;  /* set: nothing is accepted for a moment */
    struct timer limit; /* of draining */
    struct task drained_task;
    int reserve; /* a descriptor kept for refusing when there is none left */
    bool draining, resting;
    size_t connections;
    uint64_t accepted;
    size_t n_ports;
    struct port ports[];
};

/* The one place that decides whether we accept. */
static void update(struct listener *l)
{
    bool open = !l->draining && !l->resting && l->connections < l->setup.max_connections;
    for (size_t i = 0; i < l->n_ports; i++)
        loop_want(l->setup.loop, &l->ports[i].watch, open ? POLLIN : 0);
}

static void check_drained(struct listener *l)
{
    if (!l->draining || l->connections > 0)
        return;
    loop_timer_clear(l->setup.loop, &l->limit);
    loop_task(l->setup.loop, &l->drained_task);
}

static void connection_ended(struct listener *l)
{
    l->connections--;
    update(l);
    check_drained(l);
}

static void session_ended(struct session_env *env)
{
    connection_ended(LIST_OWNER(env, struct listener, sessions));
}

static void greeter_failed(struct greeter_env *env)
{
    connection_ended(LIST_OWNER(env, struct listener, greeters));
}

static void refuse_session(struct listener *l, struct stream *stream, uint64_t id)
{
    log_warn("conn %llu: closed: %s", (unsigned long long)id, err_text(ERR_NOMEM));
    stream->ops->close(stream, STREAM_RESET);
    connection_ended(l);
}

static void begin_session(struct listener *l, struct stream *stream, uint64_t id)
{
    if (!h1_session_new(&l->sessions, stream, id))
        refuse_session(l, stream, id);
}

static void greeted(struct greeter_env *env, struct stream *stream, uint64_t id)
{
    begin_session(LIST_OWNER(env, struct listener, greeters), stream, id);
}

static void passed(struct greeter_env *env, struct stream *stream, uint64_t id, struct str sni)
{
    struct listener *l = LIST_OWNER(env, struct listener, greeters);
    if (!raw_session_new(&l->sessions, stream, id, sni))
        refuse_session(l, stream, id);
}

/* The answer is in the same order as the proxy's, who will look again: the site of the name, else `*`. */
static bool passes(struct greeter_env *env, struct str sni)
{
    const struct snapshot *s = LIST_OWNER(env, struct listener, greeters)->setup.snapshot;
    const struct site *site = sni.n > 0 ? snapshot_site(s, sni) : NULL;
    return (site ? site : s->any)->passthrough != NULL;
}

static bool some_passes(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_sites; i++)
        if (s->sites[i].passthrough)
            return true;
    return false;
}

/* Takes fd. */
static void admit(struct port *p, int fd, struct endpoint peer)
{
    struct listener *l = p->listener;
    uint64_t id = ++l->accepted;
    l->connections++;
    if (p->tls) {
        if (greeter_new(&l->greeters, fd, peer, id) == 0)
            return;
    } else {
        struct stream *stream = stream_plain_new(fd, peer);
        if (stream) {
            begin_session(l, stream, id);
            return;
        }
    }
    sock_reset(fd);
    connection_ended(l);
}

static void take_a_rest(struct listener *l)
{
    l->resting = true;
    loop_timer(l->setup.loop, &l->rest, REST_MS);
}

static void rested(struct timer *t)
{
    struct listener *l = LIST_OWNER(t, struct listener, rest);
    l->resting = false;
    update(l);
}

static int open_reserve(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* No descriptor is left for a client: it is told so by a reset, instead of waiting for something that may take long. */
static void refuse(struct listener *l, int fd)
{
    struct endpoint peer;
    if (l->reserve < 0)
        return;
    close(l->reserve);
    int refused = sock_accept(fd, &peer);
    if (refused >= 0)
        sock_reset(refused);
    l->reserve = open_reserve();
}

/* Whether it is worth going on. Errors of one connection that broke while it waited are passed over (accept(2)). */
static bool accept_failed(struct listener *l, int fd)
{
    switch (errno) {
    case EAGAIN: return false;
    case EMFILE:
    case ENFILE:
        refuse(l, fd);
        take_a_rest(l);
        return false;
    case ENOMEM:
    case ENOBUFS: take_a_rest(l); return false;
    case EBADF:
    case EINVAL:
    case ENOTSOCK: die("accept: %s", strerror(errno));
    default: return true;
    }
}

static void on_port(struct watch *w, short events)
{
    struct port *p = LIST_OWNER(w, struct port, watch);
    struct listener *l = p->listener;
    (void)events;
    for (int i = 0; i < ACCEPT_BURST && l->connections < l->setup.max_connections; i++) {
        struct endpoint peer;
        int fd = sock_accept(w->fd, &peer);
        if (fd >= 0)
            admit(p, fd, peer);
        else if (!accept_failed(l, w->fd))
            break;
    }
    update(l);
}

static void tell_drained(struct task *t)
{
    struct listener *l = LIST_OWNER(t, struct listener, drained_task);
    l->setup.drained(l->setup.user);
}

static void kill_sessions(struct listener *l)
{
    struct list *next;
    for (struct list *link = l->sessions.sessions.next; link != &l->sessions.sessions; link = next) {
        struct session *s = LIST_OWNER(link, struct session, link);
        next = link->next;
        s->ops->kill(s, ERR_SHUTDOWN);
    }
}

static void on_limit(struct timer *t)
{
    struct listener *l = LIST_OWNER(t, struct listener, limit);
    log_info("%zu connections did not end in time: cut", l->connections);
    greeter_kill_all(&l->greeters);
    kill_sessions(l);
}

static void init_envs(struct listener *l)
{
    const struct timeouts *t = &l->setup.snapshot->timeouts;
    l->sessions = (struct session_env){
        .loop = l->setup.loop,
        .handler = l->setup.handler,
        .service = l->setup.service,
        .head_ms = t->head,
        .idle_ms = t->idle,
        .send_ms = t->send,
        .tunnel_ms = t->tunnel,
        .ended = session_ended,
    };
    list_init(&l->sessions.sessions);
    l->greeters = (struct greeter_env){
        .loop = l->setup.loop,
        .tls = l->setup.tls,
        .handshake_ms = t->handshake,
        .passes = some_passes(l->setup.snapshot) ? passes : NULL,
        .passed = passed,
        .greeted = greeted,
        .failed = greeter_failed,
    };
    list_init(&l->greeters.all);
}

struct listener *listener_new(const struct listener_setup *setup)
{
    struct listener *l = calloc(1, sizeof *l + setup->snapshot->n_listens * sizeof(struct port));
    if (!l)
        return NULL;
    l->setup = *setup;
    l->reserve = open_reserve();
    l->rest.fire = rested;
    l->limit.fire = on_limit;
    l->drained_task.run = tell_drained;
    init_envs(l);
    return l;
}

static void add_port(struct listener *l, int fd, bool tls)
{
    struct port *p = &l->ports[l->n_ports];
    p->listener = l;
    p->tls = tls;
    if (loop_watch(l->setup.loop, &p->watch, fd, on_port) < 0)
        die("out of memory");
    l->n_ports++;
}

size_t listener_open(struct listener *l, int first_fd)
{
    const struct snapshot *s = l->setup.snapshot;
    for (size_t i = 0; i < s->n_listens; i++) {
        int fd = first_fd + (int)i;
        if (fcntl(fd, F_GETFD) < 0)
            continue;
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        add_port(l, fd, s->listens[i].tls);
    }
    update(l);
    return l->n_ports;
}

size_t listener_take(struct listener *l, const int *fds)
{
    for (size_t i = 0; i < l->setup.snapshot->n_listens; i++)
        if (fds[i] >= 0)
            add_port(l, fds[i], l->setup.snapshot->listens[i].tls);
    update(l);
    return l->n_ports;
}

void listener_add(struct listener *l, int fd)
{
    const struct snapshot *s = l->setup.snapshot;
    struct endpoint at = sock_local(fd);
    for (size_t i = 0; i < s->n_listens && !l->draining && l->n_ports < s->n_listens; i++) {
        if (s->listens[i].at.port != at.port || !ip_eq(s->listens[i].at.ip, at.ip))
            continue;
        add_port(l, fd, s->listens[i].tls);
        update(l);
        return;
    }
    close(fd);
}

void listener_drain(struct listener *l, msec limit_ms)
{
    if (l->draining)
        return;
    l->draining = true;
    update(l);
    for (size_t i = 0; i < l->n_ports; i++) {
        int fd = l->ports[i].watch.fd;
        loop_unwatch(l->setup.loop, &l->ports[i].watch);
        close(fd);
    }
    l->n_ports = 0;
    loop_timer(l->setup.loop, &l->limit, limit_ms);
    l->sessions.draining = true;
    struct list *next;
    for (struct list *link = l->sessions.sessions.next; link != &l->sessions.sessions; link = next) {
        struct session *s = LIST_OWNER(link, struct session, link);
        next = link->next;
        s->ops->drain(s);
    }
    check_drained(l);
}

void listener_free(struct listener *l)
{
    if (!l)
        return;
    loop_timer_clear(l->setup.loop, &l->rest);
    loop_timer_clear(l->setup.loop, &l->limit);
    loop_task_cancel(&l->drained_task);
    if (l->reserve >= 0)
        close(l->reserve);
    free(l);
}
