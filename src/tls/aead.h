/*
 * One message sealed or opened with an AEAD (RFC 5116): the only place that knows whose AES or ChaCha20 runs. Tags are 16 bytes,
 * nonces 12. Input and output may be the same memory, else they must not overlap.
 */
#ifndef EDGE_TLS_AEAD_H
#define EDGE_TLS_AEAD_H

#include <bearssl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AEAD_TAG = 16, AEAD_NONCE = 12, AEAD_KEY = 32 };

enum aead_kind { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305 };

/* What this processor can do, looked up once: the instruction that tells is slow in a virtual machine. */
struct aead_impl {
    bool sodium_aes256;            /* libsodium's AES-256-GCM, the fastest; needs AES instructions */
    const br_block_ctr_class *ctr; /* BearSSL's AES, for what libsodium has not */
    br_ghash ghash;
};

void aead_impl_init(struct aead_impl *impl);

/* A key made ready. Members are private; wipe it when it is done with. */
struct aead {
    const struct aead_ops *ops;
    union {
        crypto_aead_aes256gcm_state sodium;
        struct {
            br_aes_gen_ctr_keys ctr;
            br_ghash ghash;
            uint8_t h[16];
        } bear;
        uint8_t chacha[32];
    } key;
};

/* What a message is sealed under besides the key. */
struct aead_context {
    uint8_t nonce[AEAD_NONCE];
    uint8_t ad[16]; /* additional data: 13 bytes in TLS 1.2, 5 in TLS 1.3 */
    size_t n_ad;
};

/* 16 bytes for AES-128, else 32. */
size_t aead_key_size(enum aead_kind kind);
/* The key is aead_key_size() bytes. */
void aead_init(struct aead *a, const struct aead_impl *impl, enum aead_kind kind, const uint8_t *key);
/* Writes n + AEAD_TAG bytes. */
void aead_seal(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n, uint8_t *out);
/* Takes n bytes and the tag behind them, writes n bytes. False when the tag is wrong; what is in `out` then means nothing. */
bool aead_open(const struct aead *a, const struct aead_context *c, const uint8_t *in, size_t n, uint8_t *out);

#endif
