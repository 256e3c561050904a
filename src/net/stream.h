/*
 * Seam 1: a connection as a reader or writer of plain bytes sees it. stream_plain is a socket, stream_tls a socket under TLS,
 * a test brings its own. Nobody above this line knows which one it holds.
 *
 * A stream is owned by one object (session or client), which closes it exactly once; close frees it.
 */
#ifndef EDGE_NET_STREAM_H
#define EDGE_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ip.h"
#include "base/str.h"

enum {
    STREAM_AGAIN = -1, /* nothing now; wait for want() */
    STREAM_FAIL = -2,  /* broken; the reason is in stream.err */
};

/* What is known of the connection. Complete once the handshake is done; the strings live as long as the stream. */
struct link_info {
    struct endpoint peer;  /* the client; after a PROXY header the one it tells */
    struct endpoint local; /* the address and port it came to */
    bool tls;
    uint16_t tls_version; /* 0x0303: 1.2, 0x0304: 1.3, 0: none */
    uint16_t tls_suite;   /* IANA number */
    bool resumed;
    struct str sni;  /* lower case, without a final dot; empty when the client sent none */
    struct str alpn; /* the selected protocol, empty when none was */
};

enum stream_close {
    STREAM_FINISH, /* no more bytes will be written: close_notify and FIN; reading goes on, the stream stays */
    STREAM_END,    /* close_notify where TLS can still send it, then close; frees the stream */
    STREAM_RESET, /* close at once with a TCP reset, so that a cut message is not taken for a whole one; frees the stream */
};

struct stream {
    const struct stream_ops *ops;
    int fd;  /* for the loop's watch; -1 for a stream in memory */
    int err; /* enum err, set with STREAM_FAIL */
};

struct stream_ops {
    /*
     * Bytes read, 0 at the peer's orderly end, STREAM_AGAIN or STREAM_FAIL. n = 0 drives a handshake: 0 when it is done.
     * A TLS connection that ends without close_notify is STREAM_FAIL with ERR_CLOSED.
     */
    ssize_t (*read)(struct stream *s, void *out, size_t n);
    /*
     * Bytes taken (they may be fewer than n), STREAM_AGAIN or STREAM_FAIL. p = NULL, n = 0 flushes what a former
     * call took and could not send: 0 when nothing is left.
     */
    ssize_t (*write)(struct stream *s, const void *p, size_t n);
    /* poll() events: what the owner wants (POLLIN, POLLOUT or both) turned into what the socket must wait for. */
    short (*want)(struct stream *s, short owner);
    /* read() would give bytes without the socket becoming readable. */
    bool (*buffered)(struct stream *s);
    const struct link_info *(*info)(struct stream *s);
    void (*close)(struct stream *s, enum stream_close how);
};

#endif
