/* The listening sockets of a configuration: taken over from systemd where they were inherited, else bound. */
#ifndef EDGE_SERVER_PORTS_H
#define EDGE_SERVER_PORTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "config/site.h"
#include "server/activation.h"
#include "server/port_owner.h"

enum { PORTS_WHY = 640 }; /* room for a sentence of ports_why() */

/*
 * Fills fds[i] for s->listens[i]: the socket, or minus errno where it could not be bound, with a line logged that says why and what
 * to do; -EALREADY: another one takes its connections. Returns how many are open.
 */
size_t ports_open(const struct snapshot *s, struct activation *inherited, int *fds);
/*
 * Tries those again that could not be bound, without a word. Returns the index of the first that succeeded, its socket in fds; or
 * s->n_listens.
 */
size_t ports_retry(const struct snapshot *s, int *fds);
/* Whether there are any. */
bool ports_lacking(const struct snapshot *s, const int *fds);
/* Whether one failed because the machine does not have its address, or not yet. */
bool ports_without_address(const struct snapshot *s, const int *fds);
/*
 * Why one could not be bound, in a sentence, and what to do; `why` is errno, `then` what comes after a port was freed, or NULL. Returns out.
 */
char *ports_why(const struct listen *l, int why, const char *then, char *out, size_t size);
/*
 * Whether the failure of i is worth a line: not if the machine merely lacks one family of `:PORT`, nor if the other half said the
 * same. fds as ports_open() fills it; a value of 0 and more is success.
 */
bool ports_worth_a_line(const struct snapshot *s, const int *fds, size_t i);
/*
 * Whether ports_open() would succeed: 0 or minus errno, and the owner with -EADDRINUSE. A user who may not bind low ports gets 0 for
 * one where nobody listens: the daemon has the right.
 */
int ports_try(const struct listen *l, struct port_owner *owner);
/* "http 0.0.0.0:80 [::]:80, https …" of those that are open. */
void ports_describe(const struct snapshot *s, const int *fds, struct buf *out);

#endif
