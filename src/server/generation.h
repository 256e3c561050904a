/*
 * The processes that serve one configuration: workers, a keeper, a resolver if there is something to look up or to check. What dies is started again; a generation that drains is
 * let go, workers first. The supervisor may hold several: reload makes a new one and drains the old one.
 */
#ifndef EDGE_SERVER_GENERATION_H
#define EDGE_SERVER_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proxy/load.h"
#include "server/spawn.h"

struct loop;
struct generation;

struct generation_user {
    /* Every process has said once that it is ready. */
    void (*ready)(void *user);
    /* The keeper says that certificates are due: run `edge renew`, then call generation_renewed(). */
    void (*renew)(void *user);
    /* After generation_drain() or generation_kill(): the last process is gone. It may be freed in here. */
    void (*ended)(void *user);
};

struct generation_setup {
    struct loop *loop;
    struct spawn_fds fds; /* borrowed for the life of the generation, as are those in fds.listens */
    unsigned workers;
    bool resolver;
    struct load load; /* the memory behind fds.load; without rows there are no backends */
    const struct generation_user *calls;
    void *user;
};

/* Starts all processes. NULL when memory is out; a process that cannot be started now is tried again. */
struct generation *generation_new(const struct generation_setup *setup);
/* Once it has ended. NULL allowed. */
void generation_free(struct generation *g);

/* A child of ours ended: true if it was one of this generation's. */
bool generation_reaped(struct generation *g, pid_t pid, int status);
/* A port that was taken could be bound: its workers accept there too. fd is borrowed. */
void generation_listen(struct generation *g, int fd);
/* `edge renew` has ended, well or not. */
void generation_renewed(struct generation *g);
/* Lets it finish within limit_ms (0: no limit), then cuts. */
void generation_drain(struct generation *g, uint32_t limit_ms);
/* Ends all processes at once. */
void generation_kill(struct generation *g);

#endif
