/* Whom edge believes: chains as backends show them, against bundles as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/pem.h"
#include "base/rand.h"
#include "tls/chain.h"
#include "tls/duo.h"

enum { LIST = 10 };

static const int64_t now = 1790000000, in_2000 = 946684800, in_2035 = 2051222400, in_2200 = 7258118400;

/* All PEM files of a list, one behind the other. */
static void read_files(const char *const *names, struct buf *out)
{
    for (; *names; names++) {
        char path[64];
        snprintf(path, sizeof path, "trust/%s.pem", *names);
        struct str text = duo_file(path);
        assert_true(buf_add_str(out, text));
        free((void *)(uintptr_t)text.p);
    }
}

/* Shows the chain in pieces of a size, as BearSSL's engine does it. */
static void show(struct chain *c, const char *const *names, size_t piece)
{
    struct buf text = {0};
    read_files(names, &text);
    struct str pem = buf_str(&text);
    struct pem_block block;
    uint8_t der[CERT_DER];
    c->class->start_chain(&c->class, c->name);
    while (pem_next(&pem, &block) == PEM_BLOCK) {
        size_t n = 0;
        assert_true(pem_decode(&block, der, &n));
        c->class->start_cert(&c->class, (uint32_t)n);
        for (size_t at = 0; at < n; at += piece)
            c->class->append(&c->class, der + at, n - at < piece ? n - at : piece);
        c->class->end_cert(&c->class);
    }
    buf_done(&text);
}

static struct tls_trust *bundle(const char *const *names)
{
    struct buf text = {0};
    int err = -1;
    read_files(names, &text);
    struct tls_trust *t = tls_trust_new(buf_str(&text), &err);
    assert_non_null(t);
    assert_int_equal(err, 0);
    buf_done(&text);
    return t;
}

static int judge(const char *const *shown, const struct tls_trust *t, const char *name, int64_t wall)
{
    struct chain c;
    unsigned usages = 0;
    assert_true(chain_init(&c, t, str_of(name), wall));
    show(&c, shown, 100);
    unsigned error = c.class->end_chain(&c.class);
    int err = c.err;
    assert_int_equal(error == 0, err == 0);
    assert_int_equal(c.class->get_pkey(&c.class, &usages) != NULL, err == 0);
    chain_done(&c);
    return err;
}

struct row {
    const char *what;
    const char *shown[LIST], *trusted[LIST];
    const char *name;
    int err;
    int64_t wall; /* 0: now */
};

static void check(const struct row *r)
{
    struct tls_trust *t = bundle(r->trusted);
    int err = judge(r->shown, t, r->name, r->wall ? r->wall : now);
    if (err != r->err)
        fail_msg("%s: `%s` instead of `%s`", r->what, err_text(err), err_text(r->err));
    tls_trust_free(t);
}

static void chains(void **state)
{
    static const struct row rows[] = {
        {"the usual", {"nas", "middle"}, {"ca"}, "nas.test", 0, 0},
        {"one of a bundle", {"nas", "middle"}, {"ca2", "ed", "other_ca", "ca"}, "nas.test", 0, 0},
        {"with the root", {"nas", "middle", "ca"}, {"ca"}, "nas.test", 0, 0},
        {"wrong order", {"nas", "ca", "middle"}, {"ca"}, "nas.test", 0, 0},
        {"extra ones", {"nas", "self", "ed", "middle", "cn", "nas"}, {"ca"}, "nas.test", 0, 0},
        {"no intermediate", {"nas"}, {"ca"}, "nas.test", ERR_TLS_UNTRUSTED, 0},
        {"the intermediate is trusted", {"nas"}, {"middle"}, "nas.test", 0, 0},
        {"a root that was certified", {"nas", "middle", "ca_by_ca2"}, {"ca2"}, "nas.test", 0, 0},
        {"two ways", {"nas", "middle", "ca_by_ca3", "ca_by_ca2"}, {"ca2"}, "nas.test", 0, 0},
        {"nobody", {"nas", "middle"}, {"ca2"}, "nas.test", ERR_TLS_UNTRUSTED, 0},
        {"another of that name", {"nas", "middle"}, {"other_ca"}, "nas.test", ERR_TLS_UNTRUSTED, 0},
        {"two of that name", {"nas", "middle"}, {"other_ca", "ca"}, "nas.test", 0, 0},
        {"its own root", {"nas", "middle", "ca"}, {"other_ca"}, "nas.test", ERR_TLS_UNTRUSTED, 0},
        {"a leaf as issuer", {"under_leaf", "nas", "middle"}, {"ca"}, "evil.test", ERR_TLS_CERT_USE, 0},
        {"a trusted leaf as issuer", {"under_leaf"}, {"nas"}, "evil.test", ERR_TLS_UNTRUSTED, 0},
        {"issuer without right", {"under_bare", "bare"}, {"ca"}, "nas.test", ERR_TLS_CERT_USE, 0},
        {"root of version 1", {"under_v1"}, {"v1"}, "nas.test", 0, 0},
        {"unknown critical extension", {"critical"}, {"ca"}, "nas.test", ERR_TLS_CERT_USE, 0},
        {"short key", {"weak"}, {"ca"}, "nas.test", ERR_TLS_CERT_WEAK, 0},
        {"Ed25519", {"ed"}, {"ca"}, "nas.test", ERR_TLS_CERT_KIND, 0},
        {"nothing shown", {NULL}, {"ca"}, "nas.test", ERR_TLS_CERT_BROKEN, 0},
        {"too many",
         {"nas", "ed", "ed", "ed", "ed", "ed", "ed", "ed", "middle"},
         {"ca"},
         "nas.test",
         ERR_TLS_UNTRUSTED,
         0},
    };
    for (size_t i = 0; i < nitems(rows); i++)
        check(&rows[i]);
}

static void names(void **state)
{
    static const struct row rows[] = {
        {"case", {"nas", "middle"}, {"ca"}, "NAS.Test", 0, 0},
        {"final dot", {"nas", "middle"}, {"ca"}, "nas.test.", 0, 0},
        {"another", {"nas", "middle"}, {"ca"}, "nas2.test", ERR_TLS_NAME, 0},
        {"longer", {"nas", "middle"}, {"ca"}, "x.nas.test", ERR_TLS_NAME, 0},
        {"wildcard", {"nas", "middle"}, {"ca"}, "a.wild.test", 0, 0},
        {"wildcard for none", {"nas", "middle"}, {"ca"}, "wild.test", ERR_TLS_NAME, 0},
        {"wildcard for two", {"nas", "middle"}, {"ca"}, "a.b.wild.test", ERR_TLS_NAME, 0},
        {"common name", {"cn"}, {"ca"}, "cn.test", 0, 0},
        {"another common name", {"cn"}, {"ca"}, "nas.test", ERR_TLS_NAME, 0},
        {"address", {"nas", "middle"}, {"ca"}, "10.0.0.9", 0, 0},
        {"address of IPv6", {"nas", "middle"}, {"ca"}, "fd00:0::9", 0, 0},
        {"another address", {"nas", "middle"}, {"ca"}, "10.0.0.90", ERR_TLS_NAME, 0},
        {"no address in it", {"cn"}, {"ca"}, "10.0.0.9", ERR_TLS_NAME, 0},
        {"no name wanted", {"nas", "middle"}, {"ca"}, "", ERR_TLS_NAME, 0},
        {"no name, untrusted", {"nas", "middle"}, {"ca2"}, "", ERR_TLS_UNTRUSTED, 0},
        {"address, untrusted", {"nas", "middle"}, {"ca2"}, "10.0.0.9", ERR_TLS_UNTRUSTED, 0},
    };
    for (size_t i = 0; i < nitems(rows); i++)
        check(&rows[i]);
}

/* `tls CA-FILE` with the backend's own certificate, which people do all the time. */
static void trusted_itself(void **state)
{
    static const struct row rows[] = {
        {"self-signed", {"self"}, {"self"}, "self.test", 0, 0},
        {"self-signed, no authority", {"self_leaf"}, {"self_leaf"}, "self.test", 0, 0},
        {"signed by SHA-1, 1024 bits", {"self_sha1"}, {"self_sha1"}, "self.test", 0, 0},
        {"signed by somebody", {"nas"}, {"nas"}, "nas.test", 0, 0},
        {"at an address", {"self_leaf"}, {"self_leaf"}, "192.0.2.1", 0, 0},
        {"without a name", {"self_leaf"}, {"self_leaf"}, "", 0, 0},
        {"under another name", {"self_leaf"}, {"self_leaf"}, "other.test", ERR_TLS_NAME, 0},
        {"expired", {"self"}, {"self"}, "self.test", ERR_TLS_EXPIRED, in_2200},
        {"renewed, an authority", {"self_again"}, {"self"}, "self.test", 0, 0},
        {"renewed, no authority", {"self_leaf_again"}, {"self_leaf"}, "self.test", ERR_TLS_SELF_SIGNED, 0},
        {"unknown", {"self"}, {"ca"}, "self.test", ERR_TLS_SELF_SIGNED, 0},
        {"a trusted one behind it", {"self_leaf", "nas"}, {"nas"}, "self.test", ERR_TLS_SELF_SIGNED, 0},
    };
    for (size_t i = 0; i < nitems(rows); i++)
        check(&rows[i]);
}

static void validity(void **state)
{
    static const struct row rows[] = {
        {"early", {"nas", "middle"}, {"ca"}, "nas.test", ERR_TLS_NOT_YET, in_2000},
        {"before 1970", {"nas", "middle"}, {"ca"}, "nas.test", ERR_TLS_NOT_YET, 1},
        {"late", {"nas", "middle"}, {"ca"}, "nas.test", ERR_TLS_EXPIRED, in_2200},
        {"intermediate in time", {"nas", "middle_short"}, {"ca"}, "nas.test", 0, 0},
        {"intermediate late", {"nas", "middle_short"}, {"ca"}, "nas.test", ERR_TLS_EXPIRED, in_2035},
    };
    for (size_t i = 0; i < nitems(rows); i++)
        check(&rows[i]);
}

static void insecure(void **state)
{
    static const char *const shown[][2] = {{"self_sha1"}, {"weak"}, {"nas"}, {"critical"}, {"usage"}};
    static const char *const unusable[] = {"ed", NULL}, *const none[] = {NULL};
    int err = -1;
    struct tls_trust *t = tls_trust_new(STR(""), &err);
    assert_non_null(t);
    for (size_t i = 0; i < nitems(shown); i++)
        assert_int_equal(judge(shown[i], t, "what.ever", in_2200), 0);
    assert_int_equal(judge(unusable, t, "what.ever", now), ERR_TLS_CERT_KIND);
    assert_int_equal(judge(none, t, "what.ever", now), ERR_TLS_CERT_BROKEN);
    tls_trust_free(t);
}

static void large_chain(void **state)
{
    static const uint8_t zeros[4096];
    static const char *const trusted[] = {"ca", NULL};
    struct tls_trust *t = bundle(trusted);
    struct chain c;
    assert_true(chain_init(&c, t, STR("nas.test"), now));
    c.class->start_chain(&c.class, "nas.test");
    for (int i = 0; i < 100; i++) {
        c.class->start_cert(&c.class, 100 * sizeof zeros);
        for (int k = 0; k < 100; k++)
            c.class->append(&c.class, zeros, sizeof zeros);
        c.class->end_cert(&c.class);
    }
    assert_true(c.ders.cap <= 2 * CHAIN_BYTES);
    assert_int_not_equal(c.class->end_chain(&c.class), 0);
    assert_int_equal(c.err, ERR_TLS_CERT_BROKEN);
    chain_done(&c);
    char name[CHAIN_NAME + 2];
    memset(name, 'a', sizeof name);
    assert_false(chain_init(&c, t, str_from(name, sizeof name), now));
    tls_trust_free(t);
}

static void bundles(void **state)
{
    static const struct {
        const char *text;
        int err;
    } rows[] = {
        {"# nothing", ERR_TRUST_NONE},
        {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", ERR_TRUST_NONE},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ERR_TRUST_NONE},
        {"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n", ERR_TRUST_BROKEN},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n", ERR_TRUST_BROKEN},
    };
    int err = 0;
    for (size_t i = 0; i < nitems(rows); i++) {
        assert_null(tls_trust_new(str_of(rows[i].text), &err));
        assert_int_equal(err, rows[i].err);
    }
    static const char *const one[] = {"ed", NULL};
    struct buf text = {0};
    read_files(one, &text);
    assert_null(tls_trust_new(buf_str(&text), &err));
    assert_int_equal(err, ERR_TRUST_NONE);
    buf_done(&text);
}

static int setup(void **state)
{
    return rand_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains),   cmocka_unit_test(names),    cmocka_unit_test(trusted_itself),
        cmocka_unit_test(validity), cmocka_unit_test(insecure), cmocka_unit_test(large_chain),
        cmocka_unit_test(bundles),
    };
    return cmocka_run_group_tests_name("tls/chain", tests, setup, NULL);
}
