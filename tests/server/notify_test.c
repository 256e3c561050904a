#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/notify.h"

/* A socket like systemd's; an abstract one if the name begins with '@'. */
static int listen_at(const char *name)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(un.sun_path, name, n);
    if (name[0] == '@')
        un.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
    return fd;
}

static void arrives_at(const char *name)
{
    struct notify n;
    char text[64] = {0};
    int fd = listen_at(name);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_init(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    notify_send(&n, "READY=1\nSTATUS=serving");
    assert_true(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(text, "READY=1\nSTATUS=serving");
    close(fd);
}

static void path_socket(void **state)
{
    char name[64];
    (void)snprintf(name, sizeof name, "/tmp/edge-notify-test-%d", (int)getpid());
    unlink(name);
    arrives_at(name);
    unlink(name);
}

static void abstract_socket(void **state)
{
    char name[64];
    (void)snprintf(name, sizeof name, "@edge-notify-test-%d", (int)getpid());
    arrives_at(name);
}

static void nobody_asked(void **state)
{
    static const char *const bad[] = {"", "@", "relative", "vsock:2:1234"};
    struct notify n;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("NOTIFY_SOCKET", bad[i], 1);
        notify_init(&n);
        assert_int_equal(n.to_len, 0);
        notify_send(&n, "READY=1");
    }
}

static void watchdog(void **state)
{
    struct notify n;
    char pid[32];
    notify_init(&n);
    assert_int_equal(n.watchdog_ms, 0);
    setenv("WATCHDOG_USEC", "20000000", 1);
    notify_init(&n);
    assert_int_equal(n.watchdog_ms, 10000);
    assert_null(getenv("WATCHDOG_USEC"));
    setenv("WATCHDOG_USEC", "20000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    notify_init(&n);
    assert_int_equal(n.watchdog_ms, 0);
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "1000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    notify_init(&n);
    assert_int_equal(n.watchdog_ms, 1);
    assert_null(getenv("WATCHDOG_PID"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_socket),
        cmocka_unit_test(abstract_socket),
        cmocka_unit_test(nobody_asked),
        cmocka_unit_test(watchdog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
