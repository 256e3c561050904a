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

#include "base/str.h"
#include "net/addr.h"
#include "net/sock.h"
#include "server/activation.h"
#include "server/port_owner_int.h"
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

static bool is_ours(struct endpoint at)
{
    struct port_owner owner;
    char name[64];
    own_name(name);
    port_owner_find(at, &owner);
    if (!owner.found)
        return false;
    assert_int_equal(owner.uid, geteuid());
    assert_int_equal(owner.pid, getpid());
    assert_string_equal(owner.name, name);
    return true;
}

static void the_owner_is_found(void **state)
{
    int fd = sock_listen(loopback, 5);
    struct endpoint at = sock_local(fd), any = {.ip = {.len = 4}, .port = at.port}, other = at;
    struct endpoint v6 = {.ip = {.len = 16}, .port = at.port};
    assert_true(is_ours(at));
    assert_true(is_ours(any)); /* the wildcard collides with it */
    other.ip.bytes[3] = 2;
    assert_false(is_ours(other));
    assert_false(is_ours(v6)); /* edge's IPv6 sockets leave IPv4 alone */
    close(fd);
    assert_false(is_ours(at));
}

static void the_owner_on_ipv6(void **state)
{
    struct endpoint at = {.ip = {.len = 16, .bytes = {[15] = 1}}}, any = {.ip = {.len = 16}};
    int fd = sock_listen(at, 5), both = sock_listen(any, 5);
    if (fd < 0 || both < 0)
        skip();
    assert_true(is_ours(sock_local(fd)));
    struct endpoint v4 = {.ip = {.len = 4}, .port = sock_local(both).port};
    assert_true(is_ours(sock_local(both)));
    assert_false(is_ours(v4)); /* it takes IPv6 only */
    close(fd);
    close(both);
}

/* Where sock_diag does not answer, the older table must say the same. */
static void both_sources_agree(void **state)
{
    int fd = sock_listen(loopback, 5);
    struct endpoint at = sock_local(fd);
    struct port_sockets diag = {.n = 0}, table = {.n = 0};
    port_table_find(at, &table);
    assert_int_equal(table.n, 1);
    assert_int_equal(table.list[0].uid, geteuid());
    if (port_diag_find(at, &diag) < 0)
        skip();
    assert_int_equal(diag.n, 1);
    assert_int_equal(diag.list[0].uid, table.list[0].uid);
    assert_int_equal(diag.list[0].inode, table.list[0].inode);
    assert_true(ip_eq(diag.list[0].ip, table.list[0].ip));
    close(fd);
}

struct unit_row {
    const char *path, *unit; /* unit: NULL if there is none */
    bool user;
};

static const struct unit_row unit_rows[] = {
    {"/system.slice/nginx.service", "nginx.service", false},
    {"/system.slice/system-foo.slice/foo@1.service", "foo@1.service", false},
    {"/system.slice/apache2.service/worker", "apache2.service", false},
    {"/system.slice/docker-0123abcd.scope", "docker-0123abcd.scope", false},
    {"/system.slice/dbus-\\x2dorg.service", "dbus-\\x2dorg.service", false},
    {"/init.scope", "init.scope", false},
    {"/machine.slice/machine-box.scope/payload/system.slice/nginx.service", "machine-box.scope", false},
    {"/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", "web.service", true},
    {"/user.slice/user-1000.slice/user@1000.service", "user@1000.service", true},
    {"/user.slice/user-1000.slice/session-3.scope", "session-3.scope", false},
    {"/lxc.payload.box/system.slice/nginx.service", NULL, false},
    {"/system.slice/$(reboot).service", NULL, false},
    {"/system.slice/a b.service", NULL, false},
    {"/../../system.slice/nginx.service", NULL, false},
    {"/", NULL, false},
    {"", NULL, false},
};

static void units_of_control_groups(void **state)
{
    for (size_t i = 0; i < nitems(unit_rows); i++) {
        struct port_owner owner = {.unit = "before"};
        bool found = port_cgroup_unit(unit_rows[i].path, &owner);
        assert_string_equal(owner.unit, unit_rows[i].unit ? unit_rows[i].unit : "");
        assert_int_equal(found, unit_rows[i].unit != NULL);
        assert_int_equal(owner.user_unit, unit_rows[i].user);
    }
}

struct text_row {
    struct port_owner owner;
    const char *text;
};

static const struct text_row text_rows[] = {
    {{.found = true, .pid = 812, .name = "nginx", .unit = "nginx.service"},
     "nginx (pid 812, nginx.service); to free it: sudo systemctl disable --now nginx.service, then X"},
    {{.found = true, .unit = "nginx.service"},
     "nginx.service; to free it: sudo systemctl disable --now nginx.service, then X"},
    {{.found = true, .unit = "a\\x2db.service"},
     "a\\x2db.service; to free it: sudo systemctl disable --now 'a\\x2db.service', then X"},
    {{.found = true, .pid = 9, .name = "web", .unit = "web.service", .user_unit = true},
     "web (pid 9, web.service); to free it: systemctl --user disable --now web.service, then X"},
    {{.found = true, .pid = 9, .name = "nc", .unit = "session-3.scope"},
     "nc (pid 9, session-3.scope); to free it: sudo kill 9, then X"},
    {{.found = true, .pid = 9, .name = "docker-proxy", .unit = "docker.service"},
     "docker-proxy (pid 9, docker.service); it is a container's: `docker ps` shows which; stop that, or give it "
     "another port, then X"},
    {{.found = true, .unit = "libpod-12ab.scope"},
     "libpod-12ab.scope; it is a container's: `podman ps` shows which; stop that, or give it another port, then X"},
    {{.found = true, .unit = "pihole-FTL.service"},
     "pihole-FTL.service; its web pages can move: sudo pihole-FTL --config webserver.port 8081, then X"},
    {{.found = true, .pid = 1, .name = "systemd", .unit = "init.scope"},
     "systemd (pid 1, init.scope); it is a socket unit's: `systemctl list-sockets` shows which; disable that, then X"},
    {{.found = true, .pid = 5, .name = "edge", .unit = "edge.service"},
     "edge (pid 5, edge.service); edge runs already; to end it: sudo systemctl stop edge, then X"},
};

static void the_owner_and_what_to_do(void **state)
{
    for (size_t i = 0; i < nitems(text_rows); i++) {
        char text[PORT_OWNER_TEXT];
        assert_string_equal(port_owner_text(&text_rows[i].owner, "X", text, sizeof text), text_rows[i].text);
    }
}

static void an_owner_who_is_not_seen(void **state)
{
    struct port_owner root = {.found = true}, nobody = {.found = true, .uid = 4000000000}, none = {0};
    char text[PORT_OWNER_TEXT];
    assert_non_null(
        strstr(port_owner_text(&root, "X", text, sizeof text), "a program of user root; to see which"));
    assert_null(strstr(text, "then"));
    assert_non_null(
        strstr(port_owner_text(&nobody, "X", text, sizeof text), "a program of user 4000000000;"));
    /* Lists of listening sockets would not show it. */
    assert_non_null(strstr(port_owner_text(&none, "X", text, sizeof text), "; to see which: sudo ss -atnp"));
}

static void edge_is_known_by_its_name_or_unit(void **state)
{
    assert_true(port_owner_is_edge(&(struct port_owner){.found = true, .name = "edge"}));
    assert_true(port_owner_is_edge(&(struct port_owner){.found = true, .name = "edge: worker 0"}));
    assert_true(port_owner_is_edge(&(struct port_owner){.found = true, .unit = "edge.service"}));
    assert_false(port_owner_is_edge(&(struct port_owner){.found = true, .name = "edged"}));
    assert_false(port_owner_is_edge(&(struct port_owner){.unit = "edge.service", .user_unit = true}));
    assert_false(port_owner_is_edge(&(struct port_owner){.found = false}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inherited_sockets_are_matched_by_address),
        cmocka_unit_test(what_is_no_listener_is_closed),
        cmocka_unit_test(meant_for_another_process),
        cmocka_unit_test(one_socket_for_both_families),
        cmocka_unit_test(a_busy_port_leaves_the_others),
        cmocka_unit_test(the_owner_is_found),
        cmocka_unit_test(the_owner_on_ipv6),
        cmocka_unit_test(both_sources_agree),
        cmocka_unit_test(units_of_control_groups),
        cmocka_unit_test(the_owner_and_what_to_do),
        cmocka_unit_test(an_owner_who_is_not_seen),
        cmocka_unit_test(edge_is_known_by_its_name_or_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
