/*
 * The PROXY protocol's header, which tells a backend who the client is before the first byte of the client's own (proxy-protocol.txt
 * of HAProxy, 2020: version 1 in section 2.1, version 2 in section 2.2). Bytes only.
 */
#ifndef EDGE_PROXY_PROXY_HEADER_H
#define EDGE_PROXY_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"

enum { PROXY_HEADER_MAX = 108 };

/*
 * Writes the header of that version, 1 or 2, for a connection from `client` to `local`, the address and port it came to. Returns its
 * length. Without both addresses the header says that nothing is known, and without a client that the connection is the proxy's own.
 */
size_t proxy_header(unsigned version, struct endpoint client, struct endpoint local,
                    uint8_t out[PROXY_HEADER_MAX]);

#endif
