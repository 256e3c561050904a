#include "tls/cert_parse.h"

#include <string.h>
#include <time.h>

#include "base/der.h"

enum {
    RSA_MIN = 1024 / 8, /* of a modulus; what is too weak to be believed is decided elsewhere */
    EXPONENT_MAX = 8,
    TIME_TEXT = 15, /* YYYYMMDDHHMMSSZ */
    NAME_IP = 0x87, /* GeneralName: [7] iPAddress */
};

int cert_curve(struct str oid)
{
    static const struct str p256 = STR("\x2a\x86\x48\xce\x3d\x03\x01\x07"),
                            p384 = STR("\x2b\x81\x04\x00\x22");
    if (str_eq(oid, p256))
        return BR_EC_secp256r1;
    return str_eq(oid, p384) ? BR_EC_secp384r1 : 0;
}

bool cert_is_rsa(struct str oid)
{
    return str_eq(oid, STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"));
}

bool cert_is_ec(struct str oid)
{
    return str_eq(oid, STR("\x2a\x86\x48\xce\x3d\x02\x01"));
}

unsigned char *cert_bytes(struct str s)
{
    union {
        const char *from;
        unsigned char *to;
    } u = {.from = s.p};
    return u.to;
}

/* SubjectPublicKeyInfo. False: malformed. */
static bool parse_public(struct str in, struct cert_public *p)
{
    struct str algorithm, oid, curve, bits, body;
    if (!der_take(&in, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &oid) ||
        !der_take_bits(&in, &bits))
        return false;
    if (cert_is_rsa(oid)) {
        p->kind = CERT_RSA;
        p->known = true;
        return der_take(&bits, DER_SEQUENCE, &body) && der_take_unsigned(&body, &p->n) &&
               der_take_unsigned(&body, &p->e);
    }
    if (cert_is_ec(oid) && der_take(&algorithm, DER_OID, &curve)) {
        p->kind = CERT_EC;
        p->curve = cert_curve(curve);
        p->point = bits;
        p->known = p->curve != 0;
    }
    return true;
}

bool cert_parse(struct cert_parsed *p)
{
    struct str in = p->der, certificate, tbs, skipped, key;
    if (!der_take(&in, DER_SEQUENCE, &certificate) || in.n > 0 || !der_take(&certificate, DER_SEQUENCE, &tbs))
        return false;
    if (der_peek(tbs) == DER_CONTEXT_0 && !der_take(&tbs, DER_CONTEXT_0, &skipped)) /* version */
        return false;
    if (!der_take(&tbs, DER_INTEGER, &skipped) /* serial number */ ||
        !der_take(&tbs, DER_SEQUENCE, &skipped) /* signature algorithm */ ||
        !der_take_whole(&tbs, &p->issuer) || !der_take(&tbs, DER_SEQUENCE, &p->not_before) ||
        !der_take_whole(&tbs, &p->subject) || !der_take(&tbs, DER_SEQUENCE, &key))
        return false;
    p->extensions = tbs;
    return parse_public(key, &p->public);
}

static bool parse_constraints(struct cert_parsed *p, struct str value)
{
    struct str body, ca;
    if (!der_take(&value, DER_SEQUENCE, &body))
        return false;
    p->authority = CERT_AUTHORITY_NO;
    if (der_peek(body) != DER_BOOLEAN)
        return true;
    if (!der_take(&body, DER_BOOLEAN, &ca) || ca.n != 1)
        return false;
    if (ca.p[0] != 0)
        p->authority = CERT_AUTHORITY_YES;
    return true;
}

static bool parse_extension(struct cert_parsed *p, struct str extension)
{
    static const struct str constraints = STR("\x55\x1d\x13"), alt_name = STR("\x55\x1d\x11");
    struct str oid, critical, value;
    if (!der_take(&extension, DER_OID, &oid) ||
        (der_peek(extension) == DER_BOOLEAN && !der_take(&extension, DER_BOOLEAN, &critical)) ||
        !der_take(&extension, DER_OCTET_STRING, &value))
        return false;
    if (str_eq(oid, constraints))
        return parse_constraints(p, value);
    return str_eq(oid, alt_name) ? der_take(&value, DER_SEQUENCE, &p->names) : true;
}

bool cert_parse_extensions(struct cert_parsed *p)
{
    struct str rest = p->extensions, element, list, extension;
    p->authority = CERT_AUTHORITY_UNSAID;
    p->names = (struct str){NULL, 0};
    /* The unique identifiers of issuer and subject, which nobody uses. */
    while (rest.n > 0 && der_peek(rest) != DER_CONTEXT_3) {
        if (!der_take_whole(&rest, &element))
            return false;
    }
    if (rest.n == 0)
        return true;
    if (!der_take(&rest, DER_CONTEXT_3, &element) || !der_take(&element, DER_SEQUENCE, &list))
        return false;
    while (list.n > 0) {
        if (!der_take(&list, DER_SEQUENCE, &extension) || !parse_extension(p, extension))
            return false;
    }
    return true;
}

/* RFC 5280 section 4.1.2.5: two digits of a year below 50 are of this century. */
static bool read_time(struct str in, char out[TIME_TEXT])
{
    struct str t;
    if (der_take(&in, DER_GENERALIZED_TIME, &t) && t.n == TIME_TEXT) {
        memcpy(out, t.p, TIME_TEXT);
        return true;
    }
    if (!der_take(&in, DER_UTC_TIME, &t) || t.n != TIME_TEXT - 2)
        return false;
    bool this_century = t.p[0] < '5';
    out[0] = this_century ? '2' : '1';
    out[1] = this_century ? '0' : '9';
    memcpy(out + 2, t.p, TIME_TEXT - 2);
    return true;
}

bool cert_parse_is_early(const struct cert_parsed *p, int64_t wall)
{
    char begin[TIME_TEXT], now[TIME_TEXT + 1];
    time_t seconds = (time_t)wall;
    struct tm tm;
    return read_time(p->not_before, begin) && gmtime_r(&seconds, &tm) &&
           strftime(now, sizeof now, "%Y%m%d%H%M%SZ", &tm) == TIME_TEXT && memcmp(now, begin, TIME_TEXT) < 0;
}

bool cert_parse_has_ip(const struct cert_parsed *p, struct ip ip)
{
    struct str names = p->names, value;
    while (names.n > 0) {
        if (der_peek(names) != NAME_IP) {
            if (!der_take_whole(&names, &value))
                return false;
            continue;
        }
        if (!der_take(&names, NAME_IP, &value))
            return false;
        if (str_eq(value, str_from(ip.bytes, ip.len)))
            return true;
    }
    return false;
}

bool cert_parse_key(const struct cert_parsed *p, br_x509_pkey *key)
{
    const struct cert_public *k = &p->public;
    if (!k->known)
        return false;
    if (k->kind == CERT_EC) {
        size_t n = k->curve == BR_EC_secp256r1 ? 65 : 97;
        key->key_type = BR_KEYTYPE_EC;
        key->key.ec = (br_ec_public_key){.curve = k->curve, .q = cert_bytes(k->point), .qlen = k->point.n};
        return k->point.n == n && k->point.p[0] == 4;
    }
    key->key_type = BR_KEYTYPE_RSA;
    key->key.rsa = (br_rsa_public_key){cert_bytes(k->n), k->n.n, cert_bytes(k->e), k->e.n};
    return k->n.n >= RSA_MIN && k->n.n <= CERT_RSA_MAX / 8 && k->e.n > 0 && k->e.n <= EXPONENT_MAX;
}
