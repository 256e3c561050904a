#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "net/timer.h"

enum { COUNT = 200 };

/* The timer comes first, so that its address is its owner's. */
struct alarm {
    struct timer timer;
    struct bench *bench;
    int fired;
};

struct bench {
    struct timers timers;
    struct alarm alarms[COUNT];
    struct alarm *order[COUNT * 4];
    size_t n;
};

static void fire(struct timer *t)
{
    struct alarm *a = (struct alarm *)(void *)t;
    assert_true(t->due == 0 && t->at == 0); /* cleared before the call */
    a->fired++;
    a->bench->order[a->bench->n++] = a;
}

static struct bench *bench_new(void)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    for (size_t i = 0; i < COUNT; i++) {
        b->alarms[i].timer.fire = fire;
        b->alarms[i].bench = b;
    }
    return b;
}

static void bench_free(struct bench *b)
{
    timers_done(&b->timers);
    free(b);
}

static void set(struct bench *b, size_t i, msec due)
{
    assert_int_equal(timer_set(&b->timers, &b->alarms[i].timer, due), 0);
}

static void none(void **state)
{
    struct timers ts = {0};
    struct timer t = {0};
    assert_int_equal(timers_wait(&ts, 5), -1);
    timers_run(&ts, 5);
    timer_clear(&ts, &t);
    timers_done(&ts);
}

static void in_order(void **state)
{
    struct bench *b = bench_new();
    for (size_t i = 0; i < COUNT; i++)
        set(b, i, 1 + (msec)(i * 7919 % COUNT)); /* each of 1 … COUNT once */
    for (msec now = 1; now <= COUNT; now++) {
        assert_int_equal(timers_wait(&b->timers, now - 1), 1);
        timers_run(&b->timers, now);
        assert_int_equal(b->n, now);
        assert_int_equal(b->order[now - 1]->timer.due, 0);
        assert_int_equal((b->order[now - 1] - b->alarms) * 7919 % COUNT + 1, now);
    }
    assert_int_equal(timers_wait(&b->timers, COUNT), -1);
    bench_free(b);
}

static void later_is_lazy(void **state)
{
    struct bench *b = bench_new();
    set(b, 0, 100);
    set(b, 0, 300);
    set(b, 0, 200); /* earlier than before, and later than its place in the heap */
    assert_int_equal(b->alarms[0].timer.key, 100);
    assert_int_equal(timers_wait(&b->timers, 50), 50); /* may wake for nothing, once */
    timers_run(&b->timers, 100);
    assert_int_equal(b->n, 0);
    assert_int_equal(timers_wait(&b->timers, 100), 100);
    timers_run(&b->timers, 199);
    assert_int_equal(b->n, 0);
    timers_run(&b->timers, 200);
    assert_int_equal(b->n, 1);
    bench_free(b);
}

static void earlier_moves(void **state)
{
    struct bench *b = bench_new();
    for (size_t i = 0; i < COUNT; i++)
        set(b, i, 1000 + (msec)i);
    set(b, COUNT - 1, 10);
    assert_int_equal(timers_wait(&b->timers, 0), 10);
    timers_run(&b->timers, 10);
    assert_true(b->n == 1 && b->order[0] == &b->alarms[COUNT - 1]);
    bench_free(b);
}

static void cleared(void **state)
{
    struct bench *b = bench_new();
    for (size_t i = 0; i < COUNT; i++)
        set(b, i, 1 + (msec)(i * 31 % COUNT));
    for (size_t i = 0; i < COUNT; i += 2) {
        timer_clear(&b->timers, &b->alarms[i].timer);
        timer_clear(&b->timers, &b->alarms[i].timer);
    }
    timers_run(&b->timers, 10000);
    assert_int_equal(b->n, COUNT / 2);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(b->alarms[i].fired, i % 2);
    for (size_t i = 1; i < b->n; i++)
        assert_true((b->order[i - 1] - b->alarms) * 31 % COUNT < (b->order[i] - b->alarms) * 31 % COUNT);
    bench_free(b);
}

static void fire_and_set(struct timer *t)
{
    struct alarm *a = (struct alarm *)(void *)t;
    a->fired++;
    set(a->bench, (size_t)(a - a->bench->alarms), 1000);
    timer_clear(&a->bench->timers, &a->bench->alarms[1].timer);
    set(a->bench, 2, 20);
}

/* A timer's function may set itself again, clear another that is due, and set a third. */
static void inside_a_function(void **state)
{
    struct bench *b = bench_new();
    b->alarms[0].timer.fire = fire_and_set;
    set(b, 0, 10);
    set(b, 1, 15);
    timers_run(&b->timers, 20);
    assert_int_equal(b->alarms[0].fired, 1);
    assert_int_equal(b->alarms[1].fired, 0);
    assert_int_equal(b->alarms[2].fired, 1);
    assert_int_equal(timers_wait(&b->timers, 20), 980);
    bench_free(b);
}

static void far_away(void **state)
{
    struct bench *b = bench_new();
    set(b, 0, INT64_MAX / 2);
    assert_int_equal(timers_wait(&b->timers, 0), INT32_MAX);
    assert_int_equal(timers_wait(&b->timers, INT64_MAX / 2 + 5), 0);
    bench_free(b);
}

/* Against a plain array: which timers fire at which time, through thousands of changes. */
static void against_a_model(void **state)
{
    struct bench *b = bench_new();
    msec due[COUNT] = {0};
    unsigned seed = 7;
    for (msec now = 1; now < 3000; now++) {
        for (int k = 0; k < 5; k++) {
            seed = seed * 1103515245 + 12345;
            size_t i = (seed >> 8) % COUNT;
            due[i] = seed & 0x40000000 ? 0 : now + (seed >> 20) % 300;
            if (due[i] == 0)
                timer_clear(&b->timers, &b->alarms[i].timer);
            else
                set(b, i, due[i]);
        }
        b->n = 0;
        timers_run(&b->timers, now);
        for (size_t i = 0; i < b->n; i++) {
            size_t at = (size_t)(b->order[i] - b->alarms);
            assert_true(due[at] != 0 && due[at] <= now);
            due[at] = 0;
        }
        for (size_t i = 0; i < COUNT; i++)
            assert_true(due[i] == 0 || due[i] > now);
    }
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none),          cmocka_unit_test(in_order),
        cmocka_unit_test(later_is_lazy), cmocka_unit_test(earlier_moves),
        cmocka_unit_test(cleared),       cmocka_unit_test(inside_a_function),
        cmocka_unit_test(far_away),      cmocka_unit_test(against_a_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
