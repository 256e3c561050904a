#include "tls/cert.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/pem.h"
#include "base/wipe.h"
#include "tls/cert_int.h"

static int refuse(struct str *why, struct str reason)
{
    *why = reason;
    return -1;
}

static void swap(struct cert_parsed *a, struct cert_parsed *b)
{
    struct cert_parsed t = *a;
    *a = *b;
    *b = t;
}

/* The certificate that the key belongs to goes to the front: the leaf. */
static int find_leaf(struct cert_parsed *p, size_t n, const struct cert_own *own, struct str *why)
{
    for (size_t i = 0; i < n; i++) {
        if (cert_key_matches(own, &p[i].public)) {
            swap(&p[0], &p[i]);
            return 0;
        }
    }
    return refuse(why, STR("the key does not belong to the certificate"));
}

/*
 * Each certificate is to be certified by the next one (RFC 5246 section 7.4.2). What does not belong to the line is left out, and
 * so is a root that signed itself.
 */
static size_t order_chain(struct cert_parsed *p, size_t n)
{
    size_t length = 1;
    for (size_t k = length; k < n; k++) {
        if (!str_eq(p[k].subject, p[length - 1].issuer) || str_eq(p[k].subject, p[k].issuer))
            continue;
        swap(&p[length], &p[k]);
        k = length++;
    }
    return length;
}

/* Decodes the certificates of `text` into c->chain_memory. Their number, or -1 with *why. */
static int read_chain(struct cert *c, struct str text, struct cert_parsed *out, struct str *why)
{
    struct pem_block block;
    size_t at = 0, n = 0, got = 0;
    /* Base64 is larger than what it stands for. */
    c->chain_memory = malloc(text.n + 1);
    if (!c->chain_memory)
        return refuse(why, STR("out of memory"));
    for (enum pem_verdict v; (v = pem_next(&text, &block)) != PEM_END;) {
        if (v == PEM_BROKEN)
            return refuse(why, STR("the certificate's PEM is broken"));
        if (!str_eq(block.label, STR("CERTIFICATE")))
            continue;
        if (n == CERT_CHAIN)
            return refuse(why, STR("there are more than 8 certificates in the chain"));
        if (block.headers || pem_size(&block) > CERT_DER || !pem_decode(&block, c->chain_memory + at, &got))
            return refuse(why, STR("the certificate's PEM is broken or too large"));
        out[n] = (struct cert_parsed){.der = str_from(c->chain_memory + at, got)};
        if (!cert_parse(&out[n]))
            return refuse(why, STR("not a certificate"));
        at += got;
        n++;
    }
    return n > 0 ? (int)n : refuse(why, STR("there is no certificate in PEM"));
}

static int load(struct cert *c, struct str pem_chain, struct str pem_key, struct str *why)
{
    struct cert_parsed parsed[CERT_CHAIN];
    struct cert_own own;
    int n = read_chain(c, pem_chain, parsed, why);
    if (n < 0)
        return -1;
    if (n == 1 && !parsed[0].public.known)
        return refuse(why, STR("the certificate's key is neither RSA nor EC (P-256, P-384)"));
    if (cert_key_read(c, pem_key, &own, why) < 0 || find_leaf(parsed, (size_t)n, &own, why) < 0)
        return -1;
    if (!cert_key_works(c, &parsed[0].public))
        return refuse(why, STR("the private key is damaged: its signatures are wrong"));
    c->n_chain = order_chain(parsed, (size_t)n);
    for (size_t i = 0; i < c->n_chain; i++) {
        c->chain[i].data = c->chain_memory + ((const uint8_t *)parsed[i].der.p - c->chain_memory);
        c->chain[i].data_len = parsed[i].der.n;
    }
    crypto_hash_sha256(c->fingerprint, c->chain[0].data, c->chain[0].data_len);
    return 0;
}

struct cert *cert_new(struct str pem_chain, struct str pem_key, struct str *why)
{
    struct cert *c = calloc(1, sizeof *c);
    if (!c) {
        *why = STR("out of memory");
        return NULL;
    }
    if (load(c, pem_chain, pem_key, why) < 0) {
        cert_free(c);
        return NULL;
    }
    return c;
}

void cert_free(struct cert *c)
{
    if (!c)
        return;
    wipe_free(c->key_memory, c->n_key_memory);
    wipe_free(c->chain_memory, 0);
    wipe_free(c, sizeof *c);
}
