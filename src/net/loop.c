#include "net/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"

enum {
    PARK_AFTER = 16, /* quiet turns */
    WAKE_BURST = 64, /* parked descriptors woken per turn */
    FIRST_SLOTS = 64,
};

struct loop {
    struct pollfd *set; /* set[0] is the epoll set of the parked */
    struct watch **owner;
    size_t n, cap;
    int parked_fd;
    bool stopped;
    msec now;
    struct list again;
    struct list tasks;
    struct timers timers;
    uint8_t *scratch;
};

static int set_reserve(struct loop *l)
{
    if (l->n < l->cap)
        return 0;
    size_t cap = l->cap > 0 ? l->cap * 2 : FIRST_SLOTS;
    struct pollfd *set = realloc(l->set, cap * sizeof *set);
    if (!set)
        return -1;
    l->set = set;
    struct watch **owner = realloc(l->owner, cap * sizeof *owner);
    if (!owner)
        return -1;
    l->owner = owner;
    l->cap = cap;
    return 0;
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    list_init(&l->again);
    list_init(&l->tasks);
    l->now = clock_now();
    l->parked_fd = epoll_create1(EPOLL_CLOEXEC);
    l->scratch = malloc(LOOP_SCRATCH);
    if (l->parked_fd < 0 || !l->scratch || set_reserve(l) < 0) {
        loop_free(l);
        return NULL;
    }
    l->set[0] = (struct pollfd){.fd = l->parked_fd, .events = POLLIN};
    l->owner[0] = NULL;
    l->n = 1;
    return l;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->parked_fd >= 0)
        close(l->parked_fd);
    timers_done(&l->timers);
    free(l->set);
    free(l->owner);
    free(l->scratch);
    free(l);
}

msec loop_now(const struct loop *l)
{
    return l->now;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

uint8_t *loop_scratch(struct loop *l)
{
    return l->scratch;
}

/* The poll set */

static int set_add(struct loop *l, struct watch *w)
{
    if (set_reserve(l) < 0)
        return -1;
    l->set[l->n] = (struct pollfd){.fd = w->fd, .events = w->want};
    l->owner[l->n] = w;
    w->at = ++l->n;
    w->quiet = 0;
    return 0;
}

/* Keeps the order of nobody: the last one takes the free place. A turn that is going over the set goes backwards for it. */
static void set_remove(struct loop *l, struct watch *w)
{
    if (w->at == 0)
        return;
    size_t i = w->at - 1;
    w->at = 0;
    l->n--;
    if (i == l->n)
        return;
    l->set[i] = l->set[l->n];
    l->owner[i] = l->owner[l->n];
    l->owner[i]->at = i + 1;
}

static bool park(struct loop *l, struct watch *w)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = w};
    if (epoll_ctl(l->parked_fd, EPOLL_CTL_ADD, w->fd, &e) < 0)
        return false; /* it stays in the poll set, which works as well */
    set_remove(l, w);
    w->parked = true;
    return true;
}

static void unpark(struct loop *l, struct watch *w)
{
    if (!w->parked)
        return;
    epoll_ctl(l->parked_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->parked = false;
}

int loop_watch(struct loop *l, struct watch *w, int fd, void (*ready)(struct watch *w, short events))
{
    *w = (struct watch){.fd = fd, .ready = ready, .registered = true};
    return set_reserve(l);
}

void loop_want(struct loop *l, struct watch *w, short want)
{
    if (w->want == want || !w->registered)
        return;
    w->want = want;
    if (w->fd < 0)
        return;
    if (w->parked && want != POLLIN)
        unpark(l, w);
    if (want == 0) {
        set_remove(l, w);
        return;
    }
    if (w->parked)
        return;
    if (w->at != 0) {
        l->set[w->at - 1].events = want;
        w->quiet = 0;
    } else if (set_add(l, w) < 0) {
        log_warn("loop: out of memory for descriptor %d", w->fd);
        w->want = 0;      /* or the same interest would be taken for a registered one */
        loop_again(l, w); /* it is tried again by its owner, at the price of a turn without waiting */
    }
}

void loop_again(struct loop *l, struct watch *w)
{
    if (w->registered && !list_linked(&w->again))
        list_append(&l->again, &w->again);
}

void loop_unwatch(struct loop *l, struct watch *w)
{
    if (!w->registered)
        return;
    unpark(l, w);
    set_remove(l, w);
    list_remove(&w->again);
    w->registered = false;
    w->want = 0;
}

/* Tasks and timers */

void loop_task(struct loop *l, struct task *t)
{
    if (!list_linked(&t->link))
        list_append(&l->tasks, &t->link);
}

void loop_task_cancel(struct task *t)
{
    list_remove(&t->link);
}

void loop_timer(struct loop *l, struct timer *t, msec ms)
{
    if (ms <= 0)
        timer_clear(&l->timers, t);
    else if (timer_set(&l->timers, t, l->now + ms) < 0)
        log_warn("loop: out of memory for a timer");
}

void loop_timer_clear(struct loop *l, struct timer *t)
{
    timer_clear(&l->timers, t);
}

/* A turn */

static void wake_parked(struct loop *l)
{
    struct epoll_event events[WAKE_BURST];
    int n = epoll_wait(l->parked_fd, events, WAKE_BURST, 0);
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;
        unpark(l, w);
        if (set_add(l, w) < 0) {
            log_warn("loop: out of memory for descriptor %d", w->fd);
            w->want = 0;
        }
        loop_again(l, w);
    }
}

static void dispatch_polled(struct loop *l)
{
    /* Backwards: whoever is removed meanwhile is replaced by one that was looked at already, or by a new one. */
    for (size_t i = l->n; i-- > 1;) {
        if (i >= l->n)
            continue;
        struct watch *w = l->owner[i];
        short events = l->set[i].revents;
        l->set[i].revents = 0;
        if (events != 0) {
            w->quiet = 0;
            w->ready(w, events);
        } else if (w->want == POLLIN && ++w->quiet >= PARK_AFTER) {
            w->quiet = 0;
            park(l, w);
        }
    }
}

static void run_again(struct loop *l)
{
    struct list now;
    list_init(&now);
    for (struct list *link; (link = list_shift(&l->again));)
        list_append(&now, link);
    for (struct list *link; (link = list_shift(&now));) {
        struct watch *w = LIST_OWNER(link, struct watch, again);
        w->quiet = 0;
        w->ready(w, POLLIN);
    }
}

static void run_tasks(struct loop *l)
{
    for (struct list *link; (link = list_shift(&l->tasks));) {
        struct task *t = LIST_OWNER(link, struct task, link);
        t->run(t);
    }
}

static int wait_time(const struct loop *l, int max_wait)
{
    if (!list_empty(&l->again))
        return 0;
    int wait = timers_wait(&l->timers, clock_now());
    if (max_wait >= 0 && (wait < 0 || wait > max_wait))
        return max_wait;
    return wait;
}

void loop_turn(struct loop *l, int max_wait)
{
    int n = poll(l->set, (nfds_t)l->n, wait_time(l, max_wait));
    l->now = clock_now();
    if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOMEM)
        die("poll: errno %d", errno);
    if (n >= 0) {
        bool parked_ready = (l->set[0].revents & POLLIN) != 0;
        dispatch_polled(l);
        if (parked_ready)
            wake_parked(l);
    }
    run_again(l);
    timers_run(&l->timers, l->now);
    run_tasks(l);
}

void loop_run(struct loop *l)
{
    l->stopped = false;
    while (!l->stopped)
        loop_turn(l, -1);
}
