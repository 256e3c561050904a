#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/err.h"
#include "base/rand.h"
#include "base/wipe.h"
#include "net/sock.h"
#include "net/stream.h"
#include "tls/duo.h"
#include "tls/stream_tls.h"

enum { BIG = 3 * 1000 * 1000, IDLE_MAX = 3 * 1024 };

/* In the place of base/wipe.c: notes how much of the watched memory was wiped, and what was freed of any size. */
static const void *watched;
static size_t wiped, largest;

void wipe(void *p, size_t n)
{
    sodium_memzero(p, n);
}

void wipe_free(void *p, size_t n)
{
    if (p && p == watched)
        wiped = n;
    if (p && n > largest)
        largest = n;
    if (p)
        wipe(p, n);
    free(p);
}

struct world {
    struct tls_worker *worker;
    struct sessions sessions;
    uint64_t table[2048];
    struct duo_client client;
    struct buf to_client, to_server;
    size_t segment; /* bytes the client puts on the wire at once */
    int fd;         /* the client's end */
    struct stream *s;
    uint8_t data[BIG], got[BIG];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || rand_init() < 0)
        return -1;
    sessions_init(&w->sessions, w->table, sizeof w->table);
    w->worker = tls_worker_new(&w->sessions);
    struct certs *certs = duo_certs();
    tls_worker_certs(w->worker, certs);
    certs_free(certs);
    rand_bytes(w->data, sizeof w->data);
    duo_client_init(&w->client, 0, BR_EC_curve25519);
    w->segment = SIZE_MAX;
    w->fd = -1;
    *state = w;
    return 0;
}

static void hang_up(struct world *w)
{
    if (w->s)
        w->s->ops->close(w->s, STREAM_END);
    if (w->fd >= 0)
        close(w->fd);
    w->s = NULL;
    w->fd = -1;
    buf_done(&w->to_client);
    buf_done(&w->to_server);
}

static int teardown(void **state)
{
    struct world *w = *state;
    hang_up(w);
    tls_worker_free(w->worker);
    free(w);
    return 0;
}

static void connect_pair(struct world *w, bool resume)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    w->fd = fds[0];
    w->s = stream_tls_new(w->worker, fds[1], (struct endpoint){.port = 7});
    assert_non_null(w->s);
    duo_client_start(&w->client, "ec.test", resume);
}

/* The client's end of the wire, as far as it goes without waiting. */
static void client_turn(struct world *w)
{
    uint8_t chunk[65536];
    duo_client_pull(&w->client, &w->to_server);
    while (w->to_server.len > 0) {
        size_t n = w->to_server.len < w->segment ? w->to_server.len : w->segment;
        ssize_t put = send(w->fd, buf_data(&w->to_server), n, MSG_NOSIGNAL);
        if (put < 0)
            break;
        buf_take(&w->to_server, (size_t)put);
        if (w->segment != SIZE_MAX)
            break;
    }
    ssize_t got = recv(w->fd, chunk, sizeof chunk, 0);
    if (got > 0)
        assert_true(buf_add(&w->to_client, chunk, (size_t)got));
    duo_client_push(&w->client, &w->to_client);
    duo_client_pull(&w->client, &w->to_server);
}

static ssize_t shake(struct world *w)
{
    ssize_t r = STREAM_AGAIN;
    for (int i = 0; i < 20000 && r == STREAM_AGAIN; i++) {
        client_turn(w);
        r = w->s->ops->read(w->s, NULL, 0);
    }
    client_turn(w);
    return r;
}

static void open_connection(struct world *w)
{
    connect_pair(w, false);
    assert_int_equal(shake(w), 0);
}

/* As much of p as the client takes. */
static size_t client_write(struct world *w, const void *p, size_t n)
{
    size_t room = 0;
    unsigned char *to = br_ssl_engine_sendapp_buf(&w->client.ssl.eng, &room);
    if (!to || n == 0)
        return 0;
    room = room < n ? room : n;
    memcpy(to, p, room);
    br_ssl_engine_sendapp_ack(&w->client.ssl.eng, room);
    br_ssl_engine_flush(&w->client.ssl.eng, 0);
    return room;
}

static size_t client_read(struct world *w, uint8_t *to)
{
    size_t n = 0;
    const unsigned char *p = br_ssl_engine_recvapp_buf(&w->client.ssl.eng, &n);
    if (!p)
        return 0;
    memcpy(to, p, n);
    br_ssl_engine_recvapp_ack(&w->client.ssl.eng, n);
    return n;
}

static bool readable(const struct world *w)
{
    struct pollfd p = {.fd = w->s->fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void handshake_and_info(void **state)
{
    struct world *w = *state;
    for (int resume = 0; resume < 2; resume++) {
        connect_pair(w, resume);
        assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_AGAIN);
        assert_int_equal(w->s->ops->write(w->s, "x", 1), STREAM_AGAIN);
        assert_int_equal(w->s->ops->want(w->s, POLLOUT), POLLIN);
        assert_false(w->s->ops->buffered(w->s));
        client_turn(w);
        assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_AGAIN);
        const struct link_info *info = w->s->ops->info(w->s);
        assert_true(str_eq(info->sni, STR("ec.test")));
        assert_int_equal(info->tls_version, 0);
        assert_int_equal(shake(w), 0);
        assert_int_equal(w->s->ops->read(w->s, NULL, 0), 0);
        assert_true(info->tls && info->peer.port == 7);
        assert_int_equal(info->tls_version, 0x0303);
        assert_int_equal(info->tls_suite, w->client.ssl.eng.session.cipher_suite);
        assert_int_equal(info->resumed, resume);
        assert_int_equal(info->alpn.n, 0);
        assert_true(str_eq(info->sni, STR("ec.test")));
        assert_int_equal(w->s->ops->want(w->s, POLLIN), POLLIN);
        assert_int_equal(w->s->ops->want(w->s, 0), 0);
        hang_up(w);
    }
}

/* Upload with every size of reading and cutting: no byte is lost, and buffered() never forgets one. */
static void reading(void **state)
{
    static const struct {
        size_t room, segment, total;
    } rows[] = {{1, SIZE_MAX, 20000}, {7, SIZE_MAX, 70000},    {16384, SIZE_MAX, BIG}, {65536, SIZE_MAX, BIG},
                {BIG, SIZE_MAX, BIG}, {4096, 1, 3000},         {100, 333, 60000},      {65536, 20000, BIG},
                {1, 1, 500},          {16383, SIZE_MAX, 90000}};
    struct world *w = *state;
    for (size_t i = 0; i < nitems(rows); i++) {
        size_t sent = 0, got = 0;
        w->segment = rows[i].segment;
        open_connection(w);
        while (got < rows[i].total) {
            size_t want = rows[i].total - got < rows[i].room ? rows[i].total - got : rows[i].room;
            bool ready = w->s->ops->buffered(w->s), socket = readable(w);
            ssize_t n = w->s->ops->read(w->s, w->got + got, want);
            assert_true(n > 0 || n == STREAM_AGAIN);
            if (ready)
                assert_true(n > 0);
            if (!ready && !socket)
                assert_int_equal(n, STREAM_AGAIN);
            if (n > 0) {
                got += (size_t)n;
            } else {
                sent += client_write(w, w->data + sent, rows[i].total - sent);
                client_turn(w);
            }
        }
        assert_memory_equal(w->got, w->data, got);
        hang_up(w);
    }
}

/* Download over a socket with little room: what is not sent is kept, and write() says so. */
static void writing(void **state)
{
    static const size_t pieces[] = {1, 100, 16384, 16385, 300000, BIG};
    struct world *w = *state;
    for (size_t i = 0; i < nitems(pieces); i++) {
        size_t total = pieces[i] < 100 ? 3000 : BIG, taken = 0, got = 0, stalls = 0;
        open_connection(w);
        int small = 20000;
        assert_int_equal(setsockopt(w->s->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
        while (got < total) {
            size_t n = total - taken < pieces[i] ? total - taken : pieces[i];
            ssize_t put = w->s->ops->write(w->s, n > 0 ? w->data + taken : NULL, n);
            if (put > 0) {
                taken += (size_t)put;
                continue;
            }
            assert_true(put == STREAM_AGAIN || n == 0);
            if (put == STREAM_AGAIN) {
                assert_int_equal(w->s->ops->want(w->s, POLLIN), POLLIN | POLLOUT);
                stalls++;
            }
            client_turn(w);
            for (size_t r; (r = client_read(w, w->got + got)) > 0; client_turn(w))
                got += r;
        }
        assert_int_equal(w->s->ops->write(w->s, NULL, 0), 0);
        assert_int_equal(w->s->ops->want(w->s, POLLIN), POLLIN);
        assert_true(stalls > 0 || total < BIG);
        assert_memory_equal(w->got, w->data, total);
        hang_up(w);
    }
}

/* The last data and close_notify in one segment, then silence: the end must not be waited for. */
static void end_with_data(void **state)
{
    struct world *w = *state;
    open_connection(w);
    assert_int_equal(client_write(w, "last", 4), 4);
    duo_client_pull(&w->client, &w->to_server);
    br_ssl_engine_close(&w->client.ssl.eng);
    client_turn(w);
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), 4);
    /* The alert was not looked at yet, or was: either way the owner learns of it. */
    assert_true(w->s->ops->buffered(w->s) || readable(w));
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), 0);
    assert_false(w->s->ops->buffered(w->s));
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), 0);
    /* The other direction still works. */
    assert_int_equal(w->s->ops->write(w->s, "bye", 3), 3);
    w->s->ops->close(w->s, STREAM_FINISH);
}

static void end_without_close_notify(void **state)
{
    struct world *w = *state;
    open_connection(w);
    assert_int_equal(client_write(w, "cut", 3), 3);
    client_turn(w);
    shutdown(w->fd, SHUT_WR);
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), 3);
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_CLOSED);
    hang_up(w);
    connect_pair(w, false);
    shutdown(w->fd, SHUT_WR);
    assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_CLOSED);
}

static void finish_says_goodbye(void **state)
{
    struct world *w = *state;
    open_connection(w);
    assert_int_equal(w->s->ops->write(w->s, "all", 3), 3);
    w->s->ops->close(w->s, STREAM_FINISH);
    assert_int_equal(w->s->ops->write(w->s, NULL, 0), 0);
    client_turn(w);
    assert_int_equal(client_read(w, w->got), 3);
    client_turn(w);
    assert_true(br_ssl_engine_current_state(&w->client.ssl.eng) & (BR_SSL_SENDREC | BR_SSL_CLOSED));
    assert_int_equal(br_ssl_engine_last_error(&w->client.ssl.eng), BR_ERR_OK);
    assert_int_equal(recv(w->fd, w->got, 10, 0), 0); /* and FIN */
    assert_int_equal(w->s->ops->write(w->s, "more", 4), STREAM_FAIL);
}

/* FINISH behind data that the socket did not take: data, close_notify and FIN come in this order. */
static void finish_behind_data(void **state)
{
    struct world *w = *state;
    size_t got = 0;
    open_connection(w);
    ssize_t taken = w->s->ops->write(w->s, w->data, BIG);
    assert_true(taken > 0 && taken < BIG);
    w->s->ops->close(w->s, STREAM_FINISH);
    assert_int_equal(w->s->ops->want(w->s, POLLIN), POLLIN | POLLOUT);
    for (int i = 0; i < 10000 && !(br_ssl_engine_current_state(&w->client.ssl.eng) & BR_SSL_CLOSED); i++) {
        (void)w->s->ops->write(w->s, NULL, 0);
        client_turn(w);
        got += client_read(w, w->got + got);
    }
    assert_int_equal(got, taken);
    assert_memory_equal(w->got, w->data, got);
    assert_int_equal(br_ssl_engine_last_error(&w->client.ssl.eng), BR_ERR_OK);
}

static void broken_record(void **state)
{
    struct world *w = *state;
    open_connection(w);
    assert_int_equal(client_write(w, "good", 4), 4);
    duo_client_pull(&w->client, &w->to_server);
    assert_int_equal(client_write(w, "evil", 4), 4);
    duo_client_pull(&w->client, &w->to_server);
    buf_data(&w->to_server)[w->to_server.len - 1] ^= 1;
    client_turn(w);
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), 4);
    assert_true(w->s->ops->buffered(w->s));
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_TLS + ALERT_BAD_RECORD_MAC);
    assert_false(w->s->ops->buffered(w->s));
    assert_int_equal(w->s->ops->write(w->s, "x", 1), STREAM_FAIL);
    assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_FAIL);
    client_turn(w);
    assert_int_equal(br_ssl_engine_last_error(&w->client.ssl.eng),
                     BR_ERR_RECV_FATAL_ALERT + ALERT_BAD_RECORD_MAC);
}

static void plain_http(void **state)
{
    struct world *w = *state;
    connect_pair(w, false);
    assert_int_equal(send(w->fd, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
    assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_HTTP_TLS_NEEDED);
    assert_int_equal(recv(w->fd, w->got, 10, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(send(w->s->fd, "HTTP/1.1 400 ", 13, 0), 13);
    w->s->ops->close(w->s, STREAM_FINISH);
    assert_int_equal(recv(w->fd, w->got, 100, 0), 13);
    assert_int_equal(recv(w->fd, w->got, 100, 0), 0);
}

static void garbage(void **state)
{
    struct world *w = *state;
    connect_pair(w, false);
    assert_int_equal(send(w->fd, "\x00\x01\x02\x03\x04\x05\x06", 7, 0), 7);
    assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_TLS + ALERT_UNEXPECTED_MESSAGE);
    assert_int_equal(recv(w->fd, w->got, 100, 0), 7);
    assert_memory_equal(w->got, "\x15\x03\x03\x00\x02\x02\x0a", 7);
}

static void renegotiation_is_refused(void **state)
{
    struct world *w = *state;
    open_connection(w);
    assert_int_equal(br_ssl_engine_renegotiate(&w->client.ssl.eng), 1);
    client_turn(w);
    assert_int_equal(w->s->ops->read(w->s, w->got, 100), STREAM_AGAIN);
    client_turn(w);
    /* BearSSL takes the warning for fatal. */
    assert_int_equal(br_ssl_engine_last_error(&w->client.ssl.eng),
                     BR_ERR_RECV_FATAL_ALERT + ALERT_NO_RENEGOTIATION);
}

/* New certificates while a handshake is under way: it ends with the old ones, the next begins with the new ones. */
static void certificates_change(void **state)
{
    struct world *w = *state;
    connect_pair(w, false);
    client_turn(w);
    assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_AGAIN);
    tls_worker_certs(w->worker, NULL);
    assert_int_equal(shake(w), 0);
    hang_up(w);
    connect_pair(w, false);
    assert_int_equal(shake(w), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_TLS + ALERT_UNRECOGNIZED_NAME);
    assert_int_equal(br_ssl_engine_last_error(&w->client.ssl.eng),
                     BR_ERR_RECV_FATAL_ALERT + ALERT_UNRECOGNIZED_NAME);
}

static void max_fragment_length(void **state)
{
    struct world *w = *state;
    size_t got = 0;
    /* BearSSL asks for fragments that fit its buffers. */
    static uint8_t in[1024 + 325], out[1024 + 85];
    br_ssl_engine_set_buffers_bidi(&w->client.ssl.eng, in, sizeof in, out, sizeof out);
    open_connection(w);
    ssize_t taken = w->s->ops->write(w->s, w->data, 100000);
    assert_true(taken > 0);
    for (int i = 0; i < 1000 && got < (size_t)taken; i++) {
        (void)w->s->ops->write(w->s, NULL, 0);
        client_turn(w);
        for (size_t r; (r = client_read(w, w->got + got)) > 0; duo_client_push(&w->client, &w->to_client)) {
            assert_true(r <= 1024);
            got += r;
        }
    }
    assert_int_equal(got, taken);
    assert_memory_equal(w->got, w->data, got);
}

/* The handshake's state goes with the handshake, the keys with the connection, and an idle connection is small. */
static void nothing_stays(void **state)
{
    struct world *w = *state;
    largest = 0;
    open_connection(w);
    assert_true(largest > 12000); /* the engine with its buffers */
    watched = w->s;
    hang_up(w);
    assert_in_range(wiped, sizeof(struct rec), IDLE_MAX);
}

static void reset_is_a_reset(void **state)
{
    struct world *w = *state;
    struct endpoint at, peer;
    assert_true(ip_parse(STR("127.0.0.1"), &at.ip));
    at.port = 0;
    int listener = sock_listen(at, 1);
    w->fd = sock_connect(sock_local(listener));
    struct pollfd p = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 1000), 1);
    w->s = stream_tls_new(w->worker, sock_accept(listener, &peer), peer);
    duo_client_start(&w->client, "ec.test", false);
    assert_int_equal(shake(w), 0);
    assert_int_equal(w->s->ops->info(w->s)->local.port, sock_local(listener).port);
    w->s->ops->close(w->s, STREAM_RESET);
    w->s = NULL;
    p = (struct pollfd){.fd = w->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 1000), 1);
    assert_int_equal(recv(w->fd, w->got, 10, 0), -1);
    assert_int_equal(errno, ECONNRESET);
    close(listener);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(handshake_and_info),
        CASE(reading),
        CASE(writing),
        CASE(end_with_data),
        CASE(end_without_close_notify),
        CASE(finish_says_goodbye),
        CASE(finish_behind_data),
        CASE(broken_record),
        CASE(plain_http),
        CASE(garbage),
        CASE(renegotiation_is_refused),
        CASE(certificates_change),
        CASE(max_fragment_length),
        CASE(nothing_stays),
        CASE(reset_is_a_reset),
    };
    return cmocka_run_group_tests_name("tls/stream_tls", tests, NULL, NULL);
}
