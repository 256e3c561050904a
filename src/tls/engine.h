/*
 * Seam 2: a handshake. It takes the client's bytes, gives bytes to send, and ends by handing traffic keys to the record layer; it
 * knows no socket, no clock and no log. The ClientHello was read by hello, which is how the engine was chosen; the engine gets the
 * message as it came and does what it needs with it.
 *
 * A new TLS version is a new file with an engine_ops of its own and a line in the table of engine.c.
 */
#ifndef EDGE_TLS_ENGINE_H
#define EDGE_TLS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "tls/cert.h"
#include "tls/hello.h"
#include "tls/rec.h"
#include "tls/sessions.h"

enum { ENGINE_MAX = 4 };

enum engine_verdict {
    ENGINE_WAIT, /* all input was used, more is needed; what was put into `out` is to be sent */
    ENGINE_DONE, /* the result is complete; input that was not used belongs to the record layer */
    ENGINE_FAIL, /* engine.err tells why; the alert, if one is due, is in `out` */
};

/* What a handshake is made with. All of it is borrowed until the engine is freed, the hello until the first step() returned. */
struct engine_setup {
    const struct hello *hello;
    const struct cert *cert;         /* the one for the client's SNI */
    const struct sessions *sessions; /* NULL: nothing is resumed */
    struct str alpn;                 /* the protocol chosen, a static text; empty: the client offered none */
    msec now;
};

/* The part of every engine that its user sees; filled when the verdict is ENGINE_DONE. */
struct engine {
    const struct engine_ops *ops;
    int err; /* enum err, with ENGINE_FAIL */
    uint16_t suite;
    bool resumed;
    bool stays; /* it must outlive the handshake, for message() */
};

struct engine_ops {
    uint16_t version; /* 0x0303: TLS 1.2 */

    /* What all handshakes of a worker share. NULL when memory is out. */
    void *(*shared_new)(const struct aead_impl *impl);
    void (*shared_free)(void *shared);

    /* NULL when memory is out. */
    struct engine *(*begin)(const void *shared, const struct engine_setup *setup);
    /*
     * Goes on with the bytes `in`, tells in *used how many it took, and appends to `out` what must be sent. The first call comes
     * with no bytes: the ClientHello is in the setup. With ENGINE_DONE the keys of both directions are in *rec.
     */
    enum engine_verdict (*step)(struct engine *e, struct str in, size_t *used, struct buf *out,
                                struct rec *rec);
    /*
     * A handshake message after the handshake (a KeyUpdate of RFC 8446 section 4.6.3): 0, or an enum err. NULL: none is welcome.
     * Only for an engine that stays.
     */
    int (*message)(struct engine *e, struct str in, struct buf *out, struct rec *rec);
    /* Wipes and frees. */
    void (*free)(struct engine *e);
};

extern const struct engine_ops bear12_engine;

/* The engines, the highest version first. */
extern const struct engine_ops *const engines[];
extern const size_t n_engines;

/* The index of the engine for this client, or -1 with the alert in *alert: protocol_version or inappropriate_fallback. */
int engine_pick(const struct hello *hello, int *alert);
/* Frees through the engine's own function; NULL allowed. */
void engine_free(struct engine *e);

#endif
