/*
 * The poll() loop of a worker (and of the supervisor): descriptors, deadlines, work put off to the end of the turn.
 *
 * Descriptors that have work are in the poll set. One that has only waited for input during several turns is parked in an
 * epoll set, whose own descriptor is one entry of the poll set: idle connections cost nothing per turn.
 *
 * One turn: poll, ready functions, timers, tasks, then poll again. Objects are freed in tasks, never in the function that
 * finds them dead, because its callers still hold them.
 */
#ifndef EDGE_NET_LOOP_H
#define EDGE_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "net/timer.h"

struct loop;

/* Embedded in its owner. All-zero is a watch that is not registered. */
struct watch {
    int fd;
    short want;    /* POLLIN, POLLOUT, both or 0 */
    bool parked;   /* in the epoll set */
    uint8_t quiet; /* turns without an event */
    size_t at;     /* index in the poll set + 1; 0: not in it */
    void (*ready)(struct watch *w, short events);
    struct list again; /* ready() is due in the next turn without an event */
    bool registered;
};

/* Embedded in its owner: something to do at the end of the turn. */
struct task {
    struct list link;
    void (*run)(struct task *t);
};

struct loop *loop_new(void); /* NULL: errno tells */
void loop_free(struct loop *l);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
/* One turn; waits at most max_wait ms (-1: as long as it takes). For tests. */
void loop_turn(struct loop *l, int max_wait);
void loop_stop(struct loop *l);

/* The time at the start of the turn. */
msec loop_now(const struct loop *l);

/*
 * Registers w. ready() is called with poll's events; POLLERR and POLLHUP come unasked. fd -1 is allowed: such a watch is only
 * woken by loop_again(). Returns -1 when memory is out.
 */
int loop_watch(struct loop *l, struct watch *w, int fd, void (*ready)(struct watch *w, short events));
/* Only the owner's update function calls this: interest is a function of state (style.md, rule 5). With 0 the descriptor is not polled at all. */
void loop_want(struct loop *l, struct watch *w, short want);
/* Calls ready(w, POLLIN) in the next turn, which does not wait: plaintext is buffered. */
void loop_again(struct loop *l, struct watch *w);
/* Before close(fd). No ready() comes any more, not even in this turn. */
void loop_unwatch(struct loop *l, struct watch *w);

/* Runs t at the end of this turn. Does nothing if it is queued already. */
void loop_task(struct loop *l, struct task *t);
void loop_task_cancel(struct task *t);

/* ms from now; 0 clears it. Out of memory means the timer stays as it was, and is logged. */
void loop_timer(struct loop *l, struct timer *t, msec ms);
void loop_timer_clear(struct loop *l, struct timer *t);

/* Memory that everybody reads into; its content is good until the ready function returns. */
enum { LOOP_SCRATCH = 256 * 1024 };
uint8_t *loop_scratch(struct loop *l);

#endif
