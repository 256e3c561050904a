/* Shared by bear12.c and bear12_crypto.c only. */
#ifndef EDGE_TLS_BEAR12_INT_H
#define EDGE_TLS_BEAR12_INT_H

#include <bearssl.h>
#include <stdbool.h>

#include "tls/engine.h"

enum {
    /* Records of 4096 bytes and what BearSSL wants around them. */
    BEAR12_INPUT = 4096 + 325,
    BEAR12_OUTPUT = 4096 + 85,
};

/* A handshake under way. BearSSL's callbacks get a pointer to a member and find the whole through it. */
struct bear12 {
    struct engine engine;
    struct engine_setup setup; /* hello: NULL once it was replayed */
    const struct aead_impl *impl;
    const br_ssl_server_policy_class *policy;
    const br_ssl_session_cache_class *cache;
    const char *alpn;
    uint8_t binding[SESSION_BINDING];
    uint16_t max_fragment;
    bool loaded, saved; /* a session was found; a new one was made */
    bool bad_share;     /* the client's key share is no point of the curve */
    bool have_out;      /* `out` is in use */
    struct rec_keys in, out;
    br_ssl_server_context server;
    uint8_t input[BEAR12_INPUT], output[BEAR12_OUTPUT];
};

extern const br_ec_impl bear12_ec;
extern const br_sslrec_in_gcm_class bear12_gcm_in;
extern const br_sslrec_out_gcm_class bear12_gcm_out;
extern const br_sslrec_in_chapol_class bear12_chapol_in;
extern const br_sslrec_out_chapol_class bear12_chapol_out;
extern const br_ssl_server_policy_class bear12_policy;

#endif
