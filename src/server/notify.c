#include "server/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

static void read_socket(struct notify *n)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof n->to.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, path, len);
    if (path[0] == '@') /* an abstract socket: the name begins with NUL and has no end but its length */
        n->to.sun_path[0] = '\0';
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
}

static void read_watchdog(struct notify *n)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t value = 0, whose = (uint64_t)getpid();
    if (pid && (!str_to_u64(str_of(pid), UINT32_MAX, &whose) || whose != (uint64_t)getpid()))
        return;
    if (!usec || !str_to_u64(str_of(usec), INT64_MAX, &value) || value == 0)
        return;
    n->watchdog_ms = (msec)(value / 2000); /* twice as often as systemd looks */
    if (n->watchdog_ms == 0)
        n->watchdog_ms = 1;
}

void notify_init(struct notify *n)
{
    *n = (struct notify){0};
    read_socket(n);
    read_watchdog(n);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void notify_send(const struct notify *n, const char *lines)
{
    if (n->to_len == 0)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr *to = (const struct sockaddr *)(const void *)&n->to;
    if (fd < 0 || sendto(fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT, to, n->to_len) < 0)
        log_warn("cannot tell systemd '%s': %s", lines, strerror(errno));
    if (fd >= 0)
        close(fd);
}
