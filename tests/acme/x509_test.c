#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "acme/x509.h"
#include "base/pem.h"
#include "base/rand.h"

enum { NOW = 1795000000 }; /* in November 2026 */

static const struct str names[] = {
    STR("example.org"), STR("www.example.org"),
    STR("a-name-that-is-rather-long.and-has.several-labels.in-it.so-that-no-common-name-fits.example.org")};

/* A folder of its own, for openssl to read from. */
struct lab {
    char dir[32];
    struct arena mem;
};

static int set_up(void **state)
{
    struct lab *lab = calloc(1, sizeof *lab);
    if (!lab || rand_init() < 0)
        return -1;
    strcpy(lab->dir, "/tmp/edge-x509-XXXXXX");
    *state = lab;
    return mkdtemp(lab->dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct lab *lab = *state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", lab->dir);
    int rc = system(command);
    arena_wipe(&lab->mem);
    free(lab);
    return rc;
}

static void put(const struct lab *lab, const char *name, struct str content)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", lab->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content.p, 1, content.n, f), content.n);
    assert_int_equal(fclose(f), 0);
}

static struct str get(struct lab *lab, const char *name)
{
    char path[128], text[32768];
    snprintf(path, sizeof path, "%s/%s", lab->dir, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    return arena_dup(&lab->mem, str_from(text, n));
}

/* Runs `openssl …` in the folder; all it says is returned, and its success demanded. */
static char *openssl(struct lab *lab, const char *command)
{
    char line[512], text[32768];
    snprintf(line, sizeof line, "cd %s && openssl %s 2>&1", lab->dir, command);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text, f);
    if (pclose(f) != 0)
        fail_msg("openssl %s: %.*s", command, (int)n, text);
    return arena_cstr(&lab->mem, str_from(text, n));
}

static void shows(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("\"%s\" is not in: %s", what, text);
}

static void new_key(void **state)
{
    struct lab *lab = *state;
    struct str key = x509_new_key(&lab->mem), other = x509_new_key(&lab->mem);
    assert_true(key.p && other.p && !str_eq(key, other));
    put(lab, "key.pem", key);
    shows(openssl(lab, "pkey -in key.pem -noout -text"), "prime256v1");
    shows(openssl(lab, "pkey -in key.pem -check -noout"), "Key is valid");
    /* The same bytes as openssl writes. */
    assert_string_equal(openssl(lab, "pkey -in key.pem"), key.p);
}

static void request(void **state)
{
    struct lab *lab = *state;
    struct str key = x509_new_key(&lab->mem);
    struct str der = x509_request(&lab->mem, key, names, nitems(names));
    assert_non_null(der.p);
    put(lab, "csr", der);
    put(lab, "key.pem", key);
    shows(openssl(lab, "req -inform DER -in csr -verify -noout"), "OK");
    const char *text = openssl(lab, "req -inform DER -in csr -noout -text");
    shows(text, "DNS:example.org, DNS:www.example.org, DNS:a-name-that-is");
    shows(text, "ecdsa-with-SHA256");
    shows(text, "Version: 1");
    assert_null(strstr(text, "CN")); /* no subject */
    assert_string_equal(openssl(lab, "req -inform DER -in csr -noout -pubkey"),
                        openssl(lab, "pkey -in key.pem -pubout"));
    /* Sent twice, it is the same request. */
    assert_true(str_eq(der, x509_request(&lab->mem, key, names, nitems(names))));
}

static void many_names(void **state)
{
    struct lab *lab = *state;
    struct str many[100];
    for (size_t i = 0; i < nitems(many); i++)
        many[i] = arena_printf(&lab->mem, "host-number-%zu.%0200d.example.org", i, 1);
    struct str der = x509_request(&lab->mem, x509_new_key(&lab->mem), many, nitems(many));
    assert_true(der.n > 20000);
    put(lab, "csr", der);
    shows(openssl(lab, "req -inform DER -in csr -verify -noout"), "OK");
}

static void no_request(void **state)
{
    struct lab *lab = *state;
    assert_null(x509_request(&lab->mem, x509_new_key(&lab->mem), names, 0).p);
    assert_null(x509_request(&lab->mem, STR("no key"), names, 1).p);
    assert_null(x509_self_signed(&lab->mem, STR(""), names, 1, NOW).p);
}

static void self_signed(void **state)
{
    struct lab *lab = *state;
    struct x509_facts facts;
    struct str key = x509_new_key(&lab->mem);
    struct str pem = x509_self_signed(&lab->mem, key, names, nitems(names), NOW);
    put(lab, "cert.pem", pem);
    const char *text = openssl(lab, "x509 -in cert.pem -noout -text");
    shows(text, "Version: 3");
    shows(text, "Issuer: CN = example.org");
    shows(text, "DNS:example.org, DNS:www.example.org, DNS:a-name-that-is");
    shows(text, "Digital Signature");
    shows(text, "TLS Web Server Authentication");
    shows(openssl(lab, "verify -attime 1795000001 -purpose sslserver -CAfile cert.pem cert.pem"), "OK");
    assert_true(x509_belongs(pem, key));
    assert_false(x509_belongs(pem, x509_new_key(&lab->mem)));
    assert_true(x509_read(&lab->mem, pem, &facts));
    assert_true(facts.not_before == NOW && facts.not_after == NOW + (int64_t)825 * 86400);
    assert_int_equal(facts.n_names, nitems(names));
    assert_true(str_eq(facts.names[2], names[2]) && str_eq(facts.issuer, names[0]));
    assert_int_equal(facts.serial.n, 32);
}

/*
 * Without names, with a first name too long for a common name, with a year of four digits (RFC 5280 section
 * 4.1.2.5).
 */
static void self_signed_corners(void **state)
{
    struct lab *lab = *state;
    struct x509_facts facts;
    struct str key = x509_new_key(&lab->mem);
    struct str pem = x509_self_signed(&lab->mem, key, NULL, 0, NOW);
    assert_true(x509_read(&lab->mem, pem, &facts) && facts.n_names == 1);
    assert_true(str_eq(facts.names[0], STR("edge")) && str_eq(facts.issuer, STR("edge")));
    pem = x509_self_signed(&lab->mem, key, &names[2], 1, 2500000000);
    put(lab, "cert.pem", pem);
    shows(openssl(lab, "x509 -in cert.pem -noout -dates -issuer"), "notAfter=Jun 25 04:26:40 2051 GMT");
    assert_true(x509_read(&lab->mem, pem, &facts) && str_eq(facts.issuer, STR("edge")));
    assert_true(facts.not_after - facts.not_before == (int64_t)825 * 86400);
}

/* A chain made by openssl: a root, a middle one, a leaf for our request. */
static struct str chain(struct lab *lab, struct str key, const char *leaf_names)
{
    char line[400];
    put(lab, "key.pem", key);
    openssl(
        lab,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout root.key -out root.pem -days 3650 -subj '/O=Lab/CN=Root'");
    openssl(
        lab,
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout mid.key -out mid.csr -subj '/C=XX/O=Lab Organisation/CN=Middle'");
    put(lab, "mid.ext", STR("basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n"));
    openssl(lab,
            "x509 -req -in mid.csr -CA root.pem -CAkey root.key -CAcreateserial -days 3650 -extfile mid.ext "
            "-out mid.pem");
    openssl(lab, "req -new -key key.pem -out leaf.csr -subj /");
    put(lab, "ext", arena_printf(&lab->mem, "subjectAltName=%s\nauthorityKeyIdentifier=keyid\n", leaf_names));
    snprintf(
        line, sizeof line,
        "x509 -req -in leaf.csr -CA mid.pem -CAkey mid.key -set_serial 0x00ff0102030405 -days 90 -extfile ext -out leaf.pem");
    openssl(lab, line);
    return get(lab, "leaf.pem");
}

static void facts_of_a_chain(void **state)
{
    struct lab *lab = *state;
    struct x509_facts facts;
    struct str key = x509_new_key(&lab->mem);
    struct str leaf = chain(lab, key, "DNS:WWW.Example.ORG,IP:192.0.2.1,DNS:example.org");
    assert_true(x509_read(&lab->mem, leaf, &facts));
    assert_true(str_eq(facts.issuer, STR("Middle")));
    /* ARI's identifier needs the zero byte that keeps it positive (RFC 9773 section 4.1). */
    assert_true(str_eq(facts.serial, STR("00ff0102030405")));
    assert_int_equal(facts.n_names, 2);
    assert_true(str_eq(facts.names[0], STR("www.example.org")) && str_eq(facts.names[1], STR("example.org")));
    assert_int_equal(facts.key_id.n, 20);
    assert_int_equal(facts.not_after - facts.not_before, 90 * 86400);
    assert_true(x509_belongs(leaf, key));
}

static void accepted(void **state)
{
    struct lab *lab = *state;
    static const struct str two[] = {STR("www.example.org"), STR("example.org")};
    struct str key = x509_new_key(&lab->mem), other = x509_new_key(&lab->mem);
    struct str leaf = chain(lab, key, "DNS:Example.org,DNS:www.example.org"), mid = get(lab, "mid.pem"),
               root = get(lab, "root.pem");
    struct str all = arena_printf(&lab->mem, "%s%s%s", leaf.p, mid.p, root.p);
    struct str eight = arena_printf(&lab->mem, "%s%s%s%s%s%s%s%s%s", leaf.p, mid.p, root.p, root.p, root.p,
                                    root.p, root.p, root.p, root.p);
    const struct {
        const char *what;
        struct str chain, key;
        size_t n_names;
        enum x509_verdict verdict;
    } rows[] = {
        {"a leaf", leaf, key, 2, X509_GOOD},
        {"with its root", all, key, 2, X509_GOOD},
        {"with text around", arena_printf(&lab->mem, "hello\r\n%s\nbye", all.p), key, 2, X509_GOOD},
        {"another key", all, other, 2, X509_FOREIGN},
        {"a name too many", all, key, 1, X509_FOREIGN},
        {"the wrong order", arena_printf(&lab->mem, "%s%s", mid.p, leaf.p), key, 2, X509_DAMAGED},
        {"a gap", arena_printf(&lab->mem, "%s%s", leaf.p, root.p), key, 2, X509_DAMAGED},
        {"nine", eight, key, 2, X509_DAMAGED},
        {"a key among them", arena_printf(&lab->mem, "%s%s", leaf.p, key.p), key, 2, X509_DAMAGED},
        {"cut", str_take(all, leaf.n + 200), key, 2, X509_DAMAGED},
        {"cut in the leaf", str_take(all, 200), key, 2, X509_DAMAGED},
        {"no base64", STR("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"), key, 2,
         X509_DAMAGED},
        {"no certificate", STR("-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n"), key, 2,
         X509_DAMAGED},
        {"HTML", STR("<html>"), key, 2, X509_DAMAGED},
        {"nothing", STR(""), key, 2, X509_DAMAGED},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        const struct x509_wanted wanted = {rows[i].key, two, rows[i].n_names};
        const char *why = NULL;
        enum x509_verdict v = x509_accept(rows[i].chain, &wanted, &why);
        if (v != rows[i].verdict || (v == X509_GOOD) != (why == NULL))
            fail_msg("%s: %s", rows[i].what, why ? why : "taken");
    }
}

/*
 * No prefix of a certificate and no certificate with one byte changed makes the reader step outside (ASan,
 * valgrind).
 */
static void damaged(void **state)
{
    struct lab *lab = *state;
    struct str pem = chain(lab, x509_new_key(&lab->mem), "DNS:example.org");
    struct pem_block block;
    uint8_t der[4096];
    size_t n = 0;
    assert_true(pem_next(&pem, &block) == PEM_BLOCK && pem_size(&block) <= sizeof der &&
                pem_decode(&block, der, &n));
    for (size_t i = 0; i < 2 * n; i++) {
        struct arena mem = {0};
        struct buf text = {0};
        struct x509_facts facts;
        uint8_t kept = der[i % n];
        der[i % n] ^= i < n ? 0x00 : 0x81;
        assert_true(pem_write(&text, "CERTIFICATE", str_from(der, i < n ? i : n)));
        bool good = x509_read(&mem, buf_str(&text), &facts);
        assert_true(i >= n || !good);
        der[i % n] = kept;
        buf_done(&text);
        arena_done(&mem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(self_signed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(self_signed_corners, set_up, tear_down),
        cmocka_unit_test_setup_teardown(facts_of_a_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
