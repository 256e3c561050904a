#include "tls/stream_rec.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/wipe.h"
#include "net/sock.h"

enum {
    BURST_FIRST = 4,
    SPACE_OUT = STREAM_REC_BURST * (REC_PLAIN + REC_OVERHEAD),
    SPACE_IN = STREAM_REC_BURST * REC_MAX,
    HANDSHAKE_READS = 16, /* without going back to the loop */
};

static const struct stream_ops rec_ops;

bool stream_space_init(struct stream_space *s)
{
    s->out = malloc(SPACE_OUT);
    s->in = malloc(SPACE_IN);
    return s->out && s->in;
}

void stream_space_done(struct stream_space *s)
{
    wipe_free(s->out, s->out ? SPACE_OUT : 0);
    wipe_free(s->in, s->in ? SPACE_IN : 0);
    *s = (struct stream_space){0};
}

struct stream_rec *stream_rec_new(const struct stream_rec_kind *kind, const struct stream_space *space,
                                  int fd, struct endpoint peer)
{
    /* A key of libsodium's wants more alignment than malloc() gives on some machines. */
    struct stream_rec *c = aligned_alloc(alignof(struct stream_rec), kind->size);
    if (!c)
        return NULL;
    memset(c, 0, kind->size);
    c->stream = (struct stream){.ops = &rec_ops, .fd = fd};
    c->kind = kind;
    c->space = space;
    c->burst = BURST_FIRST;
    c->info = (struct link_info){.peer = peer, .local = sock_local(fd), .tls = true};
    return c;
}

void stream_rec_free(struct stream_rec *c)
{
    c->kind->end(c);
    engine_free(c->engine);
    buf_done(&c->in);
    buf_wipe(&c->plain);
    buf_done(&c->out);
    wipe_free(c->sni, 0);
    wipe_free(c, c->kind->size);
}

bool stream_rec_name(struct stream_rec *c, struct str sni)
{
    c->sni = malloc(sni.n);
    if (!c->sni)
        return false;
    memcpy(c->sni, sni.p, sni.n);
    c->info.sni = (struct str){c->sni, sni.n};
    return true;
}

static struct stream_rec *of(struct stream *s)
{
    return (struct stream_rec *)(void *)s;
}

ssize_t stream_rec_fail(struct stream_rec *c, int err)
{
    if (c->stream.err == 0)
        c->stream.err = err;
    c->state = STREAM_REC_FAILED;
    c->kind->end(c);
    rec_done(&c->rec);
    buf_done(&c->in);
    buf_done(&c->out);
    return STREAM_FAIL;
}

ssize_t stream_rec_open(struct stream_rec *c, struct str rest)
{
    if (!buf_add(&c->in, rest.p, rest.n))
        return stream_rec_fail(c, ERR_NOMEM);
    c->kind->end(c);
    c->state = STREAM_REC_OPEN;
    return 0;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

ssize_t stream_rec_flush(struct stream_rec *c)
{
    while (c->out.len > 0) {
        ssize_t put = send(c->stream.fd, buf_data(&c->out), c->out.len, MSG_NOSIGNAL);
        if (put < 0)
            return would_block() ? STREAM_AGAIN : stream_rec_fail(c, err_from_errno(errno));
        buf_take(&c->out, (size_t)put);
        if (c->out.len == 0 && c->write_end)
            (void)shutdown(c->stream.fd, SHUT_WR);
    }
    buf_shrink(&c->out);
    return 0;
}

/* With the alert that tells the peer, as far as the socket takes it now. */
static ssize_t fail_alert(struct stream_rec *c, int err)
{
    if (err_alert(err) >= 0 && rec_alert(&c->rec.out, ALERT_FATAL, (enum alert)err_alert(err), &c->out))
        (void)stream_rec_flush(c);
    return stream_rec_fail(c, err);
}

/* --- the handshake */

static ssize_t drive(struct stream_rec *c)
{
    for (int i = 0; i < HANDSHAKE_READS; i++) {
        ssize_t r = stream_rec_flush(c);
        if (r != 0)
            return r;
        ssize_t got = recv(c->stream.fd, c->space->in, REC_MAX, 0);
        if (got < 0)
            return would_block() ? STREAM_AGAIN : stream_rec_fail(c, err_from_errno(errno));
        if (got == 0)
            return stream_rec_fail(c, ERR_CLOSED);
        r = c->kind->shake(c, str_from(c->space->in, (size_t)got));
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

static void take_plain(struct stream_rec *c, struct target *t)
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
static bool deliver(struct stream_rec *c, struct target *t, const struct rec_got *got)
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
static ssize_t act(struct stream_rec *c, enum rec_verdict v, struct target *t, const struct rec_got *got)
{
    int err = 0;
    switch (v) {
    case REC_PLAINTEXT: return deliver(c, t, got) ? 0 : stream_rec_fail(c, ERR_NOMEM);
    case REC_CLOSED: c->read_end = true; return 0;
    case REC_REFUSED:
        if (!c->write_end && !rec_alert(&c->rec.out, ALERT_WARNING, ALERT_NO_RENEGOTIATION, &c->out))
            return stream_rec_fail(c, ERR_NOMEM);
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
    return stream_rec_flush(c) == STREAM_FAIL ? STREAM_FAIL : 0;
}

/* Opens records from `in` until the target is full or a record is incomplete, and keeps the rest. 0 or STREAM_FAIL. */
static ssize_t open_records(struct stream_rec *c, uint8_t *in, size_t n, struct target *t)
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
    return buf_add(&c->in, in + at, n - at) ? 0 : stream_rec_fail(c, ERR_NOMEM);
}

/*
 * Receives into the worker's buffer, behind what is kept of the connection, unless that is a whole record already; then opens.
 * 0, STREAM_AGAIN when the socket has nothing, STREAM_FAIL. *received: the socket was asked.
 */
static ssize_t fill(struct stream_rec *c, struct target *t, bool *received)
{
    uint8_t *in = c->space->in;
    size_t n = c->in.len;
    *received = !rec_ready(buf_data(&c->in), n);
    if (*received) {
        size_t records = (t->n - t->got + REC_PLAIN - 1) / REC_PLAIN;
        size_t room = (records < STREAM_REC_BURST ? records : STREAM_REC_BURST) * REC_MAX - n;
        ssize_t got = recv(c->stream.fd, in + n, room, 0);
        if (got < 0)
            return would_block() ? STREAM_AGAIN : stream_rec_fail(c, err_from_errno(errno));
        if (got == 0)
            return stream_rec_fail(c, ERR_CLOSED);
        if (n > 0)
            memcpy(in, buf_data(&c->in), n);
        n += (size_t)got;
    } else {
        memcpy(in, buf_data(&c->in), n);
    }
    buf_done(&c->in);
    return open_records(c, in, n, t);
}

static ssize_t rec_stream_read(struct stream *s, void *out, size_t n)
{
    struct stream_rec *c = of(s);
    if (c->state == STREAM_REC_HANDSHAKE) {
        ssize_t r = drive(c);
        if (r != 0 || n == 0)
            return r;
    }
    if (n == 0)
        return c->state == STREAM_REC_FAILED ? STREAM_FAIL : 0;
    struct target t = {.p = out, .n = n};
    take_plain(c, &t);
    bool received = false;
    ssize_t r = 0;
    /* What is kept may hold nothing but records without data: then the socket is asked after all. */
    while (c->state == STREAM_REC_OPEN && !c->read_end && t.got < n && !received && r == 0) {
        if (t.got > 0 && !rec_ready(buf_data(&c->in), c->in.len))
            break;
        r = fill(c, &t, &received);
    }
    if (t.got > 0)
        return (ssize_t)t.got;
    if (c->state == STREAM_REC_FAILED || c->read_end) {
        c->told = true;
        return c->state == STREAM_REC_FAILED ? STREAM_FAIL : 0;
    }
    return STREAM_AGAIN;
}

/* --- writing */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Seals up to one burst of p and sends it, or keeps what could not be sent. The bytes taken, or STREAM_FAIL. */
static ssize_t put_burst(struct stream_rec *c, const uint8_t *p, size_t n)
{
    n = smaller(n, (size_t)c->burst * c->rec.max_plain);
    size_t sealed = rec_seal_data(&c->rec, p, n, c->space->out);
    if (sealed == 0)
        return stream_rec_fail(c, ERR_TLS + ALERT_INTERNAL_ERROR);
    ssize_t put = send(c->stream.fd, c->space->out, sealed, MSG_NOSIGNAL);
    if (put < 0 && !would_block())
        return stream_rec_fail(c, err_from_errno(errno));
    size_t sent = put < 0 ? 0 : (size_t)put;
    if (sent == sealed) {
        c->burst = (uint8_t)smaller((size_t)c->burst * 2, STREAM_REC_BURST);
    } else {
        if (!buf_add(&c->out, c->space->out + sent, sealed - sent))
            return stream_rec_fail(c, ERR_NOMEM);
        c->burst = (uint8_t)smaller(1 + sent / REC_PLAIN, STREAM_REC_BURST);
    }
    return (ssize_t)n;
}

static ssize_t rec_stream_write(struct stream *s, const void *p, size_t n)
{
    struct stream_rec *c = of(s);
    if (c->state == STREAM_REC_FAILED)
        return STREAM_FAIL;
    if (c->state == STREAM_REC_HANDSHAKE)
        return STREAM_AGAIN;
    ssize_t r = stream_rec_flush(c);
    if (r != 0 || n == 0)
        return r;
    if (c->write_end)
        return stream_rec_fail(c, ERR_CLOSED);
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

static short rec_stream_want(struct stream *s, short owner)
{
    struct stream_rec *c = of(s);
    if (c->state == STREAM_REC_HANDSHAKE)
        return c->out.len > 0 ? POLLOUT : POLLIN;
    return (short)(owner | (c->out.len > 0 ? POLLOUT : 0));
}

static bool rec_stream_buffered(struct stream *s)
{
    struct stream_rec *c = of(s);
    if (c->state == STREAM_REC_HANDSHAKE)
        return false;
    if (c->plain.len > 0)
        return true;
    if (c->state == STREAM_REC_FAILED || c->read_end)
        return !c->told;
    return rec_ready(buf_data(&c->in), c->in.len);
}

static const struct link_info *rec_stream_info(struct stream *s)
{
    return &of(s)->info;
}

/* Says good-bye once, behind what is still to be sent. */
static void close_writing(struct stream_rec *c)
{
    if (c->state != STREAM_REC_OPEN || c->write_end)
        return;
    if (!rec_alert(&c->rec.out, ALERT_WARNING, ALERT_CLOSE_NOTIFY, &c->out))
        return;
    c->write_end = true;
    (void)stream_rec_flush(c);
}

static void rec_stream_close(struct stream *s, enum stream_close how)
{
    struct stream_rec *c = of(s);
    if (how == STREAM_FINISH) {
        if (c->state == STREAM_REC_OPEN)
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
    stream_rec_free(c);
}

static const struct stream_ops rec_ops = {
    .read = rec_stream_read,
    .write = rec_stream_write,
    .want = rec_stream_want,
    .buffered = rec_stream_buffered,
    .info = rec_stream_info,
    .close = rec_stream_close,
};
