#include "net/timer.h"

#include <limits.h>
#include <stdlib.h>

void timers_done(struct timers *ts)
{
    free(ts->heap);
    *ts = (struct timers){0};
}

static void put(struct timers *ts, size_t i, struct timer *t)
{
    ts->heap[i] = t;
    t->at = i + 1;
}

static void sift_up(struct timers *ts, size_t i)
{
    struct timer *t = ts->heap[i];
    while (i > 0 && ts->heap[(i - 1) / 2]->key > t->key) {
        put(ts, i, ts->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(ts, i, t);
}

static void sift_down(struct timers *ts, size_t i)
{
    struct timer *t = ts->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= ts->n)
            break;
        if (child + 1 < ts->n && ts->heap[child + 1]->key < ts->heap[child]->key)
            child++;
        if (ts->heap[child]->key >= t->key)
            break;
        put(ts, i, ts->heap[child]);
        i = child;
    }
    put(ts, i, t);
}

static int make_room(struct timers *ts)
{
    if (ts->n < ts->cap)
        return 0;
    size_t cap = ts->cap > 0 ? ts->cap * 2 : 64;
    struct timer **heap = realloc(ts->heap, cap * sizeof *heap);
    if (!heap)
        return -1;
    ts->heap = heap;
    ts->cap = cap;
    return 0;
}

int timer_set(struct timers *ts, struct timer *t, msec due)
{
    if (t->at == 0) {
        if (make_room(ts) < 0)
            return -1;
        t->key = due;
        put(ts, ts->n++, t);
        sift_up(ts, t->at - 1);
    } else if (due < t->key) {
        t->key = due;
        sift_up(ts, t->at - 1);
    }
    t->due = due;
    return 0;
}

void timer_clear(struct timers *ts, struct timer *t)
{
    t->due = 0;
    if (t->at == 0)
        return;
    size_t i = t->at - 1;
    t->at = 0;
    struct timer *last = ts->heap[--ts->n];
    if (last == t)
        return;
    put(ts, i, last);
    sift_up(ts, i);
    sift_down(ts, last->at - 1);
}

int timers_wait(const struct timers *ts, msec now)
{
    if (ts->n == 0)
        return -1;
    msec left = ts->heap[0]->key - now;
    if (left <= 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}

void timers_run(struct timers *ts, msec now)
{
    while (ts->n > 0 && ts->heap[0]->key <= now) {
        struct timer *t = ts->heap[0];
        if (t->due > now) {
            t->key = t->due;
            sift_down(ts, 0);
            continue;
        }
        timer_clear(ts, t);
        t->fire(t);
    }
}
