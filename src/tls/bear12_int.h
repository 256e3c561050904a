/* Shared by the bear12 files only: BearSSL's engine as a server (bear12.c) and as a client (bear12_client.c). */
#ifndef EDGE_TLS_BEAR12_INT_H
#define EDGE_TLS_BEAR12_INT_H

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "tls/engine.h"

/*
 * What both ends have. BearSSL's callbacks get a pointer to a member and find the whole through it.
 * The engine is the first member of both contexts, so `eng` is it in either case.
 */
struct bear12_core {
    const struct aead_impl *impl;
    bool bad_share;          /* a server's: the client's key share is no point of the curve */
    bool have_out;           /* `out` is in use */
    struct rec_keys in, out; /* caught on their way into BearSSL's record layer */
    const uint8_t *input;    /* the engine's buffer for incoming records */
    union {
        br_ssl_engine_context eng;
        br_ssl_server_context server;
        br_ssl_client_context client;
    } ssl;
};
_Static_assert(offsetof(br_ssl_server_context, eng) == 0 && offsetof(br_ssl_client_context, eng) == 0,
               "one engine for both ends");

enum {
    /* Records of 4096 bytes and what BearSSL wants around them. */
    BEAR12_INPUT = 4096 + 325,
    BEAR12_OUTPUT = 4096 + 85,
};

/* A server's handshake under way. */
struct bear12 {
    struct engine engine;
    struct engine_setup setup; /* hello: NULL once it was replayed */
    const br_ssl_server_policy_class *policy;
    const br_ssl_session_cache_class *cache;
    const char *alpn;
    uint8_t binding[SESSION_BINDING];
    uint16_t max_fragment;
    bool loaded, saved; /* a session was found; a new one was made */
    struct bear12_core core;
    uint8_t input[BEAR12_INPUT], output[BEAR12_OUTPUT];
};

/* Versions, suites, hashes and ciphers, of a template. */
void bear12_core_setup(br_ssl_engine_context *e, const struct aead_impl *impl);
/* Fresh randomness for a copy of a template, before its reset. */
void bear12_core_seed(br_ssl_engine_context *e);

/* Everything the engine has to say goes to `out`, so it never waits for room. False when memory is out. */
bool bear12_core_drain(struct bear12_core *b, struct buf *out);
/* The handshake is done. */
bool bear12_core_complete(const struct bear12_core *b);
/*
 * Gives the engine what it asks for and no byte more: first a record's header, then the record. So what the peer sends behind
 * its Finished stays with the caller. Returns the bytes taken; *broke when memory is out.
 */
size_t bear12_core_feed(struct bear12_core *b, struct str in, struct buf *out, bool *broke);
/* Why the engine closed: an enum err. *alert: the alert that is still to be sent, or -1. */
int bear12_core_error(const struct bear12_core *b, int *alert);
/* Sealed once the engine's own Finished went out sealed: as the record after it. */
void bear12_core_alert(struct bear12_core *b, enum alert alert, struct buf *out);
/* The keys go to the record layer. */
void bear12_core_hand_over(struct bear12_core *b, struct rec *rec);

/* bear12_crypto.c. A server's key exchange; a client's, which verifies signatures besides. */
extern const br_ec_impl bear12_ec, bear12_client_ec;
extern const br_sslrec_in_gcm_class bear12_gcm_in;
extern const br_sslrec_out_gcm_class bear12_gcm_out;
extern const br_sslrec_in_chapol_class bear12_chapol_in;
extern const br_sslrec_out_chapol_class bear12_chapol_out;

#endif
