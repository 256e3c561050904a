/*
 * A TLS 1.2 handshake with a backend, by BearSSL's client engine: bytes in, bytes out, as the engines of engine.h do it for clients.
 * Engine and buffers live only as long as the handshake; it ends by handing the traffic keys to the record layer.
 */
#ifndef EDGE_TLS_BEAR12_CLIENT_H
#define EDGE_TLS_BEAR12_CLIENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/ip.h"
#include "tls/client_sessions.h"
#include "tls/engine.h"
#include "tls/trust.h"

struct bear12_client;

/* What the handshakes of a process share. NULL when memory is out. */
void *bear12_client_shared_new(const struct aead_impl *impl);
void bear12_client_shared_free(void *shared);

/* All of it is borrowed as long as the handshake lives, but for the name, which is copied. */
struct bear12_client_setup {
    const struct tls_trust *trust;
    struct str name; /* as for stream_tls_client_new() */
    struct endpoint peer;
    struct client_sessions *sessions; /* NULL: nothing is resumed */
    msec now;
    int64_t wall; /* seconds since 1970 */
};

/* The ClientHello goes to `out`. NULL when memory is out. */
struct bear12_client *bear12_client_new(const void *shared, const struct bear12_client_setup *setup,
                                        struct buf *out);
/* As the step of engine.h, with the backend's bytes. */
enum engine_verdict bear12_client_step(struct bear12_client *b, struct str in, size_t *used, struct buf *out,
                                       struct rec *rec);
/* With ENGINE_FAIL: an enum err. */
int bear12_client_error(const struct bear12_client *b);
/* Once it is done. */
uint16_t bear12_client_suite(const struct bear12_client *b);
bool bear12_client_resumed(const struct bear12_client *b);
/* Wipes and frees; NULL allowed. */
void bear12_client_free(struct bear12_client *b);

#endif
