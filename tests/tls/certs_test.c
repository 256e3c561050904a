#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/pem.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "tls/cert.h"
#include "tls/duo.h"

/* In the place of base/wipe.c: notes whether this memory went the right way. */
static const void *watched;
static size_t watched_size, wiped_size;

void wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}

void wipe_free(void *p, size_t n)
{
    if (p && p == watched)
        wiped_size = n;
    if (p)
        wipe(p, n);
    free(p);
}

static int init(void **state)
{
    return rand_init();
}

static struct str joined(const char *names)
{
    char name[64];
    char *all = calloc(1, 65536);
    size_t n = 0, used = 0;
    for (int got = 0; sscanf(names + used, "%63s%n", name, &got) == 1; used += (size_t)got) {
        struct str one = duo_file(name);
        memcpy(all + n, one.p, one.n);
        n += one.n;
        free((void *)(uintptr_t)one.p);
    }
    return (struct str){all, n};
}

static void files(void **state)
{
    static const struct {
        const char *chain, *key;
        const char *why; /* NULL: good */
        size_t n_chain;
    } rows[] = {
        {"ec.pem", "ec.key", NULL, 1},
        {"ec.pem", "ec_sec1.key", NULL, 1},
        {"ec.pem", "ec_params.key", NULL, 1},
        {"ec_chain.pem", "ec.key", NULL, 2},
        {"ec_all.pem", "ec_all.pem", NULL, 2},
        {"ec_reversed.pem", "ec.key", NULL, 2}, /* the root is not sent */
        {"ec.pem rsa.pem middle.pem", "ec.key", NULL, 2},
        {"ec384.pem", "ec384.key", NULL, 1},
        {"rsa.pem", "rsa.key", NULL, 1},
        {"rsa.pem", "rsa_pkcs1.key", NULL, 1},
        {"rsa4096.pem", "rsa4096.key", NULL, 1},
        {"root.pem ec.pem", "ec.key", NULL, 1},

        {"", "ec.key", "there is no certificate in PEM", 0},
        {"ec.key", "ec.key", "there is no certificate in PEM", 0},
        {"ec.pem", "ec.pem", "there is no private key in PEM", 0},
        {"ec.pem", "ec2.key", "the key does not belong to the certificate", 0},
        {"ec.pem", "rsa.key", "the key does not belong to the certificate", 0},
        {"ec.pem", "ec384.key", "the key does not belong to the certificate", 0},
        {"rsa.pem", "rsa4096.key", "the key does not belong to the certificate", 0},
        {"ec.pem", "ec_encrypted.key", "the key is encrypted", 0},
        {"rsa.pem", "rsa_encrypted.key", "the key is encrypted", 0},
        {"rsa1024.pem", "rsa1024.key", "an RSA key must have 2048 to 4096 bits", 0},
        {"ec521.pem", "ec521.key", "the certificate's key is neither RSA nor EC (P-256, P-384)", 0},
        {"ec.pem", "ec521.key", "the EC key is not on P-256 or P-384", 0},
        {"ed25519.pem", "ed25519.key", "the certificate's key is neither RSA nor EC (P-256, P-384)", 0},
        {"ec.pem", "ed25519.key", "the key is neither RSA nor EC (P-256, P-384)", 0},
        {"ec.pem ec.pem ec.pem ec.pem ec.pem ec.pem ec.pem ec.pem ec.pem", "ec.key",
         "there are more than 8 certificates in the chain", 0},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        struct str chain = joined(rows[i].chain), key = joined(rows[i].key), why = STR("");
        struct cert *c = cert_new(chain, key, &why);
        if (!c != !!rows[i].why || (!c && !str_eq(why, str_of(rows[i].why))))
            fail_msg("%s with %s: %s %.*s", rows[i].chain, rows[i].key, c ? "accepted" : "refused",
                     STR_ARG(why));
        if (c)
            assert_int_equal(c->n_chain, rows[i].n_chain);
        cert_free(c);
        free((void *)(uintptr_t)chain.p);
        free((void *)(uintptr_t)key.p);
    }
}

/* Whatever is broken in the files: an error, never a crash, and nothing is read behind their ends. */
static void broken_files(void **state)
{
    static const char *const names[][2] = {
        {"ec.pem", "ec.key"}, {"rsa.pem", "rsa_pkcs1.key"}, {"ec.pem", "ec_sec1.key"}};
    for (size_t i = 0; i < nitems(names); i++) {
        struct str chain = duo_file(names[i][0]), key = duo_file(names[i][1]), why;
        for (size_t n = 0; n < chain.n - 2; n += 7) {
            char *cut = malloc(n + 1);
            memcpy(cut, chain.p, n);
            assert_null(cert_new((struct str){cut, n}, key, &why));
            free(cut);
        }
        /* Each byte of the key's DER changed. */
        struct pem_block block;
        struct str text = key;
        uint8_t der[4096];
        char changed[8192];
        size_t n = 0;
        do
            assert_int_equal(pem_next(&text, &block), PEM_BLOCK);
        while (!str_ends(block.label, STR("PRIVATE KEY")));
        assert_true(pem_decode(&block, der, &n));
        for (size_t at = 0; at<n; at += n> 300 ? 11 : 1) {
            der[at] ^= 0x41;
            int head = snprintf(changed, sizeof changed, "-----BEGIN PRIVATE KEY-----\n");
            sodium_bin2base64(changed + head, sizeof changed - (size_t)head, der, n,
                              sodium_base64_VARIANT_ORIGINAL);
            strcat(changed, "\n-----END PRIVATE KEY-----\n");
            struct cert *c = cert_new(chain, str_of(changed), &why);
            /* The copy of the public key in the private one does not count, nor do RSA's n, e and d. */
            cert_free(c);
            der[at] ^= 0x41;
        }
        free((void *)(uintptr_t)chain.p);
        free((void *)(uintptr_t)key.p);
    }
}

/* A key whose parts do not fit together would give its factors away. */
static void faulty_rsa_key(void **state)
{
    struct str chain = duo_file("rsa.pem"), key = duo_file("rsa_pkcs1.key"), why;
    struct pem_block block;
    struct str text = key;
    uint8_t der[4096];
    char changed[8192] = "-----BEGIN RSA PRIVATE KEY-----\n";
    size_t n = 0;
    assert_int_equal(pem_next(&text, &block), PEM_BLOCK);
    assert_true(pem_decode(&block, der, &n));
    der[n - 5] ^= 1; /* in the coefficient */
    sodium_bin2base64(changed + strlen(changed), 7000, der, n, sodium_base64_VARIANT_ORIGINAL);
    strcat(changed, "\n-----END RSA PRIVATE KEY-----\n");
    assert_null(cert_new(chain, str_of(changed), &why));
    assert_true(str_eq(why, STR("the private key is damaged: its signatures are wrong")));
    free((void *)(uintptr_t)chain.p);
    free((void *)(uintptr_t)key.p);
}

static void names(void **state)
{
    struct certs *c = certs_new();
    int a = duo_add(c, "ec"), b = duo_add(c, "rsa"), any = duo_add(c, "ec384");
    assert_int_equal(certs_find(c, STR("a.test")), -1);
    assert_int_equal(certs_find(c, STR("")), -1);
    assert_int_equal(certs_name(c, STR("A.Test."), a), 0);
    assert_int_equal(certs_name(c, STR("*.a.test"), b), 0);
    static const struct str bad[] = {STR(""),   STR("*."),   STR("**"),  STR("a*.test"), STR("*.*.test"),
                                     STR(".a"), STR("a..b"), STR("a b"), STR("a/b"),     STR("*a")};
    for (size_t i = 0; i < nitems(bad); i++)
        assert_int_equal(certs_name(c, bad[i], a), -1);
    assert_int_equal(certs_name(c, STR("b.test"), 99), -1);
    assert_int_equal(certs_name(c, STR("b.test"), -1), -1);

    assert_int_equal(certs_find(c, STR("a.test")), a);
    assert_int_equal(certs_find(c, STR("x.a.test")), b);
    assert_int_equal(certs_find(c, STR("y.x.a.test")), -1);
    assert_int_equal(certs_find(c, STR("test")), -1);
    assert_int_equal(certs_find(c, STR(".")), -1);
    assert_int_equal(certs_find(c, STR("a.")), -1);
    assert_int_equal(certs_name(c, STR("*"), any), 0);
    assert_int_equal(certs_find(c, STR("y.x.a.test")), any);
    assert_int_equal(certs_find(c, STR("")), any);
    assert_int_equal(certs_find(c, STR("*")), any);
    assert_int_equal(certs_name(c, STR("a.test"), b), 0);
    assert_int_equal(certs_find(c, STR("a.test")), b);
    assert_non_null(certs_get(c, any));
    assert_null(certs_get(c, any + 1));

    char name[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "host-%d.test", i);
        assert_int_equal(certs_name(c, str_of(name), i % 2 ? a : b), 0);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "host-%d.test", i);
        assert_int_equal(certs_find(c, str_of(name)), i % 2 ? a : b);
    }
    certs_free(c);
}

static void key_is_wiped_with_the_last_reference(void **state)
{
    struct certs *c = certs_new();
    const struct cert *cert = certs_get(c, duo_add(c, "ec"));
    watched = cert->key_memory;
    watched_size = cert->n_key_memory;
    wiped_size = 0;
    assert_true(watched_size >= 121);
    assert_ptr_equal(certs_ref(c), c);
    certs_free(c);
    assert_int_equal(wiped_size, 0);
    certs_free(c);
    assert_int_equal(wiped_size, watched_size);
    certs_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(broken_files),
        cmocka_unit_test(faulty_rsa_key),
        cmocka_unit_test(names),
        cmocka_unit_test(key_is_wiped_with_the_last_reference),
    };
    return cmocka_run_group_tests_name("tls/certs", tests, init, NULL);
}
