/* What BearSSL's engine calls back: the key exchange, and the start of encryption, which tells the keys. */
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#include "base/wipe.h"
#include "tls/bear12_int.h"

/* --- key exchange: X25519 by libsodium, P-256 by BearSSL */

static const unsigned char *ec_generator(int curve, size_t *len)
{
    return br_ec_get_default()->generator(curve, len);
}

static const unsigned char *ec_order(int curve, size_t *len)
{
    return br_ec_get_default()->order(curve, len);
}

static size_t ec_xoff(int curve, size_t *len)
{
    return br_ec_get_default()->xoff(curve, len);
}

/* BearSSL's scalars are big-endian, X25519's little-endian (RFC 7748 section 5). False when x has another length. */
static bool reverse_scalar(uint8_t out[crypto_scalarmult_SCALARBYTES], const unsigned char *x, size_t xlen)
{
    if (xlen != crypto_scalarmult_SCALARBYTES)
        return false;
    for (size_t i = 0; i < xlen; i++)
        out[i] = x[xlen - 1 - i];
    return true;
}

static uint32_t multiply_x25519(unsigned char *point, size_t n, const unsigned char *x, size_t xlen)
{
    uint8_t scalar[crypto_scalarmult_SCALARBYTES], shared[crypto_scalarmult_BYTES];
    uint32_t good = 0;
    if (n == sizeof shared && reverse_scalar(scalar, x, xlen)) {
        /* It refuses points of low order, as RFC 8422 section 5.11 wants. */
        good = crypto_scalarmult(shared, scalar, point) == 0;
        memcpy(point, shared, sizeof shared);
    }
    wipe(scalar, sizeof scalar);
    wipe(shared, sizeof shared);
    return good;
}

static uint32_t ec_mul(unsigned char *point, size_t n, const unsigned char *x, size_t xlen, int curve)
{
    return curve == BR_EC_curve25519 ? multiply_x25519(point, n, x, xlen)
                                     : br_ec_get_default()->mul(point, n, x, xlen, curve);
}

/*
 * A server's engine goes on with a random secret when this fails and dies of the client's Finished. To tell the client what was
 * wrong we note it: the point always lies in the `pad` of an engine, as the engine keeps the ClientKeyExchange there. A client's
 * engine has it elsewhere, and fails by itself.
 */
static uint32_t ec_mul_server(unsigned char *point, size_t n, const unsigned char *x, size_t xlen, int curve)
{
    uint32_t good = ec_mul(point, n, x, xlen, curve);
    if (!good)
        ((struct bear12_core *)(void *)(point - offsetof(struct bear12_core, ssl.eng.pad)))->bad_share = true;
    return good;
}

static size_t ec_mulgen(unsigned char *point, const unsigned char *x, size_t xlen, int curve)
{
    if (curve != BR_EC_curve25519)
        return br_ec_get_default()->mulgen(point, x, xlen, curve);
    uint8_t scalar[crypto_scalarmult_SCALARBYTES];
    if (!reverse_scalar(scalar, x, xlen))
        return 0;
    crypto_scalarmult_base(point, scalar);
    wipe(scalar, sizeof scalar);
    return crypto_scalarmult_BYTES;
}

static uint32_t ec_muladd(unsigned char *a, const unsigned char *b, size_t n, const unsigned char *x,
                          size_t xlen, const unsigned char *y, size_t ylen, int curve)
{
    return br_ec_get_default()->muladd(a, b, n, x, xlen, y, ylen, curve);
}

/* Without muladd(), which only verifiers of signatures need. */
const br_ec_impl bear12_ec = {
    .supported_curves = (uint32_t)1 << BR_EC_curve25519 | (uint32_t)1 << BR_EC_secp256r1,
    .generator = ec_generator,
    .order = ec_order,
    .xoff = ec_xoff,
    .mul = ec_mul_server,
    .mulgen = ec_mulgen,
};

/* These are also the curves that a server's certificate may have: it looks for them in the same extension. */
const br_ec_impl bear12_client_ec = {
    .supported_curves = (uint32_t)1 << BR_EC_curve25519 | (uint32_t)1 << BR_EC_secp256r1 |
                        (uint32_t)1 << BR_EC_secp384r1,
    .generator = ec_generator,
    .order = ec_order,
    .xoff = ec_xoff,
    .mul = ec_mul,
    .mulgen = ec_mulgen,
    .muladd = ec_muladd,
};

/*
 * --- the start of encryption: our init() notes the keys and lets BearSSL's own do the rest, which puts BearSSL's class in the
 * place of ours. So of our classes nothing but init() is ever used.
 */

static struct bear12_core *of_in(void *ctx)
{
    return (struct bear12_core *)(void *)((char *)ctx - offsetof(struct bear12_core, ssl.eng.in));
}

static struct bear12_core *of_out(void *ctx)
{
    return (struct bear12_core *)(void *)((char *)ctx - offsetof(struct bear12_core, ssl.eng.out));
}

static void note_gcm(struct rec_keys *k, const void *key, size_t key_len, const void *iv)
{
    k->kind = key_len == 16 ? AEAD_AES_128_GCM : AEAD_AES_256_GCM;
    memcpy(k->key, key, key_len);
    memcpy(k->iv, iv, 4);
}

static void note_chapol(struct rec_keys *k, const void *key, const void *iv)
{
    k->kind = AEAD_CHACHA20_POLY1305;
    memcpy(k->key, key, AEAD_KEY);
    memcpy(k->iv, iv, AEAD_NONCE);
}

static void gcm_in_init(const br_sslrec_in_gcm_class **ctx, const br_block_ctr_class *bc, const void *key,
                        size_t key_len, br_ghash ghash, const void *iv)
{
    note_gcm(&of_in(ctx)->in, key, key_len, iv);
    br_sslrec_in_gcm_vtable.init(ctx, bc, key, key_len, ghash, iv);
}

static void gcm_out_init(const br_sslrec_out_gcm_class **ctx, const br_block_ctr_class *bc, const void *key,
                         size_t key_len, br_ghash ghash, const void *iv)
{
    struct bear12_core *b = of_out(ctx);
    note_gcm(&b->out, key, key_len, iv);
    b->have_out = true;
    br_sslrec_out_gcm_vtable.init(ctx, bc, key, key_len, ghash, iv);
}

static void chapol_in_init(const br_sslrec_in_chapol_class **ctx, br_chacha20_run chacha,
                           br_poly1305_run poly, const void *key, const void *iv)
{
    note_chapol(&of_in(ctx)->in, key, iv);
    br_sslrec_in_chapol_vtable.init(ctx, chacha, poly, key, iv);
}

static void chapol_out_init(const br_sslrec_out_chapol_class **ctx, br_chacha20_run chacha,
                            br_poly1305_run poly, const void *key, const void *iv)
{
    struct bear12_core *b = of_out(ctx);
    note_chapol(&b->out, key, iv);
    b->have_out = true;
    br_sslrec_out_chapol_vtable.init(ctx, chacha, poly, key, iv);
}

const br_sslrec_in_gcm_class bear12_gcm_in = {.init = gcm_in_init};
const br_sslrec_out_gcm_class bear12_gcm_out = {.init = gcm_out_init};
const br_sslrec_in_chapol_class bear12_chapol_in = {.init = chapol_in_init};
const br_sslrec_out_chapol_class bear12_chapol_out = {.init = chapol_out_init};
