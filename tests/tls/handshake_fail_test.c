/* What a client can do wrong in a handshake, and the alert it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "tls/duo.h"

struct world {
    struct handshake_shared shared;
    struct sessions sessions;
    uint64_t table[1024];
    struct duo_client client;
    struct duo duo;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || rand_init() < 0)
        return -1;
    sessions_init(&w->sessions, w->table, sizeof w->table);
    handshake_shared_init(&w->shared, &w->sessions);
    w->shared.certs = duo_certs();
    duo_client_init(&w->client, 0, BR_EC_curve25519);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    duo_done(&w->duo);
    handshake_shared_done(&w->shared);
    free(w);
    return 0;
}

/* Gives the server all that waits for it. */
static enum handshake_verdict serve(struct duo *d)
{
    size_t used = 0;
    d->verdict = handshake_step(&d->server, buf_str(&d->to_server), &used, &d->to_client, &d->rec);
    buf_take(&d->to_server, used);
    return d->verdict;
}

/* Up to the flight of the client that ends with its Finished, which waits in duo.to_server. */
static struct duo *almost(struct world *w, bool resume)
{
    struct duo *d = &w->duo;
    if (resume) {
        duo_client_start(&w->client, "ec.test", false);
        duo_init(d, &w->client, &w->shared);
        assert_true(duo_shake(d));
        duo_done(d);
    }
    duo_client_start(&w->client, "ec.test", resume);
    duo_init(d, &w->client, &w->shared);
    duo_client_pull(&w->client, &d->to_server);
    assert_int_equal(serve(d), HANDSHAKE_WAIT);
    duo_client_push(&w->client, &d->to_client);
    duo_client_pull(&w->client, &d->to_server);
    assert_int_equal(d->to_client.len, 0);
    return d;
}

/* The client must have been sent this, in clear or sealed, whatever it takes to read it. */
static void assert_alert(struct duo *d, enum alert alert)
{
    assert_int_equal(serve(d), HANDSHAKE_FAIL);
    assert_int_equal(d->server.err, ERR_TLS + (int)alert);
    assert_true(d->to_client.len > 0);
    duo_client_push(d->client, &d->to_client);
    assert_int_equal(br_ssl_engine_last_error(&d->client->ssl.eng), BR_ERR_RECV_FATAL_ALERT + (int)alert);
}

static void key_share_of_low_order(void **state)
{
    struct duo *d = almost(*state, false);
    uint8_t *m = buf_data(&d->to_server);
    assert_int_equal(m[5], 16); /* ClientKeyExchange */
    memset(m + 10, 0, 32);
    assert_alert(d, ALERT_ILLEGAL_PARAMETER);
}

static void key_share_of_wrong_length(void **state)
{
    struct duo *d = almost(*state, false);
    uint8_t *m = buf_data(&d->to_server);
    m[9] = 31; /* the message is longer than its content */
    assert_alert(d, ALERT_ILLEGAL_PARAMETER);
}

static void message_out_of_turn(void **state)
{
    struct duo *d = almost(*state, false);
    buf_data(&d->to_server)[5] = 1;
    assert_alert(d, ALERT_UNEXPECTED_MESSAGE);
}

static void application_data_out_of_turn(void **state)
{
    struct duo *d = almost(*state, false);
    buf_data(&d->to_server)[0] = REC_DATA;
    assert_alert(d, ALERT_UNEXPECTED_MESSAGE);
}

static void another_version_in_the_record(void **state)
{
    struct duo *d = almost(*state, false);
    buf_data(&d->to_server)[2] = 2;
    assert_alert(d, ALERT_PROTOCOL_VERSION);
}

static void record_too_long(void **state)
{
    struct duo *d = almost(*state, false);
    buf_data(&d->to_server)[3] = 0x40;
    buf_data(&d->to_server)[4] = 1;
    assert_alert(d, ALERT_RECORD_OVERFLOW);
}

static void finished_tampered_with(void **state)
{
    for (int resume = 0; resume < 2; resume++) {
        struct duo *d = almost(*state, resume);
        buf_data(&d->to_server)[d->to_server.len - 1] ^= 1;
        /* When a session is resumed our side is encrypted already, and so must the alert be. */
        assert_alert(d, ALERT_BAD_RECORD_MAC);
        duo_done(d);
    }
}

static void finished_too_short(void **state)
{
    struct duo *d = almost(*state, false);
    uint8_t *record = buf_data(&d->to_server) + d->to_server.len - (5 + 8 + 16 + 16);
    assert_int_equal(record[0], REC_HANDSHAKE);
    record[4] = 10;
    assert_alert(d, ALERT_BAD_RECORD_MAC);
}

static void peer_gives_up(void **state)
{
    static const uint8_t fatal[] = {REC_ALERT, 3, 3, 0, 2, ALERT_FATAL, ALERT_HANDSHAKE_FAILURE};
    static const uint8_t closed[] = {REC_ALERT, 3, 3, 0, 2, ALERT_WARNING, ALERT_CLOSE_NOTIFY};
    struct duo *d = almost(*state, false);
    buf_take(&d->to_server, d->to_server.len);
    assert_true(buf_add(&d->to_server, fatal, sizeof fatal));
    assert_int_equal(serve(d), HANDSHAKE_FAIL);
    assert_int_equal(d->server.err, ERR_TLS_PEER + ALERT_HANDSHAKE_FAILURE);
    assert_int_equal(d->to_client.len, 0);
    duo_done(d);

    d = almost(*state, false);
    buf_take(&d->to_server, d->to_server.len);
    assert_true(buf_add(&d->to_server, closed, sizeof closed));
    assert_int_equal(serve(d), HANDSHAKE_FAIL);
    assert_int_equal(d->server.err, ERR_CLOSED);
}

static void first_byte_of_http(void **state)
{
    struct world *w = *state;
    struct duo *d = &w->duo;
    duo_init(d, &w->client, &w->shared);
    assert_true(buf_add(&d->to_server, "G", 1));
    assert_int_equal(serve(d), HANDSHAKE_HTTP);
    assert_int_equal(d->to_client.len, 0);
}

/* Many large ClientHellos at once are refused before they fill the memory, and give their share back. */
static void large_hellos_have_a_budget(void **state)
{
    enum { MANY = 64, BODY = 100000 };
    struct world *w = *state;
    struct handshake *h = calloc(MANY, sizeof *h);
    struct buf out = {0};
    struct rec rec;
    size_t refused = 0, used = 0;
    uint8_t *big = calloc(1, BODY + 100);
    for (size_t at = 0, n = 0; n < BODY; n += 16384, at += 16384 + 5)
        memcpy(big + at, (const uint8_t[]){REC_HANDSHAKE, 3, 1, 0x40, 0}, 5);
    memcpy(big + 5, (const uint8_t[]){1, 2, 0, 0}, 4);
    for (size_t i = 0; i < MANY; i++) {
        h[i].shared = &w->shared;
        if (handshake_step(&h[i], str_from(big, BODY), &used, &out, &rec) == HANDSHAKE_FAIL) {
            assert_int_equal(h[i].err, ERR_TLS + ALERT_INTERNAL_ERROR);
            handshake_done(&h[i]);
            refused++;
        }
        assert_true(w->shared.large <= HANDSHAKE_LARGE_TOTAL);
    }
    assert_true(refused > 0 && refused < MANY);
    for (size_t i = 0; i < MANY; i++)
        handshake_done(&h[i]);
    assert_int_equal(w->shared.large, 0);
    buf_done(&out);
    free(big);
    free(h);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(key_share_of_low_order),
        CASE(key_share_of_wrong_length),
        CASE(message_out_of_turn),
        CASE(application_data_out_of_turn),
        CASE(another_version_in_the_record),
        CASE(record_too_long),
        CASE(finished_tampered_with),
        CASE(finished_too_short),
        CASE(peer_gives_up),
        CASE(first_byte_of_http),
        CASE(large_hellos_have_a_budget),
    };
    return cmocka_run_group_tests_name("tls/handshake_fail", tests, NULL, NULL);
}
