#include "tls/handshake.h"

#include <string.h>

#include "base/err.h"
#include "base/wipe.h"

static const char http11[] = "http/1.1";
static const char acme[] = "acme-tls/1"; /* RFC 8737 section 3 */

bool handshake_shared_init(struct handshake_shared *s, const struct sessions *sessions)
{
    *s = (struct handshake_shared){.sessions = sessions};
    aead_impl_init(&s->impl);
    for (size_t i = 0; i < n_engines; i++) {
        s->engines[i] = engines[i]->shared_new(&s->impl);
        if (!s->engines[i])
            return false;
    }
    return true;
}

void handshake_shared_done(struct handshake_shared *s)
{
    for (size_t i = 0; i < n_engines; i++) {
        if (s->engines[i])
            engines[i]->shared_free(s->engines[i]);
    }
    certs_free(s->certs);
    wipe(s, sizeof *s);
}

static enum handshake_verdict fail(struct handshake *h, int err)
{
    h->err = err;
    return HANDSHAKE_FAIL;
}

/* Fails before there is an engine, which else sends its own alerts. An old client reads them under its own version only. */
static enum handshake_verdict fail_alert(struct handshake *h, int err, struct buf *out)
{
    uint16_t version = h->hello.version >= TLS_1_0 && h->hello.version < TLS_1_2 ? h->hello.version : TLS_1_2;
    if (err_alert(err) >= 0)
        (void)rec_alert_clear(version, ALERT_FATAL, (enum alert)err_alert(err), out);
    return fail(h, err);
}

/* The certificate for this client, and its ALPN protocol: 0, or an alert. */
static int choose(struct handshake *h, const struct cert **cert)
{
    if (h->shared->certs)
        h->certs = certs_ref(h->shared->certs);
    int id = h->certs ? certs_find(h->certs, hello_sni(&h->hello)) : -1;
    if (id < 0)
        return ALERT_UNRECOGNIZED_NAME;
    *cert = certs_get(h->certs, id);
    if (h->hello.alpn.n == 0)
        return 0;
    /* BearSSL's engine must not see a list without a match: when it resumes, it answers with a name it does not have. */
    if (!hello_alpn(&h->hello, STR(http11)))
        return ALERT_NO_APPLICATION_PROTOCOL;
    h->alpn = STR(http11);
    return 0;
}

static enum handshake_verdict begin(struct handshake *h, struct buf *out)
{
    const struct cert *cert = NULL;
    int alert = 0, i = engine_pick(&h->hello, &alert);
    if (i >= 0)
        alert = choose(h, &cert);
    if (alert)
        return fail_alert(h, ERR_TLS + alert, out);
    h->version = engines[i]->version;
    const struct engine_setup setup = {
        .hello = &h->hello,
        .cert = cert,
        /* A validation is always a handshake of its own. */
        .sessions = hello_alpn(&h->hello, STR(acme)) ? NULL : h->shared->sessions,
        .alpn = h->alpn,
        .now = h->now,
    };
    h->engine = engines[i]->begin(h->shared->engines[i], &setup);
    return h->engine ? HANDSHAKE_WAIT : fail_alert(h, ERR_NOMEM, out);
}

static void forget_hello(struct handshake *h)
{
    h->shared->large -= h->large;
    h->large = 0;
    hello_done(&h->reader);
}

/* Many strangers with large ClientHellos at once must not eat the memory. */
static bool within_budget(struct handshake *h)
{
    size_t now = h->reader.message.cap > HANDSHAKE_LARGE ? h->reader.message.cap : 0;
    h->shared->large = h->shared->large - h->large + now;
    h->large = now;
    return h->shared->large <= HANDSHAKE_LARGE_TOTAL;
}

static enum handshake_verdict read_hello(struct handshake *h, struct str in, size_t *used, struct buf *out)
{
    enum hello_verdict v = hello_feed(&h->reader, in, used, &h->hello);
    if (v == HELLO_HTTP)
        return HANDSHAKE_HTTP;
    if (v == HELLO_FAIL)
        return fail_alert(h, h->reader.err, out);
    if (!within_budget(h))
        return fail_alert(h, ERR_TLS + ALERT_INTERNAL_ERROR, out);
    return v == HELLO_DONE ? begin(h, out) : HANDSHAKE_WAIT;
}

enum handshake_verdict handshake_step(struct handshake *h, struct str in, size_t *used, struct buf *out,
                                      struct rec *rec)
{
    size_t more = 0;
    *used = 0;
    if (!h->engine) {
        enum handshake_verdict v = read_hello(h, in, used, out);
        if (v != HANDSHAKE_WAIT || !h->engine)
            return v;
    }
    enum engine_verdict v = h->engine->ops->step(h->engine, str_skip(in, *used), &more, out, rec);
    *used += more;
    forget_hello(h); /* the engine has read it with its first step */
    if (v == ENGINE_FAIL)
        return fail(h, h->engine->err);
    return v == ENGINE_DONE ? HANDSHAKE_DONE : HANDSHAKE_WAIT;
}

struct engine *handshake_take_engine(struct handshake *h)
{
    struct engine *e = h->engine && h->engine->stays ? h->engine : NULL;
    if (e)
        h->engine = NULL;
    return e;
}

void handshake_done(struct handshake *h)
{
    forget_hello(h);
    engine_free(h->engine);
    h->engine = NULL;
    certs_free(h->certs);
    h->certs = NULL;
}
