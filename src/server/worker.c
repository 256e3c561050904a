#include "server/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "net/loop.h"
#include "proxy/proxy.h"
#include "server/backend_tls.h"
#include "server/cert_image.h"
#include "server/image.h"
#include "server/ipc.h"
#include "server/jail.h"
#include "server/listener.h"
#include "server/load_memory.h"
#include "server/sessions_memory.h"
#include "server/snapshot_build.h"
#include "tls/certs.h"
#include "tls/stream_tls.h"

/* Descriptors that are no client's and no backend's: standard ones, ipc, listeners, epoll, one reserve. */
enum { OWN_DESCRIPTORS = 64, FEWEST_CONNECTIONS = 16 };

/* How long the first certificates of the keeper are awaited. Without them a worker serves what it has. */
enum { KEEPER_WAIT_MS = 2000 };

struct worker {
    const struct role_start *start;
    struct loop *loop;
    struct ipc *ipc;
    struct image image;
    struct sessions sessions;
    struct tls_worker *tls;
    struct load load;
    struct backend_tls *backend_tls;
    struct snapshot *snapshot;
    struct proxy *proxy;
    struct listener *listener;
    struct timer keeper_late, tick;
    unsigned jail_lacks;
    bool accepting;
};

/* A whole new set: that of the files, and that of the keeper if its image is there (fd -1: it is not). */
static void take_certs(struct worker *w, int fd)
{
    struct certs *certs = certs_new();
    if (!certs)
        die("out of memory");
    snapshot_certs(&w->image, w->snapshot, certs);
    if (fd >= 0 && cert_image_read(fd, certs) < 0)
        log_error("the keeper's certificates cannot be read");
    tls_worker_certs(w->tls, certs);
    certs_free(certs);
}

static void begin_to_accept(struct worker *w);

static void on_certs(struct worker *w, int fd)
{
    take_certs(w, fd);
    close(fd);
    begin_to_accept(w);
}

static void on_keeper_late(struct timer *t)
{
    struct worker *w = LIST_OWNER(t, struct worker, keeper_late);
    log_warn("the keeper's certificates are late; serving without them until they come");
    begin_to_accept(w);
}

static void on_message(void *user, enum ipc_type type, const union ipc_body *body, int fd)
{
    struct worker *w = user;
    const struct ipc_tell *tell = &body->tell;
    switch (type) {
    case IPC_DRAIN:
        begin_to_accept(w); /* what is drained must have begun */
        proxy_drain(w->proxy);
        listener_drain(w->listener, body->drain.limit_ms);
        break;
    case IPC_CERTS: on_certs(w, fd); break;
    case IPC_LISTEN:
        begin_to_accept(w); /* where it can already */
        listener_add(w->listener, fd);
        break;
    case IPC_TELL:
        proxy_challenge(
            w->proxy, tell->number,
            str_from(tell->key_authorization, tell->len <= sizeof tell->key_authorization ? tell->len : 0));
        break;
    default: die("ipc: a message of type %d is none for a worker", (int)type);
    }
}

/* The proxy wants to know whether a token is one of ours. */
static int on_ask(void *context, uint32_t number, struct str token)
{
    struct worker *w = context;
    union ipc_body body = {.ask = {.number = number, .len = (uint32_t)token.n}};
    if (token.n > sizeof body.ask.token)
        return -1;
    memcpy(body.ask.token, token.p, token.n);
    return ipc_send(w->ipc, IPC_ASK, &body);
}

/* Nobody would start us again or end us: so no connection may begin here any more. */
static void on_closed(void *user)
{
    (void)user;
    die("the supervisor is gone");
}

static const struct ipc_user ipc_calls = {.message = on_message, .closed = on_closed};

static void on_drained(void *user)
{
    struct worker *w = user;
    loop_stop(w->loop);
}

/* This worker's part of max_connections; each client may need a second descriptor, for its backend. */
static size_t connection_share(const struct snapshot *s, const struct role_start *start)
{
    struct rlimit limit;
    size_t room = FEWEST_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > OWN_DESCRIPTORS + 2 * FEWEST_CONNECTIONS)
        room = ((size_t)limit.rlim_cur - OWN_DESCRIPTORS) / 2;
    if (s->max_connections == 0)
        return room;
    unsigned workers = start->workers > 0 ? start->workers : 1;
    uint64_t share = (s->max_connections + workers - 1) / workers;
    return share < room ? (size_t)share : room;
}

/* Everything that needs the rights we were started with. */
static void open_all(struct worker *w)
{
    w->loop = loop_new();
    if (!w->loop || rand_init() < 0)
        die("cannot start: out of memory, or no random source");
    if (image_map(ROLE_FD_IMAGE, &w->image) < 0)
        die("the image of the configuration cannot be read");
    close(ROLE_FD_IMAGE);
    const struct sessions *sessions = &w->sessions;
    if (sessions_memory_map(ROLE_FD_SESSIONS, &w->sessions) < 0) {
        log_warn("the table of TLS sessions cannot be mapped: nothing is resumed");
        sessions = NULL;
    }
    w->tls = tls_worker_new(sessions);
    if (!w->tls)
        die("out of memory");
}

static unsigned enter_jail(const struct worker *w)
{
    struct buf memory = {0};
    struct jail_openings openings = {.ports = NULL};
    openings.n_ports = snapshot_ports(&w->image, &openings.ports, &memory);
    unsigned lacking = jail_enter(JAIL_WORKER, &openings);
    buf_done(&memory);
    return lacking;
}

/* What the proxy asks for */

static void on_tick(struct timer *t)
{
    struct worker *w = LIST_OWNER(t, struct worker, tick);
    proxy_tick(w->proxy);
}

static void tick_in(void *context, msec ms)
{
    struct worker *w = context;
    loop_timer(w->loop, &w->tick, ms);
}

/* A number that one look of the resolver empties; while it is dead they add up, and do no harm (eventfd(2)). */
static void wake_resolver(void *context)
{
    static const uint64_t once = 1;
    (void)context;
    if (write(ROLE_FD_WAKE, &once, sizeof once) < 0)
        log_debug("the resolver cannot be woken: %s", strerror(errno));
}

static struct stream *secure(void *context, const struct upstream *up, const struct backend *b, int fd,
                             struct endpoint peer)
{
    const struct worker *w = context;
    return backend_tls_stream(w->backend_tls, up, b, fd, peer);
}

/* What people wrote is read in the jail only. */
static void read_all(struct worker *w)
{
    w->snapshot = snapshot_open(&w->image);
    take_certs(w, -1);
    struct load_shape shape = {.workers = w->start->workers, .backends = w->snapshot->n_backends};
    if (shape.backends > 0 && load_memory_map(ROLE_FD_LOAD, shape, &w->load) < 0)
        die("the table of backends cannot be mapped");
    w->backend_tls = backend_tls_new(&w->image, w->snapshot, w->tls);
    struct proxy_setup setup = {
        .loop = w->loop,
        .snapshot = w->snapshot,
        .ask = on_ask,
        .context = w,
        .load = w->load,
        .worker = w->start->index,
        .tick_in = tick_in,
        .wake_resolver = wake_resolver,
        .secure = secure,
    };
    w->proxy = w->backend_tls ? proxy_new(&setup) : NULL;
    if (!w->proxy)
        die("out of memory");
}

/* Once, when there is something to serve with. */
static void begin_to_accept(struct worker *w)
{
    if (w->accepting)
        return;
    w->accepting = true;
    loop_timer_clear(w->loop, &w->keeper_late);
    struct listener_setup setup = {
        .loop = w->loop,
        .snapshot = w->snapshot,
        .tls = w->tls,
        .handler = proxy_handler(),
        .service = w->proxy,
        .max_connections = connection_share(w->snapshot, w->start),
        .drained = on_drained,
        .user = w,
    };
    w->listener = listener_new(&setup);
    if (!w->listener)
        die("out of memory");
    size_t n = listener_open(w->listener, ROLE_FD_LISTEN);
    union ipc_body ready = {.ready = {.listeners = (uint32_t)n, .jail_lacks = w->jail_lacks}};
    if (ipc_send(w->ipc, IPC_READY, &ready) < 0)
        die("ipc: cannot reach the supervisor");
}

int worker_main(const struct role_start *start)
{
    struct worker w = {.start = start, .keeper_late = {.fire = on_keeper_late}, .tick = {.fire = on_tick}};
    open_all(&w);
    w.jail_lacks = enter_jail(&w);
    read_all(&w);
    w.ipc = ipc_new(w.loop, ROLE_FD_IPC, &ipc_calls, &w);
    if (!w.ipc)
        die("out of memory");
    if (snapshot_needs_keeper(w.snapshot))
        loop_timer(w.loop, &w.keeper_late, KEEPER_WAIT_MS);
    else
        begin_to_accept(&w);
    loop_run(w.loop);
    return 0;
}
