#include "server/cert_pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "acme/x509.h"
#include "base/rand.h"
#include "config/parse.h"
#include "server/cert_image.h"
#include "store/store_lab.h"
#include "tls/cert.h"
#include "tls/certs.h"

#define SITE(names, tls) names " {\n proxy 127.0.0.1:1\n tls " tls "\n}\n"

enum { DAY = 24 * 3600 };

static const int64_t now = 2000000000;

/* What the keeper has. */
struct desk {
    struct lab *lab;
    struct store *store; /* NULL: it cannot be opened */
    struct snapshot *snapshot;
    struct cert_pick pick;
    struct arena mem;
};

static int open_desk(void **state)
{
    struct desk *d = calloc(1, sizeof *d);
    void *lab = NULL;
    if (!d || rand_init() < 0 || lab_new(&lab) < 0)
        return -1;
    d->lab = lab;
    d->store = lab_try(d->lab->dir, STORE_WRITE, LAB_WAIT);
    *state = d;
    return d->store ? 0 : -1;
}

static int close_desk(void **state)
{
    struct desk *d = *state;
    void *lab = d->lab;
    store_close(d->store);
    snapshot_free(d->snapshot);
    buf_wipe(&d->pick.image);
    buf_done(&d->pick.signature);
    arena_wipe(&d->pick.mem);
    arena_wipe(&d->mem);
    free(d);
    return lab_free(&lab);
}

static void configure(struct desk *d, const char *text)
{
    struct buf errors = {0};
    snapshot_free(d->snapshot);
    d->snapshot = config_parse("test.conf", str_of(text), &errors);
    if (!d->snapshot)
        fail_msg("%.*s", STR_ARG(buf_str(&errors)));
    buf_done(&errors);
}

static bool update(struct desk *d)
{
    return cert_pick_update(&d->pick, d->snapshot, d->store, now);
}

/* The names of the row are those in the certificate too; `good_for` seconds from now on. */
static struct cert_row put(struct desk *d, const char *names, int64_t good_for)
{
    struct cert_row row = lab_cert(names);
    struct str list[8], rest = row.names;
    size_t n = 0;
    while (n < nitems(list) && str_next_element(&rest, &list[n]))
        n++;
    row.key_pem = x509_new_key(&d->mem);
    row.chain_pem = x509_self_signed(&d->mem, row.key_pem, list, n, now - DAY);
    assert_true(row.chain_pem.n > 0);
    row.not_before = now - DAY;
    row.not_after = now + good_for;
    row.renew_at = row.not_after;
    assert_int_equal(cert_row_put(d->store, &row), 0);
    return row;
}

/* What a worker finds in the image. */
static struct certs *read_image(const struct desk *d, int names)
{
    int fd = cert_pick_image(&d->pick);
    struct certs *certs = certs_new();
    assert_true(fd >= 0 && certs != NULL);
    assert_int_equal(cert_image_read(fd, certs), names);
    close(fd);
    return certs;
}

static const struct cert *cert_of(const struct certs *certs, const char *host)
{
    int id = certs_find(certs, str_of(host));
    if (id < 0)
        fail_msg("%s has no certificate", host);
    return certs_get(certs, id);
}

static bool is_same(const struct cert *c, struct str chain, struct str key)
{
    struct str why = {NULL, 0};
    struct cert *wanted = cert_new(chain, key, &why);
    assert_non_null(wanted);
    bool same = memcmp(c->fingerprint, wanted->fingerprint, sizeof c->fingerprint) == 0;
    cert_free(wanted);
    return same;
}

static void assert_row(const struct certs *certs, const char *host, const struct cert_row *row)
{
    if (!is_same(cert_of(certs, host), row->chain_pem, row->key_pem))
        fail_msg("%s has another certificate", host);
}

static void assert_self_signed(const struct desk *d, const struct certs *certs, const char *host)
{
    assert_true(d->pick.chain.n > 0);
    if (!is_same(cert_of(certs, host), d->pick.chain, d->pick.key))
        fail_msg("%s has no self-signed certificate", host);
}

static void exact_row(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("b.test, a.test", "auto") SITE("c.test", "auto") SITE("d.test", "off"));
    struct cert_row ab = put(d, "a.test,b.test", 90 * DAY), c = put(d, "c.test", 90 * DAY);
    (void)put(d, "a.test", 90 * DAY); /* newer, but not of the site's names */
    (void)put(d, "d.test", 90 * DAY);
    assert_true(update(d));
    assert_false(update(d));
    struct certs *certs = read_image(d, 3);
    assert_row(certs, "a.test", &ab);
    assert_row(certs, "b.test", &ab);
    assert_row(certs, "c.test", &c);
    assert_int_equal(certs_find(certs, STR("d.test")), -1);
    assert_int_equal(d->pick.chain.n, 0);
    certs_free(certs);
}

static void newer_row(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test", "auto"));
    (void)put(d, "a.test", 90 * DAY);
    assert_true(update(d));
    struct cert_row newer = put(d, "a.test", 180 * DAY);
    assert_true(update(d));
    assert_false(update(d));
    struct certs *certs = read_image(d, 1);
    assert_row(certs, "a.test", &newer);
    certs_free(certs);
    /* Other changes of the database concern nobody. */
    assert_int_equal(cert_row_set_renewal(d->store, newer.id, now), 0);
    (void)put(d, "other.test", DAY);
    assert_false(update(d));
}

/* A name was just added: the old ones keep the certificate they have, and each is in the image once. */
static void name_added(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test, b.test, new.test", "auto"));
    struct cert_row older = put(d, "a.test,b.test", 90 * DAY);
    assert_true(update(d));
    struct certs *certs = read_image(d, 3);
    assert_row(certs, "a.test", &older);
    assert_row(certs, "b.test", &older);
    assert_self_signed(d, certs, "new.test");
    certs_free(certs);
    struct cert_row all = put(d, "a.test,b.test,new.test", 90 * DAY);
    assert_true(update(d));
    certs = read_image(d, 3);
    assert_row(certs, "a.test", &all);
    assert_row(certs, "new.test", &all);
    certs_free(certs);
}

/* Sites were joined, or split. */
static void best_cover(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test, b.test", "auto") SITE("c.test", "auto"));
    (void)put(d, "a.test", 90 * DAY);
    struct cert_row b = put(d, "b.test", 90 * DAY), newest = put(d, "a.test,c.test", 30 * DAY);
    (void)put(d, "aa.test,c.test.test", 90 * DAY);
    assert_true(update(d));
    struct certs *certs = read_image(d, 3);
    assert_row(certs, "a.test", &newest);
    assert_row(certs, "b.test", &b);
    assert_row(certs, "c.test", &newest);
    certs_free(certs);
}

static void no_cover(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test, new.test", "auto") SITE("b.test, more.test", "auto"));
    (void)put(d, "a.test", -1);
    struct cert_row made_here = lab_cert("b.test");
    made_here.directory = STR("");
    assert_int_equal(cert_row_put(d->store, &made_here), 0);
    assert_true(update(d));
    struct certs *certs = read_image(d, 4);
    assert_self_signed(d, certs, "a.test");
    assert_self_signed(d, certs, "b.test");
    certs_free(certs);
}

/* As long as the process lives it is the same one: nobody is told twice. */
static void self_signed(void **state)
{
    struct desk *d = *state;
    struct store *store = d->store;
    configure(d, SITE("a.test", "auto") SITE("b.test", "auto") "* {\n respond 404\n}\n");
    d->store = NULL;
    assert_true(update(d));
    struct certs *certs = read_image(d, 2);
    assert_self_signed(d, certs, "a.test");
    assert_self_signed(d, certs, "b.test");
    assert_int_equal(certs_find(certs, STR("")), -1);
    certs_free(certs);
    assert_false(update(d));
    d->store = store;
    assert_false(update(d));
    struct cert_row a = put(d, "a.test", 90 * DAY);
    assert_true(update(d));
    assert_false(update(d));
    certs = read_image(d, 2);
    assert_row(certs, "a.test", &a);
    assert_self_signed(d, certs, "b.test");
    certs_free(certs);
}

/* tls internal */

static struct cert_row stored(struct desk *d, const char *names)
{
    struct cert_row row = {0};
    assert_int_equal(cert_row_find(d->store, str_of(names), &d->mem, &row), 1);
    return row;
}

static void internal_is_kept(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("b.test, a.test", "internal"));
    assert_true(update(d));
    assert_false(update(d));
    struct cert_row row = stored(d, "a.test,b.test");
    struct x509_facts facts;
    assert_true(row.directory.n == 0 && x509_read(&d->mem, row.chain_pem, &facts));
    assert_int_equal(facts.n_names, 2);
    assert_true(row.not_before <= now && row.renew_at > now && row.renew_at < row.not_after);
    /* The next process. */
    struct cert_pick before = d->pick;
    d->pick = (struct cert_pick){0};
    assert_true(update(d));
    assert_true(str_eq(buf_str(&d->pick.signature), buf_str(&before.signature)));
    assert_int_equal(stored(d, "a.test,b.test").id, row.id);
    struct certs *certs = read_image(d, 2);
    assert_row(certs, "a.test", &row);
    assert_row(certs, "b.test", &row);
    certs_free(certs);
    buf_wipe(&before.image);
    buf_done(&before.signature);
}

static void internal_and_auto(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test", "internal"));
    assert_true(update(d));
    struct cert_row internal = stored(d, "a.test");
    configure(d, SITE("a.test", "auto"));
    assert_true(update(d));
    struct certs *certs = read_image(d, 1);
    assert_self_signed(d, certs, "a.test");
    certs_free(certs);
    assert_int_equal(stored(d, "a.test").id, internal.id);
    (void)put(d, "a.test", 90 * DAY);
    configure(d, SITE("a.test", "internal"));
    assert_true(update(d));
    struct cert_row again = stored(d, "a.test");
    assert_true(again.id > internal.id && again.directory.n == 0);
    certs = read_image(d, 1);
    assert_row(certs, "a.test", &again);
    certs_free(certs);
}

static void internal_is_renewed(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test", "internal"));
    assert_true(update(d));
    struct cert_row first = stored(d, "a.test");
    assert_int_equal(cert_row_set_renewal(d->store, first.id, now), 0);
    /* What cannot be stored is not served: the old one does for a while. */
    lab_sql(d->lab, "CREATE TRIGGER no BEFORE INSERT ON cert BEGIN SELECT RAISE(FAIL, 'no'); END");
    assert_false(update(d));
    struct certs *certs = read_image(d, 1);
    assert_row(certs, "a.test", &first);
    certs_free(certs);
    lab_sql(d->lab, "DROP TRIGGER no");
    assert_true(update(d));
    assert_false(update(d));
    struct cert_row second = stored(d, "a.test");
    assert_true(second.id > first.id);
    certs = read_image(d, 1);
    assert_row(certs, "a.test", &second);
    certs_free(certs);
}

/* Trouble */

/* The workers keep what they have; who has nothing yet gets self-signed ones. */
static void store_that_fails(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test", "auto") SITE("b.test, c.test", "internal"));
    struct cert_row a = put(d, "a.test", 90 * DAY);
    assert_true(update(d));
    lab_sql(d->lab, "ALTER TABLE cert RENAME TO elsewhere");
    assert_false(update(d));
    struct certs *certs = read_image(d, 3);
    assert_row(certs, "a.test", &a);
    certs_free(certs);
    lab_sql(d->lab, "ALTER TABLE elsewhere RENAME TO cert");
    assert_false(update(d));
    lab_sql(d->lab, "ALTER TABLE cert RENAME TO elsewhere");
    buf_wipe(&d->pick.image);
    buf_done(&d->pick.signature);
    d->pick.image = d->pick.signature = (struct buf){0};
    assert_true(update(d));
    certs = read_image(d, 3);
    assert_self_signed(d, certs, "a.test");
    assert_self_signed(d, certs, "c.test");
    certs_free(certs);
}

/* One that is damaged takes none of the others with it. */
static void damaged_row(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test", "auto") SITE("b.test", "auto"));
    struct cert_row damaged = lab_cert("a.test");
    assert_int_equal(cert_row_put(d->store, &damaged), 0);
    struct cert_row b = put(d, "b.test", 90 * DAY);
    assert_true(update(d));
    struct certs *certs = read_image(d, 1);
    assert_int_equal(certs_find(certs, STR("a.test")), -1);
    assert_row(certs, "b.test", &b);
    certs_free(certs);
}

static void nothing_to_pick(void **state)
{
    struct desk *d = *state;
    configure(d, SITE("a.test", "off"));
    assert_true(update(d));
    assert_false(update(d));
    assert_int_equal(d->pick.image.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(exact_row, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(newer_row, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(name_added, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(best_cover, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(no_cover, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(self_signed, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(internal_is_kept, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(internal_and_auto, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(internal_is_renewed, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(store_that_fails, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(damaged_row, open_desk, close_desk),
        cmocka_unit_test_setup_teardown(nothing_to_pick, open_desk, close_desk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
