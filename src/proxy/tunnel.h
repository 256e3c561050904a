/*
 * Upgrades (RFC 9110 section 7.8): websockets and what else asks for a tunnel. After the 101 edge touches no byte.
 */
#ifndef EDGE_PROXY_TUNNEL_H
#define EDGE_PROXY_TUNNEL_H

#include <stdbool.h>

#include "base/arena.h"
#include "http/head.h"

/*
 * The client asks for an upgrade that is passed on: *protocol gets the Upgrade value for the backend. Tokens that would turn the
 * connection into a tunnel past routes and auth (h2c, TLS/…, HTTP/…) are left out; a request with a body is never
 * upgraded. What remains unasked is an ordinary request.
 */
bool tunnel_wanted(const struct head *req, struct arena *mem, struct str *protocol);
/* A backend's 101 is an answer to what was asked: it names one of the protocols in `asked`. */
bool tunnel_agreed(const struct head *answer, struct str asked);

#endif
