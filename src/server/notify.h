/* What systemd (or whoever set NOTIFY_SOCKET) wants to know: sd_notify(3) without its library. */
#ifndef EDGE_SERVER_NOTIFY_H
#define EDGE_SERVER_NOTIFY_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"

struct notify {
    struct sockaddr_un to;
    socklen_t to_len; /* 0: nobody asked */
    msec watchdog_ms; /* how often WATCHDOG=1 is due; 0: never */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and removes them from the environment. */
void notify_init(struct notify *n);
/* Lines as sd_notify(3) has them: "READY=1\nSTATUS=…". Never waits. */
void notify_send(const struct notify *n, const char *lines);

#endif
