#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "tls/bear12_int.h"

enum { ENTROPY = 48 };

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

void bear12_core_setup(br_ssl_engine_context *e, const struct aead_impl *impl)
{
    br_ssl_engine_set_versions(e, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_suites(e, impl->sodium_aes256 ? aes_first : chacha_first, nitems(aes_first));
    br_ssl_engine_set_hash(e, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_hash(e, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_prf_sha256(e, &br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(e, &br_tls12_sha384_prf);
    br_ssl_engine_set_aes_ctr(e, impl->ctr);
    br_ssl_engine_set_ghash(e, impl->ghash);
    br_ssl_engine_set_chacha20(e, &br_chacha20_ct_run);
    br_ssl_engine_set_poly1305(e, &br_poly1305_ctmul_run);
    br_ssl_engine_set_gcm(e, &bear12_gcm_in, &bear12_gcm_out);
    br_ssl_engine_set_chapol(e, &bear12_chapol_in, &bear12_chapol_out);
    e->rng_os_rand_done = 1;
}

void bear12_core_seed(br_ssl_engine_context *e)
{
    uint8_t entropy[ENTROPY];
    rand_bytes(entropy, sizeof entropy);
    br_ssl_engine_inject_entropy(e, entropy, sizeof entropy);
    wipe(entropy, sizeof entropy);
}

bool bear12_core_drain(struct bear12_core *b, struct buf *out)
{
    size_t n = 0;
    const unsigned char *p;
    while ((p = br_ssl_engine_sendrec_buf(&b->ssl.eng, &n)) != NULL) {
        if (!buf_add(out, p, n))
            return false;
        br_ssl_engine_sendrec_ack(&b->ssl.eng, n);
    }
    return true;
}

bool bear12_core_complete(const struct bear12_core *b)
{
    return (br_ssl_engine_current_state(&b->ssl.eng) & BR_SSL_SENDAPP) != 0;
}

size_t bear12_core_feed(struct bear12_core *b, struct str in, struct buf *out, bool *broke)
{
    size_t used = 0, room = 0;
    while (used < in.n && !bear12_core_complete(b) && !b->bad_share) {
        unsigned char *to = br_ssl_engine_recvrec_buf(&b->ssl.eng, &room);
        if (!to)
            break;
        size_t n = in.n - used < room ? in.n - used : room;
        memcpy(to, in.p + used, n);
        br_ssl_engine_recvrec_ack(&b->ssl.eng, n);
        used += n;
        if (!bear12_core_drain(b, out)) {
            *broke = true;
            break;
        }
    }
    return used;
}

/* BearSSL tells the peer about few errors. What the others mean on the wire: RFC 5246 section 7.2.2. */
static enum alert alert_of(const struct bear12_core *b, int error)
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

int bear12_core_error(const struct bear12_core *b, int *alert)
{
    int error = br_ssl_engine_last_error(&b->ssl.eng);
    *alert = -1;
    if (error >= BR_ERR_SEND_FATAL_ALERT)
        return ERR_TLS + (error & 0x7f); /* it is in `out` already */
    if (error >= BR_ERR_RECV_FATAL_ALERT)
        return ERR_TLS_PEER + (error & 0x7f);
    if (error == BR_ERR_OK)
        return ERR_CLOSED;
    *alert = (int)alert_of(b, error);
    return ERR_TLS + *alert;
}

void bear12_core_alert(struct bear12_core *b, enum alert alert, struct buf *out)
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

void bear12_core_hand_over(struct bear12_core *b, struct rec *rec)
{
    b->in.sequence = b->out.sequence = 1; /* both Finished were 0 */
    rec_half_init(&rec->in, b->impl, TLS_1_2, &b->in);
    rec_half_init(&rec->out, b->impl, TLS_1_2, &b->out);
    rec_start(rec);
}
