/* JSON Web Signatures with ES256, flattened, as ACME sends them (RFC 7515, RFC 8555 section 6.2). */
#ifndef EDGE_ACME_JWS_H
#define EDGE_ACME_JWS_H

#include <stdbool.h>

#include "acme/key.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct jws {
    struct str kid;   /* the account's URL; empty: the public key itself goes in (newAccount) */
    struct str nonce; /* empty: none, for a JWS inside another one */
    struct str url;
    struct str payload; /* empty: POST-as-GET (RFC 8555 section 6.3) */
};

/* Adds the whole message. False when memory is out. */
bool jws_sign(struct buf *out, const struct key *key, const struct jws *j);
/*
 * The public key as a JWK: its required members in lexicographic order without blanks, as RFC 7638 hashes
 * it.
 */
bool jws_write_jwk(struct buf *out, const struct key *key);
/* base64url of SHA-256 over the JWK (RFC 7638). p is NULL when memory is out. */
struct str jws_thumbprint(struct arena *mem, const struct key *key);

#endif
