/*
 * The PROXY header, by which a proxy before edge tells whose connection it passes on: versions 1 and 2 of
 * haproxy's proxy-protocol.txt. It stands before everything else on a connection, TLS included. Whether a
 * peer may, or has to, send one is the caller's matter: it is never guessed from the bytes.
 */
#ifndef EDGE_NET_PROXY_HEADER_H
#define EDGE_NET_PROXY_HEADER_H

#include <stddef.h>

#include "base/ip.h"
#include "base/str.h"

/* The longest header, TLVs included; version 2 alone would allow 64 KiB, which nobody sends. */
enum { PROXY_HEADER_MAX = 4096 };

enum proxy_header_verdict {
    PROXY_HEADER_MORE,    /* so far it is one */
    PROXY_HEADER_DONE,    /* out->len, from and to are set */
    PROXY_HEADER_REFUSED, /* out->why is set; the connection has to be closed (section 2.1) */
};

struct proxy_header {
    size_t len; /* bytes of the header; what follows is the connection's first */
    /*
     * The client, and where it connected to. Both "none" when the header names no IP addresses (UNKNOWN,
     * LOCAL, UNSPEC, unix sockets): the connection's own count then. IPv4 mapped into IPv6 comes as IPv4.
     */
    struct endpoint from, to;
    const char *why; /* a short English phrase, static */
};

/*
 * `in` is all that came since the connection began. DONE and REFUSED stay true whatever follows, so that no
 * split changes the result; MORE is never said of PROXY_HEADER_MAX bytes. A checksum (PP2_TYPE_CRC32C) is
 * verified, other TLVs are skipped.
 */
enum proxy_header_verdict proxy_header_read(struct str in, struct proxy_header *out);

#endif
