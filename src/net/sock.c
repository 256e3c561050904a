#include "net/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/addr.h"

static void set_option(int fd, int level, int name, int value)
{
    /* An option that the kernel refuses costs speed, never correctness. */
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static int new_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int close_failed(int fd)
{
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Without listening yet. */
static int bound_socket(struct endpoint at)
{
    struct sockaddr_storage sa;
    socklen_t n = addr_to(at, &sa);
    int fd = new_socket(sa.ss_family);
    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (sa.ss_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (bind(fd, (struct sockaddr *)&sa, n) < 0)
        return close_failed(fd);
    return fd;
}

int sock_listen(struct endpoint at, int backlog)
{
    int fd = bound_socket(at);
    if (fd >= 0 && listen(fd, backlog) < 0)
        return close_failed(fd);
    return fd;
}

int sock_try(struct endpoint at)
{
    int fd = bound_socket(at);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

int sock_accept(int listener, struct endpoint *peer)
{
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof sa;
    int fd = accept4(listener, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return -1;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    *peer = addr_from(&sa);
    return fd;
}

static int start_connect(const struct sockaddr_storage *sa, socklen_t n)
{
    int fd = new_socket(sa->ss_family);
    if (fd < 0)
        return -1;
    if (sa->ss_family != AF_UNIX)
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (connect(fd, (const struct sockaddr *)sa, n) < 0 && errno != EINPROGRESS)
        return close_failed(fd);
    return fd;
}

int sock_connect(struct endpoint to)
{
    struct sockaddr_storage sa;
    socklen_t n = addr_to(to, &sa);
    return start_connect(&sa, n);
}

int sock_connect_unix(struct str path)
{
    struct sockaddr_storage sa;
    socklen_t n = addr_unix(path, &sa);
    if (n == 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = start_connect(&sa, n);
    /* Its queue of connections is full (connect(2)). */
    if (fd < 0 && errno == EAGAIN)
        errno = ECONNREFUSED;
    return fd;
}

int sock_connect_result(int fd)
{
    int result = 0;
    socklen_t n = sizeof result;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &n) < 0 ? errno : result;
}

struct endpoint sock_local(int fd)
{
    struct sockaddr_storage sa = {0};
    socklen_t n = sizeof sa;
    if (getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
        return (struct endpoint){0};
    return addr_from(&sa);
}

/* struct tcp_info of linux/tcp.h, which cannot be included beside netinet/tcp.h, as far as tcpi_bytes_acked. */
struct info_head {
    uint8_t bytes[8]; /* the first one is the state */
    uint32_t words[24];
    uint64_t pacing_rate, max_pacing_rate, bytes_acked;
};

uint64_t sock_acked(int fd)
{
    struct info_head info = {0};
    socklen_t n = sizeof info;
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
        return 0;
    return info.bytes_acked;
}

void sock_keep_probing(int fd)
{
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

bool sock_stands(int fd)
{
    struct info_head info = {0};
    socklen_t n = sizeof info;
    return fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 && info.bytes[0] != TCP_CLOSE;
}

void sock_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}
