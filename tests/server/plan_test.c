#include "server/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/parse.h"
#include "store/store_lab.h"

#define CA    "https://ca.example/dir"
#define OTHER "https://staging.example/dir"
#define ACME  "acme {\n directory " CA "\n}\n"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };

static const int64_t now = 2000000000;

static struct snapshot *parse(const char *configuration)
{
    struct buf errors = {0};
    struct snapshot *s = config_parse("test.conf", str_of(configuration), &errors);
    if (!s)
        fail_msg("%s\n%.*s", configuration, STR_ARG(buf_str(&errors)));
    buf_done(&errors);
    return s;
}

/* Which sites */

struct wants_row {
    const char *text, *keys; /* of the sites that are to have a certificate, each with a blank behind it */
};

static const struct wants_row wants_rows[] = {
    {"a.test {\n proxy 127.0.0.1:1\n}\n", "a.test "},
    {"a.test {\n proxy 127.0.0.1:1\n tls auto\n}\n", "a.test "},
    {"a.test {\n route /x proxy 127.0.0.1:1\n}\n", "a.test "},
    {"a.test {\n redirect https://b.test\n}\n", "a.test "},
    {"a.test {\n respond 204\n}\n", "a.test "},
    {"a.test {\n proxy 127.0.0.1:1\n tls internal\n}\n", ""},
    {"a.test {\n proxy 127.0.0.1:1\n tls off\n}\n", ""},
    {"a.test {\n proxy 127.0.0.1:1\n tls c.pem k.pem\n}\n", ""},
    {"*.a.test {\n proxy 127.0.0.1:1\n tls c.pem k.pem\n}\n", ""},
    {"*.a.test {\n proxy 127.0.0.1:1\n tls internal\n}\n", ""},
    {"* {\n respond 404\n}\n", ""},
    {"* {\n respond 404\n tls c.pem k.pem\n}\n", ""},
    {"https off\na.test {\n proxy 127.0.0.1:1\n}\n", ""},
    {"a.test, b.test {\n respond 204\n}\n* {\n respond 404\n}\nc.test {\n respond 204\n}\n",
     "a.test,b.test c.test "},
};

static void wants_cert(void **state)
{
    for (size_t i = 0; i < nitems(wants_rows); i++) {
        struct snapshot *s = parse(wants_rows[i].text);
        struct buf keys = {0};
        for (size_t n = 0; n < s->n_sites; n++)
            if (plan_wants_cert(&s->sites[n]))
                assert_true(buf_printf(&keys, "%.*s ", STR_ARG(plan_key(&s->sites[n], &s->mem))));
        if (!str_eq(buf_str(&keys), str_of(wants_rows[i].keys)))
            fail_msg("%s: %.*s", wants_rows[i].text, STR_ARG(buf_str(&keys)));
        buf_done(&keys);
        snapshot_free(s);
    }
}

struct key_row {
    const char *names, *key;
};

static const struct key_row key_rows[] = {
    {"a.test", "a.test"},
    {"A.Test", "a.test"},
    {"www.a.test, a.test", "a.test,www.a.test"},
    {"c.test, B.test, a.test", "a.test,b.test,c.test"},
    {"aa.test, a.test, a-a.test", "a-a.test,a.test,aa.test"},
};

static void key(void **state)
{
    for (size_t i = 0; i < nitems(key_rows); i++) {
        struct buf text = {0};
        assert_true(buf_printf(&text, "%s {\n respond 204\n}\n", key_rows[i].names));
        assert_true(buf_add(&text, "", 1));
        struct snapshot *s = parse((const char *)buf_data(&text));
        struct str made = plan_key(&s->sites[0], &s->mem);
        if (!str_eq(made, str_of(key_rows[i].key)))
            fail_msg("%s: %.*s", key_rows[i].names, STR_ARG(made));
        snapshot_free(s);
        buf_done(&text);
    }
}

/* When */

struct renewal_row {
    const char *what;
    int64_t life, left; /* seconds; what is left at the moment of renewal */
};

static const struct renewal_row renewal_rows[] = {
    {"90 days", 90 * DAY, 30 * DAY},
    {"47 days", 47 * DAY, 47 * DAY / 3},
    {"45 days", 45 * DAY, 15 * DAY},
    {"ten days", 10 * DAY, 10 * DAY / 3},
    {"a second less", 10 * DAY - 1, (10 * DAY - 1) / 2},
    {"160 hours", 160 * HOUR, 80 * HOUR},
    {"30 seconds", 30, 15},
    {"none", 0, 0},
};

static void renewal(void **state)
{
    for (size_t i = 0; i < nitems(renewal_rows); i++) {
        const struct renewal_row *r = &renewal_rows[i];
        int64_t end = now + r->life;
        if (plan_renewal(now, end) != end - r->left)
            fail_msg("%s: %lld left", r->what, (long long)(end - plan_renewal(now, end)));
    }
}

struct back_off_row {
    unsigned failures, jitter;
    int64_t least, most;
};

static const struct back_off_row back_off_rows[] = {
    {1, 0, MINUTE, MINUTE},
    {1, 999, MINUTE, MINUTE},
    {2, 500, 10 * MINUTE, 10 * MINUTE},
    {3, 999, 100 * MINUTE, 100 * MINUTE},
    {4, 0, DAY, DAY},
    {4, 500, DAY - HOUR, DAY - HOUR / 2},
    {4, 999, DAY - 2 * HOUR, DAY - HOUR},
    {100, 999, DAY - 2 * HOUR, DAY},
    {UINT32_MAX, 0, DAY, DAY},
};

static void back_off(void **state)
{
    for (size_t i = 0; i < nitems(back_off_rows); i++) {
        const struct back_off_row *r = &back_off_rows[i];
        int64_t wait = plan_back_off(r->failures, r->jitter);
        if (wait < r->least || wait > r->most)
            fail_msg("%u failures, jitter %u: %lld", r->failures, r->jitter, (long long)wait);
    }
    /* Never more than a day, which plan_make() would not believe, and never twice the same. */
    for (unsigned jitter = 1; jitter < 1000; jitter++)
        assert_true(plan_back_off(4, jitter) < plan_back_off(4, jitter - 1));
}

/* The plan of one site; moments count from now. */
struct due_row {
    const char *what;
    const char *directory;        /* of the newest certificate; NULL: there is none */
    int64_t begin, end, renew_at; /* of it */
    unsigned failures;            /* 0: nothing was tried */
    int64_t next_try;
    bool has_cert;
    int64_t due;
};

static const struct due_row due_rows[] = {
    {"nothing yet", NULL, 0, 0, 0, 0, 0, false, 0},
    {"a certificate", CA, -DAY, 89 * DAY, 59 * DAY, 0, 0, true, 59 * DAY},
    {"one that is due", CA, -61 * DAY, 29 * DAY, -DAY, 0, 0, true, -DAY},
    {"one that has expired", CA, -91 * DAY, -DAY, -31 * DAY, 0, 0, true, -31 * DAY},
    {"one of staging", OTHER, -DAY, 89 * DAY, 59 * DAY, 0, 0, false, 0},
    {"a self-signed one", "", -DAY, 3649 * DAY, 3619 * DAY, 0, 0, false, 0},
    {"another URL of the same host", CA "/", -DAY, 89 * DAY, 59 * DAY, 0, 0, false, 0},
    {"a failure", NULL, 0, 0, 0, 1, MINUTE, false, MINUTE},
    {"a failure whose time has come", NULL, 0, 0, 0, 3, -MINUTE, false, 0},
    {"a failure, to be repeated at once", NULL, 0, 0, 0, 1, -2000000000, false, 0},
    {"a day's wait", NULL, 0, 0, 0, 4, DAY, false, DAY},
    {"a wait that no clock meant", NULL, 0, 0, 0, 4, DAY + 1, false, 0},
    {"a wait of years", NULL, 0, 0, 0, 4, 3650 * DAY, false, 0},
    {"a success after failures", CA, -DAY, 89 * DAY, 59 * DAY, 0, HOUR, true, 59 * DAY},
    {"a renewal that failed", CA, -61 * DAY, 29 * DAY, -DAY, 2, 10 * MINUTE, true, 10 * MINUTE},
    {"a failure long before it is due", CA, -DAY, 89 * DAY, 59 * DAY, 1, MINUTE, true, 59 * DAY},
    {"a failure with staging's", OTHER, -DAY, 89 * DAY, 59 * DAY, 1, MINUTE, false, MINUTE},
    {"as far ahead as it lives", CA, 0, 90 * DAY, 90 * DAY, 0, 0, true, 90 * DAY},
    {"further ahead than it lives", CA, 0, 90 * DAY, 90 * DAY + 1, 0, 0, true, 0},
    {"ordered in the far future", CA, 3650 * DAY, 3740 * DAY, 3710 * DAY, 0, 0, true, 0},
};

static void put_cert(struct store *s, const char *names, const struct due_row *r)
{
    struct cert_row row = lab_cert(names);
    row.directory = str_of(r->directory);
    row.not_before = now + r->begin;
    row.not_after = now + r->end;
    row.renew_at = now + r->renew_at;
    assert_int_equal(cert_row_put(s, &row), 0);
}

static void put_attempt(struct store *s, const char *names, unsigned failures, int64_t next_try)
{
    struct attempt_row row = {.names = str_of(names), .last_try = now - 1, .next_try = now + next_try};
    row.failures = failures;
    row.last_error = failures > 0 ? STR("no") : STR("");
    assert_int_equal(attempt_row_save(s, &row), 0);
}

static void due(void **state)
{
    struct store *store = lab_open(*state, STORE_WRITE);
    for (size_t i = 0; i < nitems(due_rows); i++) {
        const struct due_row *r = &due_rows[i];
        struct snapshot *s = parse(ACME "b.test, a.test {\n respond 204\n}\n");
        struct arena mem = {0};
        struct plan plan;
        assert_int_equal(store_begin(store), 0);
        if (r->directory)
            put_cert(store, "a.test,b.test", r);
        if (r->failures > 0 || r->next_try != 0)
            put_attempt(store, "a.test,b.test", r->failures, r->next_try);
        assert_int_equal(plan_make(s, store, &mem, now, &plan), 0);
        assert_int_equal(plan.n, 1);
        assert_true(str_eq(plan.items[0].key, STR("a.test,b.test")));
        assert_ptr_equal(plan.items[0].site, &s->sites[0]);
        if (plan.items[0].has_cert != r->has_cert || plan.items[0].due != now + r->due)
            fail_msg("%s: %d, due in %lld", r->what, plan.items[0].has_cert,
                     (long long)(plan.items[0].due - now));
        assert_int_equal(plan_next(&plan), now + r->due);
        store_rollback(store);
        arena_done(&mem);
        snapshot_free(s);
    }
    store_close(store);
}

/* The configured CA's certificate counts only while it is the one in use. */
static void newest_counts(void **state)
{
    static const struct due_row good = {
        .directory = CA, .begin = -DAY, .end = 89 * DAY, .renew_at = 59 * DAY};
    static const struct due_row staging = {
        .directory = OTHER, .begin = -DAY, .end = 89 * DAY, .renew_at = 59 * DAY};
    struct store *store = lab_open(*state, STORE_WRITE);
    struct snapshot *s = parse(ACME "a.test {\n respond 204\n}\n");
    struct arena mem = {0};
    struct plan plan;
    put_cert(store, "a.test", &good);
    put_cert(store, "a.test", &staging);
    assert_int_equal(plan_make(s, store, &mem, now, &plan), 0);
    assert_false(plan.items[0].has_cert);
    put_cert(store, "a.test", &good);
    assert_int_equal(plan_make(s, store, &mem, now, &plan), 0);
    assert_true(plan.items[0].has_cert);
    arena_done(&mem);
    snapshot_free(s);
    store_close(store);
}

static void next_of_several(void **state)
{
    static const struct due_row good = {
        .directory = CA, .begin = -DAY, .end = 89 * DAY, .renew_at = 59 * DAY};
    struct store *store = lab_open(*state, STORE_WRITE);
    struct snapshot *s = parse(ACME "a.test {\n respond 204\n}\nb.test {\n tls off\n respond 204\n}\n"
                                    "c.test {\n respond 204\n}\n* {\n respond 404\n}\n");
    struct arena mem = {0};
    struct plan plan;
    put_cert(store, "a.test", &good);
    put_attempt(store, "c.test", 2, 10 * MINUTE);
    assert_int_equal(plan_make(s, store, &mem, now, &plan), 0);
    assert_int_equal(plan.n, 2);
    assert_int_equal(plan_next(&plan), now + 10 * MINUTE);
    put_cert(store, "c.test", &good);
    put_attempt(store, "c.test", 0, -now);
    assert_int_equal(plan_make(s, store, &mem, now, &plan), 0);
    assert_int_equal(plan_next(&plan), now + 59 * DAY);
    assert_int_equal(plan_next(&(struct plan){.n = 0}), INT64_MAX);
    arena_done(&mem);
    snapshot_free(s);
    store_close(store);
}

static void store_that_fails(void **state)
{
    struct store *store = lab_open(*state, STORE_WRITE);
    struct snapshot *s = parse(ACME "a.test {\n respond 204\n}\n");
    struct arena mem = {0};
    struct plan plan;
    lab_sql(*state, "DROP TABLE attempt");
    assert_int_equal(plan_make(s, store, &mem, now, &plan), -1);
    assert_non_null(strstr(store_error(store), "attempt"));
    arena_done(&mem);
    snapshot_free(s);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wants_cert),
        cmocka_unit_test(key),
        cmocka_unit_test(renewal),
        cmocka_unit_test(back_off),
        cmocka_unit_test_setup_teardown(due, lab_new, lab_free),
        cmocka_unit_test_setup_teardown(newest_counts, lab_new, lab_free),
        cmocka_unit_test_setup_teardown(next_of_several, lab_new, lab_free),
        cmocka_unit_test_setup_teardown(store_that_fails, lab_new, lab_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
