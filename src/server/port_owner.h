/*
 * Who listens on a port, for a message that a person can act on. Three sources, each with what it can tell without privilege:
 * sock_diag (sock_diag(7)) names the user and the control group of every listening socket, /sys/fs/cgroup the systemd unit of a
 * control group, and /proc the process, which only root and the process's own user see.
 */
#ifndef EDGE_SERVER_PORT_OWNER_H
#define EDGE_SERVER_PORT_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum { PORT_OWNER_NAME = 64, PORT_OWNER_UNIT = 128, PORT_OWNER_TEXT = 512 };

struct port_owner {
    bool found;                 /* a socket listens there; nothing else is set without it */
    long pid;                   /* 0: not seen */
    char name[PORT_OWNER_NAME]; /* of the process; "": not seen */
    char unit[PORT_OWNER_UNIT]; /* "nginx.service"; "": none, or not seen */
    bool user_unit;             /* it is one of a user's own service manager */
    uint32_t uid;               /* of the socket */
};

/* Looks through all sockets and processes, for a second at most: for troubles and checks only. */
void port_owner_find(struct endpoint at, struct port_owner *out);
/* It is edge that listens: another one, or the daemon. */
bool port_owner_is_edge(const struct port_owner *owner);
/* Writes "nginx (pid 812, nginx.service)" or what of that is known. Return out, as does the next. */
char *port_owner_name(const struct port_owner *owner, char *out, size_t size);
/*
 * The name and what to do: "nginx (pid 812, nginx.service); to free it: sudo systemctl disable --now nginx.service, then THEN".
 * then: what comes after that, or NULL.
 */
char *port_owner_text(const struct port_owner *owner, const char *then, char *out, size_t size);

#endif
