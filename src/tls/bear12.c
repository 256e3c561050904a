/*
 * BearSSL's TLS 1.2 server engine, for the handshake alone. The keys it computes are caught on their way into its record layer and
 * handed to ours; the engine's context and buffers live only as long as the handshake.
 *
 * The template of a worker is copied before anything resets or seeds it: copies of a seeded engine would share its randomness. It
 * is marked as one that has asked the system for entropy already, so that a copy that nobody seeds fails instead of opening a
 * device, which a jail forbids.
 */
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "tls/bear12_int.h"
#include "tls/engine.h"

enum { ENTROPY = 48 };

struct template
{
    br_ssl_server_context server;
    struct aead_impl impl;
};

static const uint16_t aes_first[] = {
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
};

static const uint16_t chacha_first[] = {
    BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,       BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,       BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};

static void *bear12_shared_new(const struct aead_impl *impl)
{
    struct template *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    br_ssl_engine_context *e = &t->server.eng;
    t->impl = *impl;
    br_ssl_server_zero(&t->server);
    br_ssl_engine_set_versions(e, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_suites(e, impl->sodium_aes256 ? aes_first : chacha_first, nitems(aes_first));
    br_ssl_engine_set_hash(e, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_hash(e, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_prf_sha256(e, &br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(e, &br_tls12_sha384_prf);
    br_ssl_engine_set_ec(e, &bear12_ec);
    br_ssl_engine_set_aes_ctr(e, impl->ctr);
    br_ssl_engine_set_ghash(e, impl->ghash);
    br_ssl_engine_set_chacha20(e, &br_chacha20_ct_run);
    br_ssl_engine_set_poly1305(e, &br_poly1305_ctmul_run);
    br_ssl_engine_set_gcm(e, &bear12_gcm_in, &bear12_gcm_out);
    br_ssl_engine_set_chapol(e, &bear12_chapol_in, &bear12_chapol_out);
    br_ssl_engine_set_all_flags(e, BR_OPT_ENFORCE_SERVER_PREFERENCES | BR_OPT_NO_RENEGOTIATION |
                                       BR_OPT_FAIL_ON_ALPN_MISMATCH);
    e->rng_os_rand_done = 1;
    return t;
}

static void bear12_shared_free(void *shared)
{
    wipe_free(shared, sizeof(struct template));
}

/* --- session cache: load() runs before BearSSL knows the name, so the binding comes from hello */

static struct bear12 *of_cache(const br_ssl_session_cache_class **ctx)
{
    return (struct bear12 *)(void *)((char *)ctx - offsetof(struct bear12, cache));
}

static void cache_save(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                       const br_ssl_session_parameters *params)
{
    struct bear12 *b = of_cache(ctx);
    struct saved_session s = {.suite = params->cipher_suite};
    (void)server;
    memcpy(s.id, params->session_id, sizeof s.id);
    memcpy(s.master, params->master_secret, sizeof s.master);
    sessions_save(b->setup.sessions, &s, b->binding, b->setup.now);
    wipe(&s, sizeof s);
    b->saved = true;
}

static int cache_load(const br_ssl_session_cache_class **ctx, br_ssl_server_context *server,
                      br_ssl_session_parameters *params)
{
    struct bear12 *b = of_cache(ctx);
    struct saved_session s = {0};
    (void)server;
    memcpy(s.id, params->session_id, sizeof s.id);
    if (sessions_load(b->setup.sessions, &s, b->binding, b->setup.now)) {
        params->version = BR_TLS12;
        params->cipher_suite = s.suite;
        memcpy(params->master_secret, s.master, sizeof s.master);
        b->loaded = true;
    }
    wipe(&s, sizeof s);
    return b->loaded;
}

static const br_ssl_session_cache_class cache_class = {sizeof(void *), cache_save, cache_load};

/* --- the handshake */

static struct engine *bear12_begin(const void *shared, const struct engine_setup *setup)
{
    const struct template *t = shared;
    struct bear12 *b = malloc(sizeof *b);
    if (!b)
        return NULL;
    memset(b, 0, offsetof(struct bear12, input));
    b->engine.ops = &bear12_engine;
    b->setup = *setup;
    b->impl = &t->impl;
    b->max_fragment = setup->hello->max_fragment;
    b->server = t->server;

    br_ssl_engine_context *e = &b->server.eng;
    br_ssl_engine_set_buffers_bidi(e, b->input, sizeof b->input, b->output, sizeof b->output);
    b->policy = &bear12_policy;
    br_ssl_server_set_policy(&b->server, &b->policy);
    if (setup->alpn.n > 0) {
        b->alpn = setup->alpn.p;
        br_ssl_engine_set_protocol_names(e, &b->alpn, 1);
    }
    if (setup->sessions) {
        sessions_binding(b->binding, setup->cert->fingerprint, hello_sni(setup->hello));
        b->cache = &cache_class;
        br_ssl_server_set_cache(&b->server, &b->cache);
    }
    uint8_t entropy[ENTROPY];
    rand_bytes(entropy, sizeof entropy);
    br_ssl_engine_inject_entropy(e, entropy, sizeof entropy);
    wipe(entropy, sizeof entropy);
    br_ssl_server_reset(&b->server);
    return &b->engine;
}

/* Everything the engine has to say goes to `out`, so it never waits for room. False when memory is out. */
static bool drain(struct bear12 *b, struct buf *out)
{
    size_t n = 0;
    const unsigned char *p;
    while ((p = br_ssl_engine_sendrec_buf(&b->server.eng, &n)) != NULL) {
        if (!buf_add(out, p, n))
            return false;
        br_ssl_engine_sendrec_ack(&b->server.eng, n);
    }
    return true;
}

static bool complete(const struct bear12 *b)
{
    return (br_ssl_engine_current_state(&b->server.eng) & BR_SSL_SENDAPP) != 0;
}

/*
 * Gives the engine what it asks for and no byte more: first a record's header, then the record. So what the client sends behind
 * its Finished stays with the caller. Returns the bytes taken; *broke when memory is out.
 */
static size_t feed(struct bear12 *b, struct str in, struct buf *out, bool *broke)
{
    size_t used = 0, room = 0;
    while (used < in.n && !complete(b) && !b->bad_share) {
        unsigned char *to = br_ssl_engine_recvrec_buf(&b->server.eng, &room);
        if (!to)
            break;
        size_t n = in.n - used < room ? in.n - used : room;
        memcpy(to, in.p + used, n);
        br_ssl_engine_recvrec_ack(&b->server.eng, n);
        used += n;
        if (!drain(b, out)) {
            *broke = true;
            break;
        }
    }
    return used;
}

/* The ClientHello again, in records of our own: only its bytes count for the transcript. */
static bool replay(struct bear12 *b, struct buf *out)
{
    struct str m = b->setup.hello->message;
    bool broke = false;
    while (m.n > 0 && !broke) {
        size_t n = m.n < REC_PLAIN ? m.n : REC_PLAIN;
        const uint8_t header[REC_HEADER] = {REC_HANDSHAKE, 3, 1, (uint8_t)(n >> 8), (uint8_t)n};
        feed(b, str_from(header, sizeof header), out, &broke);
        feed(b, str_take(m, n), out, &broke);
        m = str_skip(m, n);
    }
    b->setup.hello = NULL;
    return !broke;
}

/* BearSSL tells the peer about few errors. What the others mean on the wire: RFC 5246 section 7.2.2. */
static enum alert alert_of(const struct bear12 *b, int error)
{
    switch (error) {
    case BR_ERR_BAD_PARAM:
    case BR_ERR_BAD_ALERT:
    case BR_ERR_BAD_HANDSHAKE:
    case BR_ERR_OVERSIZED_ID:
    case BR_ERR_LIMIT_EXCEEDED: return ALERT_DECODE_ERROR;
    case BR_ERR_UNSUPPORTED_VERSION:
    case BR_ERR_BAD_VERSION: return ALERT_PROTOCOL_VERSION;
    case BR_ERR_TOO_LARGE: return ALERT_RECORD_OVERFLOW;
    /* Too long or, with encryption, too short: the header is still there. */
    case BR_ERR_BAD_LENGTH: return b->input[3] >= 0x40 ? ALERT_RECORD_OVERFLOW : ALERT_BAD_RECORD_MAC;
    case BR_ERR_BAD_MAC: return ALERT_BAD_RECORD_MAC;
    case BR_ERR_UNKNOWN_TYPE:
    case BR_ERR_UNEXPECTED:
    case BR_ERR_BAD_CCS: return ALERT_UNEXPECTED_MESSAGE;
    case BR_ERR_BAD_CIPHER_SUITE:
    case BR_ERR_BAD_COMPRESSION:
    case BR_ERR_BAD_FRAGLEN:
    case BR_ERR_RESUME_MISMATCH: return ALERT_ILLEGAL_PARAMETER;
    case BR_ERR_BAD_SECRENEG:
    case BR_ERR_INVALID_ALGORITHM: return ALERT_HANDSHAKE_FAILURE;
    case BR_ERR_BAD_FINISHED:
    case BR_ERR_BAD_SIGNATURE: return ALERT_DECRYPT_ERROR;
    default: return ALERT_INTERNAL_ERROR;
    }
}

/* Once the engine's own Finished went out sealed, so must the alert: as the record after it. */
static void send_alert(struct bear12 *b, enum alert alert, struct buf *out)
{
    if (!b->have_out) {
        (void)rec_alert_clear(TLS_1_2, ALERT_FATAL, alert, out);
        return;
    }
    struct rec_half half;
    b->out.sequence = 1;
    rec_half_init(&half, b->impl, TLS_1_2, &b->out);
    (void)rec_alert(&half, ALERT_FATAL, alert, out);
    wipe(&half, sizeof half);
}

static enum engine_verdict fail(struct bear12 *b, int err, struct buf *out)
{
    b->engine.err = err;
    if (err_alert(err) >= 0)
        send_alert(b, (enum alert)err_alert(err), out);
    return ENGINE_FAIL;
}

static enum engine_verdict fail_closed(struct bear12 *b, struct buf *out)
{
    int error = br_ssl_engine_last_error(&b->server.eng);
    if (error >= BR_ERR_SEND_FATAL_ALERT) {
        b->engine.err = ERR_TLS + (error & 0x7f); /* it is in `out` already */
        return ENGINE_FAIL;
    }
    if (error >= BR_ERR_RECV_FATAL_ALERT)
        return fail(b, ERR_TLS_PEER + (error & 0x7f), out);
    if (error == BR_ERR_OK)
        return fail(b, ERR_CLOSED, out);
    return fail(b, ERR_TLS + (int)alert_of(b, error), out);
}

static enum engine_verdict hand_over(struct bear12 *b, struct rec *rec)
{
    br_ssl_session_parameters session;
    br_ssl_engine_get_session_parameters(&b->server.eng, &session);
    b->engine.suite = session.cipher_suite;
    b->engine.resumed = b->loaded && !b->saved;
    wipe(&session, sizeof session);
    b->in.sequence = b->out.sequence = 1; /* both Finished were 0 */
    rec_half_init(&rec->in, b->impl, TLS_1_2, &b->in);
    rec_half_init(&rec->out, b->impl, TLS_1_2, &b->out);
    rec_start(rec);
    if (b->max_fragment > 0)
        rec->max_plain = b->max_fragment;
    return ENGINE_DONE;
}

static enum engine_verdict bear12_step(struct engine *e, struct str in, size_t *used, struct buf *out,
                                       struct rec *rec)
{
    struct bear12 *b = (struct bear12 *)(void *)e;
    bool broke = false;
    *used = 0;
    if (b->setup.hello)
        broke = !replay(b, out);
    if (!broke)
        *used = feed(b, in, out, &broke);
    if (broke)
        return fail(b, ERR_NOMEM, out);
    if (b->bad_share)
        return fail(b, ERR_TLS + ALERT_ILLEGAL_PARAMETER, out);
    if (br_ssl_engine_current_state(&b->server.eng) == BR_SSL_CLOSED)
        return fail_closed(b, out);
    return complete(b) ? hand_over(b, rec) : ENGINE_WAIT;
}

static void bear12_free(struct engine *e)
{
    wipe_free(e, sizeof(struct bear12));
}

const struct engine_ops bear12_engine = {
    .version = TLS_1_2,
    .shared_new = bear12_shared_new,
    .shared_free = bear12_shared_free,
    .begin = bear12_begin,
    .step = bear12_step,
    .free = bear12_free,
};
