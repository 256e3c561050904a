#include "acme/key.h"

#include <bearssl.h>
#include <string.h>

#include "base/pem.h"
#include "base/rand.h"
#include "base/wipe.h"

/* OBJECT IDENTIFIERs: id-ecPublicKey, prime256v1, ecdsa-with-SHA256. */
static const struct str oid_ec = STR("\x2a\x86\x48\xce\x3d\x02\x01");
static const struct str oid_p256 = STR("\x2a\x86\x48\xce\x3d\x03\x01\x07");
static const struct str oid_ecdsa_sha256 = STR("\x2a\x86\x48\xce\x3d\x04\x03\x02");

enum { PKCS8_ROOM = 256, SIGNATURE_ROOM = 80 }; /* 138 and 72 bytes are needed */

/* --- libsodium's random bytes for BearSSL ---------------------------------------------------------- */

static void random_init(const br_prng_class **rng, const void *params, const void *seed, size_t n)
{
    (void)rng;
    (void)params;
    (void)seed;
    (void)n;
}

static void random_generate(const br_prng_class **rng, void *out, size_t n)
{
    (void)rng;
    rand_bytes(out, n);
}

static void random_update(const br_prng_class **rng, const void *seed, size_t n)
{
    (void)rng;
    (void)seed;
    (void)n;
}

static const br_prng_class random_class = {
    .context_size = sizeof(const br_prng_class *),
    .init = random_init,
    .generate = random_generate,
    .update = random_update,
};

/* --- making and reading ---------------------------------------------------------------------------- */

/* BearSSL's view of the key; it never writes through the pointer. */
static br_ec_private_key view(struct key *key)
{
    return (br_ec_private_key){.curve = BR_EC_secp256r1, .x = key->scalar, .xlen = KEY_SCALAR};
}

static bool compute_point(struct key *key)
{
    uint8_t point[BR_EC_KBUF_PUB_MAX_SIZE];
    br_ec_private_key private = view(key);
    if (br_ec_compute_pub(br_ec_get_default(), NULL, point, &private) != KEY_POINT)
        return false;
    memcpy(key->point, point, KEY_POINT);
    return true;
}

bool key_make(struct key *key)
{
    const br_prng_class *rng = &random_class;
    uint8_t scalar[BR_EC_KBUF_PRIV_MAX_SIZE];
    bool good = br_ec_keygen(&rng, br_ec_get_default(), NULL, scalar, BR_EC_secp256r1) == KEY_SCALAR;
    if (good)
        memcpy(key->scalar, scalar, KEY_SCALAR);
    wipe(scalar, sizeof scalar);
    return good && compute_point(key);
}

void key_done(struct key *key)
{
    wipe(key, sizeof *key);
}

/* 0 < scalar < order of the curve. Not in constant time: it runs once, on a key of our own. */
static bool in_range(const uint8_t scalar[KEY_SCALAR])
{
    static const uint8_t zero[KEY_SCALAR];
    size_t n = 0;
    const unsigned char *order = br_ec_get_default()->order(BR_EC_secp256r1, &n);
    return n == KEY_SCALAR && memcmp(scalar, zero, n) != 0 && memcmp(scalar, order, n) < 0;
}

/* OneAsymmetricKey (RFC 5958 section 2) with ECPrivateKey (RFC 5915 section 3) inside. */
static bool read_pkcs8(struct key *key, struct str der)
{
    struct str info, algorithm, oid, curve, octets, private, version, scalar;
    if (!der_take(&der, DER_SEQUENCE, &info) || !der_take_unsigned(&info, &version) ||
        !der_take(&info, DER_SEQUENCE, &algorithm) || !der_take(&algorithm, DER_OID, &oid) ||
        !der_take(&algorithm, DER_OID, &curve) || !str_eq(oid, oid_ec) || !str_eq(curve, oid_p256))
        return false;
    if (!der_take(&info, DER_OCTET_STRING, &octets) || !der_take(&octets, DER_SEQUENCE, &private) ||
        !der_take_unsigned(&private, &version) || !der_take(&private, DER_OCTET_STRING, &scalar) ||
        scalar.n != KEY_SCALAR)
        return false;
    memcpy(key->scalar, scalar.p, KEY_SCALAR);
    return in_range(key->scalar) && compute_point(key);
}

bool key_read(struct key *key, struct str pem)
{
    uint8_t der[PKCS8_ROOM];
    struct pem_block block;
    size_t n = 0;
    bool good = pem_next(&pem, &block) == PEM_BLOCK && str_eq(block.label, STR("PRIVATE KEY")) &&
                pem_size(&block) <= sizeof der && pem_decode(&block, der, &n) &&
                read_pkcs8(key, str_from(der, n));
    wipe(der, sizeof der);
    if (!good)
        key_done(key);
    return good;
}

/* --- writing --------------------------------------------------------------------------------------- */

static void write_kind(struct der_write *out)
{
    size_t algorithm = der_write_begin(out, DER_SEQUENCE);
    der_write_put(out, DER_OID, oid_ec);
    der_write_put(out, DER_OID, oid_p256);
    der_write_end(out, algorithm);
}

static void write_pkcs8(const struct key *key, struct der_write *out)
{
    size_t info = der_write_begin(out, DER_SEQUENCE);
    der_write_small(out, 0);
    write_kind(out);
    size_t octets = der_write_begin(out, DER_OCTET_STRING);
    size_t private = der_write_begin(out, DER_SEQUENCE);
    der_write_small(out, 1);
    der_write_put(out, DER_OCTET_STRING, str_from(key->scalar, KEY_SCALAR));
    size_t public = der_write_begin(out, DER_CONTEXT_1);
    der_write_bits(out, str_from(key->point, KEY_POINT));
    der_write_end(out, public);
    der_write_end(out, private);
    der_write_end(out, octets);
    der_write_end(out, info);
}

struct str key_pem(const struct key *key, struct arena *mem)
{
    struct der_write der = {0};
    struct buf pem = {0};
    struct str out = {NULL, 0};
    write_pkcs8(key, &der);
    if (!der.failed && pem_write(&pem, "PRIVATE KEY", der_write_str(&der)))
        out = arena_dup(mem, buf_str(&pem));
    buf_wipe(&pem);
    buf_wipe(&der.out);
    return out;
}

void key_write_public(const struct key *key, struct der_write *out)
{
    size_t info = der_write_begin(out, DER_SEQUENCE);
    write_kind(out);
    der_write_bits(out, str_from(key->point, KEY_POINT));
    der_write_end(out, info);
}

bool key_is_public(const struct key *key, struct str info)
{
    struct str algorithm, oid, curve, point;
    return der_take(&info, DER_SEQUENCE, &algorithm) && der_take(&algorithm, DER_OID, &oid) &&
           der_take(&algorithm, DER_OID, &curve) && der_take_bits(&info, &point) && str_eq(oid, oid_ec) &&
           str_eq(curve, oid_p256) && str_eq(point, str_from(key->point, KEY_POINT));
}

/* --- signing --------------------------------------------------------------------------------------- */

static size_t sign(const struct key *key, struct str data, br_ecdsa_sign signer, uint8_t *signature)
{
    uint8_t hash[br_sha256_SIZE];
    struct key copy = *key;
    br_ec_private_key private = view(&copy);
    br_sha256_context sha;
    br_sha256_init(&sha);
    br_sha256_update(&sha, data.p, data.n);
    br_sha256_out(&sha, hash);
    size_t n = signer(br_ec_get_default(), &br_sha256_vtable, hash, &private, signature);
    key_done(&copy);
    return n;
}

void key_sign_raw(const struct key *key, struct str data, uint8_t signature[KEY_RAW_SIGNATURE])
{
    (void)sign(key, data, br_ecdsa_sign_raw_get_default(), signature);
}

void key_write_algorithm(struct der_write *out)
{
    size_t algorithm = der_write_begin(out, DER_SEQUENCE);
    der_write_put(out, DER_OID, oid_ecdsa_sha256);
    der_write_end(out, algorithm);
}

void key_sign_der(const struct key *key, struct str data, struct der_write *out)
{
    uint8_t signature[SIGNATURE_ROOM];
    size_t n = sign(key, data, br_ecdsa_sign_asn1_get_default(), signature);
    key_write_algorithm(out);
    der_write_bits(out, str_from(signature, n));
}
