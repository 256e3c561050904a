#include <stdlib.h>
#include <string.h>

#include "base/der.h"
#include "base/pem.h"
#include "base/wipe.h"
#include "tls/cert_int.h"

enum {
    KEY_DER_MAX = 4096,                       /* an RSA key of 4096 bits has 2,400 bytes */
    FACTOR_MAX = (CERT_RSA_MAX / 2 + 32) / 8, /* BearSSL allows factors of BR_MAX_RSA_FACTOR bits: 2,080 */
};
_Static_assert(FACTOR_MAX * 8 <= (4096 + 64) / 2, "the limit of BearSSL's RSA");

static int refuse(struct str *why, struct str reason)
{
    *why = reason;
    return -1;
}

static size_t bit_length(struct str number)
{
    size_t bits = number.n * 8;
    for (uint8_t top = number.n > 0 ? (uint8_t)number.p[0] : 0x80; top < 0x80; top = (uint8_t)(top << 1))
        bits--;
    return bits;
}

/* RSAPrivateKey, RFC 8017 appendix A.1.2, from behind its version. */
static int read_rsa(struct cert *c, struct str in, struct cert_own *own, struct str *why)
{
    struct str n, e, d, p, q, dp, dq, iq;
    static const struct str malformed = STR("the RSA key is malformed");
    if (!der_take_unsigned(&in, &n) || !der_take_unsigned(&in, &e) || !der_take_unsigned(&in, &d) ||
        !der_take_unsigned(&in, &p) || !der_take_unsigned(&in, &q) || !der_take_unsigned(&in, &dp) ||
        !der_take_unsigned(&in, &dq) || !der_take_unsigned(&in, &iq) || in.n > 0)
        return refuse(why, malformed);
    size_t bits = bit_length(n);
    if (bits < CERT_RSA_MIN || bits > CERT_RSA_MAX)
        return refuse(why, STR("an RSA key must have 2048 to 4096 bits"));
    if (p.n == 0 || q.n == 0 || p.n > FACTOR_MAX || q.n > FACTOR_MAX || dp.n == 0 || dp.n > p.n ||
        dq.n == 0 || dq.n > q.n || iq.n == 0 || iq.n > p.n)
        return refuse(why, malformed);
    /* BearSSL's inverse needs odd moduli. */
    if (!(p.p[p.n - 1] & 1) || !(q.p[q.n - 1] & 1) || bit_length(p) + bit_length(q) < bits)
        return refuse(why, malformed);
    own->public = (struct cert_public){.known = true, .kind = CERT_RSA, .n = n, .e = e};
    c->kind = CERT_RSA;
    c->key.rsa = (br_rsa_private_key){
        .n_bitlen = (uint32_t)bits,
        .p = cert_bytes(p),
        .plen = p.n,
        .q = cert_bytes(q),
        .qlen = q.n,
        .dp = cert_bytes(dp),
        .dplen = dp.n,
        .dq = cert_bytes(dq),
        .dqlen = dq.n,
        .iq = cert_bytes(iq),
        .iqlen = iq.n,
    };
    return 0;
}

/* 0 < x < order of the curve. Not in constant time: it runs once, when the key is loaded. */
static bool scalar_in_range(int curve, struct str x)
{
    size_t n = 0;
    const unsigned char *order = br_ec_get_default()->order(curve, &n);
    if (x.n > n || (x.n == n && memcmp(x.p, order, n) >= 0))
        return false;
    for (size_t i = 0; i < x.n; i++) {
        if (x.p[i] != 0)
            return true;
    }
    return false;
}

/* ECPrivateKey, RFC 5915, from behind its version. `curve` is 0 when nothing named it before. */
static int read_ec(struct cert *c, struct str in, int curve, struct cert_own *own, struct str *why)
{
    struct str x, parameters, oid;
    static const struct str malformed = STR("the EC key is malformed");
    if (!der_take(&in, DER_OCTET_STRING, &x))
        return refuse(why, malformed);
    if (der_peek(in) == DER_CONTEXT_0) {
        if (!der_take(&in, DER_CONTEXT_0, &parameters) || !der_take(&parameters, DER_OID, &oid))
            return refuse(why, STR("the EC key does not name its curve"));
        int named = cert_curve(oid);
        if (curve && named != curve)
            return refuse(why, malformed);
        curve = named;
    }
    if (!curve)
        return refuse(why, STR("the EC key is not on P-256 or P-384"));
    if (!scalar_in_range(curve, x))
        return refuse(why, malformed);
    c->kind = CERT_EC;
    c->key.ec = (br_ec_private_key){.curve = curve, .x = cert_bytes(x), .xlen = x.n};
    size_t n = br_ec_compute_pub(br_ec_get_default(), NULL, own->point, &c->key.ec);
    own->public = (struct cert_public){
        .known = true, .kind = CERT_EC, .curve = curve, .point = str_from(own->point, n)};
    return 0;
}

/* PrivateKeyInfo, RFC 5208, from behind its version. */
static int read_pkcs8(struct cert *c, struct str in, struct cert_own *own, struct str *why)
{
    struct str algorithm, oid, key, body, version;
    if (!der_take(&in, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &oid) ||
        !der_take(&in, DER_OCTET_STRING, &key))
        return refuse(why, STR("the key is malformed"));
    if (!cert_is_rsa(oid) && !cert_is_ec(oid))
        return refuse(why, STR("the key is neither RSA nor EC (P-256, P-384)"));
    if (!der_take(&key, DER_SEQUENCE, &body) || !der_take_unsigned(&body, &version))
        return refuse(why, STR("the key is malformed"));
    if (cert_is_rsa(oid))
        return read_rsa(c, body, own, why);
    struct str curve;
    if (!der_take(&algorithm, DER_OID, &curve) || !cert_curve(curve))
        return refuse(why, STR("the EC key is not on P-256 or P-384"));
    return read_ec(c, body, cert_curve(curve), own, why);
}

static int read_der(struct cert *c, struct str der, struct cert_own *own, struct str *why)
{
    struct str body, version;
    if (!der_take(&der, DER_SEQUENCE, &body) || !der_take_unsigned(&body, &version))
        return refuse(why, STR("the key is malformed"));
    switch (der_peek(body)) {
    case DER_INTEGER: return read_rsa(c, body, own, why);
    case DER_OCTET_STRING: return read_ec(c, body, 0, own, why);
    case DER_SEQUENCE: return read_pkcs8(c, body, own, why);
    default: return refuse(why, STR("the key is malformed"));
    }
}

/* The first block that is a private key. */
static int find_key(struct str text, struct pem_block *block, struct str *why)
{
    for (;;) {
        enum pem_verdict v = pem_next(&text, block);
        if (v == PEM_END)
            return refuse(why, STR("there is no private key in PEM"));
        if (v == PEM_BROKEN)
            return refuse(why, STR("the key's PEM is broken"));
        if (str_eq(block->label, STR("ENCRYPTED PRIVATE KEY")))
            return refuse(why, STR("the key is encrypted"));
        if (str_ends(block->label, STR("PRIVATE KEY")))
            return block->headers ? refuse(why, STR("the key is encrypted")) : 0;
    }
}

int cert_key_read(struct cert *c, struct str pem, struct cert_own *own, struct str *why)
{
    struct pem_block block;
    size_t n = 0;
    if (find_key(pem, &block, why) < 0)
        return -1;
    /* Before anything decodes it. */
    if (pem_size(&block) > KEY_DER_MAX)
        return refuse(why, STR("the key is too large: RSA up to 4096 bits"));
    c->n_key_memory = pem_size(&block);
    c->key_memory = malloc(c->n_key_memory);
    if (!c->key_memory)
        return refuse(why, STR("out of memory"));
    if (!pem_decode(&block, c->key_memory, &n))
        return refuse(why, STR("the key's PEM is broken"));
    return read_der(c, str_from(c->key_memory, n), own, why);
}

bool cert_key_matches(const struct cert_own *own, const struct cert_public *p)
{
    if (!p->known || own->public.kind != p->kind)
        return false;
    if (p->kind == CERT_RSA)
        return str_eq(own->public.n, p->n) && str_eq(own->public.e, p->e);
    return own->public.curve == p->curve && str_eq(own->public.point, p->point);
}

/* An RSA key with one wrong part would give its factors away with the first signature. The numbers of an EC key fit by making. */
bool cert_key_works(const struct cert *c, const struct cert_public *p)
{
    uint8_t signature[CERT_RSA_MAX / 8], hash[32] = {1}, got[32];
    if (c->kind == CERT_EC)
        return true;
    size_t n = (c->key.rsa.n_bitlen + 7) / 8;
    const br_rsa_public_key public = {cert_bytes(p->n), p->n.n, cert_bytes(p->e), p->e.n};
    return br_rsa_pkcs1_sign_get_default()(BR_HASH_OID_SHA256, hash, sizeof hash, &c->key.rsa, signature) ==
               1 &&
           br_rsa_pkcs1_vrfy_get_default()(signature, n, BR_HASH_OID_SHA256, sizeof hash, &public, got) ==
               1 &&
           memcmp(hash, got, sizeof hash) == 0;
}
