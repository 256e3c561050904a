/* Exchanges over a stream in memory: what a client sees and what a handler is told. */
#include <stdio.h>

#include <stdlib.h>

#include "http/session_bench.h"

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void answers_and_keeps_the_connection(void **state)
{
    struct bench *b = *state;
    b->answer = "one";
    bench_send_text(b, get);
    EXPECT(b, "HTTP/1.1 200 OK\r\n", "Content-Length: 3\r\n", "\r\n\r\none");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->why, ERR_NONE);
    assert_int_equal(b->sent, 3);
    bench_send_text(b, get);
    EXPECT(b, "\r\n\r\none");
    assert_int_equal(b->begun, 2);
    assert_false(b->link.closed);
}

static void two_requests_in_one_read_then_silence(void **state)
{
    struct bench *b = *state;
    b->answer = "x";
    bench_send_text(b, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(b->gone, 2);
}

static void a_request_in_single_bytes(void **state)
{
    struct bench *b = *state;
    const char *all =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
    for (const char *p = all; *p; p++)
        bench_send(b, p, 1);
    assert_int_equal(b->body, 3);
    assert_int_equal(b->body_ends, 1);
    assert_int_equal(b->fields_of_trailer, 1);
    bench_answer(b->x, 200, "ok");
    bench_settle(b);
    EXPECT(b, "\r\n\r\nok");
}

static void pipelined_answers_keep_their_order(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(b->begun, 1);
    assert_true(str_eq(b->x->req.path, STR("/1")));
    bench_answer(b->x, 200, "first");
    bench_settle(b);
    assert_int_equal(b->begun, 2);
    assert_true(str_eq(b->x->req.path, STR("/2")));
    bench_answer(b->x, 200, "second");
    bench_settle(b);
    struct str out = memory_stream_take_output(&b->link);
    const char *first = memmem(out.p, out.n, "first", 5), *second = memmem(out.p, out.n, "second", 6);
    assert_true(first && second && first < second);
}

/* A handler that does not take the body stops the reading; when it takes it, reading goes on. */
static void upload_stops_without_credit(void **state)
{
    struct bench *b = *state;
    enum { SIZE = 4 * 1024 * 1024 };
    char *body = calloc(1, SIZE);
    b->consume = false;
    bench_send_text(b, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
    bench_send(b, body, SIZE);
    free(body);
    assert_true(b->body <= FLOW_LARGE + FLOW_SMALL);
    size_t before = b->body;
    bench_settle(b);
    assert_int_equal(b->body, before);
    for (size_t taken = 0; b->body_ends == 0;) {
        size_t now = b->body;
        assert_true(now > taken);
        xchg_consumed(b->x, now - taken);
        taken = now;
        bench_settle(b);
    }
    assert_int_equal(b->body, SIZE);
    bench_answer(b->x, 200, "done");
}

static void slow_client_returns_credit_as_it_reads(void **state)
{
    struct bench *b = *state;
    enum { SIZE = 100000 };
    char *data = calloc(1, SIZE);
    bench_send_text(b, get);
    b->link.take = 1000;
    struct head h = {.minor = 1, .status = 200, .reason = STR("OK"), .framing = FRAME_LENGTH, .length = SIZE};
    xchg_head(b->x, &h);
    xchg_body(b->x, str_from(data, SIZE));
    xchg_end(b->x, NULL);
    free(data);
    bench_settle(b);
    assert_true(b->sent <= 1000);
    assert_int_equal(b->gone, 0);
    while (b->gone == 0) {
        size_t before = b->link.out.len;
        b->link.take = 7777;
        bench_wake(b);
        bench_settle(b);
        assert_true(b->link.out.len > before);
    }
    assert_int_equal(b->sent, SIZE);
    assert_int_equal(b->why, ERR_NONE);
}

static void early_refusal_is_delivered_and_the_rest_drained(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
    bench_answer(b->x, 413, "too much");
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 413 ", "Connection: close\r\n", "too much");
    assert_true(b->link.finished);
    assert_false(b->link.closed);
    char more[5000] = {0};
    size_t before = b->link.read;
    bench_send(b, more, sizeof more);
    assert_int_equal(b->link.read - before, sizeof more);
    b->link.in_closed = true;
    bench_send(b, "", 0);
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_END);
}

struct framing_row {
    const char *name, *request;
    int status;
    enum framing framing;
    const char *wanted[3], *unwanted[2];
    bool closes;
};

static const struct framing_row framing_rows[] = {
    {"chunked to 1.1",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     FRAME_CHUNKED,
     {"Transfer-Encoding: chunked\r\n", "\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
     {"Content-Length"},
     false},
    {"until close becomes chunked",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     FRAME_CLOSE,
     {"Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"},
     {"Connection: close"},
     false},
    {"chunked to 1.0 lasts until close",
     "GET / HTTP/1.0\r\n\r\n",
     200,
     FRAME_CHUNKED,
     {"Connection: close\r\n", "\r\n\r\nabc"},
     {"Transfer-Encoding"},
     true},
    {"1.0 with keep-alive",
     "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     200,
     FRAME_LENGTH,
     {"Connection: keep-alive\r\n", "Content-Length: 3\r\n", "\r\n\r\nabc"},
     {"close"},
     false},
    {"close was asked",
     "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     200,
     FRAME_LENGTH,
     {"Connection: close\r\n", "\r\n\r\nabc"},
     {NULL},
     true},
    {"HEAD keeps the length",
     "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     FRAME_LENGTH,
     {"Content-Length: 3\r\n\r\n"},
     {"abc"},
     false},
    {"HEAD of a stream",
     "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     FRAME_CHUNKED,
     {"HTTP/1.1 200"},
     {"abc", "Transfer-Encoding"},
     false},
    {"204",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     204,
     FRAME_NONE,
     {"HTTP/1.1 204"},
     {"Content-Length"},
     false},
    {"304 keeps the length",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     304,
     FRAME_LENGTH,
     {"Content-Length: 3\r\n\r\n"},
     {"abc"},
     false},
    {"205 tells that nothing follows",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     205,
     FRAME_NONE,
     {"Content-Length: 0\r\n"},
     {"chunked"},
     false},
    {"no body is length 0",
     "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
     200,
     FRAME_NONE,
     {"Content-Length: 0\r\n"},
     {"chunked"},
     false},
};

static void run_framing_row(struct bench *b, const struct framing_row *row)
{
    struct head h = {
        .minor = 1, .status = row->status, .reason = STR("OK"), .framing = row->framing, .length = 3};
    bench_send_text(b, row->request);
    xchg_head(b->x, &h);
    if (row->framing != FRAME_NONE)
        xchg_body(b->x, STR("abc"));
    xchg_end(b->x, NULL);
    bench_settle(b);
    struct str out = memory_stream_take_output(&b->link);
    for (size_t i = 0; i < nitems(row->wanted) && row->wanted[i]; i++)
        if (!memmem(out.p, out.n, row->wanted[i], strlen(row->wanted[i])))
            fail_msg("%s: no %s in:\n%.*s", row->name, row->wanted[i], STR_ARG(out));
    for (size_t i = 0; i < nitems(row->unwanted) && row->unwanted[i]; i++)
        if (memmem(out.p, out.n, row->unwanted[i], strlen(row->unwanted[i])))
            fail_msg("%s: %s in:\n%.*s", row->name, row->unwanted[i], STR_ARG(out));
    assert_int_equal(b->link.finished, row->closes);
}

static void framing_for_each_client(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < nitems(framing_rows); i++) {
        run_framing_row(b, &framing_rows[i]);
        b->session->ops->kill(b->session, ERR_SHUTDOWN);
        bench_settle(b);
        bench_reopen(b);
    }
}

static void a_short_answer_is_cut_not_completed(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 200, .reason = STR("OK"), .framing = FRAME_LENGTH, .length = 10};
    bench_send_text(b, get);
    xchg_head(b->x, &h);
    xchg_body(b->x, STR("abc"));
    xchg_end(b->x, NULL);
    bench_settle(b);
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_RESET);
}

static void failure_before_the_head_is_a_page(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, get);
    xchg_reset(b->x, ERR_REFUSED);
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 502 Bad Gateway\r\n", "connection refused");
    assert_false(b->link.closed);
}

static void failure_after_the_head_is_a_cut(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 200, .reason = STR("OK"), .framing = FRAME_CHUNKED};
    bench_send_text(b, get);
    xchg_head(b->x, &h);
    xchg_reset(b->x, ERR_CLOSED);
    bench_settle(b);
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_RESET);
    assert_int_equal(b->why, ERR_CLOSED);
}

static void interim_answers_go_out_in_order(void **state)
{
    struct bench *b = *state;
    struct head early = {.minor = 1, .status = 103, .reason = STR("Early Hints")};
    bench_send_text(b, get);
    xchg_interim(b->x, &early);
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 103 Early Hints\r\n\r\n");
    bench_answer(b->x, 200, "end");
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 200 OK\r\n");
}

/* Their credit comes back as they leave, or a backend that sends nothing else would never be stopped. */
static void interim_answers_have_credit(void **state)
{
    struct bench *b = *state;
    struct head early = {.minor = 1, .status = 103, .reason = STR("Early Hints")};
    size_t n = strlen("HTTP/1.1 103 Early Hints\r\n\r\n");
    b->link.take = n + 1;
    bench_send_text(b, get);
    assert_int_equal(xchg_interim(b->x, &early), n);
    assert_int_equal(xchg_interim(b->x, &early), n);
    bench_settle(b);
    assert_in_range(b->sent, n, n + 1);
    b->link.take = n;
    bench_wake(b);
    bench_settle(b);
    assert_int_equal(b->sent, 2 * n);
    bench_answer(b->x, 200, "");
}

/* Whether the body still comes, nobody knows: so nothing may come behind it. */
static void an_unexpected_answer_to_expect_closes(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    bench_answer(b->x, 307, "there");
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 307 ", "Connection: close\r\n", "there");
    assert_true(b->link.finished);
    bench_send_text(b, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(b->begun, 1);
}

static void tunnel_carries_both_ways_and_closes_by_halves(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 101, .reason = STR("Switching Protocols")};
    bench_send_text(b, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    assert_int_equal(b->body_ends, 1);
    xchg_tunnel(b->x, &h);
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 101 ", "Connection: upgrade\r\n");
    assert_int_equal(b->body, 5);
    xchg_body(b->x, STR("\x81\x05hello"));
    bench_settle(b);
    EXPECT(b, "\x81\x05hello");
    bench_send_text(b, "more");
    assert_int_equal(b->body, 9);
    xchg_end(b->x, NULL);
    bench_settle(b);
    assert_true(b->link.finished);
    assert_false(b->link.closed);
    b->link.in_closed = true;
    bench_send_text(b, "");
    assert_int_equal(b->body_ends, 2);
    assert_true(b->link.closed);
    assert_int_equal(b->gone, 1);
}

static void a_small_rest_is_awaited_not_cut(void **state)
{
    struct bench *b = *state;
    b->answer = "redirected";
    bench_send_text(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    EXPECT(b, "redirected");
    assert_false(b->link.finished);
    assert_int_equal(b->gone, 0);
    bench_send_text(b, "defGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(b->begun, 2);
    assert_int_equal(b->body, 0);
}

static void bad_requests_are_answered_and_closed(void **state)
{
    struct bench *b = *state;
    bench_send_text(b,
                    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT(b, "HTTP/1.1 400 ", "Connection: close\r\n", "ambiguous message length");
    assert_true(b->link.finished);
    assert_int_equal(b->begun, 0);
}

static void a_malformed_body_ends_the_exchange(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    EXPECT(b, "HTTP/1.1 400 ", "malformed chunk");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->body_ends, 0);
}

static void client_that_vanishes_ends_the_exchange(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    b->link.in_closed = true;
    bench_send_text(b, "");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->why, ERR_CLOSED);
}

static void half_closed_client_gets_its_answer(void **state)
{
    struct bench *b = *state;
    b->link.in_closed = true;
    bench_send_text(b, get);
    bench_send_text(b, "");
    assert_int_equal(b->gone, 0);
    bench_answer(b->x, 200, "here");
    bench_settle(b);
    EXPECT(b, "here");
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_END);
}

static void drain_closes_idle_and_finishes_busy(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, get);
    b->env.draining = true;
    b->session->ops->drain(b->session);
    bench_settle(b);
    assert_false(b->link.closed);
    bench_answer(b->x, 200, "last");
    bench_settle(b);
    EXPECT(b, "Connection: close\r\n", "last");
    assert_true(b->link.finished);
}

/* Who waits for a place at a backend holds little, whatever the connection has carried before. */
static void a_body_that_nobody_takes_is_read_in_part(void **state)
{
    struct bench *b = *state;
    static char body[200000];
    char head[80];
    b->answer = NULL;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(head, sizeof head, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n",
                       sizeof body);
        bench_send_text(b, head);
        if (i == 0)
            for (int k = 0; k < 20; k++)
                bench_send(b, body, sizeof body / 20);
        if (i == 0)
            bench_answer(b->x, 200, "taken");
        bench_settle(b);
    }
    b->consume = false;
    b->body = 0;
    bench_send(b, body, sizeof body);
    assert_in_range(b->body, 1, FLOW_SMALL + FLOW_LOW);
    xchg_consumed(b->x, b->body);
    b->consume = true;
    bench_wake(b);
    bench_settle(b);
    assert_int_equal(b->body, sizeof body);
}

/* Instead of the session that speaks HTTP. */
static void open_raw(struct bench *b)
{
    b->session->ops->kill(b->session, ERR_SHUTDOWN);
    bench_settle(b);
    memory_stream_done(&b->link);
    memory_stream_init(&b->link);
    b->ended = 0;
    char name[] = "nas.test";
    b->session = raw_session_new(&b->env, &b->link.stream, 2, STR(name));
    assert_non_null(b->session);
    memset(name, 'x', sizeof name - 1); /* it was borrowed */
}

static void a_raw_session_is_a_tunnel_from_its_first_byte(void **state)
{
    struct bench *b = *state;
    open_raw(b);
    assert_int_equal(b->begun, 1);
    assert_int_equal(b->x->state, XCHG_TUNNEL);
    assert_true(str_eq(b->x->peer.sni, STR("nas.test")));
    bench_send_text(b, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(b->body, 18);
    xchg_body(b->x, STR("HTTP/1.1 is only bytes"));
    bench_settle(b);
    EXPECT(b, "HTTP/1.1 is only bytes");
    xchg_end(b->x, NULL);
    bench_settle(b);
    assert_true(b->link.finished);
    assert_false(b->link.closed);
    b->link.in_closed = true;
    bench_send_text(b, "");
    assert_int_equal(b->body_ends, 1);
    assert_true(b->link.closed);
    assert_int_equal(b->gone, 1);
}

/* There is nobody to show a page to. */
static void a_raw_session_that_fails_is_cut(void **state)
{
    struct bench *b = *state;
    open_raw(b);
    xchg_reset(b->x, ERR_REFUSED);
    bench_settle(b);
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_RESET);
    assert_int_equal(b->link.out.len, 0);
    assert_int_equal(b->gone, 1);
}

static void a_silent_raw_session_ends(void **state)
{
    struct bench *b = *state;
    b->env.tunnel_ms = 1;
    open_raw(b);
    for (int i = 0; i < 1000 && !b->ended; i++)
        loop_turn(b->loop, 5);
    assert_true(b->link.closed);
    assert_int_equal(b->gone, 1);
}

static void a_reset_connection_is_told_once(void **state)
{
    struct bench *b = *state;
    bench_send_text(b, get);
    b->link.fails = true;
    bench_send_text(b, "");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->why, ERR_RESET);
    assert_int_equal(b->ended, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_and_keeps_the_connection),
        CASE(two_requests_in_one_read_then_silence),
        CASE(a_request_in_single_bytes),
        CASE(pipelined_answers_keep_their_order),
        CASE(upload_stops_without_credit),
        CASE(slow_client_returns_credit_as_it_reads),
        CASE(early_refusal_is_delivered_and_the_rest_drained),
        CASE(framing_for_each_client),
        CASE(a_short_answer_is_cut_not_completed),
        CASE(failure_before_the_head_is_a_page),
        CASE(failure_after_the_head_is_a_cut),
        CASE(interim_answers_go_out_in_order),
        CASE(interim_answers_have_credit),
        CASE(an_unexpected_answer_to_expect_closes),
        CASE(tunnel_carries_both_ways_and_closes_by_halves),
        CASE(a_small_rest_is_awaited_not_cut),
        CASE(bad_requests_are_answered_and_closed),
        CASE(a_malformed_body_ends_the_exchange),
        CASE(client_that_vanishes_ends_the_exchange),
        CASE(half_closed_client_gets_its_answer),
        CASE(drain_closes_idle_and_finishes_busy),
        CASE(a_body_that_nobody_takes_is_read_in_part),
        CASE(a_raw_session_is_a_tunnel_from_its_first_byte),
        CASE(a_raw_session_that_fails_is_cut),
        CASE(a_silent_raw_session_ends),
        CASE(a_reset_connection_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
