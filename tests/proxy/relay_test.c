/*
 * The proxy as a whole between a client in memory and a backend that is a real socket, played by the test: what is sent again and
 * what is not, what is passed on at once, what is cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "config/parse.h"
#include "http/h1_session_int.h"
#include "http/memory_stream.h"
#include "net/sock.h"
#include "proxy/proxy.h"

struct bench {
    struct loop *loop;
    struct snapshot *snapshot;
    struct proxy *proxy;
    struct session_env env;
    struct memory_stream link;
    struct session *session;
    int listener;
    int backend;     /* the accepted connection, or -1 */
    struct buf seen; /* what the backend received */
    int ended;
};

static void on_ended(struct session_env *env)
{
    LIST_OWNER(env, struct bench, env)->ended++;
}

static struct snapshot *snapshot_for(uint16_t port, const char *more)
{
    struct buf text = {0}, errors = {0};
    buf_printf(&text, "http 127.0.0.1:1\nhttps off\n%s\na.test { proxy 127.0.0.1:%u }\n", more, port);
    struct snapshot *s = config_parse("test.conf", buf_str(&text), &errors);
    if (!s)
        fail_msg("%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&text);
    buf_done(&errors);
    return s;
}

static struct bench *bench_new(const char *more)
{
    struct bench *b = calloc(1, sizeof *b);
    struct endpoint any = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};
    b->loop = loop_new();
    b->listener = sock_listen(any, 10);
    b->backend = -1;
    assert_true(b->listener >= 0);
    b->snapshot = snapshot_for(sock_local(b->listener).port, more);
    b->proxy = proxy_new(&(struct proxy_setup){.loop = b->loop, .snapshot = b->snapshot});
    b->env = (struct session_env){
        .loop = b->loop, .handler = proxy_handler(), .service = b->proxy, .ended = on_ended};
    b->env.head_ms = b->env.idle_ms = b->env.send_ms = b->env.tunnel_ms = 60000;
    list_init(&b->env.sessions);
    memory_stream_init(&b->link);
    b->session = h1_session_new(&b->env, &b->link.stream, 1);
    return b;
}

static int setup(void **state)
{
    *state = bench_new("");
    return 0;
}

static int setup_impatient(void **state)
{
    *state = bench_new("timeout response 100ms");
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    if (!b->ended)
        b->session->ops->kill(b->session, ERR_SHUTDOWN);
    proxy_drain(b->proxy);
    for (int i = 0; i < 8; i++)
        loop_turn(b->loop, 0);
    assert_int_equal(b->ended, 1);
    proxy_free(b->proxy);
    loop_free(b->loop);
    snapshot_free(b->snapshot);
    memory_stream_done(&b->link);
    buf_done(&b->seen);
    if (b->backend >= 0)
        close(b->backend);
    close(b->listener);
    free(b);
    return 0;
}

/* One turn, and whatever the backend's socket has. */
static void turn(struct bench *b)
{
    char bytes[65536];
    loop_turn(b->loop, 5);
    if (b->backend < 0)
        return;
    ssize_t n = recv(b->backend, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        assert_true(buf_add(&b->seen, bytes, (size_t)n));
}

static bool holds(const struct buf *b, const char *text)
{
    return b->len > 0 && memmem(buf_data(b), b->len, text, strlen(text)) != NULL;
}

/* Turns until the text is there. */
static void await_text(struct bench *b, const struct buf *where, const char *text)
{
    for (int i = 0; i < 2000 && !holds(where, text); i++)
        turn(b);
    if (!holds(where, text))
        fail_msg("no %s in:\n%.*s", text, STR_ARG(buf_str(where)));
}

static void client_sends(struct bench *b, const char *text)
{
    assert_true(buf_add_str(&b->link.in, str_of(text)));
    loop_again(b->loop, &LIST_OWNER(b->session, struct h1_session, session)->watch);
}

static void accept_backend(struct bench *b)
{
    struct endpoint peer;
    int fd = -1;
    for (int i = 0; i < 2000 && fd < 0; i++) {
        turn(b);
        fd = sock_accept(b->listener, &peer);
    }
    assert_true(fd >= 0);
    if (b->backend >= 0)
        close(b->backend);
    b->backend = fd;
    buf_take(&b->seen, b->seen.len);
}

static void backend_sends(struct bench *b, const char *text)
{
    assert_int_equal(send(b->backend, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Nobody else connects. */
static void assert_no_more_connections(struct bench *b)
{
    struct endpoint peer;
    for (int i = 0; i < 10; i++)
        turn(b);
    assert_int_equal(sock_accept(b->listener, &peer), -1);
}

static void await_backend_end(struct bench *b)
{
    char byte;
    for (int i = 0; i < 2000 && recv(b->backend, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0; i++)
        loop_turn(b->loop, 5);
    assert_int_equal(recv(b->backend, &byte, 1, MSG_DONTWAIT), 0);
}

static const char get[] = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void first_request(struct bench *b)
{
    client_sends(b, get);
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\n");
    backend_sends(b, ok);
    await_text(b, &b->link.out, "\r\n\r\nok");
    buf_take(&b->link.out, b->link.out.len);
    buf_take(&b->seen, b->seen.len);
}

static void passes_a_request_and_its_answer(void **state)
{
    struct bench *b = *state;
    client_sends(b, get);
    accept_backend(b);
    await_text(b, &b->seen, "GET /x HTTP/1.1\r\nHost: a.test\r\n");
    backend_sends(b, "HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 2\r\nKeep-Alive: 5\r\n\r\nok");
    await_text(b, &b->link.out, "HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 2\r\n\r\nok");
}

static void reuses_the_connection(void **state)
{
    struct bench *b = *state;
    first_request(b);
    client_sends(b, get);
    await_text(b, &b->seen, "GET /x");
    backend_sends(b, ok);
    await_text(b, &b->link.out, "ok");
    assert_no_more_connections(b);
}

static void a_rested_connection_that_died_is_not_used(void **state)
{
    struct bench *b = *state;
    first_request(b);
    close(b->backend);
    b->backend = -1;
    client_sends(b, "POST /y HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nz");
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\nz");
}

/* The backend reads the second request and closes instead of answering. */
static void second_request_dies(struct bench *b, const char *request)
{
    first_request(b);
    client_sends(b, request);
    await_text(b, &b->seen, "\r\n\r\n");
    close(b->backend);
    b->backend = -1;
}

static void a_get_that_died_on_a_rested_connection_is_sent_again(void **state)
{
    struct bench *b = *state;
    second_request_dies(b, get);
    accept_backend(b);
    await_text(b, &b->seen, "GET /x HTTP/1.1\r\n");
    backend_sends(b, ok);
    await_text(b, &b->link.out, "HTTP/1.1 200 ");
}

static void a_post_is_never_sent_again(void **state)
{
    struct bench *b = *state;
    second_request_dies(b, "POST /x HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await_text(b, &b->link.out, "HTTP/1.1 502 ");
    assert_no_more_connections(b);
}

static void nothing_is_sent_a_third_time(void **state)
{
    struct bench *b = *state;
    second_request_dies(b, get);
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\n");
    close(b->backend);
    b->backend = -1;
    await_text(b, &b->link.out, "HTTP/1.1 502 ");
    assert_no_more_connections(b);
}

static void after_a_byte_of_the_answer_it_is_not_sent_again(void **state)
{
    struct bench *b = *state;
    first_request(b);
    client_sends(b, get);
    await_text(b, &b->seen, "\r\n\r\n");
    backend_sends(b, "H");
    for (int i = 0; i < 5; i++)
        turn(b);
    close(b->backend);
    b->backend = -1;
    await_text(b, &b->link.out, "HTTP/1.1 502 ");
    assert_no_more_connections(b);
}

/* A second answer that nobody asked for must not become the answer to the next request. */
static void surplus_ends_the_connection(void **state)
{
    struct bench *b = *state;
    client_sends(b, get);
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\n");
    backend_sends(
        b, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad");
    await_text(b, &b->link.out, "\r\n\r\nok");
    client_sends(b, get);
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\n");
    assert_false(holds(&b->link.out, "bad"));
}

static void a_closed_port_is_502(void **state)
{
    struct bench *b = *state;
    close(b->listener);
    client_sends(b, get);
    await_text(b, &b->link.out, "HTTP/1.1 502 Bad Gateway\r\n");
    await_text(b, &b->link.out, "connection refused");
    b->listener = dup(0);
}

static void silence_is_504(void **state)
{
    struct bench *b = *state;
    client_sends(b, get);
    accept_backend(b);
    await_text(b, &b->link.out, "HTTP/1.1 504 Gateway Timeout\r\n");
}

static void silence_during_an_upload_is_no_silence(void **state)
{
    struct bench *b = *state;
    client_sends(b, "PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\n");
    accept_backend(b);
    /* Three bytes, each after more than the limit of silence. */
    for (int i = 0; i < 3; i++) {
        msec until = clock_now() + 120;
        while (clock_now() < until)
            turn(b);
        client_sends(b, "u");
    }
    await_text(b, &b->seen, "\r\n\r\nuuu");
    backend_sends(b, ok);
    await_text(b, &b->link.out, "HTTP/1.1 200 ");
}

static void garbage_is_502(void **state)
{
    struct bench *b = *state;
    client_sends(b, get);
    accept_backend(b);
    backend_sends(b, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n");
    await_text(b, &b->link.out, "HTTP/1.1 502 ");
    await_text(b, &b->link.out, "not valid HTTP");
}

static void a_cut_answer_is_cut(void **state)
{
    struct bench *b = *state;
    client_sends(b, get);
    accept_backend(b);
    backend_sends(b, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    await_text(b, &b->link.out, "abc");
    close(b->backend);
    b->backend = -1;
    for (int i = 0; i < 2000 && !b->link.closed; i++)
        turn(b);
    assert_true(b->link.closed);
    assert_int_equal(b->link.how, STREAM_RESET);
}

static void interims_pass_at_once(void **state)
{
    struct bench *b = *state;
    client_sends(b, "POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    accept_backend(b);
    await_text(b, &b->seen, "Expect: 100-continue\r\n");
    backend_sends(b, "HTTP/1.1 100 Continue\r\n\r\n");
    await_text(b, &b->link.out, "HTTP/1.1 100 Continue\r\n\r\n");
    client_sends(b, "z");
    await_text(b, &b->seen, "\r\n\r\nz");
    backend_sends(b, "HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 1\r\n\r\n");
    await_text(b, &b->link.out, "HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: 1\r\n\r\n");
    backend_sends(b, ok);
    await_text(b, &b->link.out, "HTTP/1.1 200 ");
}

/* In one segment, and the answer right behind them. */
static void interims_keep_their_order(void **state)
{
    struct bench *b = *state;
    client_sends(b, get);
    accept_backend(b);
    backend_sends(
        b, "HTTP/1.1 103 A\r\n\r\nHTTP/1.1 102 B\r\nX: 1\r\n\r\nHTTP/1.1 103 C\r\nContent-Length: 9\r\n\r\n"
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await_text(b, &b->link.out,
               "HTTP/1.1 103 A\r\n\r\nHTTP/1.1 102 B\r\nX: 1\r\n\r\nHTTP/1.1 103 C\r\n\r\n"
               "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/* No byte waits for the next one, and none for another turn of the loop. */
static void each_byte_goes_on_within_one_turn(void **state)
{
    struct bench *b = *state;
    char byte[2];
    client_sends(b, "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n");
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        client_sends(b, "u");
        loop_turn(b->loop, 1000);
        assert_int_equal(recv(b->backend, byte, sizeof byte, MSG_DONTWAIT), 1);
    }
    backend_sends(b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    loop_turn(b->loop, 1000);
    assert_true(holds(&b->link.out, "\r\n\r\n"));
    for (int i = 0; i < 100; i++) {
        buf_take(&b->link.out, b->link.out.len);
        backend_sends(b, "1\r\nd\r\n");
        loop_turn(b->loop, 1000);
        assert_true(str_eq(buf_str(&b->link.out), STR("1\r\nd\r\n")));
    }
}

/* The answer came before the end of the request: what is still on its way must not become the next client's. */
static void an_early_answer_ends_the_backends_connection(void **state)
{
    struct bench *b = *state;
    client_sends(b, "POST /1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc");
    accept_backend(b);
    await_text(b, &b->seen, "abc");
    backend_sends(b, ok);
    await_text(b, &b->link.out, "\r\n\r\nok");
    client_sends(b, "defGET /2 HTTP/1.1\r\nHost: a.test\r\n\r\n");
    accept_backend(b);
    await_text(b, &b->seen, "GET /2 HTTP/1.1\r\n");
    assert_false(holds(&b->seen, "def"));
}

/* Its place at the backend is for the next one, however slowly the client reads. */
static void a_connection_that_will_not_rest_ends_with_the_answer(void **state)
{
    struct bench *b = *state;
    b->link.take = 5;
    client_sends(b, get);
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\n");
    backend_sends(b, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    await_backend_end(b);
    assert_int_equal(b->link.out.len, 5);
    b->link.take = SIZE_MAX;
    client_sends(b, "");
    await_text(b, &b->link.out, "\r\n\r\nok");
}

static void an_upgrade_with_a_body_is_no_upgrade(void **state)
{
    struct bench *b = *state;
    client_sends(b, "POST /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Content-Length: 3\r\n\r\nabc");
    accept_backend(b);
    await_text(b, &b->seen, "\r\n\r\nabc");
    assert_false(holds(&b->seen, "pgrade"));
    backend_sends(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    await_text(b, &b->link.out, "HTTP/1.1 502 ");
}

static void a_tunnel_passes_bytes_untouched(void **state)
{
    struct bench *b = *state;
    client_sends(b, "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    accept_backend(b);
    await_text(b, &b->seen, "Connection: upgrade\r\n");
    backend_sends(
        b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nfirst");
    await_text(b, &b->link.out, "Upgrade: websocket\r\n");
    await_text(b, &b->link.out, "\r\n\r\nfirst");
    client_sends(b, "HTTP/1.1 is only bytes\r\n\r\n");
    await_text(b, &b->seen, "HTTP/1.1 is only bytes\r\n\r\n");
    shutdown(b->backend, SHUT_WR);
    for (int i = 0; i < 2000 && !b->link.finished; i++)
        turn(b);
    assert_true(b->link.finished);
    client_sends(b, "after half-close");
    await_text(b, &b->seen, "after half-close");
}

static void a_switch_nobody_asked_for_is_502(void **state)
{
    struct bench *b = *state;
    client_sends(b, get);
    accept_backend(b);
    backend_sends(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    await_text(b, &b->link.out, "HTTP/1.1 502 ");
}

static void a_switch_to_something_else_is_502(void **state)
{
    struct bench *b = *state;
    client_sends(b, "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    accept_backend(b);
    backend_sends(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n");
    await_text(b, &b->link.out, "HTTP/1.1 502 ");
}

static void an_early_refusal_reaches_the_client(void **state)
{
    struct bench *b = *state;
    client_sends(b, "PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nabc");
    accept_backend(b);
    backend_sends(b, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!");
    close(b->backend);
    b->backend = -1;
    await_text(b, &b->link.out, "HTTP/1.1 413 Too Large\r\n");
    await_text(b, &b->link.out, "\r\n\r\nno!");
    assert_true(holds(&b->link.out, "Connection: close\r\n"));
}

#define CASE(f)           cmocka_unit_test_setup_teardown(f, setup, teardown)
#define CASE_IMPATIENT(f) cmocka_unit_test_setup_teardown(f, setup_impatient, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(passes_a_request_and_its_answer),
        CASE(reuses_the_connection),
        CASE(a_rested_connection_that_died_is_not_used),
        CASE(a_get_that_died_on_a_rested_connection_is_sent_again),
        CASE(a_post_is_never_sent_again),
        CASE(nothing_is_sent_a_third_time),
        CASE(after_a_byte_of_the_answer_it_is_not_sent_again),
        CASE(surplus_ends_the_connection),
        CASE(a_closed_port_is_502),
        CASE_IMPATIENT(silence_is_504),
        CASE_IMPATIENT(silence_during_an_upload_is_no_silence),
        CASE(garbage_is_502),
        CASE(a_cut_answer_is_cut),
        CASE(interims_pass_at_once),
        CASE(interims_keep_their_order),
        CASE(each_byte_goes_on_within_one_turn),
        CASE(an_early_answer_ends_the_backends_connection),
        CASE(a_connection_that_will_not_rest_ends_with_the_answer),
        CASE(an_upgrade_with_a_body_is_no_upgrade),
        CASE(a_tunnel_passes_bytes_untouched),
        CASE(a_switch_nobody_asked_for_is_502),
        CASE(a_switch_to_something_else_is_502),
        CASE(an_early_refusal_reaches_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
