#include "tls/stream_tls.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/wipe.h"
#include "net/sock.h"
#include "net/stream.h"
#include "tls/handshake.h"
#include "tls/rec.h"

enum {
    BURST = 16, /* records that one send() carries at most: 256 KiB */
    BURST_FIRST = 4,
    SHARED_OUT = BURST * (REC_PLAIN + REC_OVERHEAD),
    SHARED_IN = BURST * REC_MAX,
    HANDSHAKE_READS = 16, /* without going back to the loop */
};

struct tls_worker {
    struct handshake_shared shared;
    uint8_t *out; /* sealed, on its way into one send() */
    uint8_t *in;  /* received, being opened */
};

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_FAILED };

struct stream_tls {
    struct stream stream;
    enum tls_state state;
    bool read_end;  /* close_notify came */
    bool told;      /* a read() gave the end, or the failure, to the owner */
    bool write_end; /* close_notify was sealed; the socket is shut for writing when it is out */
    uint8_t burst;  /* records for the next send(): fewer on a slow connection, whose rest has to be kept */
    struct tls_worker *worker;
    struct handshake *handshake; /* NULL once it is done */
    struct engine *engine;       /* one that outlives its handshake, else NULL */
    struct buf in;               /* received and not opened */
    struct buf plain;            /* opened and not read */
    struct buf out;              /* sealed and not sent */
    char *sni;
    struct link_info info;
    struct rec rec; /* once the handshake is done */
};

static const struct stream_ops tls_ops;

/* --- the worker */

struct tls_worker *tls_worker_new(const struct sessions *sessions)
{
    struct tls_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->out = malloc(SHARED_OUT);
    w->in = malloc(SHARED_IN);
    if (!handshake_shared_init(&w->shared, sessions) || !w->out || !w->in) {
        tls_worker_free(w);
        return NULL;
    }
    return w;
}

void tls_worker_free(struct tls_worker *w)
{
    if (!w)
        return;
    handshake_shared_done(&w->shared);
    wipe_free(w->out, w->out ? SHARED_OUT : 0);
    wipe_free(w->in, w->in ? SHARED_IN : 0);
    wipe_free(w, sizeof *w);
}

void tls_worker_certs(struct tls_worker *w, struct certs *certs)
{
    struct certs *old = w->shared.certs;
    w->shared.certs = certs ? certs_ref(certs) : NULL;
    certs_free(old);
}

/* --- the connection */

struct stream *stream_tls_new(struct tls_worker *w, int fd, struct endpoint peer)
{
    /* A key of libsodium's wants more alignment than malloc() gives on some machines. */
    struct stream_tls *c = aligned_alloc(alignof(struct stream_tls), sizeof *c);
    struct handshake *h = calloc(1, sizeof *h);
    if (!c || !h) {
        wipe_free(c, 0);
        wipe_free(h, 0);
        return NULL;
    }
    memset(c, 0, sizeof *c);
    h->shared = &w->shared;
    c->stream = (struct stream){.ops = &tls_ops, .fd = fd};
    c->worker = w;
    c->handshake = h;
    c->burst = BURST_FIRST;
    c->info = (struct link_info){.peer = peer, .local = sock_local(fd), .tls = true};
    return &c->stream;
}

static struct stream_tls *of(struct stream *s)
{
    return (struct stream_tls *)(void *)s;
}

static void end_handshake(struct stream_tls *c)
{
    if (!c->handshake)
        return;
    handshake_done(c->handshake);
    wipe_free(c->handshake, sizeof *c->handshake);
    c->handshake = NULL;
}

static ssize_t fail(struct stream_tls *c, int err)
{
    if (c->stream.err == 0)
        c->stream.err = err;
    c->state = TLS_FAILED;
    end_handshake(c);
    rec_done(&c->rec);
    buf_done(&c->in);
    buf_done(&c->out);
    return STREAM_FAIL;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Sends what is kept: 0 when nothing is left, STREAM_AGAIN, STREAM_FAIL. */
static ssize_t flush(struct stream_tls *c)
{
    while (c->out.len > 0) {
        ssize_t put = send(c->stream.fd, buf_data(&c->out), c->out.len, MSG_NOSIGNAL);
        if (put < 0)
            return would_block() ? STREAM_AGAIN : fail(c, err_from_errno(errno));
        buf_take(&c->out, (size_t)put);
        if (c->out.len == 0 && c->write_end)
            (void)shutdown(c->stream.fd, SHUT_WR);
    }
    buf_shrink(&c->out);
    return 0;
}

/* With the alert that tells the peer, as far as the socket takes it now. */
static ssize_t fail_alert(struct stream_tls *c, int err)
{
    if (err_alert(err) >= 0 && rec_alert(&c->rec.out, ALERT_FATAL, (enum alert)err_alert(err), &c->out))
        (void)flush(c);
    return fail(c, err);
}

/* --- the handshake */

/* What the handshake knows of the client, in memory that outlives it. */
static bool note_sni(struct stream_tls *c)
{
    struct str sni = hello_sni(&c->handshake->hello);
    if (c->sni || sni.n == 0)
        return true;
    c->sni = malloc(sni.n);
    if (!c->sni)
        return false;
    memcpy(c->sni, sni.p, sni.n);
    c->info.sni = (struct str){c->sni, sni.n};
    return true;
}

static void note_result(struct stream_tls *c)
{
    const struct handshake *h = c->handshake;
    c->info.tls_version = h->version;
    c->info.tls_suite = h->engine->suite;
    c->info.resumed = h->engine->resumed;
    c->info.alpn = h->alpn;
}

/* Gives the handshake what was received. 0 when it is done, STREAM_AGAIN when it wants more. */
static ssize_t shake(struct stream_tls *c, struct str in)
{
    struct handshake *h = c->handshake;
    size_t used = 0;
    h->now = clock_now();
    enum handshake_verdict v = handshake_step(h, in, &used, &c->out, &c->rec);
    if (v == HANDSHAKE_HTTP)
        return fail(c, ERR_HTTP_TLS_NEEDED);
    if (!note_sni(c))
        return fail(c, ERR_NOMEM);
    int err = h->err; /* the flush may end the handshake */
    ssize_t sent = flush(c);
    if (v == HANDSHAKE_FAIL)
        return fail(c, err);
    if (sent == STREAM_FAIL)
        return STREAM_FAIL;
    if (v == HANDSHAKE_WAIT)
        return STREAM_AGAIN;
    in = str_skip(in, used);
    if (!buf_add(&c->in, in.p, in.n))
        return fail(c, ERR_NOMEM);
    note_result(c);
    c->engine = handshake_take_engine(h);
    end_handshake(c);
    c->state = TLS_OPEN;
    return 0;
}

static ssize_t drive(struct stream_tls *c)
{
    for (int i = 0; i < HANDSHAKE_READS; i++) {
        ssize_t r = flush(c);
        if (r != 0)
            return r;
        ssize_t got = recv(c->stream.fd, c->worker->in, REC_MAX, 0);
        if (got < 0)
            return would_block() ? STREAM_AGAIN : fail(c, err_from_errno(errno));
        if (got == 0)
            return fail(c, ERR_CLOSED);
        r = shake(c, str_from(c->worker->in, (size_t)got));
        if (r != STREAM_AGAIN)
            return r;
    }
    return STREAM_AGAIN;
}

/* --- reading */

/* The owner's memory while a read() fills it. */
struct target {
    uint8_t *p;
    size_t n, got;
};

static void take_plain(struct stream_tls *c, struct target *t)
{
    size_t n = t->n - t->got < c->plain.len ? t->n - t->got : c->plain.len;
    if (n == 0)
        return;
    memcpy(t->p + t->got, buf_data(&c->plain), n);
    t->got += n;
    buf_take(&c->plain, n);
    if (c->plain.len == 0)
        buf_wipe(&c->plain);
}

/* Plaintext of a record: it is where the owner wants it already, or goes there as far as there is room. */
static bool deliver(struct stream_tls *c, struct target *t, const struct rec_got *got)
{
    if (got->data == got->to) {
        t->got += got->n;
        return true;
    }
    if (!buf_add(&c->plain, got->data, got->n))
        return false;
    take_plain(c, t);
    return true;
}

/* Acts on one record: 0, or STREAM_FAIL. */
static ssize_t act(struct stream_tls *c, enum rec_verdict v, struct target *t, const struct rec_got *got)
{
    int err = 0;
    switch (v) {
    case REC_PLAINTEXT: return deliver(c, t, got) ? 0 : fail(c, ERR_NOMEM);
    case REC_CLOSED: c->read_end = true; return 0;
    case REC_REFUSED:
        if (!c->write_end && !rec_alert(&c->rec.out, ALERT_WARNING, ALERT_NO_RENEGOTIATION, &c->out))
            return fail(c, ERR_NOMEM);
        break;
    case REC_MESSAGE:
        err = c->engine && c->engine->ops->message
                  ? c->engine->ops->message(c->engine, str_from(got->data, got->n), &c->out, &c->rec)
                  : ERR_TLS + ALERT_UNEXPECTED_MESSAGE;
        if (err)
            return fail_alert(c, err);
        break;
    case REC_FAILED: return fail_alert(c, got->err);
    case REC_IGNORED:
    case REC_MORE: return 0;
    }
    return flush(c) == STREAM_FAIL ? STREAM_FAIL : 0;
}

/* Opens records from `in` until the target is full or a record is incomplete, and keeps the rest. 0 or STREAM_FAIL. */
static ssize_t open_records(struct stream_tls *c, uint8_t *in, size_t n, struct target *t)
{
    size_t at = 0;
    while (t->got < t->n && !c->read_end) {
        struct rec_got got = {.to = t->p + t->got, .room = t->n - t->got};
        enum rec_verdict v = rec_open(&c->rec, in + at, n - at, &got);
        if (v == REC_MORE)
            break;
        at += got.used;
        if (act(c, v, t, &got) == STREAM_FAIL)
            return STREAM_FAIL;
    }
    if (c->read_end)
        return 0;
    return buf_add(&c->in, in + at, n - at) ? 0 : fail(c, ERR_NOMEM);
}

/*
 * Receives into the worker's buffer, behind what is kept of the connection, unless that is a whole record already; then opens.
 * 0, STREAM_AGAIN when the socket has nothing, STREAM_FAIL. *received: the socket was asked.
 */
static ssize_t fill(struct stream_tls *c, struct target *t, bool *received)
{
    uint8_t *in = c->worker->in;
    size_t n = c->in.len;
    *received = !rec_ready(buf_data(&c->in), n);
    if (*received) {
        size_t records = (t->n - t->got + REC_PLAIN - 1) / REC_PLAIN;
        size_t room = (records < BURST ? records : BURST) * REC_MAX - n;
        ssize_t got = recv(c->stream.fd, in + n, room, 0);
        if (got < 0)
            return would_block() ? STREAM_AGAIN : fail(c, err_from_errno(errno));
        if (got == 0)
            return fail(c, ERR_CLOSED);
        if (n > 0)
            memcpy(in, buf_data(&c->in), n);
        n += (size_t)got;
    } else {
        memcpy(in, buf_data(&c->in), n);
    }
    buf_done(&c->in);
    return open_records(c, in, n, t);
}

static ssize_t tls_read(struct stream *s, void *out, size_t n)
{
    struct stream_tls *c = of(s);
    if (c->state == TLS_HANDSHAKE) {
        ssize_t r = drive(c);
        if (r != 0 || n == 0)
            return r;
    }
    if (n == 0)
        return c->state == TLS_FAILED ? STREAM_FAIL : 0;
    struct target t = {.p = out, .n = n};
    take_plain(c, &t);
    bool received = false;
    ssize_t r = 0;
    /* What is kept may hold nothing but records without data: then the socket is asked after all. */
    while (c->state == TLS_OPEN && !c->read_end && t.got < n && !received && r == 0) {
        if (t.got > 0 && !rec_ready(buf_data(&c->in), c->in.len))
            break;
        r = fill(c, &t, &received);
    }
    if (t.got > 0)
        return (ssize_t)t.got;
    if (c->state == TLS_FAILED || c->read_end) {
        c->told = true;
        return c->state == TLS_FAILED ? STREAM_FAIL : 0;
    }
    return STREAM_AGAIN;
}

/* --- writing */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Seals up to one burst of p and sends it, or keeps what could not be sent. The bytes taken, or STREAM_FAIL. */
static ssize_t put_burst(struct stream_tls *c, const uint8_t *p, size_t n)
{
    n = smaller(n, (size_t)c->burst * c->rec.max_plain);
    size_t sealed = rec_seal_data(&c->rec, p, n, c->worker->out);
    if (sealed == 0)
        return fail(c, ERR_TLS + ALERT_INTERNAL_ERROR);
    ssize_t put = send(c->stream.fd, c->worker->out, sealed, MSG_NOSIGNAL);
    if (put < 0 && !would_block())
        return fail(c, err_from_errno(errno));
    size_t sent = put < 0 ? 0 : (size_t)put;
    if (sent == sealed) {
        c->burst = (uint8_t)smaller((size_t)c->burst * 2, BURST);
    } else {
        if (!buf_add(&c->out, c->worker->out + sent, sealed - sent))
            return fail(c, ERR_NOMEM);
        c->burst = (uint8_t)smaller(1 + sent / REC_PLAIN, BURST);
    }
    return (ssize_t)n;
}

static ssize_t tls_write(struct stream *s, const void *p, size_t n)
{
    struct stream_tls *c = of(s);
    if (c->state == TLS_FAILED)
        return STREAM_FAIL;
    if (c->state == TLS_HANDSHAKE)
        return STREAM_AGAIN;
    ssize_t r = flush(c);
    if (r != 0 || n == 0)
        return r;
    if (c->write_end)
        return fail(c, ERR_CLOSED);
    size_t taken = 0;
    while (taken < n && c->out.len == 0) {
        r = put_burst(c, (const uint8_t *)p + taken, n - taken);
        if (r < 0)
            return r;
        taken += (size_t)r;
    }
    return (ssize_t)taken;
}

/* --- the rest of the contract */

static short tls_want(struct stream *s, short owner)
{
    struct stream_tls *c = of(s);
    if (c->state == TLS_HANDSHAKE)
        return c->out.len > 0 ? POLLOUT : POLLIN;
    return (short)(owner | (c->out.len > 0 ? POLLOUT : 0));
}

static bool tls_buffered(struct stream *s)
{
    struct stream_tls *c = of(s);
    if (c->state == TLS_HANDSHAKE)
        return false;
    if (c->plain.len > 0)
        return true;
    if (c->state == TLS_FAILED || c->read_end)
        return !c->told;
    return rec_ready(buf_data(&c->in), c->in.len);
}

static const struct link_info *tls_info(struct stream *s)
{
    return &of(s)->info;
}

/* Says good-bye once, behind what is still to be sent. */
static void close_writing(struct stream_tls *c)
{
    if (c->state != TLS_OPEN || c->write_end)
        return;
    if (!rec_alert(&c->rec.out, ALERT_WARNING, ALERT_CLOSE_NOTIFY, &c->out))
        return;
    c->write_end = true;
    (void)flush(c);
}

static void tls_close(struct stream *s, enum stream_close how)
{
    struct stream_tls *c = of(s);
    if (how == STREAM_FINISH) {
        if (c->state == TLS_OPEN)
            close_writing(c);
        else
            (void)shutdown(s->fd, SHUT_WR);
        return;
    }
    if (how == STREAM_RESET) {
        sock_reset(s->fd);
    } else {
        close_writing(c);
        close(s->fd);
    }
    end_handshake(c);
    engine_free(c->engine);
    buf_done(&c->in);
    buf_wipe(&c->plain);
    buf_done(&c->out);
    wipe_free(c->sni, 0);
    wipe_free(c, sizeof *c);
}

static const struct stream_ops tls_ops = {
    .read = tls_read,
    .write = tls_write,
    .want = tls_want,
    .buffered = tls_buffered,
    .info = tls_info,
    .close = tls_close,
};
