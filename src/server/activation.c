#include "server/activation.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "net/sock.h"

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t n = sizeof value;
    return getsockopt(fd, level, name, &value, &n) < 0 ? -1 : value;
}

static bool is_wildcard(struct ip ip)
{
    static const uint8_t zero[16];
    return memcmp(ip.bytes, zero, ip.len) == 0;
}

static bool describe(int fd, struct inherited *out)
{
    if (option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM || option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
        return false;
    *out = (struct inherited){.fd = fd, .at = sock_local(fd)};
    out->both_families = out->at.ip.len == 16 && is_wildcard(out->at.ip) &&
                         option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
    return out->at.ip.len != 0;
}

static uint64_t number_in(const char *variable, uint64_t max)
{
    const char *text = getenv(variable);
    uint64_t n = 0;
    return text && str_to_u64(str_of(text), max, &n) ? n : 0;
}

void activation_take(struct activation *a, int first)
{
    a->n = 0;
    uint64_t pid = number_in("LISTEN_PID", INT32_MAX);
    uint64_t n = pid == (uint64_t)getpid() ? number_in("LISTEN_FDS", ACTIVATION_MAX) : 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (int fd = first; fd < first + (int)n; fd++) {
        if (!describe(fd, &a->sockets[a->n])) {
            log_warn("inherited descriptor %d is no listening TCP socket: closed", fd);
            close(fd);
            continue;
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
        a->n++;
    }
}

int activation_match(struct activation *a, struct endpoint at)
{
    for (size_t i = 0; i < a->n; i++) {
        struct inherited *s = &a->sockets[i];
        if (s->fd >= 0 && s->at.port == at.port && ip_eq(s->at.ip, at.ip)) {
            int fd = s->fd;
            s->fd = -1;
            return fd;
        }
    }
    return -1;
}

bool activation_covers(const struct activation *a, struct endpoint at)
{
    if (at.ip.len != 4 || !is_wildcard(at.ip))
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->sockets[i].both_families && a->sockets[i].at.port == at.port)
            return true;
    return false;
}

void activation_close(struct activation *a)
{
    char text[ENDPOINT_TEXT];
    for (size_t i = 0; i < a->n; i++) {
        if (a->sockets[i].fd < 0)
            continue;
        log_warn("inherited socket %s: the configuration does not name it; closed",
                 endpoint_format(a->sockets[i].at, text));
        close(a->sockets[i].fd);
        a->sockets[i].fd = -1;
    }
}
