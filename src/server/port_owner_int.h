/* Between the files of server/port_owner. */
#ifndef EDGE_SERVER_PORT_OWNER_INT_H
#define EDGE_SERVER_PORT_OWNER_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/ip.h"
#include "server/port_owner.h"

enum { PORT_SOCKETS_MAX = 16 };

struct port_socket {
    struct ip ip;
    bool only_v6; /* an IPv6 wildcard that leaves IPv4 to others */
    unsigned long inode;
    uint32_t uid;
    uint64_t cgroup; /* its id; 0: the kernel does not tell */
};

/* Those that keep us from listening. */
struct port_sockets {
    struct port_socket list[PORT_SOCKETS_MAX];
    size_t n;
};

/* Keeps the socket, which listens on at's port, if it stands in the way. */
void port_sockets_add(struct port_sockets *s, struct endpoint at, const struct port_socket *socket);

/* Returns -1 when the kernel does not answer. */
int port_diag_find(struct endpoint at, struct port_sockets *out);
/* The same from /proc/net/tcp, without control groups. */
void port_table_find(struct endpoint at, struct port_sockets *out);

/* Fills pid, name and unit of a process that holds one of the sockets. Returns false if none could be seen by then. */
bool port_process_find(const struct port_sockets *s, msec until, struct port_owner *out);

/* Fills unit from the control group's id. Returns false when it is none of a systemd unit, or was not found by then. */
bool port_cgroup_find(uint64_t id, msec until, struct port_owner *out);
/* Fills unit from a control group's path: `/system.slice/nginx.service`. Returns false when there is none in it. */
bool port_cgroup_unit(const char *path, struct port_owner *out);

#endif
