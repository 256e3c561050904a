#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "tls/bear12_int.h"
#include "tls/duo.h"

enum { TABLE = 64 * 1024 };

struct world {
    struct handshake_shared shared;
    struct sessions sessions;
    uint64_t table[TABLE / 8];
    struct duo_client client;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || rand_init() < 0)
        return -1;
    sessions_init(&w->sessions, w->table, sizeof w->table);
    handshake_shared_init(&w->shared, &w->sessions);
    w->shared.certs = duo_certs();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    handshake_shared_done(&w->shared);
    free(w);
    return 0;
}

static bool is_rsa(uint16_t suite)
{
    return suite == BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 ||
           suite == BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ||
           suite == BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256;
}

/* A handshake and some data; the error of the server's side, 0 when it went well, -1 when the client gave up. */
static int connect_as(struct world *w, const char *sni, bool resume, bool *resumed)
{
    struct duo d;
    int err = 0;
    duo_init(&d, &w->client, &w->shared);
    duo_client_start(&w->client, sni, resume);
    if (duo_shake(&d)) {
        *resumed = d.server.engine->resumed;
        assert_int_equal(d.server.version, TLS_1_2);
        assert_true(str_eq(hello_sni(&d.server.hello), str_of(sni ? sni : "")));
        duo_talk(&d, 40000);
    } else {
        err = d.server.err ? d.server.err : -1;
    }
    duo_done(&d);
    return err;
}

static void every_suite_curve_and_certificate(void **state)
{
    struct world *w = *state;
    static const int curves[] = {0, BR_EC_curve25519, BR_EC_secp256r1};
    static const char *const names[] = {"ec.test", "ec384.test", "rsa.test", "rsa4096.test", "unknown.test"};
    for (size_t s = 0; s < DUO_SUITES; s++) {
        for (size_t i = 0; i < nitems(names) * nitems(curves); i++) {
            const char *name = names[i / nitems(curves)];
            bool resumed = true;
            duo_client_init(&w->client, duo_suites[s], curves[i % nitems(curves)]);
            int err = connect_as(w, name, false, &resumed);
            bool fits = is_rsa(duo_suites[s]) == (name[0] == 'r');
            assert_int_equal(err, fits ? 0 : ERR_TLS + ALERT_HANDSHAKE_FAILURE);
            if (!fits)
                continue;
            assert_false(resumed);
            assert_int_equal(connect_as(w, name, true, &resumed), 0);
            assert_true(resumed);
        }
    }
}

static void without_our_aes(void **state)
{
    struct world *w = *state;
    struct handshake_shared other;
    struct aead_impl portable = {false, &br_aes_ct64_ctr_vtable, br_ghash_ctmul64};
    handshake_shared_init(&other, NULL);
    engines[0]->shared_free(other.engines[0]);
    other.impl = portable;
    other.engines[0] = engines[0]->shared_new(&portable);
    other.certs = certs_ref(w->shared.certs);
    for (size_t s = 0; s <= DUO_SUITES; s++) {
        struct duo d;
        duo_client_init(&w->client, s < DUO_SUITES ? duo_suites[s] : 0, 0);
        duo_client_start(&w->client, s < DUO_SUITES && is_rsa(duo_suites[s]) ? "rsa.test" : "ec.test", false);
        duo_init(&d, &w->client, &other);
        assert_true(duo_shake(&d));
        /* Of all suites the one that is fast without instructions for AES. */
        if (s == DUO_SUITES)
            assert_int_equal(d.server.engine->suite, BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256);
        duo_talk(&d, 20000);
        duo_done(&d);
    }
    handshake_shared_done(&other);
}

static void one_byte_at_a_time(void **state)
{
    struct world *w = *state;
    for (size_t piece = 1; piece < 9; piece++) {
        struct duo d;
        duo_client_init(&w->client, 0, 0);
        duo_client_start(&w->client, "ec.test", piece % 2 == 0);
        duo_init(&d, &w->client, &w->shared);
        d.piece = piece;
        assert_true(duo_shake(&d));
        duo_talk(&d, 100);
        duo_done(&d);
    }
}

/* Data that the client sent right behind its Finished is not eaten. */
static void early_data_stays(void **state)
{
    struct world *w = *state;
    struct duo d;
    size_t room = 0;
    bool resumed = false;
    duo_client_init(&w->client, 0, 0);
    assert_int_equal(connect_as(w, "ec.test", false, &resumed), 0);
    /* When a session is resumed the client has everything after the server's first flight. */
    duo_init(&d, &w->client, &w->shared);
    duo_client_start(&w->client, "ec.test", true);
    size_t used = 0;
    duo_client_pull(&w->client, &d.to_server);
    assert_int_equal(handshake_step(&d.server, buf_str(&d.to_server), &used, &d.to_client, &d.rec),
                     HANDSHAKE_WAIT);
    buf_take(&d.to_server, used);
    duo_client_push(&w->client, &d.to_client);
    duo_client_pull(&w->client, &d.to_server);
    size_t handshake = d.to_server.len;
    memcpy(br_ssl_engine_sendapp_buf(&w->client.ssl.eng, &room), "early", 5);
    br_ssl_engine_sendapp_ack(&w->client.ssl.eng, 5);
    br_ssl_engine_flush(&w->client.ssl.eng, 0);
    duo_client_pull(&w->client, &d.to_server);
    assert_true(d.to_server.len > handshake);
    assert_int_equal(handshake_step(&d.server, buf_str(&d.to_server), &used, &d.to_client, &d.rec),
                     HANDSHAKE_DONE);
    assert_int_equal(used, handshake);
    assert_true(d.server.engine->resumed);
    buf_take(&d.to_server, used);
    struct rec_got got = {0};
    assert_int_equal(rec_open(&d.rec, buf_data(&d.to_server), d.to_server.len, &got), REC_PLAINTEXT);
    assert_memory_equal(got.data, "early", 5);
    duo_done(&d);
}

static void alpn(void **state)
{
    static const struct {
        const char *names[2];
        size_t n;
        int err;
        const char *chosen;
    } rows[] = {
        {{"http/1.1"}, 1, 0, "http/1.1"},
        {{"h2", "http/1.1"}, 2, 0, "http/1.1"},
        {{"h2"}, 1, ERR_TLS + ALERT_NO_APPLICATION_PROTOCOL, ""},
        {{"acme-tls/1"}, 1, ERR_TLS + ALERT_NO_APPLICATION_PROTOCOL, ""},
        {{"h2"}, 0, 0, ""},
    };
    struct world *w = *state;
    bool resumed = false;
    for (size_t i = 0; i < nitems(rows); i++) {
        for (int resume = 0; resume < 2; resume++) {
            struct duo d;
            const char *names[2] = {rows[i].names[0], rows[i].names[1]};
            /* A resumed session with a list that has no match made BearSSL read behind its names. */
            duo_client_init(&w->client, 0, 0);
            if (resume)
                assert_int_equal(connect_as(w, "ec.test", false, &resumed), 0);
            br_ssl_engine_set_protocol_names(&w->client.ssl.eng, names, rows[i].n);
            duo_client_start(&w->client, "ec.test", resume);
            duo_init(&d, &w->client, &w->shared);
            assert_int_equal(duo_shake(&d), rows[i].err == 0);
            assert_int_equal(d.server.err, rows[i].err);
            assert_true(str_eq(d.server.alpn, str_of(rows[i].chosen)));
            if (rows[i].err)
                assert_int_equal(br_ssl_engine_last_error(&w->client.ssl.eng),
                                 BR_ERR_RECV_FATAL_ALERT + ALERT_NO_APPLICATION_PROTOCOL);
            duo_done(&d);
        }
    }
}

/* A session is good for the name and the certificate it was made with, and for its time. */
static void resumption_misses(void **state)
{
    struct world *w = *state;
    bool resumed = false;
    duo_client_init(&w->client, 0, 0);
    assert_int_equal(connect_as(w, "unknown.test", false, &resumed), 0);
    assert_int_equal(connect_as(w, "unknown.test", true, &resumed), 0);
    assert_true(resumed);
    assert_int_equal(connect_as(w, "other.test", true, &resumed), 0); /* the same certificate */
    assert_false(resumed);
    assert_int_equal(connect_as(w, NULL, true, &resumed), 0);
    assert_false(resumed);

    /* A reload that changes nothing keeps it, a new certificate does not. */
    assert_int_equal(connect_as(w, "ec.test", false, &resumed), 0);
    certs_free(w->shared.certs);
    w->shared.certs = duo_certs();
    assert_int_equal(connect_as(w, "ec.test", true, &resumed), 0);
    assert_true(resumed);
    int renewed = duo_add(w->shared.certs, "ec2");
    assert_int_equal(certs_name(w->shared.certs, STR("ec.test"), renewed), 0);
    assert_int_equal(connect_as(w, "ec.test", true, &resumed), 0);
    assert_false(resumed);

    /* Resumed at the end of its life, not after it. */
    for (int after = 0; after < 2; after++) {
        struct duo d;
        assert_int_equal(connect_as(w, "ec.test", false, &resumed), 0);
        duo_init(&d, &w->client, &w->shared);
        d.server.now = 1000 + SESSIONS_LIFE_MS - 1 + after;
        duo_client_start(&w->client, "ec.test", true);
        assert_true(duo_shake(&d));
        assert_int_equal(d.server.engine->resumed, !after);
        duo_done(&d);
    }
}

static void unknown_name(void **state)
{
    struct world *w = *state;
    bool resumed = false;
    struct certs *only = certs_new();
    certs_name(only, STR("ec.test"), duo_add(only, "ec"));
    certs_free(w->shared.certs);
    w->shared.certs = only;
    duo_client_init(&w->client, 0, 0);
    assert_int_equal(connect_as(w, "ec.test", false, &resumed), 0);
    assert_int_equal(connect_as(w, "other.test", false, &resumed), ERR_TLS + ALERT_UNRECOGNIZED_NAME);
    assert_int_equal(connect_as(w, NULL, false, &resumed), ERR_TLS + ALERT_UNRECOGNIZED_NAME);
}

static int compare32(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

static void assert_distinct(uint8_t (*values)[32], size_t n)
{
    qsort(values, n, 32, compare32);
    for (size_t i = 1; i < n; i++)
        assert_memory_not_equal(values[i - 1], values[i], 32);
}

/* Where the engine's copies would share their randomness: over two workers and one made later, as after a reload. */
static void randoms_are_distinct(void **state)
{
    enum { EACH = 340, WORKERS = 3, ALL = EACH * WORKERS };
    struct world *w = *state;
    uint8_t(*randoms)[32] = calloc(ALL, 32), (*shares)[32] = calloc(ALL, 32), (*ids)[32] = calloc(ALL, 32);
    struct handshake_shared shared[WORKERS] = {w->shared};
    handshake_shared_init(&shared[1], NULL);
    for (size_t i = 0; i < ALL; i++) {
        struct duo d;
        struct handshake_shared *s = &shared[i / 2 % 2];
        if (i >= (size_t)2 * EACH) {
            if (i == (size_t)2 * EACH)
                handshake_shared_init(&shared[2], NULL);
            s = &shared[2];
        }
        if (s->certs == NULL)
            s->certs = certs_ref(w->shared.certs);
        duo_client_init(&w->client, 0, BR_EC_curve25519);
        duo_client_start(&w->client, "ec.test", false);
        duo_init(&d, &w->client, s);
        assert_true(duo_shake(&d));
        memcpy(randoms[i], w->client.ssl.eng.server_random, 32);
        memcpy(shares[i], ((struct bear12 *)(void *)d.server.engine)->core.ssl.eng.ecdhe_point, 32);
        memcpy(ids[i], w->client.ssl.eng.session.session_id, 32);
        duo_done(&d);
    }
    assert_distinct(randoms, ALL);
    assert_distinct(shares, ALL);
    assert_distinct(ids, ALL);
    for (size_t i = 1; i < WORKERS; i++)
        handshake_shared_done(&shared[i]);
    free(randoms);
    free(shares);
    free(ids);
}

/* An engine that nobody seeded must fail: its template was told that the system has been asked. */
static void unseeded_engine_fails(void **state)
{
    struct world *w = *state;
    br_ssl_server_context *copy = malloc(sizeof *copy);
    memcpy(copy, w->shared.engines[0], sizeof *copy);
    uint8_t buffer[2048];
    br_ssl_engine_set_buffer(&copy->eng, buffer, sizeof buffer, 1);
    assert_int_equal(br_ssl_server_reset(copy), 0);
    assert_int_equal(br_ssl_engine_last_error(&copy->eng), BR_ERR_NO_RANDOM);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_suite_curve_and_certificate, setup, teardown),
        cmocka_unit_test_setup_teardown(without_our_aes, setup, teardown),
        cmocka_unit_test_setup_teardown(one_byte_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(early_data_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(alpn, setup, teardown),
        cmocka_unit_test_setup_teardown(resumption_misses, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_name, setup, teardown),
        cmocka_unit_test_setup_teardown(randoms_are_distinct, setup, teardown),
        cmocka_unit_test_setup_teardown(unseeded_engine_fails, setup, teardown),
    };
    return cmocka_run_group_tests_name("tls/handshake", tests, NULL, NULL);
}
