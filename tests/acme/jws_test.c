#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bearssl.h>

#include "acme/jws.h"
#include "base/b64.h"
#include "base/json.h"
#include "base/rand.h"

static int init(void **state)
{
    return rand_init();
}

static void from_hex(const char *hex, uint8_t *out, size_t n)
{
    assert_int_equal(strlen(hex), 2 * n);
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(ascii_hex(hex[2 * i]) << 4 | ascii_hex(hex[2 * i + 1]));
}

/* A key of a known scalar, by way of its PEM: the point is then computed. */
static void load(struct key *key, const uint8_t scalar[KEY_SCALAR])
{
    struct arena mem = {0};
    struct key bare = {0};
    memcpy(bare.scalar, scalar, KEY_SCALAR);
    assert_true(key_read(key, key_pem(&bare, &mem)));
    arena_wipe(&mem);
}

/* The key of RFC 7515 appendix A.3.1. */
static void load_jose(struct key *key)
{
    struct arena mem = {0};
    struct str d = b64_url_read(&mem, STR("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"));
    assert_int_equal(d.n, KEY_SCALAR);
    load(key, (const uint8_t *)d.p);
    arena_wipe(&mem);
}

static bool verifies(const struct key *key, struct str data, struct str signature)
{
    uint8_t hash[br_sha256_SIZE];
    struct key copy = *key;
    const br_ec_public_key public = {BR_EC_secp256r1, copy.point, KEY_POINT};
    br_sha256_context sha;
    br_sha256_init(&sha);
    br_sha256_update(&sha, data.p, data.n);
    br_sha256_out(&sha, hash);
    return br_ecdsa_vrfy_raw_get_default()(br_ec_get_default(), hash, sizeof hash, &public, signature.p,
                                           signature.n) == 1;
}

/* RFC 6979 appendix A.2.5. */
static void deterministic(void **state)
{
    static const struct {
        const char *message, *r, *s;
    } rows[] = {
        {"sample", "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
         "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
        {"test", "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
         "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
    };
    uint8_t scalar[KEY_SCALAR], point[KEY_POINT] = {4}, want[KEY_RAW_SIGNATURE], got[KEY_RAW_SIGNATURE];
    struct key key;
    from_hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721", scalar, 32);
    from_hex("60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6", point + 1, 32);
    from_hex("7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299", point + 33, 32);
    load(&key, scalar);
    assert_memory_equal(key.point, point, KEY_POINT);
    for (size_t i = 0; i < nitems(rows); i++) {
        from_hex(rows[i].r, want, 32);
        from_hex(rows[i].s, want + 32, 32);
        key_sign_raw(&key, str_of(rows[i].message), got);
        assert_memory_equal(got, want, sizeof want);
    }
    key_done(&key);
}

/* RFC 7515 appendix A.3: the same input; its signature, made with a random nonce, verifies like ours. */
static void jose(void **state)
{
    static const struct str input = STR(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ");
    uint8_t ours[KEY_RAW_SIGNATURE];
    struct arena mem = {0};
    struct key key;
    load_jose(&key);
    struct str theirs = b64_url_read(
        &mem, STR("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"));
    key_sign_raw(&key, input, ours);
    assert_true(verifies(&key, input, theirs));
    assert_true(verifies(&key, input, str_from(ours, sizeof ours)));
    assert_false(verifies(&key, str_skip(input, 1), theirs));
    key_done(&key);
    arena_done(&mem);
}

/*
 * The members of RFC 7515 A.3.1's key in the order of RFC 7638 section 3.3; the hash was made with another
 * program.
 */
static void thumbprint(void **state)
{
    struct buf jwk = {0};
    struct arena mem = {0};
    struct key key;
    load_jose(&key);
    assert_true(jws_write_jwk(&jwk, &key));
    assert_true(
        str_eq(buf_str(&jwk),
               STR("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}")));
    assert_true(str_eq(jws_thumbprint(&mem, &key), STR("oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U")));
    key_done(&key);
    buf_done(&jwk);
    arena_done(&mem);
}

/* What RFC 8555 section 6.2 demands of the header, read back; and the signature is over what is sent. */
static void message(void **state)
{
    static const struct jws rows[] = {
        {STR("https://ca/acct/1"), STR("bm9uY2U"), STR("https://ca/order"), STR("{\"a\":1}")},
        {STR("https://ca/acct/1"), STR("bm9uY2U"), STR("https://ca/order/1"), STR("")}, /* POST-as-GET */
        {STR(""), STR("bm9uY2U"), STR("https://ca/new\"acct"), STR("{}")},              /* newAccount */
        {STR(""), STR(""), STR("https://ca/x"), STR("{}")}, /* inside another one */
    };
    struct key key;
    load_jose(&key);
    for (size_t i = 0; i < nitems(rows); i++) {
        struct arena mem = {0};
        struct buf out = {0};
        assert_true(jws_sign(&out, &key, &rows[i]));
        struct json *j = json_open(buf_str(&out));
        assert_non_null(j);
        struct str protected = json_text(j, &mem, "$.protected"), payload = json_text(j, &mem, "$.payload");
        struct str both = arena_printf(&mem, "%s.%s", protected.p, payload.p);
        struct str signature = b64_url_read(&mem, json_text(j, &mem, "$.signature"));
        assert_int_equal(signature.n, KEY_RAW_SIGNATURE);
        assert_true(verifies(&key, both, signature));
        assert_true(str_eq(b64_url_read(&mem, payload), rows[i].payload));
        struct json *header = json_open(b64_url_read(&mem, protected));
        assert_non_null(header);
        assert_true(str_eq(json_text(header, &mem, "$.alg"), STR("ES256")));
        assert_true(str_eq(json_text(header, &mem, "$.url"), rows[i].url));
        assert_true(str_eq(json_text(header, &mem, "$.nonce"), rows[i].nonce));
        assert_true(str_eq(json_text(header, &mem, "$.kid"), rows[i].kid));
        assert_int_equal(json_type(header, "$.jwk"), rows[i].kid.n > 0 ? JSON_NONE : JSON_OBJECT);
        json_close(header);
        json_close(j);
        buf_done(&out);
        arena_done(&mem);
    }
    key_done(&key);
}

/* --- keys ------------------------------------------------------------------------------------------ */

static void made(void **state)
{
    struct arena mem = {0};
    struct key a, b, again;
    uint8_t signature[KEY_RAW_SIGNATURE];
    assert_true(key_make(&a) && key_make(&b));
    assert_memory_not_equal(a.scalar, b.scalar, KEY_SCALAR);
    assert_true(key_read(&again, key_pem(&a, &mem)));
    assert_memory_equal(&a, &again, sizeof a);
    key_sign_raw(&a, STR("x"), signature);
    assert_true(verifies(&again, STR("x"), str_from(signature, sizeof signature)));
    assert_false(verifies(&b, STR("x"), str_from(signature, sizeof signature)));
    key_done(&a);
    for (size_t i = 0; i < sizeof a; i++)
        assert_int_equal(((const uint8_t *)&a)[i], 0);
    key_done(&b);
    key_done(&again);
    arena_wipe(&mem);
}

/* 0, the order of the curve and what is above it are no keys (SEC 1 section 3.2.1). */
static void out_of_range(void **state)
{
    static const struct {
        const char *scalar;
        bool good;
    } rows[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000", false},
        {"0000000000000000000000000000000000000000000000000000000000000001", true},
        {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", true},
        {"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", false},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", false},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct arena mem = {0};
        struct key bare = {0}, key;
        from_hex(rows[i].scalar, bare.scalar, KEY_SCALAR);
        assert_int_equal(key_read(&key, key_pem(&bare, &mem)), rows[i].good);
        arena_wipe(&mem);
    }
}

/* Files of tests/tls: other kinds of keys, and no keys. */
static void other_keys(void **state)
{
    static const struct {
        const char *file;
        bool good;
    } rows[] = {
        {"ec.key", true},   {"ec_sec1.key", false}, {"ec384.key", false}, {"ec521.key", false},
        {"rsa.key", false}, {"ed25519.key", false}, {"ec.pem", false},    {"ec_encrypted.key", false},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        char path[128], text[8192];
        struct key key;
        snprintf(path, sizeof path, "tests/tls/data/%s", rows[i].file);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof text, f);
        fclose(f);
        if (key_read(&key, str_from(text, n)) != rows[i].good)
            fail_msg("%s", rows[i].file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deterministic), cmocka_unit_test(jose), cmocka_unit_test(thumbprint),
        cmocka_unit_test(message),       cmocka_unit_test(made), cmocka_unit_test(out_of_range),
        cmocka_unit_test(other_keys),
    };
    return cmocka_run_group_tests(tests, init, NULL);
}
