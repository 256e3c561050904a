/* HTTP-01: who is asked, who waits, and what passes by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/h1_read.h"
#include "proxy/challenge.h"

struct row {
    const char *request;
    bool tls;
    const char *token; /* NULL: the request is none for a challenge */
};

static const struct row rows[] = {
    {"GET /.well-known/acme-challenge/aZ09-_ HTTP/1.1", false, "aZ09-_"},
    {"HEAD /.well-known/acme-challenge/x HTTP/1.1", false, "x"},
    {"GET http://a/.well-known/acme-challenge/x HTTP/1.1", false, "x"},
    {"GET /.well-known/acme-challenge/x HTTP/1.1", true, NULL},
    {"POST /.well-known/acme-challenge/x HTTP/1.1", false, NULL},
    {"GET /.well-known/acme-challenge/ HTTP/1.1", false, NULL},
    {"GET /.well-known/acme-challenge/a/b HTTP/1.1", false, NULL},
    {"GET /.well-known/acme-challenge/a?b HTTP/1.1", false, NULL},
    {"GET /.well-known/acme-challenge/a%62 HTTP/1.1", false, NULL},
    {"GET /.well-known/acme-challenge/.. HTTP/1.1", false, NULL},
    {"GET /.well-known/immich HTTP/1.1", false, NULL},
    {"GET /.Well-Known/acme-challenge/x HTTP/1.1", false, NULL},
};

static void init_exchange(struct exchange *x, const char *line, bool tls)
{
    *x = (struct exchange){.peer = {.tls = tls}};
    struct str text = arena_printf(&x->mem, "%s\r\nHost: a\r\n\r\n", line);
    assert_int_equal(h1_parse_request(text, &x->req, &x->mem), 0);
}

static void tokens_of_requests(void **state)
{
    for (size_t i = 0; i < nitems(rows); i++) {
        struct exchange x;
        struct str token = {NULL, 0};
        init_exchange(&x, rows[i].request, rows[i].tls);
        bool found = challenge_token(&x, &token);
        if (found != (rows[i].token != NULL) || (found && !str_eq(token, str_of(rows[i].token))))
            fail_msg("%s: %.*s", rows[i].request, STR_ARG(token));
        arena_done(&x.mem);
    }
}

/* Exchanges whose session only notes what they were answered. */
struct bench {
    struct challenges c;
    uint32_t asked;
    int n_asked, n_passed;
    bool nobody; /* ask() fails */
    struct buf body;
    msec deadline;
};

static int on_ask(void *context, uint32_t number, struct str token)
{
    struct bench *b = context;
    b->asked = number;
    b->n_asked++;
    assert_true(str_eq(token, STR("tok")));
    return b->nobody ? -1 : 0;
}

static void on_pass(struct exchange *x)
{
    ((struct bench *)x->service)->n_passed++;
}

static void on_head(struct exchange *x, struct head *h)
{
    assert_int_equal(h->status, 200);
}

static void on_body(struct exchange *x, struct str data)
{
    buf_add_str(&((struct bench *)x->service)->body, data);
}

static void on_end(struct exchange *x, const struct head *trailers)
{
    x->state = XCHG_ANSWERED;
}

static void on_deadline(struct exchange *x, msec ms)
{
    ((struct bench *)x->service)->deadline = ms;
}

static const struct xchg_ops ops = {.head = on_head, .body = on_body, .end = on_end, .deadline = on_deadline};

static void start(struct bench *b, struct exchange *x)
{
    init_exchange(x, "GET /.well-known/acme-challenge/tok HTTP/1.1", false);
    x->ops = &ops;
    x->service = b;
    challenge_begin(&b->c, x, STR("tok"));
}

static struct bench *bench_new(void)
{
    static struct bench b;
    buf_done(&b.body);
    b = (struct bench){.c = {.ask = on_ask, .pass = on_pass, .context = &b}};
    challenges_init(&b.c);
    return &b;
}

static void a_known_token_is_answered(void **state)
{
    struct bench *b = bench_new();
    struct exchange x;
    start(b, &x);
    assert_int_equal(b->n_asked, 1);
    assert_int_equal(b->deadline, CHALLENGE_WAIT_MS);
    challenges_tell(&b->c, b->asked, STR("tok.thumb"));
    assert_true(str_eq(buf_str(&b->body), STR("tok.thumb")));
    assert_int_equal(b->deadline, 0);
    assert_int_equal(b->n_passed, 0);
    /* Said twice: nobody waits any more. */
    challenges_tell(&b->c, b->asked, STR("tok.thumb"));
    assert_int_equal(b->body.len, 9);
    buf_done(&b->body);
    arena_done(&x.mem);
}

static void an_unknown_token_passes(void **state)
{
    struct bench *b = bench_new();
    struct exchange x;
    start(b, &x);
    challenges_tell(&b->c, b->asked, (struct str){NULL, 0});
    assert_int_equal(b->n_passed, 1);
    arena_done(&x.mem);
}

static void silence_passes(void **state)
{
    struct bench *b = bench_new();
    struct exchange x;
    start(b, &x);
    challenge_expired(&b->c, &x);
    assert_int_equal(b->n_passed, 1);
    challenges_tell(&b->c, b->asked, STR("too.late"));
    assert_int_equal(b->body.len, 0);
    arena_done(&x.mem);
}

static void nobody_to_ask_passes(void **state)
{
    struct bench *b = bench_new();
    struct exchange x;
    b->nobody = true;
    start(b, &x);
    assert_int_equal(b->n_passed, 1);
    assert_int_equal(b->c.n_waiting, 0);
    arena_done(&x.mem);
}

static void who_left_is_not_answered(void **state)
{
    struct bench *b = bench_new();
    struct exchange x;
    start(b, &x);
    challenge_gone(&b->c, &x);
    assert_int_equal(b->c.n_waiting, 0);
    challenges_tell(&b->c, b->asked, STR("tok.thumb"));
    assert_int_equal(b->body.len + (size_t)b->n_passed, 0);
    arena_done(&x.mem);
}

static void the_waiting_are_bounded(void **state)
{
    struct bench *b = bench_new();
    static struct exchange x[CHALLENGE_MAX_WAITING + 1];
    for (size_t i = 0; i < nitems(x); i++)
        start(b, &x[i]);
    assert_int_equal(b->n_passed, 1);
    assert_int_equal(b->n_asked, CHALLENGE_MAX_WAITING);
    for (size_t i = 0; i < nitems(x); i++)
        arena_done(&x[i].mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_requests),      cmocka_unit_test(a_known_token_is_answered),
        cmocka_unit_test(an_unknown_token_passes), cmocka_unit_test(silence_passes),
        cmocka_unit_test(nobody_to_ask_passes),    cmocka_unit_test(who_left_is_not_answered),
        cmocka_unit_test(the_waiting_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
