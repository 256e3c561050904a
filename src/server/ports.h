/* The listening sockets of a configuration: taken over from systemd where they were inherited, else bound. */
#ifndef EDGE_SERVER_PORTS_H
#define EDGE_SERVER_PORTS_H

#include <stddef.h>

#include "base/buf.h"
#include "config/site.h"
#include "server/activation.h"

/*
 * Fills fds[i] for s->listens[i]: the socket, or minus errno where it could not be bound, with a line logged that says why and what
 * to do; -EALREADY: another one takes its connections. Returns how many are open.
 */
size_t ports_open(const struct snapshot *s, struct activation *inherited, int *fds);
/* "http 0.0.0.0:80 [::]:80, https …" of those that are open. */
void ports_describe(const struct snapshot *s, const int *fds, struct buf *out);

#endif
