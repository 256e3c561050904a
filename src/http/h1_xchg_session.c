/* The HTTP/1.x session as its handler sees it: what the handler says is written down here, and done when the turn settles. */
#include "base/err.h"
#include "http/h1_session_int.h"
#include "http/h1_write.h"

enum { SMALL_REST = 64 * 1024 };

static struct h1_session *of_exchange(struct exchange *x)
{
    return LIST_OWNER(x->via, struct h1_session, session);
}

static void on_consumed(struct exchange *x, size_t n)
{
    struct h1_session *s = of_exchange(x);
    flow_taken(&s->flow, n);
    h1_session_settle_later(s);
}

static size_t on_interim(struct exchange *x, const struct head *h)
{
    struct h1_session *s = of_exchange(x);
    size_t before = s->out.queue.len;
    if (h1_write_response(&s->out.queue, h, NULL) < 0)
        h1_session_abort(s, ERR_HTTP_BACKEND);
    h1_session_settle_later(s);
    size_t n = s->out.queue.len - before;
    s->out.payload += n;
    return n;
}

bool h1_session_small_rest(const struct h1_session *s)
{
    /* After a final answer a client that waited for 100 (Continue) may send its body or not: nobody knows what comes. */
    return !s->close_after && s->x && !s->x->req.expect_continue && s->x->req.framing == FRAME_LENGTH &&
           s->reader.left <= SMALL_REST;
}

static void on_head(struct exchange *x, struct head *h)
{
    struct h1_session *s = of_exchange(x);
    /*
     * Who answers with an error while the body still comes does not want the rest: the client is told to stop. And whether a client
     * that waits for 100 (Continue) takes a redirect for a reason to send nothing, nobody knows.
     */
    bool cuts_body = !s->request_done && (h->status >= 400 || x->req.expect_continue) &&
                     !h1_session_small_rest(s);
    if (!x->req.keep_alive || cuts_body || s->session.env->draining || h1_answer_needs_close(&x->req, h))
        s->close_after = true;
    if (h1_answer_begin(&s->answer, &s->out.queue, &x->req, h, s->close_after) < 0)
        h1_session_abort(s, ERR_HTTP_BACKEND);
    h1_session_settle_later(s);
}

static void on_body(struct exchange *x, struct str data)
{
    struct h1_session *s = of_exchange(x);
    h1_session_settle_later(s);
    if (s->state == SESSION_TUNNEL || s->answer.framing == FRAME_CLOSE) {
        outbox_payload(&s->out, s->stream, data);
    } else if (s->answer.framing == FRAME_CHUNKED) {
        if (h1_write_chunk_begin(&s->out.queue, data.n) < 0)
            h1_session_abort(s, ERR_NOMEM);
        outbox_payload(&s->out, s->stream, data);
        if (h1_write_chunk_end(&s->out.queue) < 0)
            h1_session_abort(s, ERR_NOMEM);
    } else if (s->answer.framing == FRAME_LENGTH && data.n <= s->answer.left) {
        s->answer.left -= data.n;
        outbox_payload(&s->out, s->stream, data);
    } else if (s->answer.framing == FRAME_LENGTH) {
        h1_session_abort(s, ERR_HTTP_BACKEND);
    } else {
        s->out.gone += data.n; /* an answer without a body: dropped, and the credit returned */
    }
}

static void on_end(struct exchange *x, const struct head *trailers)
{
    struct h1_session *s = of_exchange(x);
    if (s->answer.framing == FRAME_LENGTH && s->answer.left > 0 && s->state != SESSION_TUNNEL)
        h1_session_abort(s, ERR_CLOSED);
    else if (s->answer.framing == FRAME_CHUNKED && h1_write_last_chunk(&s->out.queue, trailers) < 0)
        h1_session_abort(s, ERR_NOMEM);
    /* Half of a tunnel goes on. */
    if (s->state != SESSION_TUNNEL)
        x->state = XCHG_ANSWERED;
    s->answer_done = true;
    h1_session_settle_later(s);
}

void h1_session_tunnel(struct h1_session *s)
{
    s->state = SESSION_TUNNEL;
    s->answer.framing = FRAME_CLOSE;
    s->close_after = true;
    s->request_done = s->answer_done = false;
    h1_reader_raw(&s->reader);
    loop_timer(s->session.env->loop, &s->timer, s->limits.tunnel);
}

static void on_tunnel(struct exchange *x, struct head *h)
{
    struct h1_session *s = of_exchange(x);
    struct h1_how how = {.framing = FRAME_NONE, .upgrade = true};
    if (h1_write_response(&s->out.queue, h, &how) < 0)
        h1_session_abort(s, ERR_HTTP_BACKEND);
    h1_session_tunnel(s);
    h1_session_settle_later(s);
}

static void on_reset(struct exchange *x, int why)
{
    h1_session_abort(of_exchange(x), why);
}

static void on_deadline(struct exchange *x, msec ms)
{
    struct h1_session *s = of_exchange(x);
    loop_timer(s->session.env->loop, &s->deadline, ms);
}

static void on_limits(struct exchange *x, const struct xchg_limits *limits)
{
    struct h1_session *s = of_exchange(x);
    if (limits->send > 0)
        s->limits.send = limits->send;
    if (limits->tunnel > 0)
        s->limits.tunnel = limits->tunnel;
}

const struct xchg_ops h1_xchg_ops = {
    .consumed = on_consumed,
    .interim = on_interim,
    .head = on_head,
    .body = on_body,
    .end = on_end,
    .tunnel = on_tunnel,
    .reset = on_reset,
    .deadline = on_deadline,
    .limits = on_limits,
};
