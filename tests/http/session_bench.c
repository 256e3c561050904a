#include "http/session_bench.h"

#include <stdlib.h>

static struct bench *of(struct exchange *x)
{
    return x->service;
}

void bench_answer(struct exchange *x, int status, const char *text)
{
    xchg_answer(x, status, (struct field){0}, str_of(text));
}

static void on_begin(struct exchange *x)
{
    struct bench *b = of(x);
    b->x = x;
    b->begun++;
    if (b->answer)
        bench_answer(x, 200, b->answer);
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

int bench_setup(void **state)
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

void bench_settle(struct bench *b)
{
    for (int i = 0; i < 8; i++)
        loop_turn(b->loop, 0);
}

void bench_reopen(struct bench *b)
{
    memory_stream_done(&b->link);
    b->ended = 0;
    open_session(b);
}

int bench_teardown(void **state)
{
    struct bench *b = *state;
    if (!b->ended)
        b->session->ops->kill(b->session, ERR_SHUTDOWN);
    bench_settle(b);
    assert_int_equal(b->ended, 1);
    assert_true(b->link.closed);
    assert_int_equal(b->begun, b->gone);
    memory_stream_done(&b->link);
    loop_free(b->loop);
    free(b);
    return 0;
}

void bench_wake(struct bench *b)
{
    loop_again(b->loop, &LIST_OWNER(b->session, struct h1_session, session)->watch);
}

void bench_send(struct bench *b, const char *p, size_t n)
{
    assert_true(buf_add(&b->link.in, p, n));
    bench_wake(b);
    bench_settle(b);
}

void bench_send_text(struct bench *b, const char *text)
{
    bench_send(b, text, strlen(text));
}

void bench_expect(struct bench *b, const char *wanted[])
{
    struct str out = memory_stream_take_output(&b->link);
    for (; *wanted; wanted++)
        if (!memmem(out.p, out.n, *wanted, strlen(*wanted)))
            fail_msg("no %s in:\n%.*s", *wanted, STR_ARG(out));
}
