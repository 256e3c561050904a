/*
 * A P-256 key: the account's or a certificate's. Kept as PKCS#8 PEM, used as numbers. Whoever made or read
 * one calls key_done(), which wipes it.
 */
#ifndef EDGE_ACME_KEY_H
#define EDGE_ACME_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/der_write.h"
#include "base/str.h"

enum { KEY_SCALAR = 32, KEY_POINT = 65, KEY_RAW_SIGNATURE = 64 };

struct key {
    uint8_t scalar[KEY_SCALAR];
    uint8_t point[KEY_POINT]; /* uncompressed: 04, x, y */
};

/* Needs rand_init(). */
bool key_make(struct key *key);
/* From PKCS#8 PEM (RFC 5958); false when it is anything but a P-256 key. */
bool key_read(struct key *key, struct str pem);
/* PKCS#8 PEM in mem, secret. p is NULL when memory is out. */
struct str key_pem(const struct key *key, struct arena *mem);
void key_done(struct key *key);

/*
 * ECDSA with SHA-256: r and s side by side, as JOSE has it (RFC 7518 section 3.4). The nonce is of RFC
 * 6979.
 */
void key_sign_raw(const struct key *key, struct str data, uint8_t signature[KEY_RAW_SIGNATURE]);
/* The same as X.509 has it: a signature algorithm, then a BIT STRING with the DER of both numbers. */
void key_sign_der(const struct key *key, struct str data, struct der_write *out);
/* ecdsa-with-SHA256 as an AlgorithmIdentifier (RFC 5758 section 3.2). */
void key_write_algorithm(struct der_write *out);
/* SubjectPublicKeyInfo (RFC 5480). */
void key_write_public(const struct key *key, struct der_write *out);
/* Whether SubjectPublicKeyInfo, without its header, holds this key's public half. */
bool key_is_public(const struct key *key, struct str info);

#endif
