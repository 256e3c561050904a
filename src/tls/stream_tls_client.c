#include "tls/stream_tls_client.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/wipe.h"
#include "tls/bear12_client.h"
#include "tls/stream_tls_int.h"

struct tls_client_worker {
    struct stream_space own;
    const struct stream_space *space; /* `own`, or that of a tls_worker */
    struct aead_impl impl;
    void *engine;
    struct client_sessions sessions;
};

struct stream_tls_client {
    struct stream_rec common;
    struct bear12_client *handshake; /* NULL once it is done */
};

/* --- the worker */

struct tls_client_worker *tls_client_worker_new(struct tls_worker *share)
{
    struct tls_client_worker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    aead_impl_init(&w->impl);
    w->space = share ? &share->space : &w->own;
    w->engine = bear12_client_shared_new(&w->impl);
    if (!w->engine || (!share && !stream_space_init(&w->own))) {
        tls_client_worker_free(w);
        return NULL;
    }
    return w;
}

void tls_client_worker_free(struct tls_client_worker *w)
{
    if (!w)
        return;
    bear12_client_shared_free(w->engine);
    stream_space_done(&w->own);
    wipe_free(w, sizeof *w);
}

/* --- the handshake */

static struct stream_tls_client *of(struct stream_rec *c)
{
    return (struct stream_tls_client *)(void *)c;
}

static void end(struct stream_rec *c)
{
    bear12_client_free(of(c)->handshake);
    of(c)->handshake = NULL;
}

static ssize_t shake(struct stream_rec *c, struct str in)
{
    struct bear12_client *h = of(c)->handshake;
    size_t used = 0;
    enum engine_verdict v = bear12_client_step(h, in, &used, &c->out, &c->rec);
    int err = bear12_client_error(h); /* the flush may end the handshake */
    ssize_t sent = stream_rec_flush(c);
    if (v == ENGINE_FAIL)
        return stream_rec_fail(c, err);
    if (sent == STREAM_FAIL)
        return STREAM_FAIL;
    if (v == ENGINE_WAIT)
        return STREAM_AGAIN;
    c->info.tls_version = TLS_1_2;
    c->info.tls_suite = bear12_client_suite(h);
    c->info.resumed = bear12_client_resumed(h);
    return stream_rec_open(c, str_skip(in, used));
}

static const struct stream_rec_kind kind = {
    .size = sizeof(struct stream_tls_client),
    .shake = shake,
    .end = end,
};

struct stream *stream_tls_client_new(struct tls_client_worker *w, const struct tls_trust *t, struct str name,
                                     int fd, struct endpoint peer)
{
    struct ip ip;
    struct stream_rec *c = stream_rec_new(&kind, w->space, fd, peer);
    if (!c)
        return NULL;
    const struct bear12_client_setup setup = {
        .trust = t,
        .name = name,
        .peer = peer,
        .sessions = &w->sessions,
        .now = clock_now(),
        .wall = clock_wall(),
    };
    of(c)->handshake = bear12_client_new(w->engine, &setup, &c->out);
    if (!of(c)->handshake || (name.n > 0 && !ip_parse(name, &ip) && !stream_rec_name(c, name))) {
        stream_rec_free(c);
        return NULL;
    }
    return &c->stream;
}
