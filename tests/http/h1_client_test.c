/* The HTTP/1.1 client before and while it has a connection: what it is given goes out once and whole, wherever that is at last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "http/client.h"
#include "net/loop.h"
#include "net/sock.h"
#include "net/stream.h"

enum { BODY = 20000 };

struct bench {
    struct loop *loop;
    struct client *client;
    int listener, backend; /* the accepted connection, or -1 */
    struct endpoint there, nowhere;
    struct client_limits limits;
    struct buf seen, answer; /* what the backend received, what the user did */
    size_t sent;
    int connected, heads, ends, failures, why;
    bool in_call;           /* of a function of the client: nothing may be told meanwhile */
    bool closes_on_failure; /* from inside failed() */
    char body[BODY];
};

/* The user */

static void on_connected(void *user)
{
    struct bench *b = user;
    assert_false(b->in_call);
    b->connected++;
}

static size_t on_interim(void *user, const struct head *h)
{
    return 0;
}

static void on_head(void *user, struct head *h)
{
    ((struct bench *)user)->heads++;
}

static void on_body(void *user, struct str data)
{
    struct bench *b = user;
    assert_true(buf_add_str(&b->answer, data));
    client_consumed(b->client, data.n);
}

static void on_end(void *user, const struct head *trailers)
{
    ((struct bench *)user)->ends++;
}

static void on_sent(void *user, size_t n)
{
    ((struct bench *)user)->sent += n;
}

static void on_failed(void *user, int why)
{
    struct bench *b = user;
    assert_false(b->in_call);
    b->failures++;
    b->why = why;
    if (b->closes_on_failure) {
        client_close(b->client);
        b->client = NULL;
    }
}

static const struct client_user calls = {.connected = on_connected,
                                         .interim = on_interim,
                                         .head = on_head,
                                         .body = on_body,
                                         .end = on_end,
                                         .sent = on_sent,
                                         .failed = on_failed};

static struct client *open_client(struct bench *b)
{
    struct client *c = client_open(b->loop, &b->limits);
    assert_non_null(c);
    client_attach(c, &calls, b);
    return c;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->loop = loop_new();
    b->there.ip = b->nowhere.ip = (struct ip){.len = 4, .bytes = {127, 0, 0, 1}};
    b->nowhere.ip.bytes[3] = 9; /* the listener is at 127.0.0.1 alone */
    b->listener = sock_listen(b->there, 10);
    assert_true(b->listener >= 0);
    b->there.port = b->nowhere.port = sock_local(b->listener).port;
    b->backend = -1;
    b->limits = (struct client_limits){.connect = 60000, .send = 60000, .response = 60000};
    memset(b->body, 'x', sizeof b->body);
    b->client = open_client(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    if (b->client)
        client_close(b->client);
    loop_turn(b->loop, 0);
    loop_free(b->loop);
    buf_done(&b->seen);
    buf_done(&b->answer);
    if (b->backend >= 0)
        close(b->backend);
    close(b->listener);
    free(b);
    return 0;
}

static void connect_to(struct bench *b, struct endpoint at)
{
    b->in_call = true;
    client_connect(b->client, &(struct client_target){.endpoint = at});
    b->in_call = false;
}

static void request(struct bench *b, const char *method, enum framing framing, uint64_t length)
{
    struct head h = {.minor = 1,
                     .method = str_of(method),
                     .path = STR("/x"),
                     .framing = framing,
                     .length = length,
                     .keep_alive = true};
    client_request(b->client, &h);
}

/* Time and the backend */

static void turn(struct bench *b)
{
    char bytes[65536];
    struct endpoint peer;
    loop_turn(b->loop, 5);
    if (b->backend < 0)
        b->backend = sock_accept(b->listener, &peer);
    ssize_t n = b->backend < 0 ? 0 : recv(b->backend, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        assert_true(buf_add(&b->seen, bytes, (size_t)n));
}

#define AWAIT(b, condition)                                        \
    do {                                                           \
        for (int turns = 0; turns < 2000 && !(condition); turns++) \
            turn(b);                                               \
        assert_true(condition);                                    \
    } while (0)

static void backend_sends(struct bench *b, const char *text)
{
    assert_int_equal(send(b->backend, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool ends_with(const struct buf *b, const char *text)
{
    return str_ends(buf_str(b), str_of(text));
}

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* The request and its answer, after which the connection may rest. */
static void exchange(struct bench *b)
{
    request(b, "GET", FRAME_NONE, 0);
    client_end(b->client, NULL);
    connect_to(b, b->there);
    AWAIT(b, ends_with(&b->seen, "\r\n\r\n"));
    backend_sends(b, ok);
    AWAIT(b, b->ends == 1);
    assert_true(client_reusable(b->client));
    b->heads = b->ends = 0;
    buf_take(&b->seen, b->seen.len);
    buf_take(&b->answer, b->answer.len);
}

/* Waiting for a target */

static void what_came_before_the_connection_goes_out_on_it(void **state)
{
    struct bench *b = *state;
    request(b, "PUT", FRAME_LENGTH, BODY + 4);
    client_body(b->client, str_from(b->body, BODY));
    turn(b);
    assert_true(client_unsent(b->client));
    assert_int_equal(b->sent, 0);
    connect_to(b, b->there);
    client_body(b->client, STR("last"));
    client_end(b->client, NULL);
    AWAIT(b, ends_with(&b->seen, "xxxlast"));
    assert_int_equal(b->sent, BODY + 4);
    assert_false(client_unsent(b->client));
    backend_sends(b, ok);
    AWAIT(b, b->ends == 1);
    assert_true(client_reusable(b->client));
    assert_int_equal(b->connected, 1);
}

static void after_a_refusal_all_of_it_goes_elsewhere(void **state)
{
    struct bench *b = *state;
    request(b, "POST", FRAME_CHUNKED, 0);
    client_body(b->client, STR("one"));
    connect_to(b, b->nowhere);
    client_body(b->client, STR("two"));
    AWAIT(b, b->failures == 1);
    assert_int_equal(b->why, ERR_REFUSED);
    assert_false(client_stood(b->client));
    assert_true(client_unsent(b->client));
    client_body(b->client, STR("three"));
    client_end(b->client, NULL);
    for (int i = 0; i < 3; i++)
        turn(b);
    assert_int_equal(b->failures, 1);
    assert_int_equal(b->sent, 0);
    connect_to(b, b->there);
    AWAIT(b, ends_with(&b->seen, "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"));
    assert_int_equal(b->sent, 11);
    backend_sends(b, ok);
    AWAIT(b, b->ends == 1);
    assert_int_equal(b->failures, 1);
}

static void a_failure_at_once_is_told_later(void **state)
{
    struct bench *b = *state;
    struct client_target target = {.unix_path = STR("/nowhere/there/is/no/socket")};
    request(b, "GET", FRAME_NONE, 0);
    b->in_call = true;
    client_connect(b->client, &target);
    client_end(b->client, NULL);
    b->in_call = false;
    assert_int_equal(b->failures, 0);
    AWAIT(b, b->failures == 1);
    assert_int_equal(b->why, ERR_REFUSED);
}

static void it_may_be_closed_from_inside_the_failure(void **state)
{
    struct bench *b = *state;
    b->closes_on_failure = true;
    request(b, "PUT", FRAME_LENGTH, 4);
    client_body(b->client, STR("lost"));
    connect_to(b, b->nowhere);
    AWAIT(b, b->failures == 1);
    turn(b);
    assert_null(b->client);
    assert_int_equal(b->sent, 0);
}

static void it_may_be_closed_while_it_connects(void **state)
{
    struct bench *b = *state;
    request(b, "GET", FRAME_NONE, 0);
    connect_to(b, b->there);
    client_close(b->client);
    b->client = NULL;
    turn(b);
    assert_int_equal(b->failures + b->connected, 0);
}

/* An answer to HEAD has no body, wherever the request waited. */
static void head_stays_head(void **state)
{
    struct bench *b = *state;
    request(b, "HEAD", FRAME_NONE, 0);
    client_end(b->client, NULL);
    connect_to(b, b->there);
    AWAIT(b, ends_with(&b->seen, "\r\n\r\n"));
    backend_sends(b, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    AWAIT(b, b->ends == 1);
    assert_true(client_reusable(b->client));
}

/* The handshake */

/* A handshake that fails with `fails`, or never ends. */
struct slow_stream {
    struct stream stream;
    int fails;
};

static ssize_t slow_read(struct stream *s, void *out, size_t n)
{
    s->err = ((struct slow_stream *)(void *)s)->fails;
    return s->err == ERR_NONE ? STREAM_AGAIN : STREAM_FAIL;
}

static ssize_t slow_write(struct stream *s, const void *p, size_t n)
{
    fail_msg("written before the handshake");
    return STREAM_FAIL;
}

static short slow_want(struct stream *s, short owner)
{
    return owner;
}

static bool slow_buffered(struct stream *s)
{
    return false;
}

static void slow_close(struct stream *s, enum stream_close how)
{
    sock_reset(s->fd);
    free(s);
}

static struct stream *wrap_slowly(void *context, int fd, struct endpoint peer)
{
    static const struct stream_ops ops = {.read = slow_read,
                                          .write = slow_write,
                                          .want = slow_want,
                                          .buffered = slow_buffered,
                                          .close = slow_close};
    struct slow_stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    *s = (struct slow_stream){.stream = {.ops = &ops, .fd = fd}, .fails = *(int *)context};
    return &s->stream;
}

static void wrapped_fails(struct bench *b, int fails, int why)
{
    struct client_target target = {.endpoint = b->there, .wrap = wrap_slowly, .context = &fails};
    int before = b->failures;
    client_connect(b->client, &target);
    AWAIT(b, b->failures == before + 1);
    assert_int_equal(b->why, why);
    assert_false(client_stood(b->client));
    assert_true(client_unsent(b->client));
    assert_int_equal(b->connected, 0);
}

static void a_handshake_is_part_of_connecting(void **state)
{
    struct bench *b = *state;
    struct client_limits impatient = {.connect = 20};
    request(b, "PUT", FRAME_LENGTH, BODY);
    client_body(b->client, str_from(b->body, BODY));
    wrapped_fails(b, ERR_TLS_UNTRUSTED, ERR_TLS_UNTRUSTED);
    client_limit(b->client, &impatient);
    wrapped_fails(b, ERR_NONE, ERR_TIMEOUT_CONNECT);
    client_limit(b->client, &b->limits);
    close(b->backend);
    b->backend = -1;
    connect_to(b, b->there);
    AWAIT(b, b->sent == BODY);
}

static struct stream *wrap_in_nothing(void *context, int fd, struct endpoint peer)
{
    errno = *(int *)context;
    return NULL;
}

static void a_stream_that_cannot_be_made_is_a_failure(void **state)
{
    struct bench *b = *state;
    int why = ENOMEM;
    struct client_target target = {.endpoint = b->there, .wrap = wrap_in_nothing, .context = &why};
    request(b, "GET", FRAME_NONE, 0);
    client_connect(b->client, &target);
    AWAIT(b, b->failures == 1);
    assert_int_equal(b->why, ERR_NOMEM);
    why = ENOKEY;
    client_connect(b->client, &target);
    AWAIT(b, b->failures == 2);
    assert_int_equal(b->why, ERR_TRUST_NONE);
}

/* A connection that rested */

static void on_lost(struct client *c, void *context)
{
    client_close(c);
    *(bool *)context = true;
}

static void what_waited_goes_out_on_one_that_rested(void **state)
{
    struct bench *b = *state;
    bool lost = false;
    exchange(b);
    struct client *rested = b->client;
    client_rest(rested, 60000, on_lost, &lost);
    b->client = open_client(b);
    request(b, "PUT", FRAME_LENGTH, BODY);
    client_body(b->client, str_from(b->body, BODY - 1));
    turn(b);
    assert_true(client_alive(rested));
    client_take_over(rested, b->client);
    b->client = rested;
    assert_int_equal(client_requests(rested), 2);
    client_body(rested, STR("y"));
    client_end(rested, NULL);
    AWAIT(b, ends_with(&b->seen, "xxxy"));
    assert_int_equal(b->sent, BODY);
    backend_sends(b, ok);
    AWAIT(b, b->ends == 1);
    assert_true(client_reusable(rested));
    assert_false(lost);
}

/* The end of the other half may be found by the first write only; a body that was to go directly is not lost by it. */
static void what_a_dead_one_did_not_take_goes_elsewhere(void **state)
{
    struct bench *b = *state;
    bool lost = false;
    exchange(b);
    client_rest(b->client, 60000, on_lost, &lost);
    assert_true(client_alive(b->client));
    client_attach(b->client, &calls, b);
    sock_reset(b->backend);
    b->backend = -1;
    request(b, "PUT", FRAME_LENGTH, BODY + 4);
    client_body(b->client, str_from(b->body, BODY));
    client_body(b->client, STR("last"));
    AWAIT(b, b->failures == 1);
    assert_true(client_unsent(b->client));
    assert_int_equal(b->sent, 0);
    connect_to(b, b->there);
    client_end(b->client, NULL);
    AWAIT(b, ends_with(&b->seen, "xxxlast"));
    assert_int_equal(b->sent, BODY + 4);
    backend_sends(b, ok);
    AWAIT(b, b->ends == 1);
}

/* Tunnels */

static void a_tunnel_carries_bytes_from_the_first(void **state)
{
    struct bench *b = *state;
    client_tunnel(b->client);
    client_body(b->client, STR("early"));
    connect_to(b, b->nowhere);
    AWAIT(b, b->failures == 1);
    connect_to(b, b->there);
    client_body(b->client, STR(" later"));
    AWAIT(b, ends_with(&b->seen, "early later"));
    assert_int_equal(b->sent, 11);
    backend_sends(b, "HTTP/1.1 is only bytes\r\n\r\n");
    AWAIT(b, ends_with(&b->answer, "HTTP/1.1 is only bytes\r\n\r\n"));
    shutdown(b->backend, SHUT_WR);
    AWAIT(b, b->ends == 1);
    client_body(b->client, STR(" after half-close"));
    AWAIT(b, ends_with(&b->seen, " after half-close"));
    assert_int_equal(b->heads, 0);
    assert_int_equal(b->failures, 1);
}

static bool at_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

static void a_half_close_waits_for_the_connection(void **state)
{
    struct bench *b = *state;
    client_tunnel(b->client);
    client_body(b->client, STR("all"));
    client_end(b->client, NULL);
    turn(b);
    connect_to(b, b->there);
    AWAIT(b, ends_with(&b->seen, "all"));
    AWAIT(b, at_end(b->backend));
    backend_sends(b, "answer");
    AWAIT(b, ends_with(&b->answer, "answer"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_came_before_the_connection_goes_out_on_it),
        CASE(after_a_refusal_all_of_it_goes_elsewhere),
        CASE(a_failure_at_once_is_told_later),
        CASE(it_may_be_closed_from_inside_the_failure),
        CASE(it_may_be_closed_while_it_connects),
        CASE(head_stays_head),
        CASE(a_handshake_is_part_of_connecting),
        CASE(a_stream_that_cannot_be_made_is_a_failure),
        CASE(what_waited_goes_out_on_one_that_rested),
        CASE(what_a_dead_one_did_not_take_goes_elsewhere),
        CASE(a_tunnel_carries_bytes_from_the_first),
        CASE(a_half_close_waits_for_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
