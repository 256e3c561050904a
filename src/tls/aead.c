#include "tls/aead.h"

#include <string.h>

struct aead_ops {
    void (*seal)(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                 uint8_t *out);
    bool (*open)(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                 uint8_t *out);
};

void aead_impl_init(struct aead_impl *impl)
{
    impl->sodium_aes256 = crypto_aead_aes256gcm_is_available() == 1;
    impl->ctr = br_aes_x86ni_ctr_get_vtable();
    if (!impl->ctr)
        impl->ctr = br_aes_pwr8_ctr_get_vtable();
    if (!impl->ctr)
        impl->ctr = &br_aes_ct64_ctr_vtable;
    impl->ghash = br_ghash_pclmul_get();
    if (!impl->ghash)
        impl->ghash = br_ghash_pwr8_get();
    if (!impl->ghash)
        impl->ghash = sizeof(void *) == 8 ? br_ghash_ctmul64 : br_ghash_ctmul32;
}

/* --- AES-256-GCM by libsodium */

static void sodium_seal(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                        uint8_t *out)
{
    crypto_aead_aes256gcm_encrypt_detached_afternm(out, out + n, NULL, in, n, c->ad, c->n_ad, NULL, c->nonce,
                                                   &a->key.sodium);
}

static bool sodium_open(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                        uint8_t *out)
{
    return crypto_aead_aes256gcm_decrypt_detached_afternm(out, NULL, in, n, in + n, c->ad, c->n_ad, c->nonce,
                                                          &a->key.sodium) == 0;
}

static const struct aead_ops sodium_ops = {sodium_seal, sodium_open};

/* --- ChaCha20-Poly1305 by libsodium */

static void chacha_seal(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                        uint8_t *out)
{
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(out, out + n, NULL, in, n, c->ad, c->n_ad, NULL,
                                                       c->nonce, a->key.chacha);
}

static bool chacha_open(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                        uint8_t *out)
{
    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(out, NULL, in, n, in + n, c->ad, c->n_ad,
                                                              c->nonce, a->key.chacha) == 0;
}

static const struct aead_ops chacha_ops = {chacha_seal, chacha_open};

/* --- AES-GCM by BearSSL's AES and GHASH (NIST SP 800-38D section 7) */

static void bear_ctr(const struct aead *a, const uint8_t *nonce, uint32_t counter, void *data, size_t n)
{
    a->key.bear.ctr.vtable->run(&a->key.bear.ctr.vtable, nonce, counter, data, n);
}

static void store64(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

static void bear_tag(const struct aead *a, const struct aead_context *c, const uint8_t *cipher, size_t n,
                     uint8_t tag[AEAD_TAG])
{
    uint8_t lengths[16];
    store64(lengths, (uint64_t)c->n_ad * 8);
    store64(lengths + 8, (uint64_t)n * 8);
    memset(tag, 0, AEAD_TAG);
    a->key.bear.ghash(tag, a->key.bear.h, c->ad, c->n_ad);
    a->key.bear.ghash(tag, a->key.bear.h, cipher, n);
    a->key.bear.ghash(tag, a->key.bear.h, lengths, sizeof lengths);
    bear_ctr(a, c->nonce, 1, tag, AEAD_TAG);
}

static void bear_seal(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                      uint8_t *out)
{
    if (out != in && n > 0)
        memcpy(out, in, n);
    bear_ctr(a, c->nonce, 2, out, n);
    bear_tag(a, c, out, n, out + n);
}

static bool bear_open(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n,
                      uint8_t *out)
{
    uint8_t tag[AEAD_TAG];
    bear_tag(a, c, in, n, tag);
    if (sodium_memcmp(tag, in + n, sizeof tag) != 0)
        return false;
    if (out != in && n > 0)
        memcpy(out, in, n);
    bear_ctr(a, c->nonce, 2, out, n);
    return true;
}

static const struct aead_ops bear_ops = {bear_seal, bear_open};

size_t aead_key_size(enum aead_kind kind)
{
    return kind == AEAD_AES_128_GCM ? 16 : 32;
}

void aead_init(struct aead *a, const struct aead_impl *impl, enum aead_kind kind, const uint8_t *key)
{
    static const uint8_t zero[AEAD_NONCE];
    if (kind == AEAD_CHACHA20_POLY1305) {
        a->ops = &chacha_ops;
        memcpy(a->key.chacha, key, sizeof a->key.chacha);
        return;
    }
    if (kind == AEAD_AES_256_GCM && impl->sodium_aes256) {
        a->ops = &sodium_ops;
        crypto_aead_aes256gcm_beforenm(&a->key.sodium, key);
        return;
    }
    a->ops = &bear_ops;
    impl->ctr->init(&a->key.bear.ctr.vtable, key, aead_key_size(kind));
    a->key.bear.ghash = impl->ghash;
    memset(a->key.bear.h, 0, sizeof a->key.bear.h);
    bear_ctr(a, zero, 0, a->key.bear.h, sizeof a->key.bear.h);
}

void aead_seal(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n, uint8_t *out)
{
    a->ops->seal(a, c, in, n, out);
}

bool aead_open(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n, uint8_t *out)
{
    return a->ops->open(a, c, in, n, out);
}
