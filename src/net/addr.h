/* Between base/ip's values and the kernel's socket addresses. */
#ifndef EDGE_NET_ADDR_H
#define EDGE_NET_ADDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/ip.h"

/* IPv4 mapped into IPv6 comes back as IPv4; any other family (unix) as "none". */
struct endpoint addr_from(const struct sockaddr_storage *sa);
/* Returns the length. */
socklen_t addr_to(struct endpoint e, struct sockaddr_storage *sa);
/* A unix socket's path; 0 if it is too long. */
socklen_t addr_unix(struct str path, struct sockaddr_storage *sa);

#endif
