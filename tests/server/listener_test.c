/* Real sockets on the loopback interface: what a worker does with those who connect. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rand.h"
#include "http/exchange.h"
#include "net/addr.h"
#include "net/loop.h"
#include "net/sock.h"
#include "server/listener.h"
#include "tls/stream_tls.h"

enum { FIRST_FD = 200, PLAIN = 0, TLS = 1, PORTS = 2 };

struct house {
    struct loop *loop;
    struct listen listens[PORTS];
    struct snapshot snapshot;
    struct tls_worker *tls;
    struct listener *listener;
    size_t drained;
};

/* A handler that answers at once, but for /wait, which never gets an answer. */

static void begin(struct exchange *x)
{
    if (!str_eq(x->req.path, STR("/wait")))
        xchg_answer(x, 200, (struct field){0}, STR("hello"));
}

static void ignore_body(struct exchange *x, struct str data)
{
    xchg_consumed(x, data.n);
}

static void ignore_end(struct exchange *x, const struct head *trailers) {}

static void ignore_sent(struct exchange *x, size_t n) {}

static void ignore_expired(struct exchange *x) {}

static void ignore_gone(struct exchange *x, int why) {}

static const struct handler handler = {
    .begin = begin,
    .body = ignore_body,
    .body_end = ignore_end,
    .sent = ignore_sent,
    .expired = ignore_expired,
    .gone = ignore_gone,
};

static void on_drained(void *user)
{
    ((struct house *)user)->drained++;
}

static void house_open(struct house *h, size_t max_connections)
{
    struct endpoint any = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};
    *h = (struct house){.loop = loop_new()};
    assert_int_equal(rand_init(), 0);
    h->tls = tls_worker_new(NULL);
    for (int i = 0; i < PORTS; i++) {
        int fd = sock_listen(any, 64);
        assert_true(fd >= 0);
        assert_int_equal(dup2(fd, FIRST_FD + i), FIRST_FD + i);
        close(fd);
        h->listens[i] = (struct listen){.at = sock_local(FIRST_FD + i), .tls = i == TLS};
    }
    h->snapshot = (struct snapshot){.listens = h->listens, .n_listens = PORTS};
    h->snapshot.timeouts = (struct timeouts){
        .handshake = 300, .head = 10000, .idle = 10000, .send = 10000, .tunnel = 10000};
    struct listener_setup setup = {
        .loop = h->loop,
        .snapshot = &h->snapshot,
        .tls = h->tls,
        .handler = &handler,
        .max_connections = max_connections,
        .drained = on_drained,
        .user = h,
    };
    h->listener = listener_new(&setup);
    assert_non_null(h->listener);
    assert_int_equal(listener_open(h->listener, FIRST_FD), PORTS);
}

static void turns(struct house *h, msec ms)
{
    msec until = clock_now() + ms;
    while (clock_now() < until)
        loop_turn(h->loop, 5);
}

/* Ends whatever is left; the listener itself goes with the process, as in a worker. */
static void house_close(struct house *h)
{
    size_t before = h->drained;
    listener_drain(h->listener, 1);
    for (int i = 0; i < 400 && h->drained == before; i++)
        loop_turn(h->loop, 10);
    assert_int_equal(h->drained, 1);
    loop_turn(h->loop, 0);
    listener_free(h->listener);
    tls_worker_free(h->tls);
    loop_free(h->loop);
}

static int client(const struct house *h, int port)
{
    struct sockaddr_storage sa;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t n = addr_to(h->listens[port].at, &sa);
    assert_true(connect(fd, (struct sockaddr *)&sa, n) == 0 || errno == EINPROGRESS);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

enum answer { NOTHING_YET, CLOSED, RESET, SAID };

/* What has come; text is NUL-terminated, "" unless SAID. */
static enum answer hear(int fd, char text[512])
{
    ssize_t n = recv(fd, text, 511, MSG_DONTWAIT);
    int why = errno;
    text[n > 0 ? n : 0] = '\0';
    if (n > 0)
        return SAID;
    if (n == 0)
        return CLOSED;
    return why == EAGAIN ? NOTHING_YET : RESET;
}

static void assert_hears(int fd, const char *begin)
{
    char text[512];
    assert_int_equal(hear(fd, text), SAID);
    assert_memory_equal(text, begin, strlen(begin));
}

#define REQUEST "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
#define WAITING "GET /wait HTTP/1.1\r\nHost: a.test\r\n\r\n"

static void serves(void **state)
{
    struct house h;
    house_open(&h, 100);
    int fd = client(&h, PLAIN);
    turns(&h, 20);
    say(fd, REQUEST);
    turns(&h, 20);
    assert_hears(fd, "HTTP/1.1 200 OK\r\n");
    close(fd);
    house_close(&h);
}

/* The page is read although the client had sent more than anybody looked at: no reset destroys it. */
static void plain_http_on_the_tls_port(void **state)
{
    struct house h;
    char text[512], body[8000];
    house_open(&h, 100);
    int fd = client(&h, TLS);
    turns(&h, 20);
    say(fd, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8000\r\n\r\n");
    memset(body, 'x', sizeof body);
    assert_int_equal(send(fd, body, sizeof body, MSG_NOSIGNAL), (int)sizeof body);
    turns(&h, 50);
    say(fd, "more");
    turns(&h, 50);
    assert_int_equal(hear(fd, text), SAID);
    assert_memory_equal(text, "HTTP/1.1 400 Bad Request\r\n", 26);
    assert_non_null(strstr(text, "https://"));
    assert_int_equal(hear(fd, text), CLOSED);
    close(fd);
    house_close(&h);
}

static void what_is_no_tls_gets_an_alert(void **state)
{
    struct house h;
    char text[512];
    house_open(&h, 100);
    int fd = client(&h, TLS);
    turns(&h, 20);
    say(fd, "\x16\x03\x01\x7f\xff too long for a record");
    turns(&h, 50);
    assert_int_equal(hear(fd, text), SAID);
    assert_int_equal(text[0], 21);
    assert_int_equal(hear(fd, text), CLOSED);
    close(fd);
    house_close(&h);
}

static void a_handshake_has_a_limit(void **state)
{
    struct house h;
    char text[512];
    house_open(&h, 100);
    int fd = client(&h, TLS);
    turns(&h, 150);
    assert_int_equal(hear(fd, text), NOTHING_YET);
    turns(&h, 300);
    enum answer end = hear(fd, text);
    assert_true(end == CLOSED || end == RESET);
    close(fd);
    house_close(&h);
}

/* Who comes too many waits in the queue, and is served when another one goes. */
static void max_connections(void **state)
{
    struct house h;
    char text[512];
    house_open(&h, 2);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = client(&h, PLAIN);
        turns(&h, 20);
        say(fds[i], REQUEST);
    }
    turns(&h, 30);
    assert_hears(fds[0], "HTTP/1.1 200");
    assert_hears(fds[1], "HTTP/1.1 200");
    assert_int_equal(hear(fds[2], text), NOTHING_YET);
    close(fds[0]);
    turns(&h, 50);
    assert_hears(fds[2], "HTTP/1.1 200");
    close(fds[1]);
    close(fds[2]);
    house_close(&h);
}

/* Without descriptors: no spinning, no client that hangs for ever, and all is well again afterwards. */
static void out_of_descriptors(void **state)
{
    struct house h;
    struct rlimit old, low;
    char text[512];
    int fds[6], turned = 0;
    const char *preload = getenv("LD_PRELOAD");
    if (preload && strstr(preload, "vgpreload"))
        skip(); /* valgrind closes by itself what it then says could not be accepted */
    house_open(&h, 100);
    for (int i = 0; i < 6; i++)
        fds[i] = client(&h, PLAIN);
    /* Not one descriptor more than there are; those with numbers above the limit go on working. */
    int lowest = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (msec until = clock_now() + 350; clock_now() < until; turned++)
        loop_turn(h.loop, (int)(until - clock_now()));
    assert_true(turned < 50);
    assert_int_equal(hear(fds[0], text), RESET);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    say(fds[5], REQUEST);
    turns(&h, 200);
    assert_hears(fds[5], "HTTP/1.1 200");
    for (int i = 0; i < 6; i++)
        close(fds[i]);
    house_close(&h);
}

static void drains(void **state)
{
    struct house h;
    char text[512];
    house_open(&h, 100);
    int idle = client(&h, PLAIN), busy = client(&h, PLAIN);
    turns(&h, 20);
    say(idle, REQUEST);
    say(busy, "GET / HTTP/1.1\r\nHost: a.test\r\n");
    turns(&h, 30);
    assert_hears(idle, "HTTP/1.1 200");
    listener_drain(h.listener, 5000);
    turns(&h, 30);
    assert_int_equal(hear(idle, text), CLOSED);
    assert_int_equal(hear(busy, text), NOTHING_YET);
    int late = client(&h, PLAIN);
    turns(&h, 20);
    assert_int_equal(hear(late, text), RESET);
    assert_int_equal(h.drained, 0);
    say(busy, "\r\n");
    turns(&h, 30);
    assert_int_equal(hear(busy, text), SAID);
    assert_non_null(strstr(text, "close"));
    close(busy);
    close(idle);
    close(late);
    turns(&h, 50);
    assert_int_equal(h.drained, 1);
    h.drained = 0;
    listener_free(h.listener);
    tls_worker_free(h.tls);
    loop_free(h.loop);
}

static void draining_has_a_limit(void **state)
{
    struct house h;
    char text[512];
    house_open(&h, 100);
    int waits = client(&h, PLAIN), shakes = client(&h, TLS);
    turns(&h, 20);
    say(waits, WAITING);
    turns(&h, 20);
    listener_drain(h.listener, 100);
    turns(&h, 50);
    assert_int_equal(h.drained, 0);
    turns(&h, 150);
    assert_int_equal(h.drained, 1);
    assert_true(hear(shakes, text) != NOTHING_YET);
    assert_true(hear(waits, text) != NOTHING_YET);
    close(waits);
    close(shakes);
    loop_turn(h.loop, 0);
    listener_free(h.listener);
    tls_worker_free(h.tls);
    loop_free(h.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves),
        cmocka_unit_test(plain_http_on_the_tls_port),
        cmocka_unit_test(what_is_no_tls_gets_an_alert),
        cmocka_unit_test(a_handshake_has_a_limit),
        cmocka_unit_test(max_connections),
        cmocka_unit_test(out_of_descriptors),
        cmocka_unit_test(drains),
        cmocka_unit_test(draining_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
