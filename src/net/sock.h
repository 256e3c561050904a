/* TCP and unix sockets, always non-blocking and close-on-exec. Functions that return an fd return -1 with errno set on failure. */
#ifndef EDGE_NET_SOCK_H
#define EDGE_NET_SOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/str.h"

/* Binds and listens. An IPv6 address takes IPv6 only: the wildcard of both families is two sockets. */
int sock_listen(struct endpoint at, int backlog);
/* -1 with EAGAIN when no connection waits. */
int sock_accept(int listener, struct endpoint *peer);
/* Starts to connect; the socket becomes writable when that has ended. */
int sock_connect(struct endpoint to);
int sock_connect_unix(struct str path);
/* How it ended: 0 or an errno. */
int sock_connect_result(int fd);
/* The address of our end; "none" for a unix socket. */
struct endpoint sock_local(int fd);
/* Bytes the peer has acknowledged since the connection began; 0 where the kernel does not tell (unix sockets, no socket). */
uint64_t sock_acked(int fd);
/* From now on the kernel asks a silent peer every few seconds whether it is there. */
void sock_probe(int fd);
/* The connection stands, as far as the kernel knows: no reset, no probe without an answer. False where it does not tell. */
bool sock_stands(int fd);
/* close() with a reset instead of a FIN. */
void sock_reset(int fd);

#endif
