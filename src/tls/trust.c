#include "tls/trust.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/pem.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "tls/cert_parse.h"
#include "tls/trust_int.h"

struct anchor {
    struct str subject;
    br_x509_pkey key;
    bool authority;
    uint8_t fingerprint[CERT_FINGERPRINT]; /* SHA-256 of the certificate */
};

struct tls_trust {
    uint8_t id[TRUST_ID];
    bool all;
    struct arena mem;
    struct anchor *anchors;
    size_t n;
};

/* --- reading the bundle */

static size_t count_blocks(struct str pem)
{
    struct pem_block block;
    size_t n = 0;
    while (pem_next(&pem, &block) == PEM_BLOCK)
        n++;
    return n;
}

/* The key's numbers in memory of ours. False when memory is out. */
static bool keep_key(struct arena *mem, br_x509_pkey *key)
{
    bool rsa = key->key_type == BR_KEYTYPE_RSA;
    const uint8_t *from = rsa ? key->key.rsa.n : key->key.ec.q;
    size_t n = rsa ? key->key.rsa.nlen : key->key.ec.qlen, n_exponent = rsa ? key->key.rsa.elen : 0;
    uint8_t *p = arena_alloc(mem, n + n_exponent);
    if (!p)
        return false;
    memcpy(p, from, n);
    if (!rsa) {
        key->key.ec.q = p;
        return true;
    }
    memcpy(p + n, key->key.rsa.e, n_exponent);
    key->key.rsa.n = p;
    key->key.rsa.e = p + n;
    return true;
}

/* Adds one certificate, unless it cannot be used. False when memory is out. */
static bool add(struct tls_trust *t, struct str der)
{
    struct cert_parsed p = {.der = der};
    struct anchor *a = &t->anchors[t->n];
    if (!cert_parse(&p) || !cert_parse_extensions(&p) || !cert_parse_key(&p, &a->key))
        return true;
    a->authority = p.authority == CERT_AUTHORITY_YES ||
                   (p.authority == CERT_AUTHORITY_UNSAID && str_eq(p.subject, p.issuer));
    crypto_hash_sha256(a->fingerprint, (const uint8_t *)der.p, der.n);
    a->subject = arena_dup(&t->mem, p.subject);
    if (!a->subject.p || !keep_key(&t->mem, &a->key))
        return false;
    t->n++;
    return true;
}

static int read_bundle(struct tls_trust *t, struct str pem, uint8_t *scratch)
{
    struct pem_block block;
    size_t n = 0;
    for (enum pem_verdict v; (v = pem_next(&pem, &block)) != PEM_END;) {
        if (v == PEM_BROKEN)
            return ERR_TRUST_BROKEN;
        if (!str_eq(block.label, STR("CERTIFICATE")) || pem_size(&block) > CERT_DER)
            continue;
        if (!pem_decode(&block, scratch, &n))
            return ERR_TRUST_BROKEN;
        if (!add(t, str_from(scratch, n)))
            return ERR_NOMEM;
    }
    return t->n > 0 ? 0 : ERR_TRUST_NONE;
}

static int load(struct tls_trust *t, struct str pem)
{
    uint8_t scratch[CERT_DER];
    t->anchors = calloc(count_blocks(pem) + 1, sizeof *t->anchors);
    return t->anchors ? read_bundle(t, pem, scratch) : ERR_NOMEM;
}

struct tls_trust *tls_trust_new(struct str pem, int *err)
{
    struct tls_trust *t = calloc(1, sizeof *t);
    *err = ERR_NOMEM;
    if (!t)
        return NULL;
    rand_bytes(t->id, sizeof t->id);
    t->all = pem.n == 0;
    *err = t->all ? 0 : load(t, pem);
    if (*err) {
        tls_trust_free(t);
        return NULL;
    }
    return t;
}

void tls_trust_free(struct tls_trust *t)
{
    if (!t)
        return;
    arena_done(&t->mem);
    wipe_free(t->anchors, 0);
    wipe_free(t, 0);
}

/* --- asking it */

const uint8_t *tls_trust_id(const struct tls_trust *t)
{
    return t->id;
}

bool tls_trust_all(const struct tls_trust *t)
{
    return t->all;
}

bool tls_trust_has(const struct tls_trust *t, struct str der)
{
    uint8_t fingerprint[CERT_FINGERPRINT];
    crypto_hash_sha256(fingerprint, (const uint8_t *)der.p, der.n);
    for (size_t i = 0; i < t->n; i++) {
        if (memcmp(t->anchors[i].fingerprint, fingerprint, sizeof fingerprint) == 0)
            return true;
    }
    return false;
}

size_t tls_trust_find(const struct tls_trust *t, struct str subject, br_x509_trust_anchor *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n && n < room; i++) {
        const struct anchor *a = &t->anchors[i];
        if (!a->authority || !str_eq(a->subject, subject))
            continue;
        out[n++] = (br_x509_trust_anchor){
            .dn = {.data = cert_bytes(a->subject), .len = a->subject.n},
            .flags = BR_X509_TA_CA,
            .pkey = a->key,
        };
    }
    return n;
}
