/* Backends as OpenSSL plays them: every suite, kind of key and habit that our own server end does not have. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rand.h"
#include "net/sock.h"
#include "net/stream.h"
#include "tls/duo.h"
#include "tls/stream_tls_client.h"

enum { WAIT_MS = 20000, ARGUMENTS = 32, LINE = 16000 };

struct world {
    struct tls_client_worker *client;
    struct tls_trust *trust, *all;
    pid_t pid;
    int in, out; /* of the server */
    struct endpoint at;
    struct stream *s;
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
    w->client = tls_client_worker_new(NULL);
    w->trust = trust_of("trust/ca.pem");
    w->all = tls_trust_new(STR(""), &err);
    *state = w;
    return 0;
}

/* Until something can be read from fd. */
static void wait_for(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    if (poll(&p, 1, WAIT_MS) != 1)
        fail_msg("nothing from the server");
}

/* The server tells the port it took. */
static void read_port(struct world *w)
{
    char text[4096];
    size_t n = 0;
    for (;;) {
        wait_for(w->out, POLLIN);
        ssize_t got = read(w->out, text + n, sizeof text - 1 - n);
        if (got <= 0)
            fail_msg("openssl s_server does not start");
        n += (size_t)got;
        text[n] = 0;
        const char *found = strstr(text, "ACCEPT 127.0.0.1:");
        if (found && strchr(found, '\n')) {
            assert_true(ip_parse(STR("127.0.0.1"), &w->at.ip));
            w->at.port = (uint16_t)strtoul(found + 17, NULL, 10);
            return;
        }
    }
}

/* `options` are split at blanks. */
static void start(struct world *w, const char *options)
{
    static const char common[] = "openssl s_server -accept 127.0.0.1:0 -naccept 100 ";
    char text[1024];
    char *argv[ARGUMENTS] = {NULL}, *rest = NULL;
    int to[2], from[2], n = 0;
    snprintf(text, sizeof text, "%s%s", common, options);
    for (char *p = strtok_r(text, " ", &rest); p; p = strtok_r(NULL, " ", &rest))
        argv[n++] = p;
    assert_true(n < ARGUMENTS && pipe(to) == 0 && pipe(from) == 0);
    w->pid = fork();
    assert_true(w->pid >= 0);
    if (w->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(to[0], 0);
        dup2(from[1], 1);
        dup2(from[1], 2);
        close(to[1]);
        close(from[0]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    w->in = to[1];
    w->out = from[0];
    read_port(w);
}

static void hang_up(struct world *w)
{
    if (w->s)
        w->s->ops->close(w->s, STREAM_END);
    w->s = NULL;
}

static void stop(struct world *w)
{
    hang_up(w);
    if (w->pid == 0)
        return;
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
    close(w->in);
    close(w->out);
    w->pid = 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    stop(w);
    tls_client_worker_free(w->client);
    tls_trust_free(w->trust);
    tls_trust_free(w->all);
    free(w);
    return 0;
}

static ssize_t shake(struct world *w, const struct tls_trust *t, const char *name)
{
    ssize_t r = STREAM_AGAIN;
    int fd = sock_connect(w->at);
    assert_true(fd >= 0);
    wait_for(fd, POLLOUT);
    w->s = stream_tls_client_new(w->client, t, str_of(name), fd, w->at);
    assert_non_null(w->s);
    while ((r = w->s->ops->read(w->s, NULL, 0)) == STREAM_AGAIN)
        wait_for(fd, w->s->ops->want(w->s, 0));
    return r;
}

/* A line that the server reverses, in records as long as they can be. */
static void talk(struct world *w)
{
    static uint8_t line[LINE + 1], got[LINE + 1];
    for (size_t i = 0; i < LINE; i++)
        line[i] = (uint8_t)('a' + i % 25);
    line[LINE] = '\n';
    assert_int_equal(w->s->ops->write(w->s, line, sizeof line), sizeof line);
    for (size_t n = 0; n < sizeof got;) {
        ssize_t r = w->s->ops->read(w->s, got + n, sizeof got - n);
        assert_true(r > 0 || r == STREAM_AGAIN);
        n += r > 0 ? (size_t)r : 0;
        if (n < sizeof got && r == STREAM_AGAIN)
            wait_for(w->s->fd, POLLIN);
    }
    for (size_t i = 0; i < LINE; i++)
        assert_int_equal(got[i], line[LINE - 1 - i]);
}

#define DATA "tests/tls/data/"

static const char ec[] = "-rev -cert " DATA "trust/nas.pem -key " DATA "trust/nas.key -cert_chain " DATA
                         "trust/middle.pem ";
static const char rsa[] = "-rev -cert " DATA "rsa.pem -key " DATA "rsa.key ";

static void with(struct world *w, const char *server, const char *more)
{
    char options[512];
    snprintf(options, sizeof options, "%s %s", server, more);
    start(w, options);
}

static void every_suite(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *server, *cipher;
        uint16_t suite;
    } rows[] = {
        {ec, "-cipher ECDHE-ECDSA-AES256-GCM-SHA384", BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
        {ec, "-cipher ECDHE-ECDSA-AES128-GCM-SHA256", BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
        {ec, "-cipher ECDHE-ECDSA-CHACHA20-POLY1305", BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
        {rsa, "-cipher ECDHE-RSA-AES256-GCM-SHA384", BR_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
        {rsa, "-cipher ECDHE-RSA-AES128-GCM-SHA256", BR_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
        {rsa, "-cipher ECDHE-RSA-CHACHA20-POLY1305", BR_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        with(w, rows[i].server, rows[i].cipher);
        assert_int_equal(shake(w, rows[i].server == ec ? w->trust : w->all, "nas.test"), 0);
        assert_int_equal(w->s->ops->info(w->s)->tls_suite, rows[i].suite);
        talk(w);
        stop(w);
    }
}

static void keys_groups_and_versions(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *server, *more;
        int err;
    } rows[] = {
        {ec, "-groups X25519", 0},
        {ec, "-groups P-256", 0},
        {ec, "-groups P-384:P-256", 0},
        {rsa, "-groups P-384", 0},
        {rsa, "-tls1_2 -sigalgs RSA+SHA512", 0},
        {"-rev -cert " DATA "rsa4096.pem -key " DATA "rsa4096.key", "", 0},
        {"-rev -cert " DATA "ec384.pem -key " DATA "ec384.key", "", 0},
        {rsa, "-Verify 1", ERR_TLS_WANTS_CERT}, /* must have a certificate of ours */
        {rsa, "-verify 1", 0},                  /* would like one */
        {ec, "-tls1_3", ERR_TLS_TOO_NEW},
        {rsa, "-tls1_1 -cipher DEFAULT@SECLEVEL=0", ERR_TLS_NO_COMMON},
        {rsa, "-cipher AES128-SHA", ERR_TLS_NO_COMMON},
        {"-rev -cert " DATA "ed25519.pem -key " DATA "ed25519.key", "", ERR_TLS_NO_COMMON},
        {"-rev -cert " DATA "ec521.pem -key " DATA "ec521.key", "", ERR_TLS_NO_COMMON},
        {"-rev -cert " DATA "rsa1024.pem -key " DATA "rsa1024.key", "-cipher DEFAULT@SECLEVEL=0", 0},
    };
    for (size_t i = 0; i < nitems(rows); i++) {
        with(w, rows[i].server, rows[i].more);
        ssize_t r = shake(w, w->all, "nas.test");
        if (w->s->err != rows[i].err)
            fail_msg("row %zu: `%s` instead of `%s`", i, err_text(w->s->err), err_text(rows[i].err));
        if (r == 0)
            talk(w);
        stop(w);
    }
}

static void resumption(void **state)
{
    struct world *w = *state;
    with(w, ec, "-no_ticket");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(shake(w, w->trust, "nas.test"), 0);
        assert_int_equal(w->s->ops->info(w->s)->resumed, i > 0);
        talk(w);
        hang_up(w);
    }
    stop(w);
    /* The server was restarted and knows nothing. */
    with(w, ec, "-no_ticket");
    assert_int_equal(shake(w, w->trust, "nas.test"), 0);
    assert_false(w->s->ops->info(w->s)->resumed);
    talk(w);
}

static void close_notify(void **state)
{
    struct world *w = *state;
    uint8_t got[10];
    ssize_t r;
    with(w, ec, "");
    assert_int_equal(shake(w, w->trust, "nas.test"), 0);
    assert_int_equal(w->s->ops->write(w->s, "CLOSE\n", 6), 6);
    while ((r = w->s->ops->read(w->s, got, sizeof got)) == STREAM_AGAIN)
        wait_for(w->s->fd, POLLIN);
    assert_int_equal(r, 0);
    hang_up(w);
    /* The server has read everything and dies: its kernel says FIN, TLS says nothing. */
    assert_int_equal(shake(w, w->trust, "nas.test"), 0);
    talk(w);
    kill(w->pid, SIGKILL);
    while ((r = w->s->ops->read(w->s, got, sizeof got)) == STREAM_AGAIN)
        wait_for(w->s->fd, POLLIN);
    assert_int_equal(r, STREAM_FAIL);
    assert_int_equal(w->s->err, ERR_CLOSED);
}

/* Small records of the server, its handshake in many pieces. */
static void small_records(void **state)
{
    struct world *w = *state;
    with(w, ec, "-max_send_frag 512");
    assert_int_equal(shake(w, w->trust, "nas.test"), 0);
    talk(w);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_suite),   CASE(keys_groups_and_versions), CASE(resumption), CASE(close_notify),
        CASE(small_records),
    };
    return cmocka_run_group_tests_name("tls/s_server", tests, NULL, NULL);
}
