/* The limits of a session: each is made short, and the event is awaited. */
#include "http/session_bench.h"

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void wait_for(struct bench *b, const int *count)
{
    for (int i = 0; i < 1000 && *count == 0; i++)
        loop_turn(b->loop, 20);
    assert_true(*count > 0);
}

static void silence_between_requests_closes(void **state)
{
    struct bench *b = *state;
    b->answer = "x";
    b->env.idle_ms = 30;
    bench_send_text(b, get);
    wait_for(b, &b->ended);
    assert_int_equal(b->link.how, STREAM_END);
}

static void a_head_that_trickles_is_cut(void **state)
{
    struct bench *b = *state;
    b->env.head_ms = 50;
    bench_send_text(b, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 1000 && !b->link.finished; i++) {
        buf_add(&b->link.in, "A: b\r\n", 6);
        bench_wake(b);
        loop_turn(b->loop, 5);
        loop_turn(b->loop, 5);
    }
    EXPECT(b, "HTTP/1.1 408 ");
}

static void a_body_that_stalls_is_answered(void **state)
{
    struct bench *b = *state;
    b->env.send_ms = 30;
    bench_send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    wait_for(b, &b->gone);
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 408 ");
}

static void a_client_that_does_not_read_is_cut(void **state)
{
    struct bench *b = *state;
    b->env.send_ms = 30;
    b->link.take = 0;
    b->answer = "unread";
    bench_send_text(b, get);
    wait_for(b, &b->ended);
    assert_int_equal(b->link.how, STREAM_RESET);
}

static void a_silent_tunnel_ends(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 101, .reason = STR("Switching Protocols")};
    b->env.tunnel_ms = 30;
    bench_send_text(b, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    xchg_tunnel(b->x, &h);
    wait_for(b, &b->ended);
    assert_int_equal(b->why, ERR_TIMEOUT_TUNNEL);
}

static void the_handlers_deadline_is_told(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, get);
    xchg_deadline(b->x, 20);
    wait_for(b, &b->expired);
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 503 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(silence_between_requests_closes),
        CASE(a_head_that_trickles_is_cut),
        CASE(a_body_that_stalls_is_answered),
        CASE(a_client_that_does_not_read_is_cut),
        CASE(a_silent_tunnel_ends),
        CASE(the_handlers_deadline_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
