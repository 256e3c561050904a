#include <time.h>

#include "acme/key.h"
#include "acme/x509.h"
#include "base/der.h"
#include "base/pem.h"

enum { CERTIFICATE_MAX = 65536, NAMES_MAX = 256 };

static const struct str oid_common_name = STR("\x55\x04\x03");
static const struct str oid_organisation = STR("\x55\x04\x0a");
static const struct str oid_alt_name = STR("\x55\x1d\x11");
static const struct str oid_key_identifier = STR("\x55\x1d\x23");

/* What is looked at in a certificate (RFC 5280 section 4.1); pieces point into its DER. */
struct parsed {
    struct str serial, issuer, subject, not_before, not_after, public, extensions;
    int before_tag, after_tag;
};

static bool take_date(struct str *in, int *tag, struct str *text)
{
    *tag = der_peek(*in);
    return (*tag == DER_UTC_TIME || *tag == DER_GENERALIZED_TIME) && der_take(in, *tag, text);
}

static bool parse(struct str der, struct parsed *p)
{
    struct str certificate, tbs, skipped, validity, wrapped;
    *p = (struct parsed){0};
    if (!der_take(&der, DER_SEQUENCE, &certificate) || der.n > 0 ||
        !der_take(&certificate, DER_SEQUENCE, &tbs))
        return false;
    if (der_peek(tbs) == DER_CONTEXT_0 && !der_take(&tbs, DER_CONTEXT_0, &skipped)) /* version */
        return false;
    if (!der_take(&tbs, DER_INTEGER, &p->serial) || p->serial.n == 0 ||
        !der_take(&tbs, DER_SEQUENCE, &skipped) /* algorithm */ ||
        !der_take(&tbs, DER_SEQUENCE, &p->issuer) || !der_take(&tbs, DER_SEQUENCE, &validity) ||
        !take_date(&validity, &p->before_tag, &p->not_before) ||
        !take_date(&validity, &p->after_tag, &p->not_after) || !der_take(&tbs, DER_SEQUENCE, &p->subject) ||
        !der_take(&tbs, DER_SEQUENCE, &p->public))
        return false;
    /* Unique identifiers may stand before the extensions; nobody writes them. */
    while (tbs.n > 0 && der_peek(tbs) != DER_CONTEXT_3) {
        if (!der_take_whole(&tbs, &skipped))
            return false;
    }
    return tbs.n == 0 ||
           (der_take(&tbs, DER_CONTEXT_3, &wrapped) && der_take(&wrapped, DER_SEQUENCE, &p->extensions));
}

/* The value of the first attribute of this type in a Name. */
static bool attribute(struct str name, struct str type, struct str *value)
{
    struct str set, pair, oid;
    while (der_take(&name, DER_SET, &set)) {
        while (der_take(&set, DER_SEQUENCE, &pair)) {
            if (der_take(&pair, DER_OID, &oid) && str_eq(oid, type))
                return der_take(&pair, der_peek(pair), value); /* of whatever kind of string */
        }
    }
    return false;
}

/* The content of an extension's OCTET STRING. */
static bool extension(struct str all, struct str type, struct str *value)
{
    struct str one, oid, critical;
    while (der_take(&all, DER_SEQUENCE, &one)) {
        if (!der_take(&one, DER_OID, &oid) || !str_eq(oid, type))
            continue;
        if (der_peek(one) == DER_BOOLEAN && !der_take(&one, DER_BOOLEAN, &critical))
            return false;
        return der_take(&one, DER_OCTET_STRING, value);
    }
    return false;
}

static bool take_number(struct str *text, size_t digits, int *out)
{
    uint64_t number = 0;
    if (text->n < digits || !str_to_u64(str_take(*text, digits), 9999, &number))
        return false;
    *out = (int)number;
    *text = str_skip(*text, digits);
    return true;
}

/* RFC 5280 section 4.1.2.5: seconds and Z are always there. */
static bool read_date(int tag, struct str text, int64_t *out)
{
    struct tm tm = {0};
    int year = 0, month = 0;
    bool two_digits = tag == DER_UTC_TIME;
    if (!take_number(&text, two_digits ? 2 : 4, &year) || !take_number(&text, 2, &month) ||
        !take_number(&text, 2, &tm.tm_mday) || !take_number(&text, 2, &tm.tm_hour) ||
        !take_number(&text, 2, &tm.tm_min) || !take_number(&text, 2, &tm.tm_sec) || !str_eq(text, STR("Z")))
        return false;
    if (month < 1 || month > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
        tm.tm_sec > 60)
        return false;
    if (two_digits)
        year += year < 50 ? 2000 : 1900;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *out = timegm(&tm);
    return true;
}

/* The dNSNames in lower case; other kinds are passed over. */
static bool read_names(struct arena *mem, const struct parsed *p, struct x509_facts *facts)
{
    struct str value, all, name;
    facts->names = arena_zalloc(mem, NAMES_MAX, sizeof *facts->names);
    facts->n_names = 0;
    if (!facts->names)
        return false;
    if (!extension(p->extensions, oid_alt_name, &value))
        return true;
    if (!der_take(&value, DER_SEQUENCE, &all))
        return false;
    while (all.n > 0) {
        if (der_peek(all) != DER_PRIMITIVE_2) {
            if (!der_take_whole(&all, &name))
                return false;
            continue;
        }
        if (!der_take(&all, DER_PRIMITIVE_2, &name) || facts->n_names == NAMES_MAX)
            return false;
        char *lower = arena_cstr(mem, name);
        if (!lower)
            return false;
        for (size_t i = 0; i < name.n; i++)
            lower[i] = ascii_lower(lower[i]);
        facts->names[facts->n_names++] = (struct str){lower, name.n};
    }
    return true;
}

static struct str hexadecimal(struct arena *mem, struct str bytes)
{
    static const char digit[] = "0123456789abcdef";
    char *text = arena_alloc(mem, bytes.n * 2 + 1);
    if (!text)
        return (struct str){NULL, 0};
    for (size_t i = 0; i < bytes.n; i++) {
        text[2 * i] = digit[(uint8_t)bytes.p[i] >> 4];
        text[2 * i + 1] = digit[(uint8_t)bytes.p[i] & 15];
    }
    text[bytes.n * 2] = '\0';
    return (struct str){text, bytes.n * 2};
}

static bool read_facts(struct arena *mem, struct str der, struct x509_facts *facts)
{
    struct parsed p;
    struct str issuer = {NULL, 0}, value, body, key_id = {NULL, 0};
    if (!parse(der, &p) || !read_date(p.before_tag, p.not_before, &facts->not_before) ||
        !read_date(p.after_tag, p.not_after, &facts->not_after) || !read_names(mem, &p, facts))
        return false;
    if (!attribute(p.issuer, oid_common_name, &issuer) && !attribute(p.issuer, oid_organisation, &issuer))
        issuer = STR("");
    /* AuthorityKeyIdentifier: its keyIdentifier is [0] (RFC 5280 section 4.2.1.1). */
    if (!extension(p.extensions, oid_key_identifier, &value) || !der_take(&value, DER_SEQUENCE, &body) ||
        !der_take(&body, DER_PRIMITIVE_0, &key_id))
        key_id = STR("");
    facts->issuer = arena_dup(mem, issuer);
    facts->serial = hexadecimal(mem, p.serial);
    facts->key_id = arena_dup(mem, key_id);
    return facts->issuer.p && facts->serial.p && facts->key_id.p;
}

/* Decodes the next certificate of a chain into mem. PEM_BROKEN for anything that is not one. */
static enum pem_verdict next_certificate(struct str *chain, struct arena *mem, struct str *der)
{
    struct pem_block block;
    size_t n = 0;
    enum pem_verdict v = pem_next(chain, &block);
    if (v != PEM_BLOCK)
        return v;
    if (!str_eq(block.label, STR("CERTIFICATE")) || block.headers || pem_size(&block) > CERTIFICATE_MAX)
        return PEM_BROKEN;
    uint8_t *bytes = arena_alloc(mem, pem_size(&block));
    if (!bytes || !pem_decode(&block, bytes, &n))
        return PEM_BROKEN;
    *der = str_from(bytes, n);
    return PEM_BLOCK;
}

bool x509_read(struct arena *mem, struct str chain_pem, struct x509_facts *facts)
{
    struct str der;
    return next_certificate(&chain_pem, mem, &der) == PEM_BLOCK && read_facts(mem, der, facts);
}

bool x509_belongs(struct str chain_pem, struct str key_pem)
{
    struct arena scratch = {0};
    struct str der;
    struct parsed p;
    struct key key;
    if (!key_read(&key, key_pem))
        return false;
    bool good = next_certificate(&chain_pem, &scratch, &der) == PEM_BLOCK && parse(der, &p) &&
                key_is_public(&key, p.public);
    key_done(&key);
    arena_done(&scratch);
    return good;
}

/* --- what a CA sent -------------------------------------------------------------------------------- */

static bool has_name(const struct str *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++) {
        if (str_ieq(names[i], name))
            return true;
    }
    return false;
}

static bool same_names(const struct x509_facts *facts, const struct x509_wanted *wanted)
{
    for (size_t i = 0; i < wanted->n_names; i++) {
        if (!has_name(facts->names, facts->n_names, wanted->names[i]))
            return false;
    }
    for (size_t i = 0; i < facts->n_names; i++) {
        if (!has_name(wanted->names, wanted->n_names, facts->names[i]))
            return false;
    }
    return true;
}

/*
 * Each certificate can be read and is issued by the name of the next one (RFC 8555 section 9.1). NULL, or
 * what is wrong.
 */
static const char *chain_fault(struct str chain, struct arena *mem)
{
    struct str der, issuer = {NULL, 0};
    struct parsed p;
    size_t n = 0;
    enum pem_verdict v;
    for (; (v = next_certificate(&chain, mem, &der)) == PEM_BLOCK; n++) {
        if (n == X509_CHAIN)
            return "there are more than 8 certificates in the chain";
        if (!parse(der, &p))
            return "the chain holds what is no certificate";
        if (n > 0 && !str_eq(p.subject, issuer))
            return "the chain's certificates do not follow from each other";
        issuer = p.issuer;
    }
    if (v == PEM_BROKEN)
        return "the chain's PEM is broken";
    return n > 0 ? NULL : "there is no certificate in the answer";
}

enum x509_verdict x509_accept(struct str chain_pem, const struct x509_wanted *wanted, const char **why)
{
    struct arena scratch = {0};
    struct x509_facts facts;
    enum x509_verdict verdict = X509_DAMAGED;
    *why = chain_fault(chain_pem, &scratch);
    if (*why)
        goto out;
    if (!x509_read(&scratch, chain_pem, &facts) || facts.not_after <= facts.not_before) {
        *why = "the certificate cannot be read";
        goto out;
    }
    verdict = X509_FOREIGN;
    if (!x509_belongs(chain_pem, wanted->key_pem))
        *why = "the certificate does not belong to our key";
    else if (!same_names(&facts, wanted))
        *why = "the certificate is not for the names that were ordered";
    else
        verdict = X509_GOOD;
out:
    arena_done(&scratch);
    return verdict;
}
