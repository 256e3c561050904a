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
#include "base/wipe.h"
#include "tls/bear12_int.h"

struct template
{
    br_ssl_server_context server;
    struct aead_impl impl;
};

/* --- certificate and signature */

static const struct cert *cert_of(const br_ssl_server_policy_class **ctx)
{
    return ((struct bear12 *)(void *)((char *)ctx - offsetof(struct bear12, policy)))->setup.cert;
}

/* The hash for our key that the client takes: bits by BearSSL's numbers. P-384 goes with SHA-384. */
static unsigned choose_hash(const struct cert *cert, uint32_t hashes)
{
    unsigned offered = cert->kind == CERT_RSA ? hashes & 0xff : hashes >> 8 & 0xff;
    bool long_key = cert->kind == CERT_EC && cert->key.ec.curve == BR_EC_secp384r1;
    unsigned first = long_key ? br_sha384_ID : br_sha256_ID, second = long_key ? br_sha256_ID : br_sha384_ID;
    if (offered >> first & 1)
        return first;
    return offered >> second & 1 ? second : 0;
}

static int policy_choose(const br_ssl_server_policy_class **ctx, const br_ssl_server_context *server,
                         br_ssl_server_choices *choices)
{
    const struct cert *cert = cert_of(ctx);
    size_t n = 0;
    const br_suite_translated *suites = br_ssl_server_get_client_suites(server, &n);
    unsigned hash = choose_hash(cert, br_ssl_server_get_client_hashes(server));
    unsigned exchange = cert->kind == CERT_RSA ? BR_SSLKEYX_ECDHE_RSA : BR_SSLKEYX_ECDHE_ECDSA;
    if (hash == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (suites[i][1] >> 12 != exchange)
            continue;
        choices->cipher_suite = suites[i][0];
        choices->algo_id = 0xff00 + hash;
        choices->chain = cert->chain;
        choices->chain_len = cert->n_chain;
        return 1;
    }
    return 0;
}

/* Suites without ECDHE are not offered. */
static uint32_t policy_do_keyx(const br_ssl_server_policy_class **ctx, unsigned char *data, size_t *len)
{
    (void)ctx;
    (void)data;
    (void)len;
    return 0;
}

static size_t policy_do_sign(const br_ssl_server_policy_class **ctx, unsigned algo_id, unsigned char *data,
                             size_t hv_len, size_t len)
{
    const struct cert *cert = cert_of(ctx);
    bool sha256 = (algo_id & 0xff) == br_sha256_ID;
    uint8_t hash[64];
    memcpy(hash, data, hv_len < sizeof hash ? hv_len : sizeof hash);
    if (cert->kind == CERT_RSA) {
        size_t n = (cert->key.rsa.n_bitlen + 7) / 8;
        const uint8_t *oid = sha256 ? BR_HASH_OID_SHA256 : BR_HASH_OID_SHA384;
        if (n > len || !br_rsa_pkcs1_sign_get_default()(oid, hash, hv_len, &cert->key.rsa, data))
            return 0;
        return n;
    }
    /* An ECDSA signature on P-384 has 104 bytes at most. */
    const br_hash_class *class = sha256 ? &br_sha256_vtable : &br_sha384_vtable;
    return len < 104
               ? 0
               : br_ecdsa_sign_asn1_get_default()(br_ec_get_default(), class, hash, &cert->key.ec, data);
}

static const br_ssl_server_policy_class policy_class = {
    .context_size = sizeof(void *),
    .choose = policy_choose,
    .do_keyx = policy_do_keyx,
    .do_sign = policy_do_sign,
};

/* --- what the handshakes of a worker share */

static void *bear12_shared_new(const struct aead_impl *impl)
{
    struct template *t = malloc(sizeof *t);
    if (!t)
        return NULL;
    br_ssl_engine_context *e = &t->server.eng;
    t->impl = *impl;
    br_ssl_server_zero(&t->server);
    bear12_core_setup(e, impl);
    br_ssl_engine_set_ec(e, &bear12_ec);
    br_ssl_engine_set_all_flags(e, BR_OPT_ENFORCE_SERVER_PREFERENCES | BR_OPT_NO_RENEGOTIATION |
                                       BR_OPT_FAIL_ON_ALPN_MISMATCH);
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
    b->max_fragment = setup->hello->max_fragment;
    b->core.impl = &t->impl;
    b->core.input = b->input;
    b->core.ssl.server = t->server;

    br_ssl_engine_context *e = &b->core.ssl.eng;
    br_ssl_engine_set_buffers_bidi(e, b->input, sizeof b->input, b->output, sizeof b->output);
    b->policy = &policy_class;
    br_ssl_server_set_policy(&b->core.ssl.server, &b->policy);
    if (setup->alpn.n > 0) {
        b->alpn = setup->alpn.p;
        br_ssl_engine_set_protocol_names(e, &b->alpn, 1);
    }
    if (setup->sessions) {
        sessions_binding(b->binding, setup->cert->fingerprint, hello_sni(setup->hello));
        b->cache = &cache_class;
        br_ssl_server_set_cache(&b->core.ssl.server, &b->cache);
    }
    bear12_core_seed(e);
    br_ssl_server_reset(&b->core.ssl.server);
    return &b->engine;
}

/* The ClientHello again, in records of our own: only its bytes count for the transcript. */
static bool replay(struct bear12 *b, struct buf *out)
{
    struct str m = b->setup.hello->message;
    bool broke = false;
    while (m.n > 0 && !broke) {
        size_t n = m.n < REC_PLAIN ? m.n : REC_PLAIN;
        const uint8_t header[REC_HEADER] = {REC_HANDSHAKE, 3, 1, (uint8_t)(n >> 8), (uint8_t)n};
        bear12_core_feed(&b->core, str_from(header, sizeof header), out, &broke);
        bear12_core_feed(&b->core, str_take(m, n), out, &broke);
        m = str_skip(m, n);
    }
    b->setup.hello = NULL;
    return !broke;
}

static enum engine_verdict fail(struct bear12 *b, int err, struct buf *out)
{
    b->engine.err = err;
    if (err_alert(err) >= 0)
        bear12_core_alert(&b->core, (enum alert)err_alert(err), out);
    return ENGINE_FAIL;
}

static enum engine_verdict fail_closed(struct bear12 *b, struct buf *out)
{
    int alert = -1;
    b->engine.err = bear12_core_error(&b->core, &alert);
    if (alert >= 0)
        bear12_core_alert(&b->core, (enum alert)alert, out);
    return ENGINE_FAIL;
}

static enum engine_verdict hand_over(struct bear12 *b, struct rec *rec)
{
    br_ssl_session_parameters session;
    br_ssl_engine_get_session_parameters(&b->core.ssl.eng, &session);
    b->engine.suite = session.cipher_suite;
    b->engine.resumed = b->loaded && !b->saved;
    wipe(&session, sizeof session);
    bear12_core_hand_over(&b->core, rec);
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
        *used = bear12_core_feed(&b->core, in, out, &broke);
    if (broke)
        return fail(b, ERR_NOMEM, out);
    if (b->core.bad_share)
        return fail(b, ERR_TLS + ALERT_ILLEGAL_PARAMETER, out);
    if (br_ssl_engine_current_state(&b->core.ssl.eng) == BR_SSL_CLOSED)
        return fail_closed(b, out);
    return bear12_core_complete(&b->core) ? hand_over(b, rec) : ENGINE_WAIT;
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
