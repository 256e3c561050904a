#include "tls/bear12_client.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/wipe.h"
#include "tls/bear12_int.h"
#include "tls/chain.h"

/*
 * One buffer for both directions, which a handshake uses in turn, but with room for whole records: a smaller one would make the
 * engine ask for small fragments (RFC 6066 section 4), and the backend would send them for good.
 */
enum { BUFFER = BR_SSL_BUFSIZE_MONO };

struct template
{
    br_ssl_client_context client;
    struct aead_impl impl;
};

struct bear12_client {
    struct bear12_client_setup setup;
    struct chain chain;
    uint8_t key[CLIENT_SESSION_KEY];
    bool began; /* something came */
    bool done;
    int err;
    uint16_t suite;
    struct bear12_core core;
    uint8_t buffer[BUFFER];
};

void *bear12_client_shared_new(const struct aead_impl *impl)
{
    struct template *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    br_ssl_engine_context *e = &t->client.eng;
    t->impl = *impl;
    br_ssl_client_zero(&t->client);
    bear12_core_setup(e, impl);
    br_ssl_engine_set_hash(e, br_sha512_ID, &br_sha512_vtable);
    br_ssl_engine_set_ec(e, &bear12_client_ec);
    br_ssl_engine_set_rsavrfy(e, br_rsa_pkcs1_vrfy_get_default());
    br_ssl_engine_set_ecdsa(e, br_ecdsa_vrfy_asn1_get_default());
    br_ssl_engine_set_all_flags(e, BR_OPT_NO_RENEGOTIATION);
    return t;
}

void bear12_client_shared_free(void *shared)
{
    wipe_free(shared, sizeof(struct template));
}

/* A session to offer again. False: there is none. */
static bool offer_session(struct bear12_client *b)
{
    if (!b->setup.sessions)
        return false;
    const br_ssl_session_parameters *found = client_sessions_find(b->setup.sessions, b->key, b->setup.now);
    if (found)
        br_ssl_engine_set_session_parameters(&b->core.ssl.eng, found);
    return found != NULL;
}

struct bear12_client *bear12_client_new(const void *shared, const struct bear12_client_setup *setup,
                                        struct buf *out)
{
    const struct template *t = shared;
    struct bear12_client *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->setup = *setup;
    b->core.impl = &t->impl;
    b->core.input = b->buffer;
    b->core.ssl.client = t->client;
    br_ssl_engine_context *e = &b->core.ssl.eng;
    bool good = chain_init(&b->chain, setup->trust, setup->name, setup->wall);
    client_sessions_key(b->key, setup->trust, setup->name, setup->peer);
    br_ssl_engine_set_x509(e, &b->chain.class);
    br_ssl_engine_set_buffer(e, b->buffer, sizeof b->buffer, 0);
    bear12_core_seed(e);
    bool resume = offer_session(b);
    if (!good || !br_ssl_client_reset(&b->core.ssl.client, b->chain.name, resume) ||
        !bear12_core_drain(&b->core, out)) {
        bear12_client_free(b);
        return NULL;
    }
    b->setup.name = (struct str){NULL, 0};
    return b;
}

/* --- failing */

/* What the backend is told of its certificate: RFC 5246 section 7.2.2. -1: this is no matter of certificates. */
static int alert_of_chain(int err)
{
    switch (err) {
    case ERR_TLS_UNTRUSTED:
    case ERR_TLS_SELF_SIGNED: return ALERT_UNKNOWN_CA;
    case ERR_TLS_EXPIRED:
    case ERR_TLS_NOT_YET: return ALERT_CERTIFICATE_EXPIRED;
    case ERR_TLS_CERT_KIND: return ALERT_UNSUPPORTED_CERTIFICATE;
    default: return ALERT_BAD_CERTIFICATE;
    }
}

/* The reasons that a person can do something about. */
static int explain(const struct bear12_client *b, int err)
{
    int error = br_ssl_engine_last_error(&b->core.ssl.eng);
    if (error == BR_ERR_UNSUPPORTED_VERSION || error == BR_ERR_BAD_VERSION)
        return ERR_TLS_TOO_OLD;
    if (error == BR_ERR_WRONG_KEY_USAGE)
        return ERR_TLS_CERT_USE;
    if (err == ERR_TLS_PEER + ALERT_PROTOCOL_VERSION)
        return ERR_TLS_TOO_NEW;
    if (err == ERR_TLS_PEER + ALERT_HANDSHAKE_FAILURE)
        return b->core.have_out ? ERR_TLS_WANTS_CERT : ERR_TLS_NO_COMMON;
    return err;
}

static int fail_closed(struct bear12_client *b, struct buf *out)
{
    int alert = -1, err = bear12_core_error(&b->core, &alert);
    if (b->chain.err) {
        alert = alert_of_chain(b->chain.err);
        err = b->chain.err;
    }
    if (alert >= 0)
        bear12_core_alert(&b->core, (enum alert)alert, out);
    return explain(b, err);
}

/* --- going on */

/* No TLS record begins so: it is an answer of a server without TLS, most likely. */
static bool is_plain(struct bear12_client *b, struct str in)
{
    bool first = !b->began && in.n > 0;
    b->began = b->began || in.n > 0;
    return first && ((uint8_t)in.p[0] < REC_CCS || (uint8_t)in.p[0] > REC_DATA);
}

static void finish(struct bear12_client *b, struct rec *rec)
{
    br_ssl_session_parameters session;
    br_ssl_engine_get_session_parameters(&b->core.ssl.eng, &session);
    b->done = true;
    b->suite = session.cipher_suite;
    /* One that was resumed keeps its date. */
    if (b->setup.sessions && !bear12_client_resumed(b) && session.session_id_len > 0)
        client_sessions_save(b->setup.sessions, b->key, &session, b->setup.now);
    wipe(&session, sizeof session);
    bear12_core_hand_over(&b->core, rec);
    rec->asks = REC_HELLO_REQUEST;
}

static int go_on(struct bear12_client *b, struct str in, size_t *used, struct buf *out)
{
    bool broke = false;
    if (is_plain(b, in))
        return ERR_TLS_PLAIN;
    *used = bear12_core_feed(&b->core, in, out, &broke);
    if (broke)
        return ERR_NOMEM;
    if (br_ssl_engine_current_state(&b->core.ssl.eng) == BR_SSL_CLOSED)
        return fail_closed(b, out);
    /* It takes no more and is not done: the backend has said goodbye in the middle of the handshake. */
    return *used < in.n && !bear12_core_complete(&b->core) ? ERR_CLOSED : 0;
}

enum engine_verdict bear12_client_step(struct bear12_client *b, struct str in, size_t *used, struct buf *out,
                                       struct rec *rec)
{
    *used = 0;
    b->err = go_on(b, in, used, out);
    if (b->err)
        return ENGINE_FAIL;
    if (!bear12_core_complete(&b->core))
        return ENGINE_WAIT;
    finish(b, rec);
    return ENGINE_DONE;
}

int bear12_client_error(const struct bear12_client *b)
{
    return b->err;
}

uint16_t bear12_client_suite(const struct bear12_client *b)
{
    return b->suite;
}

bool bear12_client_resumed(const struct bear12_client *b)
{
    return !b->chain.seen;
}

void bear12_client_free(struct bear12_client *b)
{
    if (!b)
        return;
    if (!b->done && b->setup.sessions)
        client_sessions_forget(b->setup.sessions, b->key);
    chain_done(&b->chain);
    wipe_free(b, sizeof *b);
}
