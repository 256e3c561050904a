#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "net/loop.h"

enum { PEERS = 80, QUIET = 20 }; /* QUIET: turns after which a silent descriptor is parked for sure */

struct bench;

/* One end is watched, the other one is the test's. The watch comes first, so that its address is the peer's. */
struct peer {
    struct watch watch;
    struct bench *bench;
    int other;
    int calls;
    short events; /* of the last call */
    void (*act)(struct peer *p);
};

struct bench {
    struct loop *loop;
    struct peer peers[PEERS];
    size_t n;
    int total;
};

static void ready(struct watch *w, short events)
{
    struct peer *p = (struct peer *)(void *)w;
    p->calls++;
    p->events = events;
    p->bench->total++;
    if (p->act)
        p->act(p);
}

static void consume(struct peer *p)
{
    char byte[64];
    (void)!read(p->watch.fd, byte, sizeof byte);
}

static struct bench *bench_new(size_t n)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->loop = loop_new();
    assert_non_null(b->loop);
    b->n = n;
    for (size_t i = 0; i < n; i++) {
        int fds[2];
        struct peer *p = &b->peers[i];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        p->bench = b;
        p->other = fds[1];
        p->act = consume;
        assert_int_equal(loop_watch(b->loop, &p->watch, fds[0], ready), 0);
        loop_want(b->loop, &p->watch, POLLIN);
    }
    return b;
}

static void bench_free(struct bench *b)
{
    for (size_t i = 0; i < b->n; i++) {
        loop_unwatch(b->loop, &b->peers[i].watch);
        close(b->peers[i].watch.fd);
        if (b->peers[i].other >= 0)
            close(b->peers[i].other);
    }
    loop_free(b->loop);
    free(b);
}

static void poke(struct peer *p)
{
    assert_int_equal(write(p->other, "x", 1), 1);
}

static void turns(struct bench *b, int n)
{
    while (n-- > 0)
        loop_turn(b->loop, 0);
}

static void input_and_output(void **state)
{
    struct bench *b = bench_new(2);
    struct peer *p = &b->peers[0];
    turns(b, 1);
    assert_int_equal(b->total, 0);
    poke(p);
    turns(b, 2);
    assert_true(p->calls == 1 && p->events == POLLIN && b->total == 1);
    loop_want(b->loop, &p->watch, POLLIN | POLLOUT);
    turns(b, 1);
    assert_true(p->calls == 2 && p->events == POLLOUT);
    loop_want(b->loop, &p->watch, 0);
    poke(p);
    turns(b, 3);
    assert_int_equal(p->calls, 2);
    loop_want(b->loop, &p->watch, POLLIN);
    turns(b, 1);
    assert_int_equal(p->calls, 3);
    bench_free(b);
}

static void hang_up(void **state)
{
    struct bench *b = bench_new(1);
    struct peer *p = &b->peers[0];
    close(p->other);
    p->other = -1;
    turns(b, 1);
    assert_true(p->calls == 1 && (p->events & POLLHUP));
    loop_want(b->loop, &p->watch, 0); /* or it would spin */
    turns(b, 3);
    assert_int_equal(p->calls, 1);
    bench_free(b);
}

static void parking(void **state)
{
    struct bench *b = bench_new(PEERS);
    turns(b, QUIET);
    for (size_t i = 0; i < PEERS; i++)
        assert_true(b->peers[i].watch.parked && b->peers[i].watch.at == 0);
    poke(&b->peers[7]);
    poke(&b->peers[31]);
    turns(b, 1);
    assert_true(b->peers[7].calls == 1 && b->peers[31].calls == 1 && b->total == 2);
    assert_true(!b->peers[7].watch.parked && b->peers[7].watch.at > 0 && b->peers[8].watch.parked);
    turns(b, QUIET);
    assert_true(b->peers[7].watch.parked && b->total == 2);
    bench_free(b);
}

static void more_than_a_burst_wakes(void **state)
{
    struct bench *b = bench_new(PEERS);
    turns(b, QUIET);
    for (size_t i = 0; i < PEERS; i++)
        poke(&b->peers[i]);
    turns(b, 5);
    for (size_t i = 0; i < PEERS; i++)
        assert_int_equal(b->peers[i].calls, 1);
    bench_free(b);
}

static void parked_ones_change(void **state)
{
    struct bench *b = bench_new(4);
    struct peer *p = b->peers;
    turns(b, QUIET);
    loop_want(b->loop, &p[0].watch, POLLIN | POLLOUT);
    assert_true(!p[0].watch.parked && p[0].watch.at > 0);
    loop_want(b->loop, &p[1].watch, 0);
    assert_true(!p[1].watch.parked && p[1].watch.at == 0);
    loop_unwatch(b->loop, &p[2].watch);
    assert_false(p[2].watch.parked);
    poke(&p[1]);
    poke(&p[2]);
    close(p[3].other); /* a parked one hears that the peer is gone */
    p[3].other = -1;
    turns(b, 1);
    assert_true(p[0].events == POLLOUT && p[1].calls == 0 && p[2].calls == 0 && p[3].calls == 1);
    bench_free(b);
}

/* Who waits to write is not parked: it has work. */
static void writers_stay(void **state)
{
    struct bench *b = bench_new(1);
    struct peer *p = &b->peers[0];
    char block[4096] = {0};
    while (write(p->watch.fd, block, sizeof block) > 0)
        ;
    loop_want(b->loop, &p->watch, POLLOUT);
    turns(b, QUIET * 2);
    assert_true(!p->watch.parked && p->watch.at > 0 && p->calls == 0);
    bench_free(b);
}

/* Removes every other watch of the bench, itself included. */
static void remove_half(struct peer *p)
{
    struct bench *b = p->bench;
    for (size_t i = (size_t)(p - b->peers) % 2; i < b->n; i += 2)
        loop_unwatch(b->loop, &b->peers[i].watch);
    consume(p);
}

static void removal_while_ready(void **state)
{
    for (size_t who = 0; who < PEERS; who++) {
        struct bench *b = bench_new(PEERS);
        b->peers[who].act = remove_half;
        for (size_t i = 0; i < PEERS; i++)
            poke(&b->peers[i]);
        turns(b, 1);
        int calls[2] = {0}, others = 0;
        for (size_t i = 0; i < PEERS; i++) {
            assert_true(b->peers[i].calls <= 1);
            calls[i % 2] += b->peers[i].calls;
        }
        /* Those that stayed were called once each, now or in the next turn. */
        turns(b, 1);
        for (size_t i = 1 - who % 2; i < PEERS; i += 2)
            others += b->peers[i].calls;
        assert_true(others == PEERS / 2 && calls[who % 2] >= 1);
        /* Those that went are silent, though their bytes still wait. */
        turns(b, QUIET);
        int after = 0;
        for (size_t i = who % 2; i < PEERS; i += 2)
            after += b->peers[i].calls;
        assert_int_equal(after, calls[who % 2]);
        bench_free(b);
    }
}

static void again_from_inside(struct peer *p)
{
    if (p->calls < 5)
        loop_again(p->bench->loop, &p->watch);
}

static void again(void **state)
{
    struct bench *b = bench_new(2);
    struct peer *p = b->peers;
    p[0].act = again_from_inside;
    loop_again(b->loop, &p[0].watch);
    loop_again(b->loop, &p[0].watch); /* once is enough */
    loop_turn(b->loop, -1);           /* does not wait */
    assert_true(p[0].calls == 1 && p[0].events == POLLIN);
    for (int i = 2; i <= 5; i++) {
        loop_turn(b->loop, -1);
        assert_int_equal(p[0].calls, i); /* one call in a turn, so that nobody starves */
    }
    loop_again(b->loop, &p[0].watch);
    loop_again(b->loop, &p[1].watch);
    loop_unwatch(b->loop, &p[0].watch);
    turns(b, 2);
    assert_true(p[0].calls == 5 && p[1].calls == 1);
    bench_free(b);
}

static void unwatch_next(struct peer *p)
{
    loop_unwatch(p->bench->loop, &p[1].watch);
}

static void again_of_one_that_goes(void **state)
{
    struct bench *b = bench_new(3);
    b->peers[0].act = unwatch_next;
    for (size_t i = 0; i < 3; i++)
        loop_again(b->loop, &b->peers[i].watch);
    turns(b, 1);
    assert_true(b->peers[0].calls == 1 && b->peers[1].calls == 0 && b->peers[2].calls == 1);
    bench_free(b);
}

static void without_a_descriptor(void **state)
{
    struct bench *b = bench_new(0);
    struct peer p = {.bench = b};
    assert_int_equal(loop_watch(b->loop, &p.watch, -1, ready), 0);
    loop_want(b->loop, &p.watch, POLLIN);
    turns(b, QUIET);
    assert_int_equal(p.calls, 0);
    loop_again(b->loop, &p.watch);
    turns(b, 1);
    assert_int_equal(p.calls, 1);
    loop_unwatch(b->loop, &p.watch);
    bench_free(b);
}

struct job {
    struct task task;
    struct job *next; /* queued when this one runs */
    struct loop *loop;
    int *clock;
    int ran_at;
};

static void run_job(struct task *t)
{
    struct job *j = (struct job *)(void *)t;
    j->ran_at = ++*j->clock;
    if (j->next)
        loop_task(j->loop, &j->next->task);
}

static void tasks(void **state)
{
    struct bench *b = bench_new(0);
    struct job j[4];
    int clock = 0;
    for (int i = 0; i < 4; i++)
        j[i] = (struct job){.task = {.run = run_job}, .loop = b->loop, .clock = &clock};
    j[0].next = &j[3];
    for (int i = 0; i < 3; i++)
        loop_task(b->loop, &j[i].task);
    loop_task(b->loop, &j[0].task); /* queued already */
    loop_task_cancel(&j[1].task);
    turns(b, 1);
    assert_true(j[0].ran_at == 1 && j[1].ran_at == 0 && j[2].ran_at == 2);
    assert_int_equal(j[3].ran_at, 3); /* in the same turn */
    loop_task_cancel(&j[0].task);
    turns(b, 1);
    assert_int_equal(clock, 3);
    bench_free(b);
}

struct alarm {
    struct timer timer;
    struct loop *loop;
    int fired;
    msec at;
};

static void ring(struct timer *t)
{
    struct alarm *a = (struct alarm *)(void *)t;
    a->fired++;
    a->at = loop_now(a->loop);
    loop_stop(a->loop);
}

static void timers(void **state)
{
    struct bench *b = bench_new(1);
    struct alarm a = {.timer = {.fire = ring}, .loop = b->loop}, c = a;
    turns(b, 1);
    msec start = loop_now(b->loop);
    loop_timer(b->loop, &a.timer, 20);
    loop_timer(b->loop, &c.timer, 10);
    loop_timer(b->loop, &c.timer, 0); /* clears */
    loop_run(b->loop);
    assert_true(a.fired == 1 && c.fired == 0);
    assert_true(a.at - start >= 20 && a.at - start < 5000);
    loop_timer(b->loop, &a.timer, 1);
    loop_timer_clear(b->loop, &a.timer);
    loop_turn(b->loop, 5);
    assert_int_equal(a.fired, 1);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_and_output),
        cmocka_unit_test(hang_up),
        cmocka_unit_test(parking),
        cmocka_unit_test(more_than_a_burst_wakes),
        cmocka_unit_test(parked_ones_change),
        cmocka_unit_test(writers_stay),
        cmocka_unit_test(removal_while_ready),
        cmocka_unit_test(again),
        cmocka_unit_test(again_of_one_that_goes),
        cmocka_unit_test(without_a_descriptor),
        cmocka_unit_test(tasks),
        cmocka_unit_test(timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
