#include "server/generation.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "net/loop.h"
#include "server/ipc.h"
#include "server/jail.h"

enum {
    SETTLED_MS = 10000, /* who lived that long may be started at once again */
    GRACE_MS = 1000,    /* for a role to end by itself after its drain limit */
};

/* Before the first, second … start in a row. A restart is at once, then within a second, then it gets rare. */
static const msec respawn_delays[] = {0, 100, 500, 1000, 3000, 10000};

struct process {
    struct generation *generation;
    enum role_id role;
    struct role_start start;
    pid_t pid; /* 0: not running */
    struct ipc *ipc;
    struct timer respawn;
    unsigned failures; /* in a row */
    msec started;
    bool was_ready;
};

enum generation_state {
    GENERATION_SERVING,
    GENERATION_DRAIN_WORKERS,
    GENERATION_DRAIN_OTHERS,
    GENERATION_ENDED
};

struct generation {
    struct generation_setup setup;
    struct loop *loop;
    enum generation_state state;
    struct timer limit;
    struct task end;
    bool told_ready, told_jail;
    int certs; /* the latest of the keeper; -1: none yet */
    size_t n;  /* the workers come first, then the others */
    struct process processes[];
};

static void process_name(const struct process *p, char out[32])
{
    const char *name = role_of(p->role)->name;
    if (role_of(p->role)->many)
        (void)snprintf(out, 32, "%s %u", name, p->start.index);
    else
        (void)snprintf(out, 32, "%s", name);
}

static struct process *keeper_of(struct generation *g)
{
    return &g->processes[g->setup.workers];
}

static void process_kill(const struct process *p)
{
    if (p->pid > 0)
        (void)kill(p->pid, SIGKILL);
}

/* Messages */

static void check_ready(struct generation *g)
{
    for (size_t i = 0; i < g->n; i++)
        if (!g->processes[i].was_ready)
            return;
    if (g->told_ready || g->state != GENERATION_SERVING)
        return;
    g->told_ready = true;
    g->setup.calls->ready(g->setup.user);
}

static void warn_of_jail(struct process *p, unsigned lacking)
{
    char name[32];
    if (lacking == 0 || p->generation->told_jail)
        return;
    p->generation->told_jail = true;
    process_name(p, name);
    log_warn("%s: this kernel has no %s; going on with what there is", name, jail_parts_text(lacking));
}

static void on_ready(struct process *p, const struct ipc_ready *ready)
{
    warn_of_jail(p, ready->jail_lacks);
    p->was_ready = true;
    check_ready(p->generation);
}

/* One that has stopped reading is killed: the next one gets it when it starts. */
static void send_workers(struct generation *g, enum ipc_type type, int fd)
{
    for (size_t i = 0; i < g->n; i++) {
        struct process *p = &g->processes[i];
        if (p->role == ROLE_WORKER && p->ipc && ipc_send_fd(p->ipc, type, fd) < 0)
            process_kill(p);
    }
}

/* From the keeper to every worker, those included that start later. fd is ours. */
static void on_certs(struct generation *g, int fd)
{
    if (g->certs >= 0)
        close(g->certs);
    g->certs = fd;
    send_workers(g, IPC_CERTS, fd);
}

void generation_listen(struct generation *g, int fd)
{
    if (g->state == GENERATION_SERVING)
        send_workers(g, IPC_LISTEN, fd);
}

/* A question of a worker to the keeper. Without a keeper it stays without an answer, which the worker can live with. */
static void on_ask(struct process *worker, const union ipc_body *body)
{
    struct generation *g = worker->generation;
    struct ipc *keeper = keeper_of(g)->ipc;
    union ipc_body ask = *body;
    ask.ask.worker = worker->start.index;
    if (keeper)
        (void)ipc_send(keeper, IPC_ASK, &ask);
}

static void on_tell(struct generation *g, const union ipc_body *body)
{
    for (size_t i = 0; i < g->n; i++) {
        struct process *p = &g->processes[i];
        if (p->role == ROLE_WORKER && p->start.index == body->tell.worker && p->ipc)
            (void)ipc_send(p->ipc, IPC_TELL, body);
    }
}

/* What each role may say. */
static bool may_say(enum role_id role, enum ipc_type type)
{
    if (type == IPC_READY)
        return true;
    if (role == ROLE_KEEPER)
        return type == IPC_CERTS || type == IPC_TELL || type == IPC_RENEW;
    return role == ROLE_WORKER && type == IPC_ASK;
}

static void on_message(void *user, enum ipc_type type, const union ipc_body *body, int fd)
{
    struct process *p = user;
    struct generation *g = p->generation;
    if (!may_say(p->role, type)) {
        log_error("ipc: a message of type %d is none of this role's", (int)type);
        if (fd >= 0)
            close(fd);
        process_kill(p);
        return;
    }
    switch (type) {
    case IPC_READY: on_ready(p, &body->ready); break;
    case IPC_CERTS: on_certs(g, fd); break;
    case IPC_ASK: on_ask(p, body); break;
    case IPC_TELL: on_tell(g, body); break;
    default: g->setup.calls->renew(g->setup.user); break;
    }
}

/* It is ending or out of order; SIGCHLD will tell. One that ends by itself gets the time to. */
static void on_closed(void *user)
{
    struct process *p = user;
    ipc_free(p->ipc);
    p->ipc = NULL;
    if (p->generation->state == GENERATION_SERVING)
        process_kill(p);
}

static void on_broken(void *user)
{
    struct process *p = user;
    ipc_free(p->ipc);
    p->ipc = NULL;
    process_kill(p);
}

static const struct ipc_user ipc_calls = {.message = on_message, .closed = on_closed, .broken = on_broken};

/* Starting */

static void process_later(struct process *p)
{
    size_t last = nitems(respawn_delays) - 1;
    msec delay = respawn_delays[p->failures < last ? p->failures : last];
    p->failures++;
    loop_timer(p->generation->loop, &p->respawn, delay > 0 ? delay : 1);
}

static int process_fork(struct process *p)
{
    int pair[2];
    if (ipc_pair(pair) < 0)
        return -1;
    p->ipc = ipc_new(p->generation->loop, pair[0], &ipc_calls, p);
    pid_t pid = p->ipc ? spawn_role(p->role, &p->start, pair[1], &p->generation->setup.fds) : -1;
    int saved = errno;
    close(pair[1]);
    if (!p->ipc)
        close(pair[0]);
    errno = saved;
    if (pid < 0) {
        ipc_free(p->ipc);
        p->ipc = NULL;
        return -1;
    }
    p->pid = pid;
    if (p->role == ROLE_WORKER && p->generation->certs >= 0)
        (void)ipc_send_fd(p->ipc, IPC_CERTS, p->generation->certs);
    return 0;
}

static void process_start(struct process *p)
{
    p->started = clock_now();
    if (process_fork(p) == 0)
        return;
    char name[32];
    process_name(p, name);
    log_error("cannot start %s: %s", name, strerror(errno));
    process_later(p);
}

static void on_respawn(struct timer *t)
{
    process_start(LIST_OWNER(t, struct process, respawn));
}

static void process_init(struct generation *g, enum role_id role, unsigned index)
{
    struct process *p = &g->processes[g->n++];
    p->generation = g;
    p->role = role;
    p->start = (struct role_start){.index = index, .workers = g->setup.workers};
    p->respawn.fire = on_respawn;
}

/* At the end of the turn: the user frees the generation. */
static void tell_ended(struct task *t)
{
    struct generation *g = LIST_OWNER(t, struct generation, end);
    g->setup.calls->ended(g->setup.user);
}

static void on_limit(struct timer *t)
{
    struct generation *g = LIST_OWNER(t, struct generation, limit);
    log_warn("some processes did not end in time: they are killed");
    for (size_t i = 0; i < g->n; i++)
        process_kill(&g->processes[i]);
}

struct generation *generation_new(const struct generation_setup *setup)
{
    size_t n = setup->workers + 1 + (setup->resolver ? 1 : 0);
    struct generation *g = calloc(1, sizeof *g + n * sizeof(struct process));
    if (!g)
        return NULL;
    g->setup = *setup;
    g->loop = setup->loop;
    g->certs = -1;
    g->limit.fire = on_limit;
    g->end.run = tell_ended;
    for (unsigned i = 0; i < setup->workers; i++)
        process_init(g, ROLE_WORKER, i);
    process_init(g, ROLE_KEEPER, 0);
    if (setup->resolver)
        process_init(g, ROLE_RESOLVER, 0);
    for (size_t i = 0; i < g->n; i++)
        process_start(&g->processes[i]);
    return g;
}

void generation_free(struct generation *g)
{
    if (!g)
        return;
    loop_timer_clear(g->loop, &g->limit);
    if (g->certs >= 0)
        close(g->certs);
    for (size_t i = 0; i < g->n; i++) {
        loop_timer_clear(g->loop, &g->processes[i].respawn);
        ipc_free(g->processes[i].ipc);
    }
    free(g);
}

/* Ending */

static bool is_running(const struct generation *g, bool workers)
{
    for (size_t i = 0; i < g->n; i++)
        if ((g->processes[i].role == ROLE_WORKER) == workers && g->processes[i].pid > 0)
            return true;
    return false;
}

static void tell_to_drain(struct generation *g, bool workers, uint32_t limit_ms)
{
    union ipc_body body = {.drain = {.limit_ms = limit_ms}};
    for (size_t i = 0; i < g->n; i++) {
        struct process *p = &g->processes[i];
        if ((p->role == ROLE_WORKER) == workers && (!p->ipc || ipc_send(p->ipc, IPC_DRAIN, &body) < 0))
            process_kill(p);
    }
}

/* The workers go first: the others serve them until the last one is gone. */
static void go_on_ending(struct generation *g)
{
    if (g->state == GENERATION_DRAIN_WORKERS && !is_running(g, true)) {
        g->state = GENERATION_DRAIN_OTHERS;
        loop_timer(g->loop, &g->limit, GRACE_MS);
        tell_to_drain(g, false, GRACE_MS);
    }
    if (g->state == GENERATION_DRAIN_OTHERS && !is_running(g, false)) {
        g->state = GENERATION_ENDED;
        loop_timer_clear(g->loop, &g->limit);
        loop_task(g->loop, &g->end);
    }
}

void generation_drain(struct generation *g, uint32_t limit_ms)
{
    if (g->state != GENERATION_SERVING)
        return;
    g->state = GENERATION_DRAIN_WORKERS;
    for (size_t i = 0; i < g->n; i++)
        loop_timer_clear(g->loop, &g->processes[i].respawn);
    if (limit_ms > 0)
        loop_timer(g->loop, &g->limit, (msec)limit_ms + GRACE_MS);
    tell_to_drain(g, true, limit_ms);
    go_on_ending(g);
}

void generation_kill(struct generation *g)
{
    if (g->state == GENERATION_SERVING)
        generation_drain(g, 1);
    for (size_t i = 0; i < g->n; i++)
        process_kill(&g->processes[i]);
}

void generation_renewed(struct generation *g)
{
    struct ipc *keeper = keeper_of(g)->ipc;
    if (keeper)
        (void)ipc_send(keeper, IPC_RENEWED, NULL);
}

/* Reaping */

static void describe_end(int status, char out[64])
{
    if (WIFSIGNALED(status))
        (void)snprintf(out, 64, "was killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(out, 64, "ended with status %d", WEXITSTATUS(status));
}

static void process_ended(struct process *p, int status)
{
    char name[32], how[64];
    pid_t pid = p->pid;
    p->pid = 0;
    ipc_free(p->ipc);
    p->ipc = NULL;
    if (p->role == ROLE_WORKER && p->generation->setup.load.rows)
        load_clear_worker(&p->generation->setup.load, p->start.index);
    process_name(p, name);
    describe_end(status, how);
    if (p->generation->state != GENERATION_SERVING) {
        if (status != 0)
            log_warn("%s (pid %d) %s while draining", name, (int)pid, how);
        return;
    }
    log_warn("%s (pid %d) %s; it is started again", name, (int)pid, how);
    if (clock_now() - p->started >= SETTLED_MS)
        p->failures = 0;
    process_later(p);
}

bool generation_reaped(struct generation *g, pid_t pid, int status)
{
    for (size_t i = 0; i < g->n; i++) {
        if (g->processes[i].pid != pid)
            continue;
        process_ended(&g->processes[i], status);
        go_on_ending(g);
        return true;
    }
    return false;
}
