#include "tls/rec.h"

#include <string.h>

#include "base/err.h"
#include "base/wipe.h"

enum {
    EXPLICIT_NONCE = 8,     /* RFC 5288 section 3 */
    TLS13_EXPANSION = 256,  /* RFC 8446 section 5.2 */
    REFUSED_HELLO = 131072, /* bytes of a ClientHello that is skipped, at most */
};

static void store16(uint8_t *out, size_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static void store64(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

static size_t load16(const uint8_t *in)
{
    return (size_t)in[0] << 8 | in[1];
}

void rec_half_init(struct rec_half *h, const struct aead_impl *impl, uint16_t version,
                   const struct rec_keys *keys)
{
    aead_init(&h->aead, impl, keys->kind, keys->key);
    memcpy(h->iv, keys->iv, sizeof h->iv);
    h->sequence = keys->sequence;
    h->tls13 = version >= TLS_1_3;
    h->explicit_nonce = !h->tls13 && keys->kind != AEAD_CHACHA20_POLY1305;
}

void rec_start(struct rec *r)
{
    r->max_plain = REC_PLAIN;
    r->asks = REC_CLIENT_HELLO;
    r->empties = r->warnings = r->n_message = 0;
    r->message_left = 0;
}

void rec_done(struct rec *r)
{
    wipe(r, sizeof *r);
}

/* Bytes a record needs besides its plaintext and header. */
static size_t expansion(const struct rec_half *h)
{
    if (h->tls13)
        return 1 + AEAD_TAG;
    return (h->explicit_nonce ? EXPLICIT_NONCE : 0) + AEAD_TAG;
}

size_t rec_size(const struct rec *r, size_t n)
{
    size_t records = (n + r->max_plain - 1) / r->max_plain;
    return n + records * (REC_HEADER + expansion(&r->out));
}

/*
 * Nonce and additional data of the next record. `header` is the record's; `explicit` the nonce that a TLS 1.2 record with AES-GCM
 * carries, `n` its plaintext's length.
 */
static void make_context(struct rec_half *h, const uint8_t *header, const uint8_t *explicit, size_t n,
                         struct aead_context *c)
{
    uint8_t sequence[8];
    store64(sequence, h->sequence++);
    memcpy(c->nonce, h->iv, sizeof c->nonce);
    if (h->explicit_nonce) {
        memcpy(c->nonce + 4, explicit, EXPLICIT_NONCE);
    } else {
        for (int i = 0; i < 8; i++)
            c->nonce[4 + i] ^= sequence[i];
    }
    if (h->tls13) {
        memcpy(c->ad, header, REC_HEADER);
        c->n_ad = REC_HEADER;
        return;
    }
    memcpy(c->ad, sequence, 8);
    memcpy(c->ad + 8, header, 3);
    store16(c->ad + 11, n);
    c->n_ad = 13;
}

size_t rec_seal(struct rec_half *h, enum rec_type type, const void *in, size_t n, uint8_t *out)
{
    if (h->sequence == UINT64_MAX)
        return 0;
    struct aead_context c;
    uint8_t *body = out + REC_HEADER;
    size_t length = n + expansion(h);
    out[0] = (uint8_t)(h->tls13 ? REC_DATA : type);
    store16(out + 1, TLS_1_2);
    store16(out + 3, length);
    if (h->explicit_nonce) {
        store64(body, h->sequence);
        make_context(h, out, body, n, &c);
        aead_seal(&h->aead, &c, in, n, body + EXPLICIT_NONCE);
    } else if (h->tls13) {
        /* The content type stands behind the content, and both are sealed as one. */
        if (n > 0)
            memcpy(body, in, n);
        body[n] = (uint8_t)type;
        make_context(h, out, NULL, n, &c);
        aead_seal(&h->aead, &c, body, n + 1, body);
    } else {
        make_context(h, out, NULL, n, &c);
        aead_seal(&h->aead, &c, in, n, body);
    }
    return REC_HEADER + length;
}

size_t rec_seal_data(struct rec *r, const void *in, size_t n, uint8_t *out)
{
    const uint8_t *from = in;
    size_t put = 0;
    while (n > 0) {
        size_t piece = n < r->max_plain ? n : r->max_plain;
        size_t made = rec_seal(&r->out, REC_DATA, from, piece, out + put);
        if (made == 0)
            return 0;
        put += made;
        from += piece;
        n -= piece;
    }
    return put;
}

bool rec_alert(struct rec_half *h, int level, enum alert alert, struct buf *out)
{
    const uint8_t message[2] = {(uint8_t)level, (uint8_t)alert};
    uint8_t *at = buf_reserve(out, sizeof message + REC_OVERHEAD);
    size_t n = at ? rec_seal(h, REC_ALERT, message, sizeof message, at) : 0;
    if (n == 0)
        return false;
    buf_added(out, n);
    return true;
}

bool rec_alert_clear(uint16_t version, int level, enum alert alert, struct buf *out)
{
    const uint8_t record[] = {REC_ALERT, (uint8_t)(version >> 8), (uint8_t)version, 0,
                              2,         (uint8_t)level,          (uint8_t)alert};
    return buf_add(out, record, sizeof record);
}

/* --- receiving */

static enum rec_verdict fail(struct rec_got *got, enum alert alert)
{
    got->err = ERR_TLS + (int)alert;
    return REC_FAILED;
}

bool rec_ready(const uint8_t *in, size_t n)
{
    if (n < REC_HEADER)
        return false;
    size_t length = load16(in + 3);
    return length > REC_PLAIN + TLS13_EXPANSION || n >= REC_HEADER + length;
}

/* What can be said from the header alone; 0 or an alert. */
static int check_header(const struct rec_half *h, const uint8_t *in)
{
    size_t length = load16(in + 3);
    if (in[0] < REC_CCS || in[0] > REC_DATA)
        return ALERT_UNEXPECTED_MESSAGE;
    if (h->tls13 && in[0] != REC_DATA)
        return ALERT_UNEXPECTED_MESSAGE;
    /* TLS 1.3 does not look at the version (RFC 8446 section 5.1). */
    if (!h->tls13 && load16(in + 1) != TLS_1_2)
        return ALERT_PROTOCOL_VERSION;
    if (length > REC_PLAIN + (h->tls13 ? TLS13_EXPANSION : expansion(h)))
        return ALERT_RECORD_OVERFLOW;
    if (length < expansion(h))
        return ALERT_BAD_RECORD_MAC;
    return 0;
}

/* Decrypts; the content type is left in *type. 0 or an alert. */
static int decrypt(struct rec_half *h, uint8_t *in, struct rec_got *got, uint8_t *type)
{
    struct aead_context c;
    uint8_t *body = in + REC_HEADER;
    uint8_t *cipher = body + (h->explicit_nonce ? EXPLICIT_NONCE : 0);
    size_t n = load16(in + 3) - (size_t)(cipher - body) - AEAD_TAG;
    if (h->sequence == UINT64_MAX)
        return ALERT_INTERNAL_ERROR;
    make_context(h, in, body, n, &c);
    got->data = got->to && n <= got->room ? got->to : cipher;
    if (!aead_open(&h->aead, &c, cipher, n, got->data))
        return ALERT_BAD_RECORD_MAC;
    *type = in[0];
    if (h->tls13) {
        /* RFC 8446 section 5.4: padding is zeros behind the type, and a record of nothing else is refused. */
        while (n > 0 && got->data[n - 1] == 0)
            n--;
        if (n == 0)
            return ALERT_UNEXPECTED_MESSAGE;
        *type = got->data[--n];
        if (n > REC_PLAIN)
            return ALERT_RECORD_OVERFLOW;
    }
    got->n = n;
    return 0;
}

static enum rec_verdict open_alert(struct rec *r, struct rec_got *got)
{
    if (got->n != 2)
        return fail(got, got->n == 0 ? ALERT_UNEXPECTED_MESSAGE : ALERT_DECODE_ERROR);
    int level = got->data[0], alert = got->data[1];
    if (alert == ALERT_CLOSE_NOTIFY)
        return REC_CLOSED;
    if (level != ALERT_WARNING && level != ALERT_FATAL)
        return fail(got, ALERT_ILLEGAL_PARAMETER);
    /* RFC 8446 section 6: the level means nothing any more. */
    bool warning = r->in.tls13 ? alert == ALERT_USER_CANCELED : level == ALERT_WARNING;
    if (!warning) {
        got->err = ERR_TLS_PEER + (alert & 0x7f);
        return REC_FAILED;
    }
    return ++r->warnings > REC_WARNING_MAX ? fail(got, ALERT_UNEXPECTED_MESSAGE) : REC_IGNORED;
}

/* TLS 1.2: skips a ClientHello (or a HelloRequest, which is empty), whatever its fragmentation, and refuses anything else. */
static enum rec_verdict open_renegotiation(struct rec *r, struct rec_got *got)
{
    size_t at = 0;
    if (got->n == 0)
        return fail(got, ALERT_UNEXPECTED_MESSAGE);
    while (r->n_message < sizeof r->message_head && at < got->n) {
        r->message_head[r->n_message++] = got->data[at++];
        if (r->message_head[0] != r->asks)
            return fail(got, ALERT_UNEXPECTED_MESSAGE);
        if (r->n_message == sizeof r->message_head)
            r->message_left = (uint32_t)r->message_head[1] << 16 | (uint32_t)load16(r->message_head + 2);
    }
    if (r->message_left > (r->asks == REC_CLIENT_HELLO ? REFUSED_HELLO : 0))
        return fail(got, ALERT_ILLEGAL_PARAMETER);
    size_t rest = got->n - at;
    if (rest > r->message_left)
        return fail(got, ALERT_UNEXPECTED_MESSAGE);
    r->message_left -= (uint32_t)rest;
    if (r->n_message < sizeof r->message_head || r->message_left > 0)
        return REC_IGNORED;
    r->n_message = 0;
    return ++r->warnings > REC_WARNING_MAX ? fail(got, ALERT_UNEXPECTED_MESSAGE) : REC_REFUSED;
}

static enum rec_verdict open_handshake(struct rec *r, struct rec_got *got)
{
    if (!r->in.tls13)
        return open_renegotiation(r, got);
    return got->n == 0 ? fail(got, ALERT_UNEXPECTED_MESSAGE) : REC_MESSAGE;
}

static enum rec_verdict open_data(struct rec *r, struct rec_got *got)
{
    if (got->n > 0) {
        r->empties = 0;
        return REC_PLAINTEXT;
    }
    return ++r->empties > REC_EMPTY_MAX ? fail(got, ALERT_UNEXPECTED_MESSAGE) : REC_IGNORED;
}

enum rec_verdict rec_open(struct rec *r, uint8_t *in, size_t n, struct rec_got *got)
{
    got->used = got->n = 0;
    got->data = NULL;
    got->err = 0;
    if (n < REC_HEADER)
        return REC_MORE;
    int alert = check_header(&r->in, in);
    if (alert)
        return fail(got, (enum alert)alert);
    if (!rec_ready(in, n))
        return REC_MORE;
    uint8_t type = 0;
    got->used = REC_HEADER + load16(in + 3);
    alert = decrypt(&r->in, in, got, &type);
    if (alert)
        return fail(got, (enum alert)alert);
    if (type == REC_ALERT)
        return open_alert(r, got);
    if (type == REC_HANDSHAKE)
        return open_handshake(r, got);
    /* A handshake message may not be interrupted. */
    if (type != REC_DATA || r->n_message > 0)
        return fail(got, ALERT_UNEXPECTED_MESSAGE);
    return open_data(r, got);
}
