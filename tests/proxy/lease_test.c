/* Leases: places, the line before them, names and their addresses, what is next when a backend fails. Guests come to real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "config/parse.h"
#include "net/loop.h"
#include "net/sock.h"
#include "proxy/lease.h"

enum { BACKENDS = 3, WORKERS = 2, MANY = LEASE_LINE_MAX + 2 };

struct guest {
    struct lease lease;
    struct bench *bench;
    struct client *client;
    int went;   /* calls of go() */
    int place;  /* how many went before */
    int err;    /* of the last go() */
    int failed; /* why the last attempt to connect did */
    bool connected;
    bool leaves_at_once;
};

struct bench {
    struct loop *loop;
    int listeners[BACKENDS];
    uint16_t ports[BACKENDS];
    struct snapshot *snapshot;
    struct upstream *up;
    void *mem;
    struct load load;
    struct pool *pool;
    struct leases *all;
    struct timeouts timeouts;
    struct guest *guests;
    int gone; /* guests that went */
    int woken;
    bool ticking;
};

static void tick_in(void *context, msec ms)
{
    struct bench *b = context;
    assert_false(b->ticking);
    assert_int_equal(ms, LEASE_TICK_MS);
    b->ticking = true;
}

static void wake_resolver(void *context)
{
    ((struct bench *)context)->woken++;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct endpoint any = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};
    assert_non_null(b);
    b->loop = loop_new();
    b->guests = calloc(MANY, sizeof *b->guests);
    assert_non_null(b->guests);
    for (size_t i = 0; i < BACKENDS; i++) {
        b->listeners[i] = sock_listen(any, 10);
        assert_true(b->listeners[i] >= 0);
        b->ports[i] = sock_local(b->listeners[i]).port;
    }
    b->timeouts = (struct timeouts){.connect = 60000, .queue = 60000};
    *state = b;
    return 0;
}

/* A group as the configuration writes it. */
__attribute__((format(printf, 2, 3))) static void open_group(struct bench *b, const char *format, ...)
{
    char proxy[256];
    struct buf text = {0}, errors = {0};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(proxy, sizeof proxy, format, args);
    va_end(args);
    buf_printf(&text, "http 127.0.0.1:1\nhttps off\na.test { proxy %s }\n", proxy);
    b->snapshot = config_parse("test.conf", buf_str(&text), &errors);
    if (!b->snapshot)
        fail_msg("%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&text);
    buf_done(&errors);
    b->up = b->snapshot->sites[0].routes[0].upstream;
    struct load_shape shape = {.workers = WORKERS, .backends = b->snapshot->n_backends};
    b->mem = calloc(1, load_size(shape));
    b->load = load_view(b->mem, shape);
    b->pool = pool_new(shape.backends);
    b->all = leases_new(&(struct leases_setup){.pool = b->pool,
                                               .n_backends = shape.backends,
                                               .load = b->load,
                                               .tick_in = tick_in,
                                               .wake_resolver = wake_resolver,
                                               .context = b});
    assert_non_null(b->all);
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < MANY; i++) {
        lease_end(&b->guests[i].lease);
        if (b->guests[i].client)
            client_close(b->guests[i].client);
    }
    for (size_t i = 0; b->snapshot && i < b->snapshot->n_backends; i++)
        assert_int_equal(load_in_use(&b->load, i), 0);
    pool_free(b->pool);
    loop_turn(b->loop, 0);
    leases_free(b->all);
    for (size_t i = 0; i < BACKENDS; i++)
        close(b->listeners[i]);
    snapshot_free(b->snapshot);
    loop_free(b->loop);
    free(b->mem);
    free(b->guests);
    free(b);
    return 0;
}

/* Guests */

static void on_go(struct lease *l, int err)
{
    struct guest *g = LIST_OWNER(l, struct guest, lease);
    g->went++;
    g->err = err;
    g->place = g->bench->gone++;
    if (g->leaves_at_once)
        lease_end(l);
}

static void on_connected(void *user)
{
    ((struct guest *)user)->connected = true;
}

static void on_failed(void *user, int why)
{
    ((struct guest *)user)->failed = why;
}

static struct guest *come(struct bench *b, size_t i)
{
    struct guest *g = &b->guests[i];
    g->bench = b;
    g->lease = (struct lease){.all = b->all, .upstream = b->up, .timeouts = &b->timeouts, .go = on_go};
    g->lease.client.ip = g->lease.local.ip = (struct ip){.len = 4, .bytes = {127, 0, 0, 1}};
    lease_begin(&g->lease);
    return g;
}

static void assert_went(const struct guest *g, int err)
{
    assert_int_equal(g->went, 1);
    assert_int_equal(g->err, err);
    assert_false(g->lease.waits);
}

static void assert_waits(const struct guest *g)
{
    assert_int_equal(g->went, 0);
    assert_true(g->lease.waits);
}

static void tick(struct bench *b)
{
    assert_true(b->ticking);
    b->ticking = false;
    leases_tick(b->all);
}

/* Until the line is empty. */
static void tick_on(struct bench *b)
{
    while (b->ticking)
        tick(b);
}

static void open_client(struct guest *g)
{
    static const struct client_user calls = {.connected = on_connected, .failed = on_failed};
    struct client_limits limits = {.connect = 60000};
    g->client = client_open(g->bench->loop, &limits);
    assert_non_null(g->client);
    client_attach(g->client, &calls, g);
}

static void await_connection(struct guest *g)
{
    g->connected = false;
    g->failed = ERR_NONE;
    lease_connect(&g->lease, g->client);
    while (!g->connected && g->failed == ERR_NONE)
        loop_turn(g->bench->loop, 5);
}

/* Places and the line */

static void a_place_is_given_back_once(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u { max_connections 1 }", b->ports[0]);
    struct guest *g = come(b, 0);
    assert_went(g, ERR_NONE);
    assert_int_equal(load_in_use(&b->load, 0), 1);
    lease_end(&g->lease);
    lease_end(&g->lease);
    assert_int_equal(load_in_use(&b->load, 0), 0);
    assert_false(b->ticking);
}

static void the_line_keeps_its_order(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u { max_connections 1 }", b->ports[0]);
    assert_went(come(b, 0), ERR_NONE);
    for (size_t i = 1; i < 4; i++)
        assert_waits(come(b, i));
    lease_end(&b->guests[2].lease); /* leaves it */
    lease_end(&b->guests[0].lease);
    assert_went(&b->guests[1], ERR_NONE);
    assert_waits(come(b, 4)); /* although nobody else is served just now */
    lease_end(&b->guests[1].lease);
    assert_went(&b->guests[3], ERR_NONE);
    assert_waits(&b->guests[4]);
    lease_end(&b->guests[3].lease);
    assert_went(&b->guests[4], ERR_NONE);
    assert_int_equal(b->guests[2].went, 0);
    tick_on(b);
}

static void what_other_workers_give_back_is_seen(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u { max_connections 1 }", b->ports[0]);
    assert_true(load_take(&b->load, 1, 0, 1));
    struct guest *g = come(b, 0);
    tick(b);
    assert_waits(g);
    load_give(&b->load, 1, 0);
    tick(b);
    assert_went(g, ERR_NONE);
    assert_false(b->ticking);
}

static void patience_ends(void **state)
{
    struct bench *b = *state;
    b->timeouts.queue = 1;
    open_group(b, "127.0.0.1:%u { max_connections 1 }", b->ports[0]);
    assert_went(come(b, 0), ERR_NONE);
    come(b, 1);
    come(b, 2);
    tick_on(b);
    assert_went(&b->guests[1], ERR_TIMEOUT_QUEUE);
    assert_went(&b->guests[2], ERR_TIMEOUT_QUEUE);
    assert_int_equal(load_in_use(&b->load, 0), 1);
}

static void a_line_is_not_endless(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u { max_connections 1 }", b->ports[0]);
    for (size_t i = 0; i <= LEASE_LINE_MAX; i++)
        come(b, i);
    assert_waits(&b->guests[LEASE_LINE_MAX]);
    assert_went(come(b, LEASE_LINE_MAX + 1), ERR_HTTP_UNAVAILABLE);
}

/* Whose memory is out gives its place back from inside go(). */
static void a_place_given_back_at_once_is_the_next_one_s(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u { max_connections 1 }", b->ports[0]);
    come(b, 0);
    for (size_t i = 1; i < 6; i++) {
        come(b, i);
        b->guests[i].leaves_at_once = i != 4;
    }
    lease_end(&b->guests[0].lease);
    for (int i = 1; i < 5; i++) {
        assert_went(&b->guests[i], ERR_NONE);
        assert_int_equal(b->guests[i].place, i);
    }
    assert_waits(&b->guests[5]);
    lease_end(&b->guests[4].lease);
    assert_went(&b->guests[5], ERR_NONE);
}

static void who_found_a_backend_dead_is_the_first_again(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u { max_connections 1 }", b->ports[0], b->ports[1]);
    struct guest *first = come(b, 0), *second = come(b, 1), *third = come(b, 2);
    assert_waits(third);
    first->went = 0;
    assert_false(lease_failed(&first->lease, ERR_REFUSED));
    lease_begin(&first->lease);
    assert_waits(first);
    lease_end(&second->lease);
    assert_went(first, ERR_NONE);
    assert_ptr_equal(first->lease.backend, &b->up->backends[1]);
    assert_waits(third);
}

/* It waits for the other backend alone, so that the one it gave up is free for those behind it. */
static void who_waits_for_one_does_not_block_another(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u { max_connections 1 }", b->ports[0], b->ports[1]);
    struct guest *first = come(b, 0), *second = come(b, 1), *third = come(b, 2);
    first->went = 0;
    assert_false(lease_failed(&first->lease, ERR_REFUSED));
    lease_begin(&first->lease);
    assert_true(load_answered(&b->load, 0)); /* by some other request */
    tick(b);
    assert_waits(first);
    assert_went(third, ERR_NONE);
    assert_ptr_equal(third->lease.backend, &b->up->backends[0]);
    lease_end(&second->lease);
    assert_went(first, ERR_NONE);
    tick_on(b);
}

static void with_source_nobody_stands_before_anybody(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u { balance source\n max_connections 1 }", b->ports[0],
               b->ports[1]);
    const struct backend *mine = NULL;
    for (size_t i = 0; i < 2; i++) {
        struct guest *g = come(b, i);
        if (i == 0)
            mine = g->lease.backend;
        else
            assert_waits(g); /* the same client */
    }
    for (size_t i = 2;; i++) {
        struct guest *g = &b->guests[i];
        g->bench = b;
        g->lease = (struct lease){.all = b->all, .upstream = b->up, .timeouts = &b->timeouts, .go = on_go};
        g->lease.client.ip = (struct ip){.len = 4, .bytes = {127, 0, 0, (uint8_t)i}};
        lease_begin(&g->lease);
        if (g->lease.waits)
            continue;
        assert_ptr_not_equal(g->lease.backend, mine);
        break;
    }
}

/* Failures */

static void turns_are_even_beside_a_dead_one(void **state)
{
    struct bench *b = *state;
    int seen[BACKENDS] = {0};
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u 127.0.0.1:%u", b->ports[0], b->ports[1], b->ports[2]);
    (void)load_failed(&b->load, 1, clock_now(), clock_now() + 60000);
    for (size_t i = 0; i < 12; i++)
        seen[come(b, i)->lease.backend->id]++;
    assert_int_equal(seen[0], 6);
    assert_int_equal(seen[1], 0);
    assert_int_equal(seen[2], 6);
}

static void a_refused_one_is_left_for_the_next(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u { max_connections 1 }", b->ports[0], b->ports[1]);
    close(b->listeners[0]);
    struct guest *g = come(b, 0);
    open_client(g);
    await_connection(g);
    assert_int_equal(g->failed, ERR_REFUSED);
    assert_false(client_stood(g->client));
    assert_false(lease_failed(&g->lease, g->failed));
    assert_int_equal(load_in_use(&b->load, 0), 0);
    assert_int_not_equal(load_state(&b->load, 0, clock_now()), LOAD_UP);
    lease_begin(&g->lease);
    assert_int_equal(g->went, 2);
    await_connection(g);
    assert_true(g->connected);
    assert_int_equal(load_in_use(&b->load, 1), 1);
    b->listeners[0] = dup(0);
}

static void each_is_tried_once(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u 127.0.0.1:%u", b->ports[0], b->ports[1], b->ports[2]);
    struct guest *g = come(b, 0);
    for (size_t i = 0; i < BACKENDS; i++) {
        assert_int_equal(g->err, ERR_NONE);
        assert_false(lease_failed(&g->lease, ERR_REFUSED + (int)i));
        lease_begin(&g->lease);
    }
    assert_int_equal(g->went, 1 + BACKENDS);
    assert_int_equal(g->err, ERR_REFUSED + BACKENDS - 1);
    assert_false(g->lease.waits);
}

/* Not the backend's fault, and nothing that another request would notice. */
static void a_lack_of_memory_here_marks_nobody(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u", b->ports[0], b->ports[1]);
    struct guest *g = come(b, 0);
    assert_false(lease_failed(&g->lease, ERR_NOMEM));
    assert_int_equal(load_state(&b->load, 0, clock_now()), LOAD_UP);
    lease_begin(&g->lease);
    lease_unanswered(&g->lease, ERR_NOMEM);
    assert_int_equal(load_state(&b->load, 1, clock_now()), LOAD_UP);
}

static void who_gives_no_answer_rests(void **state)
{
    struct bench *b = *state;
    open_group(b, "127.0.0.1:%u 127.0.0.1:%u", b->ports[0], b->ports[1]);
    struct guest *g = come(b, 0);
    lease_unanswered(&g->lease, ERR_RESET);
    for (size_t i = 1; i < 5; i++)
        assert_int_equal(come(b, i)->lease.backend->id, 1);
    lease_answered(&g->lease);
    assert_int_equal(load_state(&b->load, 0, clock_now()), LOAD_UP);
}

/* Names */

static void a_name_is_waited_for(void **state)
{
    struct bench *b = *state;
    struct ip ip = {.len = 4, .bytes = {127, 0, 0, 1}};
    open_group(b, "app.test:%u", b->ports[0]);
    struct guest *g = come(b, 0), *other = come(b, 1);
    assert_waits(g);
    assert_waits(other);
    assert_int_equal(b->woken, 1);
    assert_true(load_lookup_wanted(&b->load, 0));
    tick(b);
    assert_waits(g);
    load_set_addresses(&b->load, 0, &ip, 1);
    tick(b);
    assert_went(g, ERR_NONE);
    assert_went(other, ERR_NONE);
    open_client(g);
    await_connection(g);
    assert_true(g->connected);
    assert_false(b->ticking);
}

static void a_name_is_not_waited_for_for_ever(void **state)
{
    struct bench *b = *state;
    b->timeouts.connect = 1;
    open_group(b, "app.test:%u", b->ports[0]);
    struct guest *g = come(b, 0);
    tick_on(b);
    assert_went(g, ERR_NO_ADDRESS);
}

static void a_name_that_leads_nowhere_is_told_at_once(void **state)
{
    struct bench *b = *state;
    open_group(b, "app.test:%u", b->ports[0]);
    load_set_addresses(&b->load, 0, NULL, 0);
    assert_went(come(b, 0), ERR_NO_ADDRESS);
    assert_int_equal(b->woken, 1);
    assert_int_equal(load_in_use(&b->load, 0), 0);
}

static void a_backend_that_is_there_is_not_kept_waiting_by_a_name(void **state)
{
    struct bench *b = *state;
    open_group(b, "app.test:%u 127.0.0.1:%u", b->ports[0], b->ports[1]);
    for (size_t i = 0; i < 4; i++) {
        assert_went(come(b, i), ERR_NONE);
        assert_int_equal(b->guests[i].lease.backend->id, 1);
    }
}

/* The listener is at 127.0.0.1 alone. */
static void every_address_of_a_name_is_tried(void **state)
{
    struct bench *b = *state;
    struct ip ips[] = {{.len = 4, .bytes = {127, 0, 0, 9}},
                       {.len = 16, .bytes = {[15] = 1}},
                       {.len = 4, .bytes = {127, 0, 0, 1}}};
    open_group(b, "app.test:%u", b->ports[0]);
    load_set_addresses(&b->load, 0, ips, 3);
    struct guest *g = come(b, 0);
    open_client(g);
    for (int i = 0; i < 2; i++) {
        await_connection(g);
        assert_false(g->connected);
        assert_true(lease_failed(&g->lease, g->failed));
    }
    await_connection(g);
    assert_true(g->connected);
    assert_int_equal(load_in_use(&b->load, 0), 1);
    assert_int_equal(load_state(&b->load, 0, clock_now()), LOAD_UP);
    assert_int_equal(b->woken, 0);
}

static void a_name_whose_addresses_all_fail_is_looked_up_again(void **state)
{
    struct bench *b = *state;
    struct ip ip = {.len = 4, .bytes = {127, 0, 0, 9}};
    open_group(b, "app.test:%u", b->ports[0]);
    load_set_addresses(&b->load, 0, &ip, 1);
    struct guest *g = come(b, 0);
    open_client(g);
    await_connection(g);
    assert_false(lease_failed(&g->lease, g->failed));
    assert_int_equal(b->woken, 1);
    lease_begin(&g->lease);
    assert_int_equal(g->err, ERR_REFUSED);
}

/* The header */

static void the_proxy_header_comes_first(void **state)
{
    struct bench *b = *state;
    struct endpoint peer;
    char bytes[64];
    open_group(b, "127.0.0.1:%u { proxy_protocol v1 }", b->ports[0]);
    struct guest *g = come(b, 0);
    open_client(g);
    await_connection(g);
    assert_true(g->connected);
    int fd = sock_accept(b->listeners[0], &peer);
    assert_true(fd >= 0);
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    assert_true(
        str_eq(str_from(bytes, n > 0 ? (size_t)n : 0), STR("PROXY TCP4 127.0.0.1 127.0.0.1 0 0\r\n")));
    close(fd);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_place_is_given_back_once),
        CASE(the_line_keeps_its_order),
        CASE(what_other_workers_give_back_is_seen),
        CASE(patience_ends),
        CASE(a_line_is_not_endless),
        CASE(a_place_given_back_at_once_is_the_next_one_s),
        CASE(who_found_a_backend_dead_is_the_first_again),
        CASE(who_waits_for_one_does_not_block_another),
        CASE(with_source_nobody_stands_before_anybody),
        CASE(turns_are_even_beside_a_dead_one),
        CASE(a_refused_one_is_left_for_the_next),
        CASE(each_is_tried_once),
        CASE(a_lack_of_memory_here_marks_nobody),
        CASE(who_gives_no_answer_rests),
        CASE(a_name_is_waited_for),
        CASE(a_name_is_not_waited_for_for_ever),
        CASE(a_name_that_leads_nowhere_is_told_at_once),
        CASE(a_backend_that_is_there_is_not_kept_waiting_by_a_name),
        CASE(every_address_of_a_name_is_tried),
        CASE(a_name_whose_addresses_all_fail_is_looked_up_again),
        CASE(the_proxy_header_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
