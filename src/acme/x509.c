#include "acme/x509.h"

#include <time.h>

#include "acme/key.h"
#include "base/der_write.h"
#include "base/pem.h"
#include "base/rand.h"

enum {
    VERSION_1 = 0,
    VERSION_3 = 2,
    SERIAL = 16,
    COMMON_NAME_MAX = 64,           /* ub-common-name, RFC 5280 appendix A.1 */
    SELF_SIGNED_LIFE = 825 * 86400, /* the most that Apple's systems take, even of a root a person trusts */
    DATE_ROOM = 24,
};

static const struct str oid_common_name = STR("\x55\x04\x03");
static const struct str oid_extension_request = STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e");
static const struct str oid_alt_name = STR("\x55\x1d\x11");
static const struct str oid_key_usage = STR("\x55\x1d\x0f");
static const struct str oid_ext_key_usage = STR("\x55\x1d\x25");
static const struct str oid_server_auth = STR("\x2b\x06\x01\x05\x05\x07\x03\x01");

struct str x509_new_key(struct arena *mem)
{
    struct key key;
    struct str pem = {NULL, 0};
    if (key_make(&key))
        pem = key_pem(&key, mem);
    key_done(&key);
    return pem;
}

/* An Extension (RFC 5280 section 4.1) that is not critical: its value is written until the marks end. */
static void begin_extension(struct der_write *w, struct str oid, size_t marks[2])
{
    marks[0] = der_write_begin(w, DER_SEQUENCE);
    der_write_put(w, DER_OID, oid);
    marks[1] = der_write_begin(w, DER_OCTET_STRING);
}

static void end_extension(struct der_write *w, const size_t marks[2])
{
    der_write_end(w, marks[1]);
    der_write_end(w, marks[0]);
}

static void write_alt_names(struct der_write *w, const struct str *names, size_t n)
{
    size_t marks[2];
    begin_extension(w, oid_alt_name, marks);
    size_t all = der_write_begin(w, DER_SEQUENCE);
    for (size_t i = 0; i < n; i++)
        der_write_put(w, DER_PRIMITIVE_2, names[i]); /* dNSName */
    der_write_end(w, all);
    end_extension(w, marks);
}

/*
 * Wraps a signed part (RFC 2986 section 4.2, RFC 5280 section 4.1): the part, the algorithm, the signature.
 */
static void write_signed(struct der_write *w, const struct key *key, struct str part)
{
    size_t whole = der_write_begin(w, DER_SEQUENCE);
    der_write_raw(w, part);
    key_sign_der(key, part, w);
    der_write_end(w, whole);
}

/* --- a request ------------------------------------------------------------------------------------- */

/* CertificationRequestInfo (RFC 2986 section 4.1). */
static void write_request_info(struct der_write *w, const struct key *key, const struct str *names, size_t n)
{
    size_t info = der_write_begin(w, DER_SEQUENCE);
    der_write_small(w, VERSION_1);
    der_write_put(w, DER_SEQUENCE, STR("")); /* no subject */
    key_write_public(key, w);
    size_t attributes = der_write_begin(w, DER_CONTEXT_0);
    size_t attribute = der_write_begin(w, DER_SEQUENCE);
    der_write_put(w, DER_OID, oid_extension_request);
    size_t values = der_write_begin(w, DER_SET);
    size_t extensions = der_write_begin(w, DER_SEQUENCE);
    write_alt_names(w, names, n);
    der_write_end(w, extensions);
    der_write_end(w, values);
    der_write_end(w, attribute);
    der_write_end(w, attributes);
    der_write_end(w, info);
}

struct str x509_request(struct arena *mem, struct str key_pem, const struct str *names, size_t n_names)
{
    struct str out = {NULL, 0};
    struct der_write info = {0}, request = {0};
    struct key key;
    if (n_names == 0 || !key_read(&key, key_pem))
        return out;
    write_request_info(&info, &key, names, n_names);
    if (info.failed)
        goto out;
    write_signed(&request, &key, der_write_str(&info));
    if (!request.failed)
        out = arena_dup(mem, der_write_str(&request));
out:
    key_done(&key);
    buf_done(&info.out);
    buf_done(&request.out);
    return out;
}

/* --- a certificate --------------------------------------------------------------------------------- */

static void write_serial(struct der_write *w)
{
    uint8_t serial[SERIAL];
    rand_bytes(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive and of full length */
    der_write_put(w, DER_INTEGER, str_from(serial, sizeof serial));
}

/* A Name of one attribute. */
static void write_name(struct der_write *w, struct str common_name)
{
    size_t name = der_write_begin(w, DER_SEQUENCE);
    size_t set = der_write_begin(w, DER_SET);
    size_t attribute = der_write_begin(w, DER_SEQUENCE);
    der_write_put(w, DER_OID, oid_common_name);
    der_write_put(w, DER_UTF8_STRING, common_name);
    der_write_end(w, attribute);
    der_write_end(w, set);
    der_write_end(w, name);
}

/* Two-digit years up to 2049 (RFC 5280 section 4.1.2.5). */
static void write_date(struct der_write *w, int64_t seconds)
{
    char text[DATE_ROOM];
    struct tm tm;
    time_t t = (time_t)seconds;
    if (!gmtime_r(&t, &tm)) {
        w->failed = true;
        return;
    }
    bool short_year = tm.tm_year >= 50 && tm.tm_year < 150;
    struct str date = str_from(text, strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &tm));
    if (short_year)
        der_write_put(w, DER_UTC_TIME, str_skip(date, 2));
    else
        der_write_put(w, DER_GENERALIZED_TIME, date);
}

static void write_extensions(struct der_write *w, const struct str *names, size_t n)
{
    size_t marks[2];
    size_t outer = der_write_begin(w, DER_CONTEXT_3);
    size_t all = der_write_begin(w, DER_SEQUENCE);
    write_alt_names(w, names, n);
    begin_extension(w, oid_key_usage, marks);
    der_write_put(w, DER_BIT_STRING, STR("\x07\x80")); /* digitalSignature: one bit, seven unused */
    end_extension(w, marks);
    begin_extension(w, oid_ext_key_usage, marks);
    size_t usages = der_write_begin(w, DER_SEQUENCE);
    der_write_put(w, DER_OID, oid_server_auth);
    der_write_end(w, usages);
    end_extension(w, marks);
    der_write_end(w, all);
    der_write_end(w, outer);
}

/* TBSCertificate. */
static void write_certificate_info(struct der_write *w, const struct key *key, const struct str *names,
                                   size_t n, int64_t not_before)
{
    struct str common_name = names[0].n <= COMMON_NAME_MAX ? names[0] : STR("edge");
    size_t info = der_write_begin(w, DER_SEQUENCE);
    size_t version = der_write_begin(w, DER_CONTEXT_0);
    der_write_small(w, VERSION_3);
    der_write_end(w, version);
    write_serial(w);
    key_write_algorithm(w);
    write_name(w, common_name);
    size_t validity = der_write_begin(w, DER_SEQUENCE);
    write_date(w, not_before);
    write_date(w, not_before + SELF_SIGNED_LIFE);
    der_write_end(w, validity);
    write_name(w, common_name);
    key_write_public(key, w);
    write_extensions(w, names, n);
    der_write_end(w, info);
}

struct str x509_self_signed(struct arena *mem, struct str key_pem, const struct str *names, size_t n_names,
                            int64_t not_before)
{
    static const struct str nobody = STR("edge");
    struct str out = {NULL, 0};
    struct der_write info = {0}, certificate = {0};
    struct buf pem = {0};
    struct key key;
    if (!key_read(&key, key_pem))
        return out;
    write_certificate_info(&info, &key, n_names > 0 ? names : &nobody, n_names > 0 ? n_names : 1, not_before);
    if (info.failed)
        goto out;
    write_signed(&certificate, &key, der_write_str(&info));
    if (!certificate.failed && pem_write(&pem, "CERTIFICATE", der_write_str(&certificate)))
        out = arena_dup(mem, buf_str(&pem));
out:
    key_done(&key);
    buf_done(&info.out);
    buf_done(&certificate.out);
    buf_done(&pem);
    return out;
}
