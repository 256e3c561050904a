#include "tls/stream_tls.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/wipe.h"
#include "tls/handshake.h"
#include "tls/stream_tls_int.h"

struct stream_tls {
    struct stream_rec common;
    struct handshake *handshake; /* NULL once it is done */
};

/* --- the worker */

struct tls_worker *tls_worker_new(const struct sessions *sessions)
{
    struct tls_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    if (!handshake_shared_init(&w->shared, sessions) || !stream_space_init(&w->space)) {
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
    stream_space_done(&w->space);
    wipe_free(w, sizeof *w);
}

void tls_worker_certs(struct tls_worker *w, struct certs *certs)
{
    struct certs *old = w->shared.certs;
    w->shared.certs = certs ? certs_ref(certs) : NULL;
    certs_free(old);
}

/* --- the handshake */

static struct stream_tls *of(struct stream_rec *c)
{
    return (struct stream_tls *)(void *)c;
}

static void end(struct stream_rec *c)
{
    struct stream_tls *s = of(c);
    if (!s->handshake)
        return;
    handshake_done(s->handshake);
    wipe_free(s->handshake, sizeof *s->handshake);
    s->handshake = NULL;
}

/* What the handshake knows of the client, in memory that outlives it. */
static bool note_sni(struct stream_rec *c, const struct handshake *h)
{
    struct str sni = hello_sni(&h->hello);
    return c->sni || sni.n == 0 || stream_rec_name(c, sni);
}

static void note_result(struct stream_rec *c, const struct handshake *h)
{
    c->info.tls_version = h->version;
    c->info.tls_suite = h->engine->suite;
    c->info.resumed = h->engine->resumed;
    c->info.alpn = h->alpn;
}

static ssize_t shake(struct stream_rec *c, struct str in)
{
    struct handshake *h = of(c)->handshake;
    size_t used = 0;
    h->now = clock_now();
    enum handshake_verdict v = handshake_step(h, in, &used, &c->out, &c->rec);
    if (v == HANDSHAKE_HTTP)
        return stream_rec_fail(c, ERR_HTTP_TLS_NEEDED);
    if (!note_sni(c, h))
        return stream_rec_fail(c, ERR_NOMEM);
    int err = h->err; /* the flush may end the handshake */
    ssize_t sent = stream_rec_flush(c);
    if (v == HANDSHAKE_FAIL)
        return stream_rec_fail(c, err);
    if (sent == STREAM_FAIL)
        return STREAM_FAIL;
    if (v == HANDSHAKE_WAIT)
        return STREAM_AGAIN;
    note_result(c, h);
    c->engine = handshake_take_engine(h);
    return stream_rec_open(c, str_skip(in, used));
}

static const struct stream_rec_kind kind = {.size = sizeof(struct stream_tls), .shake = shake, .end = end};

struct stream *stream_tls_new(struct tls_worker *w, int fd, struct endpoint peer)
{
    struct stream_rec *c = stream_rec_new(&kind, &w->space, fd, peer);
    struct handshake *h = calloc(1, sizeof *h);
    if (!c || !h) {
        wipe_free(h, 0);
        if (c)
            stream_rec_free(c);
        return NULL;
    }
    h->shared = &w->shared;
    of(c)->handshake = h;
    return &c->stream;
}
