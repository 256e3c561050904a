#include "server/challenge_server.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "net/loop.h"
#include "net/sock.h"
#include "proxy/proxy.h"
#include "server/data_open.h"
#include "server/jail.h"
#include "server/listener.h"
#include "server/snapshot_build.h"
#include "store/order_row.h"

enum { BACKLOG = 64, MAX_CONNECTIONS = 256 };

struct challenge_server {
    struct snapshot *snapshot;
    pid_t child; /* 0: not started */
    int leash; /* the child ends when this end of a pipe is closed: by us, or by our death; signals need its user's rights */
    int *fds; /* for each listen of the snapshot; -1: not bound */
};

/* In the child. */
struct answerer {
    struct loop *loop;
    struct proxy *proxy;
    struct store *store;
    struct watch leash;
};

/* The proxy is told at the end of the turn, when it has returned from asking. */
struct reply {
    struct task task;
    struct answerer *answerer;
    uint32_t number;
    struct arena mem;
    struct str found; /* empty: no such token */
};

static void tell(struct task *t)
{
    struct reply *r = LIST_OWNER(t, struct reply, task);
    proxy_challenge(r->answerer->proxy, r->number, r->found);
    arena_done(&r->mem);
    free(r);
}

static int ask(void *context, uint32_t number, struct str token)
{
    struct answerer *a = context;
    struct reply *r = calloc(1, sizeof *r);
    if (!r)
        return -1;
    *r = (struct reply){.task = {.run = tell}, .answerer = a, .number = number};
    if (challenge_row_find(a->store, token, &r->mem, &r->found) != 1)
        r->found = (struct str){NULL, 0};
    loop_task(a->loop, &r->task);
    return 0;
}

static void drained(void *user)
{
    (void)user; /* it is never told to drain */
}

static void leash_ended(struct watch *w, short events)
{
    (void)w;
    (void)events;
    _exit(0);
}

/* It listens to strangers. */
static void enter_jail(struct snapshot *s)
{
    struct buf ports = {0};
    struct jail_openings openings = {.directory = arena_cstr(&s->mem, s->data_dir)};
    if (!snapshot_backend_ports(s, &ports))
        die("out of memory");
    openings.ports = (const uint16_t *)(const void *)buf_data(&ports);
    openings.n_ports = ports.len / sizeof *openings.ports;
    (void)jail_enter(JAIL_ANSWER, &openings);
    buf_done(&ports);
}

static _Noreturn void answer(const struct challenge_server *c, int leash)
{
    struct buf why = {0};
    struct answerer a = {.loop = loop_new()};
    a.store = data_open(c->snapshot, STORE_WRITE, &why);
    enter_jail(c->snapshot);
    struct proxy_setup setup = {.loop = a.loop, .snapshot = c->snapshot, .ask = ask, .context = &a};
    a.proxy = a.loop ? proxy_new(&setup) : NULL;
    if (!a.store || !a.proxy || loop_watch(a.loop, &a.leash, leash, leash_ended) < 0)
        die("cannot answer challenges: %.*s", STR_ARG(buf_str(&why)));
    struct listener_setup listening = {
        .loop = a.loop,
        .snapshot = c->snapshot,
        .handler = proxy_handler(),
        .service = a.proxy,
        .max_connections = MAX_CONNECTIONS,
        .drained = drained,
    };
    struct listener *l = listener_new(&listening);
    if (!l || listener_take(l, c->fds) == 0)
        die("cannot answer challenges: out of memory");
    loop_want(a.loop, &a.leash, POLLIN);
    loop_run(a.loop);
    _exit(0);
}

/* Returns how many of the ports were bound. */
static size_t bind_ports(struct challenge_server *c)
{
    size_t bound = 0;
    for (size_t i = 0; i < c->snapshot->n_listens; i++) {
        const struct listen *at = &c->snapshot->listens[i];
        c->fds[i] = at->tls ? -1 : sock_listen(at->at, BACKLOG);
        bound += c->fds[i] >= 0;
    }
    return bound;
}

/* In the parent: 0, or -1 with errno. */
static int start(struct challenge_server *c)
{
    int leash[2];
    if (pipe2(leash, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(leash[1]);
        answer(c, leash[0]);
    }
    close(leash[0]);
    if (pid < 0) {
        close(leash[1]);
        return -1;
    }
    c->child = pid;
    c->leash = leash[1];
    return 0;
}

struct challenge_server *challenge_server_new(struct snapshot *snapshot)
{
    struct challenge_server *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->snapshot = snapshot;
    c->fds = calloc(snapshot->n_listens + 1, sizeof *c->fds);
    if (c->fds && bind_ports(c) > 0 && start(c) == 0)
        return c;
    challenge_server_free(c);
    return NULL;
}

void challenge_server_free(struct challenge_server *c)
{
    if (!c)
        return;
    if (c->child > 0) {
        close(c->leash);
        (void)waitpid(c->child, NULL, 0);
    }
    for (size_t i = 0; c->fds && i < c->snapshot->n_listens; i++)
        if (c->fds[i] >= 0)
            close(c->fds[i]);
    free(c->fds);
    free(c);
}
