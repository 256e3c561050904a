/* One session over a stream in memory, with a handler that the test scripts. */
#ifndef EDGE_TESTS_HTTP_SESSION_BENCH_H
#define EDGE_TESTS_HTTP_SESSION_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "http/h1_session_int.h"
#include "http/memory_stream.h"

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

/* For cmocka; teardown asserts that session and exchanges ended exactly once. */
int bench_setup(void **state);
int bench_teardown(void **state);
/* A further session on the same loop, after the former one ended. */
void bench_reopen(struct bench *b);

/* Turns until nothing more happens by itself. */
void bench_settle(struct bench *b);
/* Wakes the session as the poll set would: nobody polls memory. */
void bench_wake(struct bench *b);
void bench_send(struct bench *b, const char *p, size_t n);
void bench_send_text(struct bench *b, const char *text);
/* The handler's answer, framed by Content-Length. */
void bench_answer(struct exchange *x, int status, const char *text);
/* All of what was written since the last look holds each of these; the list ends with NULL. */
void bench_expect(struct bench *b, const char *wanted[]);

#define EXPECT(b, ...) bench_expect((b), (const char *[]){__VA_ARGS__, NULL})
#define CASE(f)        cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)

#endif
