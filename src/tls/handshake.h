/*
 * One handshake from its first byte to the traffic keys: reads the ClientHello, picks certificate and engine, and lets the engine
 * work. Bytes in, bytes out; stream_tls owns the socket, tests put a client at the other end of a buffer.
 */
#ifndef EDGE_TLS_HANDSHAKE_H
#define EDGE_TLS_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "tls/certs.h"
#include "tls/engine.h"
#include "tls/hello.h"

enum {
    /* Bytes of large ClientHellos (above a few kilobytes) that all handshakes of a worker may hold together. */
    HANDSHAKE_LARGE = 8 * 1024,
    HANDSHAKE_LARGE_TOTAL = 4 * 1024 * 1024,
};

/* What the handshakes of a worker share. */
struct handshake_shared {
    struct aead_impl impl;
    void *engines[ENGINE_MAX];
    const struct sessions *sessions; /* borrowed; NULL: none */
    struct certs *certs;             /* a reference; NULL: none */
    size_t large;                    /* bytes that large ClientHellos hold at the moment */
};

enum handshake_verdict {
    HANDSHAKE_WAIT, /* all input was taken, more is needed; what was put into `out` is to be sent */
    HANDSHAKE_DONE, /* the record layer takes over, with the input that was not taken */
    HANDSHAKE_HTTP, /* the client speaks HTTP; nothing is to be sent */
    HANDSHAKE_FAIL, /* `err` tells why; what was put into `out` is to be sent */
};

struct handshake {
    struct handshake_shared *shared;
    msec now;            /* set by the owner before each step */
    struct certs *certs; /* a reference, from the ClientHello on */
    struct hello_reader reader;
    struct hello hello;
    size_t large; /* our part of shared.large */
    struct engine *engine;
    int err;
    /* For link_info. */
    struct str alpn; /* static text */
    uint16_t version;
};

/* False when memory is out; done() is allowed then as well. */
bool handshake_shared_init(struct handshake_shared *s, const struct sessions *sessions);
void handshake_shared_done(struct handshake_shared *s);

/* `h` is all-zero at first but for `shared` and `now`. *rec is filled with HANDSHAKE_DONE. */
enum handshake_verdict handshake_step(struct handshake *h, struct str in, size_t *used, struct buf *out,
                                      struct rec *rec);
/* Takes the engine out of the handshake if it stays, else NULL. */
struct engine *handshake_take_engine(struct handshake *h);
/* Frees what it holds. */
void handshake_done(struct handshake *h);

#endif
