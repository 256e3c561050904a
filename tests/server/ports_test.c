/* Sockets that were inherited, sockets that are bound, and who stands in the way. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/addr.h"
#include "net/sock.h"
#include "server/activation.h"
#include "server/port_owner.h"
#include "server/ports.h"

enum { FIRST = 100 }; /* where the inherited descriptors begin here */

static const struct endpoint loopback = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};

static void announce(long pid, int n)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%ld", pid);
    setenv("LISTEN_PID", text, 1);
    (void)snprintf(text, sizeof text, "%d", n);
    setenv("LISTEN_FDS", text, 1);
    setenv("LISTEN_FDNAMES", "a:b", 1);
}

static void move(int fd, int to)
{
    assert_true(fd >= 0);
    assert_int_equal(dup2(fd, to), to);
    close(fd);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void inherited_sockets_are_matched_by_address(void **state)
{
    struct activation a;
    move(sock_listen(loopback, 5), FIRST);
    move(sock_listen(loopback, 5), FIRST + 1);
    struct endpoint first = sock_local(FIRST), second = sock_local(FIRST + 1), none = loopback;
    none.port = 1;
    announce(getpid(), 2);
    activation_take(&a, FIRST);
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDNAMES"));
    assert_int_equal(a.n, 2);
    assert_int_equal(activation_match(&a, none), -1);
    assert_int_equal(activation_match(&a, second), FIRST + 1);
    assert_int_equal(activation_match(&a, second), -1);
    assert_int_equal(fcntl(FIRST + 1, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(FIRST + 1, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    activation_close(&a); /* says that nobody wanted the first */
    assert_false(is_open(FIRST));
    assert_int_equal(activation_match(&a, first), -1);
    assert_true(is_open(FIRST + 1));
    close(FIRST + 1);
}

static void what_is_no_listener_is_closed(void **state)
{
    struct activation a;
    move(open("/dev/null", O_RDONLY), FIRST);
    move(socket(AF_INET, SOCK_STREAM, 0), FIRST + 1);
    move(socket(AF_INET, SOCK_DGRAM, 0), FIRST + 2);
    announce(getpid(), 4); /* the last one is not even there */
    activation_take(&a, FIRST);
    assert_int_equal(a.n, 0);
    for (int i = 0; i < 4; i++)
        assert_false(is_open(FIRST + i));
}

static void meant_for_another_process(void **state)
{
    struct activation a;
    move(sock_listen(loopback, 5), FIRST);
    announce(getpid() + 1, 1);
    activation_take(&a, FIRST);
    assert_int_equal(a.n, 0);
    assert_true(is_open(FIRST));
    assert_null(getenv("LISTEN_FDS"));
    close(FIRST);
    activation_take(&a, FIRST); /* nothing announced at all */
    assert_int_equal(a.n, 0);
}

/* systemd's ListenStream=80 is one IPv6 socket for both families. */
static void one_socket_for_both_families(void **state)
{
    struct activation a;
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0;
    if (fd < 0)
        skip();
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0)
        skip();
    assert_int_equal(listen(fd, 5), 0);
    move(fd, FIRST);
    struct listen listens[2] = {
        {.at = {.ip = {.len = 4}, .port = sock_local(FIRST).port}, .wildcard_pair = true},
        {.at = {.ip = {.len = 16}, .port = sock_local(FIRST).port}, .wildcard_pair = true},
    };
    struct snapshot s = {.listens = listens, .n_listens = 2};
    int fds[2];
    announce(getpid(), 1);
    activation_take(&a, FIRST);
    assert_int_equal(ports_open(&s, &a, fds), 1);
    assert_int_equal(fds[0], -EALREADY);
    assert_int_equal(fds[1], FIRST);
    close(FIRST);
}

static void a_busy_port_leaves_the_others(void **state)
{
    int taken = sock_listen(loopback, 5), gone = sock_listen(loopback, 5);
    struct activation none = {.n = 0};
    struct listen listens[2] = {{.at = sock_local(taken)}, {.at = sock_local(gone), .tls = true}};
    struct snapshot s = {.listens = listens, .n_listens = 2};
    struct buf text = {0};
    char at[ENDPOINT_TEXT], expected[80];
    int fds[2];
    close(gone);
    assert_int_equal(ports_open(&s, &none, fds), 1);
    assert_int_equal(fds[0], -EADDRINUSE);
    assert_true(fds[1] >= 0);
    ports_describe(&s, fds, &text);
    (void)snprintf(expected, sizeof expected, "https %s", endpoint_format(listens[1].at, at));
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(buf_data(&text), expected, text.len);
    buf_done(&text);
    close(fds[1]);
    close(taken);
}

static void own_name(char out[64])
{
    int fd = open("/proc/self/comm", O_RDONLY);
    ssize_t n = read(fd, out, 63);
    close(fd);
    assert_true(n > 1);
    out[n - 1] = '\0';
}

static void the_owner_is_named(void **state)
{
    char owner[160], expected[160], name[64];
    int fd = sock_listen(loopback, 5);
    struct endpoint at = sock_local(fd), any = {.ip = {.len = 4}, .port = at.port}, other = at;
    own_name(name);
    (void)snprintf(expected, sizeof expected, "%s (pid %d)", name, (int)getpid());
    assert_string_equal(port_owner(at, owner, sizeof owner), expected);
    assert_string_equal(port_owner(any, owner, sizeof owner), expected); /* the wildcard collides with it */
    other.ip.bytes[3] = 2;
    assert_null(strstr(port_owner(other, owner, sizeof owner), "pid"));
    close(fd);
    assert_null(strstr(port_owner(at, owner, sizeof owner), "pid"));
}

static void the_owner_on_ipv6(void **state)
{
    char owner[160];
    struct endpoint at = {.ip = {.len = 16, .bytes = {[15] = 1}}};
    int fd = sock_listen(at, 5);
    if (fd < 0)
        skip();
    assert_non_null(strstr(port_owner(sock_local(fd), owner, sizeof owner), "(pid "));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inherited_sockets_are_matched_by_address),
        cmocka_unit_test(what_is_no_listener_is_closed),
        cmocka_unit_test(meant_for_another_process),
        cmocka_unit_test(one_socket_for_both_families),
        cmocka_unit_test(a_busy_port_leaves_the_others),
        cmocka_unit_test(the_owner_is_named),
        cmocka_unit_test(the_owner_on_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
