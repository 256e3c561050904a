/* Who gets a request, when all is well and when not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/balance.h"

enum { N = 4, CLIENTS = 1000 };

static const struct load_shape shape = {.workers = 2, .backends = N};

struct group {
    struct backend backends[N];
    struct upstream upstream;
    struct load load;
    struct balance_request request;
};

static int set_up(void **state)
{
    static const char *const texts[N] = {"10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"};
    struct group *g = calloc(1, sizeof *g);
    assert_non_null(g);
    void *mem = calloc(1, load_size(shape));
    assert_non_null(mem);
    g->load = load_view(mem, shape);
    for (size_t i = 0; i < N; i++)
        g->backends[i] = (struct backend){.id = i, .text = str_of(texts[i])};
    g->upstream = (struct upstream){.backends = g->backends, .n_backends = N};
    g->request = (struct balance_request){.upstream = &g->upstream, .load = &g->load, .now = 1000000};
    *state = g;
    return 0;
}

static int tear_down(void **state)
{
    struct group *g = *state;
    free(g->load.rows);
    free(g);
    return 0;
}

static int next(struct group *g)
{
    int i = balance_pick(&g->request);
    g->request.turn++;
    return i;
}

static struct ip client(unsigned n)
{
    return (struct ip){.len = 4, .bytes = {192, 0, (uint8_t)(n >> 8), (uint8_t)n}};
}

static void round_robin_goes_round(void **state)
{
    struct group *g = *state;
    for (int i = 0; i < 3 * N; i++)
        assert_int_equal(next(g), i % N);
}

static void what_is_down_is_left_out_and_comes_back(void **state)
{
    struct group *g = *state;
    (void)load_failed(&g->load, 1, g->request.now, g->request.now);
    (void)load_checked(&g->load, 2, false);
    for (int i = 0; i < 20; i++) {
        int got = next(g);
        assert_true(got == 0 || got == 3);
    }
    /* After its rest one request tries it, and the others go on elsewhere until it has answered. */
    g->request.now += LOAD_FIRST_REST_MS;
    assert_int_equal(next(g), 1);
    for (int i = 0; i < 8; i++)
        assert_int_not_equal(next(g), 1);
    assert_true(load_answered(&g->load, 1));
    int seen = 0;
    for (int i = 0; i < N; i++)
        seen += next(g) == 1;
    assert_int_equal(seen, 1);
}

static void each_is_tried_once_and_all_are_tried(void **state)
{
    struct group *g = *state;
    for (size_t i = 0; i < N; i++)
        (void)load_failed(&g->load, i, g->request.now, g->request.now + 10 * (msec)(N - i));
    /* The one that failed first is the likeliest to be back. */
    for (int i = N - 1; i >= 0; i--) {
        assert_int_equal(balance_pick(&g->request), i);
        g->request.tried |= 1ULL << i;
    }
    assert_int_equal(balance_pick(&g->request), -1);
}

/* Those that fail are no way out as long as one that answers is only busy. */
static void a_full_one_is_waited_for_when_the_others_fail(void **state)
{
    struct group *g = *state;
    for (size_t i = 1; i < N; i++)
        (void)load_failed(&g->load, i, g->request.now, g->request.now);
    g->request.full = 1 << 0;
    assert_int_equal(next(g), -1);
    g->request.tried = 1 << 0;
    g->request.full = 0;
    assert_int_not_equal(next(g), -1);
}

/* A check may ask for a path that is not there: then all are used as if there were no check, but for those seen to fail. */
static void when_all_checks_fail_what_requests_saw_counts(void **state)
{
    struct group *g = *state;
    for (size_t i = 0; i < N; i++)
        (void)load_checked(&g->load, i, false);
    (void)load_failed(&g->load, 1, g->request.now, g->request.now);
    unsigned seen[N] = {0};
    for (int i = 0; i < 3 * N; i++) {
        int got = next(g);
        seen[got]++;
        g->request.turn = (uint32_t)got + 1;
    }
    assert_int_equal(seen[1], 0);
    for (int i = 0; i < N; i++)
        assert_true(i == 1 || seen[i] == N);
}

static void least_connections_counts_all_workers(void **state)
{
    struct group *g = *state;
    g->upstream.balance = BALANCE_LEAST_CONNECTIONS;
    assert_true(load_take(&g->load, 0, 0, 0));
    assert_true(load_take(&g->load, 1, 1, 0));
    assert_true(load_take(&g->load, 1, 3, 0));
    assert_int_equal(next(g), 2);
    assert_true(load_take(&g->load, 0, 2, 0));
    assert_true(load_take(&g->load, 0, 2, 0));
    load_give(&g->load, 1, 3);
    assert_int_equal(next(g), 3);
}

static void equals_take_turns_under_least_connections(void **state)
{
    struct group *g = *state;
    unsigned seen = 0;
    g->upstream.balance = BALANCE_LEAST_CONNECTIONS;
    for (int i = 0; i < N; i++)
        seen |= 1U << next(g);
    assert_int_equal(seen, (1U << N) - 1);
}

static void full_ones_are_passed_over(void **state)
{
    struct group *g = *state;
    g->request.full = 1 << 0 | 1 << 1 | 1 << 3;
    assert_int_equal(next(g), 2);
    g->request.full |= 1 << 2;
    assert_int_equal(next(g), -1);
}

/* Nobody else's session is spoiled by finding out whether a backend is back. */
static void a_source_s_backend_is_tried_by_its_own_clients(void **state)
{
    struct group *g = *state;
    g->upstream.balance = BALANCE_SOURCE;
    g->request.client = client(1);
    int mine = next(g);
    (void)load_failed(&g->load, (size_t)mine, g->request.now, g->request.now);
    int other = next(g);
    assert_int_not_equal(other, mine);
    unsigned stranger = 2;
    g->request.now += LOAD_FIRST_REST_MS;
    for (;; stranger++) {
        g->request.client = client(stranger);
        (void)load_answered(&g->load, (size_t)mine);
        int home = next(g);
        (void)load_failed(&g->load, (size_t)mine, g->request.now, g->request.now);
        if (home != mine)
            break;
    }
    g->request.now += LOAD_FIRST_REST_MS;
    assert_int_not_equal(next(g), mine);
    g->request.client = client(1);
    assert_int_equal(next(g), mine); /* one of them */
    assert_int_equal(next(g), other);
}

static void a_client_stays_where_it_is(void **state)
{
    struct group *g = *state;
    int at[CLIENTS], load[N] = {0};
    g->upstream.balance = BALANCE_SOURCE;
    for (unsigned i = 0; i < CLIENTS; i++) {
        g->request.client = client(i);
        load[at[i] = next(g)]++;
    }
    for (int i = 0; i < N; i++)
        assert_in_range(load[i], CLIENTS / N / 2, CLIENTS / N * 2);
    (void)load_checked(&g->load, 2, false);
    for (unsigned i = 0; i < CLIENTS; i++) {
        g->request.client = client(i);
        int now = next(g);
        if (at[i] == 2)
            assert_int_not_equal(now, 2);
        else
            assert_int_equal(now, at[i]);
    }
    (void)load_checked(&g->load, 2, true);
    g->request.client = client(7);
    assert_int_equal(next(g), at[7]);
    /* The same client over an IPv6 socket. */
    g->request.client = (struct ip){.len = 16, .bytes = {[10] = 0xff, [11] = 0xff, 192, 0, 0, 7}};
    assert_int_equal(next(g), at[7]);
    /* Its backend is full: it waits instead of going to another. */
    g->request.full = 1ULL << at[7];
    assert_int_equal(next(g), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_robin_goes_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_down_is_left_out_and_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_is_tried_once_and_all_are_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_one_is_waited_for_when_the_others_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(when_all_checks_fail_what_requests_saw_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_s_backend_is_tried_by_its_own_clients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(least_connections_counts_all_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equals_take_turns_under_least_connections, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_ones_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_stays_where_it_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
