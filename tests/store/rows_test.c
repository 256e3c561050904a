/* Every function of the row files, on a database in a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "store/account_row.h"
#include "store/attempt_row.h"
#include "store/store_lab.h"

#define assert_text(str_, literal)                 \
    do {                                           \
        struct str got_ = (str_);                  \
        assert_string_equal(got_.p, literal);      \
        assert_int_equal(got_.n, strlen(literal)); \
    } while (0)

static void cert_comes_back(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct cert_row in = lab_cert("a.example,b.example"), out = {0};
    assert_int_equal(cert_row_find(s, in.names, &mem, &out), 0);
    assert_int_equal(cert_row_put(s, &in), 0);
    assert_true(in.id > 0);
    assert_int_equal(cert_row_find(s, in.names, &mem, &out), 1);
    assert_int_equal(out.id, in.id);
    assert_text(out.names, "a.example,b.example");
    assert_text(out.directory, "https://ca.example/dir");
    assert_text(out.chain_pem, "chain\n");
    assert_text(out.key_pem, "key\n");
    assert_text(out.issuer, "Fake CA 1");
    assert_text(out.serial, "00ab");
    assert_int_equal(out.not_before, 1000);
    assert_int_equal(out.not_after, 5000000000);
    assert_int_equal(out.obtained, 1500);
    assert_int_equal(out.renew_at, 4000);
    assert_int_equal(cert_row_set_renewal(s, in.id, 4321), 0);
    assert_int_equal(cert_row_find(s, in.names, &mem, &out), 1);
    assert_int_equal(out.renew_at, 4321);
    assert_int_equal(cert_row_set_renewal(s, in.id + 1, 1), -1);
    assert_string_equal(store_error(s), "cannot plan a renewal: the certificate is not there any more");
    arena_done(&mem);
    store_close(s);
}

struct seen {
    struct store *store;
    int64_t ids[4];
    int n, stop_after;
};

static bool see(const struct cert_row *row, void *context)
{
    struct seen *seen = context;
    seen->ids[seen->n++] = row->id;
    assert_int_equal(cert_row_set_renewal(seen->store, row->id, row->renew_at + 1), 0);
    return seen->n < seen->stop_after;
}

static void newest_certs(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct cert_row b1 = lab_cert("b.example"), a = lab_cert("a.example"), b2 = lab_cert("b.example"), out;
    b2.obtained = 1; /* the clock was set back meanwhile */
    b1.not_after = b2.not_after = a.not_after = 100;
    assert_int_equal(cert_row_put(s, &b1), 0);
    assert_int_equal(cert_row_put(s, &a), 0);
    assert_int_equal(cert_row_put(s, &b2), 0);
    struct seen seen = {.store = s, .stop_after = 4}, one = {.store = s, .stop_after = 1};
    assert_int_equal(cert_row_each(s, &mem, see, &seen), 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.ids[0], a.id);
    assert_int_equal(seen.ids[1], b2.id);
    assert_int_equal(cert_row_each(s, &mem, see, &one), 0);
    assert_int_equal(one.n, 1);

    /* Not before they expired, and never the newest. */
    assert_int_equal(cert_row_prune(s, 100), 0);
    assert_int_equal(cert_row_set_renewal(s, b1.id, 0), 0);
    assert_int_equal(cert_row_prune(s, 101), 0);
    assert_int_equal(cert_row_set_renewal(s, b1.id, 0), -1);
    assert_int_equal(cert_row_find(s, b2.names, &mem, &out), 1);
    assert_int_equal(out.id, b2.id);
    assert_int_equal(cert_row_find(s, a.names, &mem, &out), 1);
    arena_done(&mem);
    store_close(s);
}

static void orders(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct order_row in = lab_order("a.example"), twin = lab_order("a.example"), out = {0};
    assert_int_equal(order_row_save(s, &in), 0);
    assert_true(in.id > 0);
    assert_int_equal(order_row_save(s, &twin), -1);
    assert_non_null(strstr(store_error(s), "cannot store an order: "));
    assert_int_equal(twin.id, 0);
    assert_int_equal(order_row_find(s, in.names, in.directory, &mem, &out), 1);
    assert_int_equal(out.id, in.id);
    assert_text(out.url, "");
    in.url = STR("https://ca.example/order/1");
    in.finalize_url = STR("https://ca.example/order/1/finalize");
    in.certificate_url = STR("https://ca.example/cert/1");
    in.state = STR("valid");
    assert_int_equal(order_row_save(s, &in), 0);
    assert_int_equal(order_row_find(s, in.names, in.directory, &mem, &out), 1);
    assert_text(out.names, "a.example");
    assert_text(out.directory, "https://ca.example/dir");
    assert_text(out.key_pem, "key\n");
    assert_text(out.url, "https://ca.example/order/1");
    assert_text(out.finalize_url, "https://ca.example/order/1/finalize");
    assert_text(out.certificate_url, "https://ca.example/cert/1");
    assert_text(out.state, "valid");
    assert_int_equal(out.created, 1700);
    assert_int_equal(order_row_find(s, in.names, STR("https://other.example"), &mem, &out), 0);
    assert_int_equal(order_row_drop(s, in.id), 0);
    assert_int_equal(order_row_find(s, in.names, in.directory, &mem, &out), 0);
    assert_int_equal(order_row_save(s, &in), -1);
    assert_string_equal(store_error(s), "cannot store an order's state: the order is not there any more");
    arena_done(&mem);
    store_close(s);
}

static void challenges(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct order_row a = lab_order("a.example"), b = lab_order("b.example");
    struct str answer = {0};
    assert_int_equal(order_row_save(s, &a), 0);
    assert_int_equal(order_row_save(s, &b), 0);
    assert_int_equal(challenge_row_find(s, STR("t1"), &mem, &answer), 0);
    assert_int_equal(challenge_row_put(s, a.id, STR("t1"), STR("t1.old"), 5), 0);
    assert_int_equal(challenge_row_put(s, a.id, STR("t1"), STR("t1.new"), 6), 0);
    assert_int_equal(challenge_row_put(s, a.id, STR("t2"), STR("t2.x"), 6), 0);
    assert_int_equal(challenge_row_put(s, b.id, STR("t3"), STR("t3.x"), 6), 0);
    assert_int_equal(challenge_row_put(s, b.id + 1, STR("t4"), STR("t4.x"), 6), -1);
    assert_int_equal(challenge_row_find(s, STR("t1"), &mem, &answer), 1);
    assert_text(answer, "t1.new");
    assert_int_equal(challenge_row_drop(s, a.id), 0);
    assert_int_equal(challenge_row_find(s, STR("t1"), &mem, &answer), 0);
    assert_int_equal(challenge_row_find(s, STR("t2"), &mem, &answer), 0);
    assert_int_equal(challenge_row_find(s, STR("t3"), &mem, &answer), 1);
    assert_int_equal(order_row_drop(s, b.id), 0);
    assert_int_equal(challenge_row_find(s, STR("t3"), &mem, &answer), 0);
    arena_done(&mem);
    store_close(s);
}

static void account(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct account_row in = {.directory = STR("https://ca.example/dir"), .key_pem = STR("key\n")}, out = {0};
    assert_int_equal(account_row_find(s, in.directory, &mem, &out), 0);
    assert_int_equal(account_row_save(s, &in), 0);
    in.url = STR("https://ca.example/account/1");
    in.contact = STR("you@example.org");
    assert_int_equal(account_row_save(s, &in), 0);
    assert_int_equal(account_row_find(s, in.directory, &mem, &out), 1);
    assert_text(out.directory, "https://ca.example/dir");
    assert_text(out.key_pem, "key\n");
    assert_text(out.url, "https://ca.example/account/1");
    assert_text(out.contact, "you@example.org");
    assert_int_equal(account_row_find(s, STR("https://other.example"), &mem, &out), 0);
    arena_done(&mem);
    store_close(s);
}

static void attempts(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct attempt_row in = {.names = STR("a.example"),
                             .last_try = 10,
                             .next_try = 70,
                             .failures = 3,
                             .last_error = STR("urn:ietf:params:acme:error:dns: \"NXDOMAIN\" \xc3\xa4")};
    struct attempt_row out = {0};
    assert_int_equal(attempt_row_find(s, in.names, &mem, &out), 0);
    assert_int_equal(attempt_row_save(s, &in), 0);
    assert_int_equal(attempt_row_find(s, in.names, &mem, &out), 1);
    assert_int_equal(out.last_try, 10);
    assert_int_equal(out.next_try, 70);
    assert_int_equal(out.failures, 3);
    assert_text(out.names, "a.example");
    assert_true(str_eq(out.last_error, in.last_error));
    in = (struct attempt_row){.names = in.names, .last_try = 80};
    assert_int_equal(attempt_row_save(s, &in), 0);
    assert_int_equal(attempt_row_find(s, in.names, &mem, &out), 1);
    assert_int_equal(out.failures, 0);
    assert_text(out.last_error, "");
    arena_done(&mem);
    store_close(s);
}

/* Text is bytes: a CA's words may hold anything. */
static void any_bytes(void **state)
{
    struct store *s = lab_open(*state, STORE_WRITE);
    struct arena mem = {0};
    struct attempt_row in = {.names = STR("a"), .last_error = STR("x\0\xff\x80')--")}, out = {0};
    assert_int_equal(attempt_row_save(s, &in), 0);
    assert_int_equal(attempt_row_find(s, in.names, &mem, &out), 1);
    assert_true(str_eq(out.last_error, in.last_error));
    arena_done(&mem);
    store_close(s);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, lab_new, lab_free)

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(cert_comes_back), CASE(newest_certs), CASE(orders),    CASE(challenges),
        CASE(account),         CASE(attempts),     CASE(any_bytes),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
