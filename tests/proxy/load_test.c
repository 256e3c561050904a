/* The table that all processes share: places, rests, addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/load.h"

enum { WORKERS = 3, BACKENDS = 4 };

static const struct load_shape shape = {.workers = WORKERS, .backends = BACKENDS};

static int set_up(void **state)
{
    void *mem = mmap(NULL, load_size(shape), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct load *l = malloc(sizeof *l);
    assert_true(mem != MAP_FAILED);
    assert_non_null(l);
    *l = load_view(mem, shape);
    *state = l;
    return 0;
}

static int tear_down(void **state)
{
    struct load *l = *state;
    munmap(l->rows, load_size(shape));
    free(l);
    return 0;
}

static void places_are_counted_over_all_workers(void **state)
{
    struct load *l = *state;
    assert_true(load_take(l, 0, 1, 2));
    assert_true(load_take(l, 2, 1, 2));
    assert_false(load_take(l, 1, 1, 2));
    assert_int_equal(load_in_use(l, 1), 2);
    assert_true(load_take(l, 1, 0, 2)); /* another backend */
    load_give(l, 0, 1);
    assert_true(load_take(l, 1, 1, 2));
    assert_true(load_take(l, 1, 3, 0)); /* no limit */
    assert_int_equal(load_in_use(l, 3), 1);
}

static void what_happened_is_counted(void **state)
{
    struct load *l = *state;
    load_count(l, 0, 1, LOAD_REQUESTS);
    load_count(l, 2, 1, LOAD_REQUESTS);
    load_count(l, 2, 1, LOAD_FAILURES);
    load_clear_worker(l, 2);
    assert_int_equal(load_counted(l, 1, LOAD_REQUESTS), 2);
    assert_int_equal(load_counted(l, 1, LOAD_FAILURES), 1);
    assert_int_equal(load_counted(l, 0, LOAD_REQUESTS), 0);
}

static void a_dead_worker_holds_nothing(void **state)
{
    struct load *l = *state;
    assert_true(load_take(l, 0, 1, 2));
    assert_true(load_take(l, 1, 1, 2));
    assert_true(load_take(l, 1, 2, 2));
    load_clear_worker(l, 1);
    assert_int_equal(load_in_use(l, 1), 1);
    assert_int_equal(load_in_use(l, 2), 0);
}

/*
 * Two processes fight for one place. Whoever has it marks it; it is never found marked by the other one. A taker that steps back
 * shows in the sum for a moment, so the sum itself proves nothing.
 */
static void the_limit_holds_between_processes(void **state)
{
    struct load *l = *state;
    void *mem = mmap(NULL, sizeof(_Atomic int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(mem != MAP_FAILED);
    _Atomic int *holders = mem;
    pid_t children[2];
    for (size_t i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        for (int taken = 0; taken < 20000;) {
            if (!load_take(l, i, 0, 1))
                continue;
            if (atomic_fetch_add(holders, 1) != 0)
                _exit(1);
            atomic_fetch_sub(holders, 1);
            load_give(l, i, 0);
            taken++;
        }
        _exit(0);
    }
    for (size_t i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(load_in_use(l, 0), 0);
    munmap(mem, sizeof *holders);
}

static void a_failing_backend_rests_longer_each_time(void **state)
{
    static const msec rests[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct load *l = *state;
    msec now = 50000;
    assert_int_equal(load_state(l, 2, now), LOAD_UP);
    for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
        assert_int_equal(load_failed(l, 2, now, now), i == 0);
        assert_int_equal(load_rests_until(l, 2), now + rests[i]);
        assert_int_equal(load_state(l, 2, now + rests[i] - 1), LOAD_DOWN);
        now += rests[i];
        assert_int_equal(load_state(l, 2, now), LOAD_TRIAL);
    }
    assert_true(load_answered(l, 2));
    assert_false(load_answered(l, 2));
    assert_int_equal(load_state(l, 2, now), LOAD_UP);
    assert_int_equal(load_state(l, 1, now), LOAD_UP); /* the others were never touched */
    assert_true(load_failed(l, 2, now + 1, now + 1));
    assert_int_equal(load_rests_until(l, 2), now + 1001);
}

static void failures_at_the_same_moment_are_one(void **state)
{
    struct load *l = *state;
    assert_true(load_failed(l, 0, 990, 1000));
    for (int i = 0; i < 10; i++)
        assert_false(load_failed(l, 0, 991 + i, 1000 + i));
    assert_int_equal(load_rests_until(l, 0), 2000);
    assert_false(load_failed(l, 0, 2000, 2001)); /* no news, but it counts */
    assert_int_equal(load_rests_until(l, 0), 2001 + 2000);
}

static void one_request_tries_after_the_rest(void **state)
{
    struct load *l = *state;
    assert_true(load_failed(l, 0, 1000, 1000));
    assert_false(load_try(l, 0, 1999));
    assert_true(load_try(l, 0, 2000));
    assert_false(load_try(l, 0, 2000));
    assert_int_equal(load_state(l, 0, 2000), LOAD_DOWN);
}

static void a_check_outweighs_what_requests_saw(void **state)
{
    struct load *l = *state;
    assert_true(load_checked(l, 1, false));
    assert_false(load_checked(l, 1, false));
    assert_int_equal(load_state(l, 1, 1), LOAD_DOWN);
    assert_true(load_checked(l, 1, true));
    assert_int_equal(load_state(l, 1, 1), LOAD_UP);
}

static struct ip address(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(str_of(text), &ip));
    return ip;
}

static void addresses_come_and_go(void **state)
{
    struct load *l = *state;
    struct ip out[LOAD_ADDRESSES], two[] = {address("192.0.2.1"), address("2001:db8::1")};
    assert_false(load_looked_up(l, 3));
    assert_int_equal(load_addresses(l, 3, out), 0);
    load_set_addresses(l, 3, two, 2);
    assert_true(load_looked_up(l, 3));
    assert_int_equal(load_addresses(l, 3, out), 2);
    assert_true(ip_eq(out[0], two[0]));
    assert_true(ip_eq(out[1], two[1]));
    load_set_addresses(l, 3, NULL, 0);
    assert_true(load_looked_up(l, 3));
    assert_int_equal(load_addresses(l, 3, out), 0);
    assert_true(load_want_lookup(l, 3));
    assert_false(load_want_lookup(l, 3));
    assert_true(load_lookup_wanted(l, 3));
    assert_false(load_lookup_wanted(l, 3));
}

/* A reader never sees half of one list and half of another, whatever the writer does. */
static void a_list_is_read_whole(void **state)
{
    struct load *l = *state;
    struct ip lists[2][LOAD_ADDRESSES], out[LOAD_ADDRESSES];
    for (size_t i = 0; i < LOAD_ADDRESSES; i++) {
        lists[0][i] = address("192.0.2.1");
        lists[1][i] = address("2001:db8::2");
    }
    pid_t writer = fork();
    if (writer == 0)
        for (unsigned i = 0;; i++)
            load_set_addresses(l, 0, lists[i % 2], LOAD_ADDRESSES);
    size_t read = 0;
    while (read < 20000) {
        size_t n = load_addresses(l, 0, out);
        for (size_t i = 1; i < n; i++)
            assert_true(ip_eq(out[i], out[0]));
        read += n > 0;
    }
    assert_int_equal(kill(writer, SIGKILL), 0);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    /* It may have died in the middle of writing; the next one goes on. */
    load_set_addresses(l, 0, lists[0], 1);
    assert_int_equal(load_addresses(l, 0, out), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(places_are_counted_over_all_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_happened_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dead_worker_holds_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_limit_holds_between_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failing_backend_rests_longer_each_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_at_the_same_moment_are_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_request_tries_after_the_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_check_outweighs_what_requests_saw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(addresses_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_is_read_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
