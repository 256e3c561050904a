#include "server/resolver.h"

#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rand.h"
#include "net/loop.h"
#include "server/backend_tls.h"
#include "server/health.h"
#include "server/image.h"
#include "server/ipc.h"
#include "server/jail.h"
#include "server/load_memory.h"
#include "server/names.h"
#include "server/snapshot_build.h"

struct resolver {
    struct loop *loop;
    struct ipc *ipc;
    struct image image;
    struct snapshot *snapshot;
    struct load load;
    struct watch wake;
    struct names *names;
    struct health *health;
};

static void on_wake(struct watch *w, short events)
{
    struct resolver *r = LIST_OWNER(w, struct resolver, wake);
    uint64_t times;
    (void)events;
    /* Read first: who asks after this wakes us again. */
    if (read(w->fd, &times, sizeof times) == (ssize_t)sizeof times)
        names_wanted(r->names);
}

static void on_message(void *user, enum ipc_type type, const union ipc_body *body, int fd)
{
    struct resolver *r = user;
    (void)body;
    (void)fd;
    if (type != IPC_DRAIN)
        die("ipc: a message of type %d is none for a resolver", (int)type);
    loop_stop(r->loop);
}

static void on_closed(void *user)
{
    (void)user;
    die("the supervisor is gone");
}

static const struct ipc_user ipc_calls = {.message = on_message, .closed = on_closed};

/*
 * What getaddrinfo() reads: its configuration and its modules, with what the programs behind them keep; not all of /var, where the
 * database with the keys lies. Some systems have resolv.conf at a place of their own, to which the usual one leads.
 */
static unsigned enter_jail(void)
{
    char *config = realpath("/etc/resolv.conf", NULL);
    const char *const readable[] = {"/etc",       "/usr",
                                    "/lib",       "/lib64",
                                    "/run",       "/var/lib/libvirt/dnsmasq",
                                    "/nix/store", config ? dirname(config) : NULL,
                                    NULL};
    unsigned lacking = jail_enter(JAIL_RESOLVER,
                                  &(struct jail_openings){.any_port = true, .readable = readable});
    free(config);
    return lacking;
}

static void open_all(struct resolver *r)
{
    r->loop = loop_new();
    if (!r->loop || rand_init() < 0)
        die("cannot start: out of memory, or no random source");
    if (image_map(ROLE_FD_IMAGE, &r->image) < 0)
        die("the image of the configuration cannot be read");
    close(ROLE_FD_IMAGE);
}

static void read_all(struct resolver *r, unsigned workers)
{
    r->snapshot = snapshot_open(&r->image);
    struct load_shape shape = {.workers = workers, .backends = r->snapshot->n_backends};
    if (load_memory_map(ROLE_FD_LOAD, shape, &r->load) < 0)
        die("the table of backends cannot be mapped");
    struct backend_tls *tls = backend_tls_new(&r->image, r->snapshot, NULL);
    r->names = names_new(r->loop, r->snapshot, &r->load);
    r->health = tls ? health_new(r->loop, r->snapshot, &r->load, tls) : NULL;
    if (!r->names || !r->health || loop_watch(r->loop, &r->wake, ROLE_FD_WAKE, on_wake) < 0)
        die("out of memory");
    loop_want(r->loop, &r->wake, POLLIN);
}

int resolver_main(const struct role_start *start)
{
    struct resolver r = {.loop = NULL};
    open_all(&r);
    unsigned lacking = enter_jail();
    read_all(&r, start->workers);
    image_unmap(&r.image);
    r.ipc = ipc_new(r.loop, ROLE_FD_IPC, &ipc_calls, &r);
    if (!r.ipc)
        die("out of memory");
    union ipc_body ready = {.ready = {.jail_lacks = lacking}};
    if (ipc_send(r.ipc, IPC_READY, &ready) < 0)
        die("ipc: cannot reach the supervisor");
    loop_run(r.loop);
    return 0;
}
