/*
 * Deadlines of the loop: an intrusive heap. Moving a deadline later is free (the heap notices when the old one comes up), so
 * that an idle limit can be renewed with every byte.
 */
#ifndef EDGE_NET_TIMER_H
#define EDGE_NET_TIMER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

struct timer {
    msec due;  /* when it fires; 0: not set */
    msec key;  /* its place in the heap, never later than due */
    size_t at; /* index in the heap + 1; 0: in no heap */
    void (*fire)(struct timer *t);
};

struct timers {
    struct timer **heap;
    size_t n, cap;
};

void timers_done(struct timers *ts);
/* Fires t at `due`; replaces an earlier setting. Returns -1 when memory is out: the old setting stands then. */
int timer_set(struct timers *ts, struct timer *t, msec due);
/* Does nothing to a timer that is not set. Afterwards the timer's memory may go. */
void timer_clear(struct timers *ts, struct timer *t);
/* Milliseconds until something may be due: -1 for never, 0 for now. */
int timers_wait(const struct timers *ts, msec now);
/* Fires what is due. A timer is cleared before its function is called. */
void timers_run(struct timers *ts, msec now);

#endif
