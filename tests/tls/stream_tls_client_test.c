/* A backend under TLS, played by edge's own server end over a socket pair. */
#include <errno.h>
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

#include "base/err.h"
#include "base/rand.h"
#include "net/stream.h"
#include "tls/duo.h"
#include "tls/stream_tls.h"
#include "tls/stream_tls_client.h"

enum { BIG = 3 * 1000 * 1000, TURNS = 10000 };

struct world {
    struct tls_worker *server;
    struct tls_client_worker *client;
    struct sessions sessions;
    uint64_t table[2048];
    struct tls_trust *trust, *all;
    struct stream *backend, *s; /* the server's end, and ours */
    int fd;                     /* the backend's end where nobody speaks TLS */
    uint8_t data[BIG], got[BIG];
};

static struct tls_trust *trust_of(const char *file)
{
    int err = 0;
    struct str pem = duo_file(file);
    struct tls_trust *t = tls_trust_new(pem, &err);
    assert_non_null(t);
    free((void *)(uintptr_t)pem.p);
    return t;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    int err = 0;
    if (!w || rand_init() < 0)
        return -1;
    sessions_init(&w->sessions, w->table, sizeof w->table);
    w->server = tls_worker_new(&w->sessions);
    /* As in a worker: both ends use the same big buffers in turn. */
    w->client = tls_client_worker_new(w->server);
    struct certs *certs = certs_new();
    assert_int_equal(certs_name(certs, STR("nas.test"), duo_add_chain(certs, "trust/nas_chain", "trust/nas")),
                     0);
    assert_int_equal(certs_name(certs, STR("self.test"), duo_add(certs, "trust/self")), 0);
    assert_int_equal(certs_name(certs, STR("rsa4096.test"), duo_add(certs, "rsa4096")), 0);
    assert_int_equal(certs_name(certs, STR("ec384.test"), duo_add(certs, "ec384")), 0);
    assert_int_equal(certs_name(certs, STR("rsa.test"), duo_add(certs, "rsa")), 0);
    assert_int_equal(certs_name(certs, STR("*"), 0), 0);
    tls_worker_certs(w->server, certs);
    certs_free(certs);
    w->trust = trust_of("trust/ca.pem");
    w->all = tls_trust_new(STR(""), &err);
    rand_bytes(w->data, sizeof w->data);
    w->fd = -1;
    *state = w;
    return 0;
}

static void hang_up(struct world *w)
{
    if (w->s)
        w->s->ops->close(w->s, STREAM_END);
    if (w->backend)
        w->backend->ops->close(w->backend, STREAM_END);
    if (w->fd >= 0)
        close(w->fd);
    w->s = w->backend = NULL;
    w->fd = -1;
}

static int teardown(void **state)
{
    struct world *w = *state;
    hang_up(w);
    tls_client_worker_free(w->client);
    tls_worker_free(w->server);
    tls_trust_free(w->trust);
    tls_trust_free(w->all);
    free(w);
    return 0;
}

static int connect_pair(struct world *w, const struct tls_trust *t, const char *name)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    w->s = stream_tls_client_new(w->client, t, str_of(name), fds[0], (struct endpoint){.port = 443});
    assert_non_null(w->s);
    return fds[1];
}

/* Both ends until ours is done or has failed. */
static ssize_t shake(struct world *w, const struct tls_trust *t, const char *name)
{
    ssize_t r = STREAM_AGAIN;
    w->backend = stream_tls_new(w->server, connect_pair(w, t, name), (struct endpoint){.port = 7});
    assert_non_null(w->backend);
    for (int i = 0; i < TURNS && r == STREAM_AGAIN; i++) {
        r = w->s->ops->read(w->s, NULL, 0);
        (void)w->backend->ops->read(w->backend, NULL, 0);
    }
    return r;
}

static void open_connection(struct world *w)
{
    assert_int_equal(shake(w, w->trust, "nas.test"), 0);
    assert_int_equal(w->backend->ops->read(w->backend, NULL, 0), 0);
}

static void handshake_and_info(void **state)
{
    struct world *w = *state;
    for (int resumed = 0; resumed < 2; resumed++) {
        w->fd = connect_pair(w, w->trust, "nas.test");
        assert_int_equal(w->s->ops->want(w->s, POLLIN), POLLOUT);
        assert_int_equal(w->s->ops->write(w->s, "x", 1), STREAM_AGAIN);
        assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_AGAIN);
        assert_int_equal(w->s->ops->want(w->s, POLLOUT), POLLIN);
        assert_false(w->s->ops->buffered(w->s));
        hang_up(w);
        open_connection(w);
        const struct link_info *info = w->s->ops->info(w->s), *there = w->backend->ops->info(w->backend);
        assert_true(info->tls && info->peer.port == 443);
        assert_int_equal(info->tls_version, 0x0303);
        assert_int_equal(info->tls_suite, there->tls_suite);
        assert_true(str_eq(info->sni, STR("nas.test")));
        assert_true(str_eq(there->sni, STR("nas.test")));
        assert_int_equal(there->alpn.n, 0);
        assert_int_equal(info->resumed, there->resumed);
        hang_up(w);
    }
}

/* A session is resumed with the same name, trust and address only, and not after a failure. */
static void resumption(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        bool all, resumed;
    } rows[] = {
        {"nas.test", false, false}, {"nas.test", false, true},  {"nas.test", true, false},
        {"nas.test", true, true},   {"nas.test", false, true},  {"rsa.test", true, false},
        {"rsa.test", true, true},   {"10.0.0.9", false, false}, {"10.0.0.9", false, true},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        assert_int_equal(shake(w, rows[i].all ? w->all : w->trust, rows[i].name), 0);
        assert_int_equal(w->s->ops->info(w->s)->resumed, rows[i].resumed);
        hang_up(w);
    }
    w->fd = connect_pair(w, w->trust, "nas.test");
    assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_AGAIN);
    hang_up(w);
    open_connection(w);
    assert_false(w->s->ops->info(w->s)->resumed);
}

static void keys_of_every_kind(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"nas.test", "rsa.test", "rsa4096.test", "ec384.test"};
    for (size_t i = 0; i < nitems(names); i++) {
        assert_int_equal(shake(w, w->all, names[i]), 0);
        assert_int_equal(w->s->ops->write(w->s, "hello", 5), 5);
        assert_int_equal(w->backend->ops->read(w->backend, w->got, 10), 5);
        assert_memory_equal(w->got, "hello", 5);
        hang_up(w);
    }
}

static void believed_or_not(void **state)
{
    struct world *w = *state;
    struct tls_trust *self = trust_of("trust/self.pem"), *other = trust_of("trust/ca2.pem");
    const struct {
        const struct tls_trust *trust;
        const char *name;
        int err, alert;
    } rows[] = {
        {w->trust, "10.0.0.9", 0, 0},
        {w->trust, "other.test", ERR_TLS_NAME, ALERT_BAD_CERTIFICATE},
        {w->trust, "self.test", ERR_TLS_SELF_SIGNED, ALERT_UNKNOWN_CA},
        {self, "self.test", 0, 0},
        {other, "nas.test", ERR_TLS_UNTRUSTED, ALERT_UNKNOWN_CA},
        {w->all, "", 0, 0},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        ssize_t r = shake(w, rows[i].trust, rows[i].name);
        if (rows[i].err == 0) {
            assert_int_equal(r, 0);
        } else {
            assert_int_equal(r, STREAM_FAIL);
            assert_int_equal(w->s->err, rows[i].err);
            assert_int_equal(w->s->ops->write(w->s, "x", 1), STREAM_FAIL);
            assert_int_equal(w->backend->ops->read(w->backend, NULL, 0), STREAM_FAIL);
            assert_int_equal(w->backend->err, ERR_TLS_PEER + rows[i].alert);
        }
        hang_up(w);
    }
    tls_trust_free(self);
    tls_trust_free(other);
}

/* keyUsage without digitalSignature is refused, unless just this certificate is trusted. */
static void key_usage(void **state)
{
    struct world *w = *state;
    struct tls_trust *itself = trust_of("trust/usage.pem");
    struct certs *certs = certs_new();
    assert_int_equal(certs_name(certs, STR("*"), duo_add_chain(certs, "trust/usage", "trust/nas")), 0);
    tls_worker_certs(w->server, certs);
    certs_free(certs);
    assert_int_equal(shake(w, w->trust, "nas.test"), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_TLS_CERT_USE);
    hang_up(w);
    assert_int_equal(shake(w, itself, "nas.test"), 0);
    hang_up(w);
    tls_trust_free(itself);
}

/* Records of 16 KiB both ways, as nothing made the backend send smaller ones. */
static void much_data(void **state)
{
    struct world *w = *state;
    open_connection(w);
    struct stream *ends[] = {w->s, w->backend};
    for (int way = 0; way < 2; way++) {
        struct stream *from = ends[way], *to = ends[!way];
        size_t sent = 0, got = 0;
        while (got < BIG) {
            ssize_t n = from->ops->write(from, sent < BIG ? w->data + sent : NULL, BIG - sent);
            sent += n > 0 ? (size_t)n : 0;
            n = to->ops->read(to, w->got + got, BIG - got);
            assert_true(n > 0 || n == STREAM_AGAIN);
            got += n > 0 ? (size_t)n : 0;
        }
        assert_memory_equal(w->got, w->data, BIG);
    }
    assert_int_equal(w->backend->ops->write(w->backend, w->data, 16384), 16384);
    assert_int_equal(recv(w->s->fd, w->got, 5, MSG_PEEK), 5);
    assert_true((w->got[3] << 8 | w->got[4]) > 16384);
}

static void ends(void **state)
{
    struct world *w = *state;
    open_connection(w);
    assert_int_equal(w->backend->ops->write(w->backend, "last", 4), 4);
    w->backend->ops->close(w->backend, STREAM_FINISH);
    assert_int_equal(w->s->ops->read(w->s, w->got, 10), 4);
    assert_int_equal(w->s->ops->read(w->s, w->got, 10), 0);
    assert_int_equal(w->s->ops->write(w->s, "still", 5), 5);
    assert_int_equal(w->backend->ops->read(w->backend, w->got, 10), 5);
    hang_up(w);
    open_connection(w);
    assert_int_equal(w->backend->ops->write(w->backend, "cut", 3), 3);
    assert_int_equal(shutdown(w->backend->fd, SHUT_RDWR), 0);
    assert_int_equal(w->s->ops->read(w->s, w->got, 10), 3);
    assert_int_equal(w->s->ops->read(w->s, w->got, 10), STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_CLOSED);
}

static void not_tls(void **state)
{
    struct world *w = *state;
    static const struct {
        struct str answer;
        int err;
    } rows[] = {
        {STR("HTTP/1.1 400 Bad Request\r\n\r\n"), ERR_TLS_PLAIN},
        {STR("SSH-2.0-OpenSSH_9.2\r\n"), ERR_TLS_PLAIN},
        {STR("\x15\x03\x01\x00\x02\x02\x46"), ERR_TLS_TOO_NEW},
        {STR("\x15\x03\x03\x00\x02\x02\x28"), ERR_TLS_NO_COMMON},
        {STR("\x15\x03\x03\x00\x02\x02\x70"), ERR_TLS_PEER + ALERT_UNRECOGNIZED_NAME},
        {STR("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01"
             "0123456789abcdef0123456789abcdef"
             "\x00\xc0\x13\x00"),
         ERR_TLS_TOO_OLD},
        {STR("\x16\x03\x03\x00\x04\x0e\x00\x00\x00"), ERR_TLS + ALERT_UNEXPECTED_MESSAGE},
        {STR("\x17\x03\x03\x00\x01x"), ERR_TLS + ALERT_UNEXPECTED_MESSAGE},
        {STR(""), ERR_CLOSED},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        w->fd = connect_pair(w, w->trust, "nas.test");
        assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_AGAIN);
        if (rows[i].answer.n > 0)
            assert_true(send(w->fd, rows[i].answer.p, rows[i].answer.n, 0) > 0);
        shutdown(w->fd, SHUT_WR);
        assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_FAIL);
        if (w->s->err != rows[i].err)
            fail_msg("row %zu: `%s` instead of `%s`", i, err_text(w->s->err), err_text(rows[i].err));
        hang_up(w);
    }
}

/* Copies of one template must not share their randomness. */
static void randoms_are_distinct(void **state)
{
    struct world *w = *state;
    enum { N = 200, RANDOM = 32, AT = 5 + 4 + 2 };
    static uint8_t hello[N][RANDOM];
    for (int i = 0; i < N; i++) {
        w->fd = connect_pair(w, w->trust, "nas.test");
        assert_int_equal(w->s->ops->read(w->s, NULL, 0), STREAM_AGAIN);
        assert_true(recv(w->fd, w->got, 1000, 0) > AT + RANDOM);
        memcpy(hello[i], w->got + AT, RANDOM);
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(hello[i], hello[k], RANDOM);
        hang_up(w);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(handshake_and_info),
        CASE(resumption),
        CASE(keys_of_every_kind),
        CASE(believed_or_not),
        CASE(key_usage),
        CASE(much_data),
        CASE(ends),
        CASE(not_tls),
        CASE(randoms_are_distinct),
    };
    return cmocka_run_group_tests_name("tls/stream_tls_client", tests, NULL, NULL);
}
