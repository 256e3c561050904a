/* Exchanges over a stream in memory: what a client sees and what a handler is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "http/memory_stream.h"
#include "http/session.h"
#include "net/loop.h"

/* The loop, one session, and a handler that the test scripts. */
struct bench {
    struct loop *loop;
    struct session_env env;
    struct memory_stream link;
    struct session *session;
    int ended;

    struct exchange *x; /* the latest */
    int begun, gone, body_ends, expired;
    int why; /* of the latest gone() */
    size_t body, sent;
    size_t fields_of_trailer;
    bool consume;       /* body bytes at once */
    const char *answer; /* given in begin(), framed by Content-Length, if not NULL */
};

static struct bench *of(struct exchange *x)
{
    return x->service;
}

static void answer(struct exchange *x, int status, const char *text)
{
    xchg_answer(x, status, (struct field){0}, str_of(text));
}

static void on_begin(struct exchange *x)
{
    struct bench *b = of(x);
    b->x = x;
    b->begun++;
    if (b->answer)
        answer(x, 200, b->answer);
}

static void on_body(struct exchange *x, struct str data)
{
    of(x)->body += data.n;
    if (of(x)->consume)
        xchg_consumed(x, data.n);
}

static void on_body_end(struct exchange *x, const struct head *trailers)
{
    of(x)->body_ends++;
    of(x)->fields_of_trailer = trailers->n_fields;
}

static void on_sent(struct exchange *x, size_t n)
{
    of(x)->sent += n;
}

static void on_expired(struct exchange *x)
{
    of(x)->expired++;
    xchg_reset(x, ERR_TIMEOUT_QUEUE);
}

static void on_gone(struct exchange *x, int why)
{
    of(x)->gone++;
    of(x)->why = why;
    of(x)->x = NULL;
}

static const struct handler handler = {on_begin, on_body, on_body_end, on_sent, on_expired, on_gone};

static void on_ended(struct session_env *env)
{
    LIST_OWNER(env, struct bench, env)->ended++;
}

static void open_session(struct bench *b)
{
    memory_stream_init(&b->link);
    b->session = h1_session_new(&b->env, &b->link.stream, 1);
    assert_non_null(b->session);
}

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    b->loop = loop_new();
    b->env = (struct session_env){.loop = b->loop, .handler = &handler, .service = b, .ended = on_ended};
    b->env.head_ms = b->env.idle_ms = b->env.send_ms = b->env.tunnel_ms = 60000;
    b->consume = true;
    list_init(&b->env.sessions);
    open_session(b);
    *state = b;
    return 0;
}

/* Turns until nothing more happens by itself. */
static void settle(struct bench *b)
{
    for (int i = 0; i < 8; i++)
        loop_turn(b->loop, 0);
}

static int teardown(void **state)
{
    struct bench *b = *state;
    if (!b->ended)
        b->session->ops->kill(b->session, ERR_SHUTDOWN);
    settle(b);
    assert_int_equal(b->ended, 1);
    assert_true(b->link.closed);
    assert_int_equal(b->begun, b->gone);
    memory_stream_done(&b->link);
    loop_free(b->loop);
    free(b);
    return 0;
}

static struct watch *watch_of(struct bench *b);

static void send_bytes(struct bench *b, const char *p, size_t n)
{
    assert_true(buf_add(&b->link.in, p, n));
    /* Nobody polls memory: the session is woken as the poll set would. */
    loop_again(b->loop, watch_of(b));
    settle(b);
}

static void send_text(struct bench *b, const char *text)
{
    send_bytes(b, text, strlen(text));
}

static void assert_output(struct bench *b, const char *wanted[])
{
    struct str out = memory_stream_take_output(&b->link);
    for (; *wanted; wanted++)
        if (!memmem(out.p, out.n, *wanted, strlen(*wanted)))
            fail_msg("no %s in:\n%.*s", *wanted, STR_ARG(out));
}

#define EXPECT(b, ...) assert_output((b), (const char *[]){__VA_ARGS__, NULL})

#include "http/h1_session_int.h"

static struct watch *watch_of(struct bench *b)
{
    return &LIST_OWNER(b->session, struct h1_session, session)->watch;
}

static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

static void answers_and_keeps_the_connection(void **state)
{
    struct bench *b = *state;
    b->answer = "one";
    send_text(b, get);
    EXPECT(b, "HTTP/1.1 200 OK\r\n", "Content-Length: 3\r\n", "\r\n\r\none");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->why, ERR_NONE);
    assert_int_equal(b->sent, 3);
    send_text(b, get);
    EXPECT(b, "\r\n\r\none");
    assert_int_equal(b->begun, 2);
    assert_false(b->link.closed);
}

static void two_requests_in_one_read_then_silence(void **state)
{
    struct bench *b = *state;
    b->answer = "x";
    send_text(b, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(b->gone, 2);
}

static void a_request_in_single_bytes(void **state)
{
    struct bench *b = *state;
    const char *all =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n";
    for (const char *p = all; *p; p++)
        send_bytes(b, p, 1);
    assert_int_equal(b->body, 3);
    assert_int_equal(b->body_ends, 1);
    assert_int_equal(b->fields_of_trailer, 1);
    answer(b->x, 200, "ok");
    settle(b);
    EXPECT(b, "\r\n\r\nok");
}

static void pipelined_answers_keep_their_order(void **state)
{
    struct bench *b = *state;
    send_text(b, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(b->begun, 1);
    assert_true(str_eq(b->x->req.path, STR("/1")));
    answer(b->x, 200, "first");
    settle(b);
    assert_int_equal(b->begun, 2);
    assert_true(str_eq(b->x->req.path, STR("/2")));
    answer(b->x, 200, "second");
    settle(b);
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
    send_text(b, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n");
    send_bytes(b, body, SIZE);
    free(body);
    assert_true(b->body <= FLOW_LARGE + FLOW_SMALL);
    size_t before = b->body;
    settle(b);
    assert_int_equal(b->body, before);
    for (size_t taken = 0; b->body_ends == 0;) {
        size_t now = b->body;
        assert_true(now > taken);
        xchg_consumed(b->x, now - taken);
        taken = now;
        settle(b);
    }
    assert_int_equal(b->body, SIZE);
    answer(b->x, 200, "done");
}

static void slow_client_returns_credit_as_it_reads(void **state)
{
    struct bench *b = *state;
    enum { SIZE = 100000 };
    char *data = calloc(1, SIZE);
    send_text(b, get);
    b->link.take = 1000;
    struct head h = {.minor = 1, .status = 200, .reason = STR("OK"), .framing = FRAME_LENGTH, .length = SIZE};
    xchg_head(b->x, &h);
    xchg_body(b->x, str_from(data, SIZE));
    xchg_end(b->x, NULL);
    free(data);
    settle(b);
    assert_true(b->sent <= 1000);
    assert_int_equal(b->gone, 0);
    while (b->gone == 0) {
        size_t before = b->link.out.len;
        b->link.take = 7777;
        loop_again(b->loop, watch_of(b));
        settle(b);
        assert_true(b->link.out.len > before);
    }
    assert_int_equal(b->sent, SIZE);
    assert_int_equal(b->why, ERR_NONE);
}

static void early_refusal_is_delivered_and_the_rest_drained(void **state)
{
    struct bench *b = *state;
    send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
    answer(b->x, 413, "too much");
    settle(b);
    EXPECT(b, "HTTP/1.1 413 ", "Connection: close\r\n", "too much");
    assert_true(b->link.finished);
    assert_false(b->link.closed);
    char more[5000] = {0};
    size_t before = b->link.read;
    send_bytes(b, more, sizeof more);
    assert_int_equal(b->link.read - before, sizeof more);
    b->link.in_closed = true;
    send_bytes(b, "", 0);
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
    send_text(b, row->request);
    xchg_head(b->x, &h);
    if (row->framing != FRAME_NONE)
        xchg_body(b->x, STR("abc"));
    xchg_end(b->x, NULL);
    settle(b);
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
        settle(b);
        memory_stream_done(&b->link);
        b->ended = 0;
        open_session(b);
    }
}

static void a_short_answer_is_cut_not_completed(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 200, .reason = STR("OK"), .framing = FRAME_LENGTH, .length = 10};
    send_text(b, get);
    xchg_head(b->x, &h);
    xchg_body(b->x, STR("abc"));
    xchg_end(b->x, NULL);
    settle(b);
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_RESET);
}

static void failure_before_the_head_is_a_page(void **state)
{
    struct bench *b = *state;
    send_text(b, get);
    xchg_reset(b->x, ERR_REFUSED);
    settle(b);
    EXPECT(b, "HTTP/1.1 502 Bad Gateway\r\n", "connection refused");
    assert_false(b->link.closed);
}

static void failure_after_the_head_is_a_cut(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 200, .reason = STR("OK"), .framing = FRAME_CHUNKED};
    send_text(b, get);
    xchg_head(b->x, &h);
    xchg_reset(b->x, ERR_CLOSED);
    settle(b);
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_RESET);
    assert_int_equal(b->why, ERR_CLOSED);
}

static void interim_answers_go_out_in_order(void **state)
{
    struct bench *b = *state;
    struct head early = {.minor = 1, .status = 103, .reason = STR("Early Hints")};
    send_text(b, get);
    xchg_interim(b->x, &early);
    settle(b);
    EXPECT(b, "HTTP/1.1 103 Early Hints\r\n\r\n");
    answer(b->x, 200, "end");
    settle(b);
    EXPECT(b, "HTTP/1.1 200 OK\r\n");
}

static void tunnel_carries_both_ways_and_closes_by_halves(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 101, .reason = STR("Switching Protocols")};
    send_text(b, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly");
    assert_int_equal(b->body_ends, 1);
    xchg_tunnel(b->x, &h);
    settle(b);
    EXPECT(b, "HTTP/1.1 101 ", "Connection: upgrade\r\n");
    assert_int_equal(b->body, 5);
    xchg_body(b->x, STR("\x81\x05hello"));
    settle(b);
    EXPECT(b, "\x81\x05hello");
    send_text(b, "more");
    assert_int_equal(b->body, 9);
    xchg_end(b->x, NULL);
    settle(b);
    assert_true(b->link.finished);
    assert_false(b->link.closed);
    b->link.in_closed = true;
    send_text(b, "");
    assert_int_equal(b->body_ends, 2);
    assert_true(b->link.closed);
    assert_int_equal(b->gone, 1);
}

static void a_small_rest_is_awaited_not_cut(void **state)
{
    struct bench *b = *state;
    b->answer = "redirected";
    send_text(b, "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    EXPECT(b, "redirected");
    assert_false(b->link.finished);
    assert_int_equal(b->gone, 0);
    send_text(b, "defGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(b->begun, 2);
    assert_int_equal(b->body, 0);
}

static void bad_requests_are_answered_and_closed(void **state)
{
    struct bench *b = *state;
    send_text(b, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT(b, "HTTP/1.1 400 ", "Connection: close\r\n", "ambiguous message length");
    assert_true(b->link.finished);
    assert_int_equal(b->begun, 0);
}

static void a_malformed_body_ends_the_exchange(void **state)
{
    struct bench *b = *state;
    send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    EXPECT(b, "HTTP/1.1 400 ", "malformed chunk");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->body_ends, 0);
}

static void client_that_vanishes_ends_the_exchange(void **state)
{
    struct bench *b = *state;
    send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    b->link.in_closed = true;
    send_text(b, "");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->why, ERR_CLOSED);
}

static void half_closed_client_gets_its_answer(void **state)
{
    struct bench *b = *state;
    b->link.in_closed = true;
    send_text(b, get);
    send_text(b, "");
    assert_int_equal(b->gone, 0);
    answer(b->x, 200, "here");
    settle(b);
    EXPECT(b, "here");
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_END);
}

/* Limits: each is made short, and the event is awaited. */

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
    send_text(b, get);
    wait_for(b, &b->ended);
    assert_int_equal(b->link.how, STREAM_END);
}

static void a_head_that_trickles_is_cut(void **state)
{
    struct bench *b = *state;
    b->env.head_ms = 50;
    send_text(b, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 1000 && !b->link.finished; i++) {
        buf_add(&b->link.in, "A: b\r\n", 6);
        loop_again(b->loop, watch_of(b));
        loop_turn(b->loop, 5);
        loop_turn(b->loop, 5);
    }
    EXPECT(b, "HTTP/1.1 408 ");
}

static void a_body_that_stalls_is_answered(void **state)
{
    struct bench *b = *state;
    b->env.send_ms = 30;
    send_text(b, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    wait_for(b, &b->gone);
    settle(b);
    EXPECT(b, "HTTP/1.1 408 ");
}

static void a_client_that_does_not_read_is_cut(void **state)
{
    struct bench *b = *state;
    b->env.send_ms = 30;
    b->link.take = 0;
    b->answer = "unread";
    send_text(b, get);
    wait_for(b, &b->ended);
    assert_int_equal(b->link.how, STREAM_RESET);
}

static void a_silent_tunnel_ends(void **state)
{
    struct bench *b = *state;
    struct head h = {.minor = 1, .status = 101, .reason = STR("Switching Protocols")};
    b->env.tunnel_ms = 30;
    send_text(b, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    xchg_tunnel(b->x, &h);
    wait_for(b, &b->ended);
    assert_int_equal(b->why, ERR_TIMEOUT_TUNNEL);
}

static void the_handlers_deadline_is_told(void **state)
{
    struct bench *b = *state;
    send_text(b, get);
    xchg_deadline(b->x, 20);
    wait_for(b, &b->expired);
    settle(b);
    EXPECT(b, "HTTP/1.1 503 ");
}

static void drain_closes_idle_and_finishes_busy(void **state)
{
    struct bench *b = *state;
    send_text(b, get);
    b->env.draining = true;
    b->session->ops->drain(b->session);
    settle(b);
    assert_false(b->link.closed);
    answer(b->x, 200, "last");
    settle(b);
    EXPECT(b, "Connection: close\r\n", "last");
    assert_true(b->link.finished);
}

static void a_reset_connection_is_told_once(void **state)
{
    struct bench *b = *state;
    send_text(b, get);
    b->link.fails = true;
    send_text(b, "");
    assert_int_equal(b->gone, 1);
    assert_int_equal(b->why, ERR_RESET);
    assert_int_equal(b->ended, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
        CASE(tunnel_carries_both_ways_and_closes_by_halves),
        CASE(a_small_rest_is_awaited_not_cut),
        CASE(bad_requests_are_answered_and_closed),
        CASE(a_malformed_body_ends_the_exchange),
        CASE(client_that_vanishes_ends_the_exchange),
        CASE(half_closed_client_gets_its_answer),
        CASE(silence_between_requests_closes),
        CASE(a_head_that_trickles_is_cut),
        CASE(a_body_that_stalls_is_answered),
        CASE(a_client_that_does_not_read_is_cut),
        CASE(a_silent_tunnel_ends),
        CASE(the_handlers_deadline_is_told),
        CASE(drain_closes_idle_and_finishes_busy),
        CASE(a_reset_connection_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
