#include "tls/chain.h"

#include <string.h>

#include "base/err.h"
#include "tls/trust_int.h"

enum {
    ANCHORS = 16, /* authorities of the names that a chain has */
    STRONG_RSA = 2048 / 8,
    DAYS_TO_1970 = 719528, /* BearSSL counts from the year 0 */
    DAY = 86400,
};

/* A chain as it is judged: the certificates in the order of issuance, and whom to believe. */
struct judged {
    struct cert_parsed certs[CERT_CHAIN];
    size_t n;
    br_x509_trust_anchor anchors[ANCHORS];
    size_t n_anchors;
};

static struct chain *of(const br_x509_class **ctx)
{
    return (struct chain *)(void *)ctx;
}

/* --- collecting */

static void start_chain(const br_x509_class **ctx, const char *name)
{
    struct chain *c = of(ctx);
    (void)name;
    c->n = 0;
    c->err = 0;
    c->too_large = false;
    buf_take(&c->ders, c->ders.len);
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
    struct chain *c = of(ctx);
    c->seen = true;
    if (c->n < CERT_CHAIN)
        c->length[c->n] = length;
}

static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
    struct chain *c = of(ctx);
    if (c->n == CERT_CHAIN || c->too_large)
        return;
    c->too_large = c->ders.len + n > CHAIN_BYTES || !buf_add(&c->ders, p, n);
}

static void end_cert(const br_x509_class **ctx)
{
    struct chain *c = of(ctx);
    if (c->n < CERT_CHAIN)
        c->n++;
}

/* --- bringing into order */

static void swap(struct cert_parsed *a, struct cert_parsed *b)
{
    struct cert_parsed t = *a;
    *a = *b;
    *b = t;
}

static bool is_known(const struct tls_trust *t, struct str subject)
{
    br_x509_trust_anchor unused;
    return tls_trust_find(t, subject, &unused, 1) > 0;
}

/*
 * The next certificate behind the first `length`: the issuer of the last of them. Of several (an authority that was certified by
 * more than one other) it is the one whose own issuer is trusted. 0: there is none.
 */
static size_t find_issuer(const struct tls_trust *t, const struct judged *j, size_t length)
{
    size_t found = 0;
    for (size_t i = length; i < j->n; i++) {
        const struct cert_parsed *p = &j->certs[i];
        if (!str_eq(p->subject, j->certs[length - 1].issuer) || str_eq(p->subject, p->issuer))
            continue;
        if (is_known(t, p->issuer))
            return i;
        found = found ? found : i;
    }
    return found;
}

/* What does not belong to the line from the first certificate upwards is left out. */
static void bring_into_order(const struct tls_trust *t, struct judged *j)
{
    size_t length = 1, next = 0;
    while ((next = find_issuer(t, j, length)) > 0)
        swap(&j->certs[length++], &j->certs[next]);
    j->n = length;
}

/* 0 or an enum err. A certificate that is not the backend's own may be of any kind, if it is not needed. */
static int parse(const struct chain *c, struct judged *j)
{
    struct str rest = buf_str(&c->ders);
    for (size_t i = 0; i < c->n; i++) {
        struct cert_parsed p = {.der = str_take(rest, c->length[i])};
        rest = str_skip(rest, c->length[i]);
        if (cert_parse(&p) && cert_parse_extensions(&p))
            j->certs[j->n++] = p;
        else if (i == 0)
            return ERR_TLS_CERT_BROKEN;
    }
    return j->n > 0 ? 0 : ERR_TLS_CERT_BROKEN;
}

/* --- judging */

static int collect_anchors(const struct chain *c, struct judged *j)
{
    const struct cert_parsed *own = &j->certs[0];
    if (c->pinned) {
        j->anchors[0] = (br_x509_trust_anchor){
            .dn = {.data = cert_bytes(own->subject), .len = own->subject.n},
        };
        j->n_anchors = 1;
        return cert_parse_key(own, &j->anchors[0].pkey) ? 0 : ERR_TLS_CERT_KIND;
    }
    for (size_t i = 0; i < j->n; i++)
        j->n_anchors += tls_trust_find(c->trust, j->certs[i].issuer, j->anchors + j->n_anchors,
                                       ANCHORS - j->n_anchors);
    return 0;
}

static int error_of(const struct chain *c, const struct judged *j, unsigned error)
{
    switch (error) {
    case 0: return 0;
    case BR_ERR_X509_NOT_TRUSTED:
        return str_eq(j->certs[0].subject, j->certs[0].issuer) ? ERR_TLS_SELF_SIGNED : ERR_TLS_UNTRUSTED;
    case BR_ERR_X509_BAD_SERVER_NAME: return ERR_TLS_NAME;
    case BR_ERR_X509_EXPIRED:
        for (size_t i = 0; i < j->n; i++) {
            if (cert_parse_is_early(&j->certs[i], c->wall))
                return ERR_TLS_NOT_YET;
        }
        return ERR_TLS_EXPIRED;
    case BR_ERR_X509_UNSUPPORTED:
    case BR_ERR_X509_LIMIT_EXCEEDED:
    case BR_ERR_X509_WRONG_KEY_TYPE: return ERR_TLS_CERT_KIND;
    case BR_ERR_X509_WEAK_PUBLIC_KEY: return ERR_TLS_CERT_WEAK;
    case BR_ERR_X509_CRITICAL_EXTENSION:
    case BR_ERR_X509_NOT_CA:
    case BR_ERR_X509_FORBIDDEN_KEY_USAGE: return ERR_TLS_CERT_USE;
    default: return ERR_TLS_CERT_BROKEN;
    }
}

/* BearSSL's validation. SHA-1 is good for nothing but what is trusted itself, whose signature nobody looks at. */
static int validate(struct chain *c, const struct judged *j)
{
    br_x509_minimal_context *v = &c->validation;
    br_x509_minimal_init(v, &br_sha256_vtable, j->anchors, j->n_anchors);
    br_x509_minimal_set_rsa(v, br_rsa_pkcs1_vrfy_get_default());
    br_x509_minimal_set_ecdsa(v, br_ec_get_default(), br_ecdsa_vrfy_asn1_get_default());
    br_x509_minimal_set_hash(v, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_hash(v, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(v, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_time(v, (uint32_t)(c->wall / DAY + DAYS_TO_1970), (uint32_t)(c->wall % DAY));
    if (!c->pinned)
        br_x509_minimal_set_minrsa(v, STRONG_RSA);
    v->vtable->start_chain(&v->vtable, c->name[0] ? c->name : NULL);
    for (size_t i = 0; i < j->n; i++) {
        struct str der = j->certs[i].der;
        v->vtable->start_cert(&v->vtable, (uint32_t)der.n);
        v->vtable->append(&v->vtable, (const uint8_t *)der.p, der.n);
        v->vtable->end_cert(&v->vtable);
    }
    unsigned error = v->vtable->end_chain(&v->vtable);
    v->trust_anchors = NULL;
    return error_of(c, j, error);
}

/* The rest of what BearSSL does not do: addresses. */
static int check_address(const struct chain *c, const struct judged *j)
{
    if (c->name[0] || c->pinned)
        return 0;
    return c->ip.len > 0 && cert_parse_has_ip(&j->certs[0], c->ip) ? 0 : ERR_TLS_NAME;
}

static int judge(struct chain *c)
{
    struct judged j = {.n = 0};
    if (c->too_large)
        return ERR_TLS_CERT_BROKEN;
    int err = parse(c, &j);
    if (err)
        return err;
    if (tls_trust_all(c->trust))
        return cert_parse_key(&j.certs[0], &c->key) ? 0 : ERR_TLS_CERT_KIND;
    bring_into_order(c->trust, &j);
    c->pinned = tls_trust_has(c->trust, j.certs[0].der);
    err = collect_anchors(c, &j);
    if (!err)
        err = validate(c, &j);
    return err ? err : check_address(c, &j);
}

static unsigned end_chain(const br_x509_class **ctx)
{
    struct chain *c = of(ctx);
    c->err = judge(c);
    return c->err ? BR_ERR_X509_NOT_TRUSTED : 0;
}

/*
 * A certificate that is trusted itself is good for any use: people sign for themselves with keyUsage of an authority, or of nothing
 * that fits.
 */
static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx, unsigned *usages)
{
    const struct chain *c = (const struct chain *)(const void *)ctx;
    if (c->err)
        return NULL;
    bool all = tls_trust_all(c->trust);
    const br_x509_pkey *key = all ? &c->key : c->validation.vtable->get_pkey(&c->validation.vtable, usages);
    if (usages && (all || c->pinned))
        *usages = BR_KEYTYPE_SIGN | BR_KEYTYPE_KEYX;
    return key;
}

static const br_x509_class chain_class = {
    .context_size = sizeof(struct chain),
    .start_chain = start_chain,
    .start_cert = start_cert,
    .append = append,
    .end_cert = end_cert,
    .end_chain = end_chain,
    .get_pkey = get_pkey,
};

bool chain_init(struct chain *c, const struct tls_trust *trust, struct str name, int64_t wall)
{
    *c = (struct chain){.class = &chain_class, .trust = trust, .wall = wall};
    if (ip_parse(name, &c->ip))
        return true;
    if (str_ends(name, STR(".")))
        name.n--;
    if (name.n > CHAIN_NAME)
        return false;
    if (name.n > 0)
        memcpy(c->name, name.p, name.n);
    return true;
}

void chain_done(struct chain *c)
{
    buf_done(&c->ders);
}
