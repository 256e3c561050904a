#include "server/worker.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "net/loop.h"
#include "proxy/proxy.h"
#include "server/image.h"
#include "server/ipc.h"
#include "server/jail.h"
#include "server/listener.h"
#include "server/sessions_memory.h"
#include "server/snapshot_build.h"
#include "tls/certs.h"
#include "tls/stream_tls.h"

/* Descriptors that are no client's and no backend's: standard ones, ipc, listeners, epoll, one reserve. */
enum { OWN_DESCRIPTORS = 64, FEWEST_CONNECTIONS = 16 };

struct worker {
    struct loop *loop;
    struct ipc *ipc;
    struct image image;
    struct sessions sessions;
    struct tls_worker *tls;
    struct snapshot *snapshot;
    struct proxy *proxy;
    struct listener *listener;
};

static void on_message(void *user, enum ipc_type type, const union ipc_body *body)
{
    struct worker *w = user;
    if (type != IPC_DRAIN)
        die("ipc: a message of type %d is none for a worker", (int)type);
    proxy_drain(w->proxy);
    listener_drain(w->listener, body->drain.limit_ms);
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
    const uint16_t *ports = NULL;
    size_t n = snapshot_ports(&w->image, &ports, &memory);
    unsigned lacking = jail_enter(JAIL_WORKER, ports, n);
    buf_done(&memory);
    return lacking;
}

/* What people wrote is read in the jail only. */
static void read_all(struct worker *w)
{
    struct certs *certs = certs_new();
    if (!certs)
        die("out of memory");
    w->snapshot = snapshot_open(&w->image, certs);
    image_unmap(&w->image);
    tls_worker_certs(w->tls, certs);
    certs_free(certs);
    w->proxy = proxy_new(w->loop, w->snapshot);
    if (!w->proxy)
        die("out of memory");
}

static size_t begin_to_accept(struct worker *w, const struct role_start *start)
{
    struct listener_setup setup = {
        .loop = w->loop,
        .snapshot = w->snapshot,
        .tls = w->tls,
        .handler = proxy_handler(),
        .service = w->proxy,
        .max_connections = connection_share(w->snapshot, start),
        .drained = on_drained,
        .user = w,
    };
    w->listener = listener_new(&setup);
    if (!w->listener)
        die("out of memory");
    return listener_open(w->listener, ROLE_FD_LISTEN);
}

int worker_main(const struct role_start *start)
{
    struct worker w = {.loop = NULL};
    open_all(&w);
    unsigned lacking = enter_jail(&w);
    read_all(&w);
    size_t listeners = begin_to_accept(&w, start);
    w.ipc = ipc_new(w.loop, ROLE_FD_IPC, &ipc_calls, &w);
    union ipc_body ready = {.ready = {.listeners = (uint32_t)listeners, .jail_lacks = lacking}};
    if (!w.ipc || ipc_send(w.ipc, IPC_READY, &ready) < 0)
        die("ipc: cannot reach the supervisor");
    loop_run(w.loop);
    return 0;
}
