/*
 * HTTP/1.x toward a client: one exchange after the other on one connection. What the socket brings is handled in
 * session_ready(), what the handler says is only written down; session_settle(), at the end of each turn in which something
 * happened, is the one place that flushes, reports, ends exchanges, and decides what to wait for.
 */
#include <poll.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "http/h1_session_int.h"
#include "net/sock.h"

enum {
    READ_HEAD = 16 * 1024,
    READ_AHEAD = 4 * 1024, /* of the next request, while one is under way */
    READS_PER_TURN = 4,
    LINGER_ANSWERED_MS = 5000, /* for the client to close after the last answer */
    LINGER_UPLOAD_MS = 30000,  /* for a client that still sends a body which nobody wants */
    HALF_CLOSED_MS =
        5000, /* how often a client that will send no more is looked at while the backend is silent */
};

static struct h1_session *of_session(struct session *s)
{
    return LIST_OWNER(s, struct h1_session, session);
}

static void session_settle(struct task *t);

void h1_session_settle_later(struct h1_session *s)
{
    loop_task(s->session.env->loop, &s->settle);
}

void h1_session_abort(struct h1_session *s, int why)
{
    if (s->abort == ERR_NONE)
        s->abort = why;
    h1_session_settle_later(s);
}

static void set_timer(struct h1_session *s, msec ms)
{
    loop_timer(s->session.env->loop, &s->timer, ms);
}

/* Ends of things */

static void end_exchange(struct h1_session *s, int why)
{
    struct exchange *x = s->x;
    if (!x)
        return;
    s->x = NULL;
    loop_timer_clear(s->session.env->loop, &s->deadline);
    x->state = XCHG_GONE;
    x->handler->gone(x, why);
    x->ops = NULL;
    x->work = s->past;
    s->past = x;
}

static void free_past(struct h1_session *s)
{
    while (s->past) {
        struct exchange *x = s->past;
        s->past = x->work;
        arena_done(&x->mem);
        free(x);
    }
}

/* The only end of a session. Memory goes when the turn settles. */
static void session_kill(struct h1_session *s, int why, enum stream_close how)
{
    if (s->state == SESSION_DEAD)
        return;
    s->state = SESSION_DEAD;
    if (why != ERR_NONE)
        log_debug("conn=%llu closed: %s", (unsigned long long)s->id, err_text(why));
    end_exchange(s, why != ERR_NONE ? why : ERR_CLOSED);
    struct loop *loop = s->session.env->loop;
    loop_timer_clear(loop, &s->timer);
    loop_unwatch(loop, &s->watch);
    s->stream->ops->close(s->stream, how);
    s->stream = NULL;
    h1_session_settle_later(s);
}

static void session_free(struct h1_session *s)
{
    struct session_env *env = s->session.env;
    free_past(s);
    loop_task_cancel(&s->settle);
    buf_done(&s->in);
    outbox_done(&s->out);
    list_remove(&s->session.link);
    free(s);
    env->ended(env);
}

static void finish_writing(struct h1_session *s)
{
    if (s->write_closed)
        return;
    s->write_closed = true;
    s->stream->ops->close(s->stream, STREAM_FINISH);
}

static void enter_linger(struct h1_session *s)
{
    if (s->read_closed) {
        session_kill(s, ERR_NONE, STREAM_END);
        return;
    }
    s->state = SESSION_LINGER;
    set_timer(s, s->request_done ? LINGER_ANSWERED_MS : LINGER_UPLOAD_MS);
    finish_writing(s);
}

static void enter_wait_head(struct h1_session *s)
{
    s->state = SESSION_WAIT_HEAD;
    h1_reader_init(&s->reader);
    set_timer(s, s->in.len > 0 ? s->session.env->head_ms : s->session.env->idle_ms);
}

/* Requests */

static struct exchange *new_exchange(struct h1_session *s)
{
    struct session_env *env = s->session.env;
    const struct link_info *info = s->stream->ops->info(s->stream);
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->ops = &h1_xchg_ops;
    x->via = &s->session;
    x->handler = env->handler;
    x->service = env->service;
    x->peer = (struct peer){.client = info->peer, .local = info->local, .tls = info->tls, .sni = info->sni};
    x->id = s->id;
    x->began = loop_now(env->loop);
    return x;
}

/* An answer to bytes that are no request: no handler sees it. */
static void refuse(struct h1_session *s, int why)
{
    log_debug("conn=%llu refused: %s", (unsigned long long)s->id, err_text(why));
    if (h1_answer_page(&s->out.queue, why) < 0)
        h1_session_abort(s, why);
    s->request_done = s->answer_done = s->close_after = true;
    s->state = SESSION_EXCHANGE; /* without an exchange: it only waits to be flushed */
    h1_session_settle_later(s);
}

static const struct head no_trailers;

/* Once its answer is complete a handler hears no more of the request. */
static void tell_request_done(struct h1_session *s, const struct head *trailers)
{
    if (s->x->state != XCHG_ANSWERED)
        s->x->handler->body_end(s->x, trailers);
}

static void begin_exchange(struct h1_session *s, struct str piece)
{
    struct exchange *x = new_exchange(s);
    if (!x) {
        session_kill(s, ERR_NOMEM, STREAM_RESET);
        return;
    }
    struct str copy = arena_dup(&x->mem, piece);
    int err = copy.p ? h1_parse_request(copy, &x->req, &x->mem) : ERR_NOMEM;
    if (err != ERR_NONE) {
        arena_done(&x->mem);
        free(x);
        refuse(s, err);
        return;
    }
    s->x = x;
    s->state = SESSION_EXCHANGE;
    s->request_done = s->answer_done = false;
    s->limits = (struct xchg_limits){.send = s->session.env->send_ms, .tunnel = s->session.env->tunnel_ms};
    /* Small again: the body of one that waits for a backend is held. */
    s->flow = (struct flow){0};
    set_timer(s, 0);
    h1_reader_body(&s->reader, &x->req);
    /* Known before the handler is asked: whether to close the connection after an error depends on it. */
    size_t used;
    struct str none;
    s->request_done = x->req.framing == FRAME_NONE && h1_read(&s->reader, NULL, 0, &used, &none) == H1_END;
    x->handler->begin(x);
    if (s->request_done)
        tell_request_done(s, &no_trailers);
}

static void deliver_body(struct h1_session *s, struct str data)
{
    s->moved = true;
    if (s->x->state == XCHG_ANSWERED)
        return;
    flow_read(&s->flow, data.n);
    s->x->body_in += data.n;
    s->x->handler->body(s->x, data);
}

/* Malformed body: the request's end is unknown, so the connection cannot go on. */
static void body_failed(struct h1_session *s, int why)
{
    s->close_after = true;
    if (s->x->state == XCHG_WAIT_HEAD)
        xchg_reset(s->x, why);
    else
        h1_session_abort(s, why);
}

static void deliver_end(struct h1_session *s, struct str raw)
{
    struct head trailers = {0};
    int err = ERR_NONE;
    if (raw.n > 0) {
        struct str copy = arena_dup(&s->x->mem, raw);
        err = copy.p ? h1_parse_trailers(copy, &trailers, &s->x->mem) : ERR_NOMEM;
    }
    if (err != ERR_NONE) {
        body_failed(s, err);
        return;
    }
    s->request_done = true;
    tell_request_done(s, &trailers);
}

static bool may_feed(const struct h1_session *s)
{
    switch (s->state) {
    case SESSION_WAIT_HEAD: return true;
    case SESSION_EXCHANGE:
        return s->x && !s->request_done && s->abort == ERR_NONE && s->reader.state != H1_FAILED;
    case SESSION_TUNNEL: return true;
    default: return false;
    }
}

/* Runs input through the reader; returns how many bytes of it were used. */
static size_t feed(struct h1_session *s, const uint8_t *p, size_t n)
{
    size_t total = 0;
    while (may_feed(s)) {
        size_t used = 0;
        struct str piece = {NULL, 0};
        enum h1_event event = h1_read(&s->reader, p + total, n - total, &used, &piece);
        total += used;
        switch (event) {
        case H1_MORE: return total;
        case H1_HEAD: begin_exchange(s, piece); break;
        case H1_BODY: deliver_body(s, piece); break;
        case H1_END: deliver_end(s, piece); break;
        case H1_FAIL:
            if (s->state == SESSION_WAIT_HEAD)
                refuse(s, s->reader.err);
            else
                body_failed(s, s->reader.err);
            break;
        }
    }
    return s->state == SESSION_LINGER || s->state == SESSION_DEAD ? n : total;
}

static void feed_buffered(struct h1_session *s)
{
    size_t used = feed(s, s->in.len > 0 ? buf_data(&s->in) : (const uint8_t *)"", s->in.len);
    buf_take(&s->in, used);
    buf_shrink(&s->in);
}

static void take_input(struct h1_session *s, const uint8_t *p, size_t n)
{
    bool was_idle = s->state == SESSION_WAIT_HEAD && s->in.len == 0;
    if (s->in.len == 0) {
        size_t used = feed(s, p, n);
        p += used;
        n -= used;
    }
    if (s->state == SESSION_DEAD)
        return;
    if (n > 0 && !buf_add(&s->in, p, n)) {
        session_kill(s, ERR_NOMEM, STREAM_RESET);
        return;
    }
    if (n > 0)
        feed_buffered(s);
    /* The limit `head` is a total from the first byte on. */
    if (was_idle && s->state == SESSION_WAIT_HEAD && s->in.len > 0)
        set_timer(s, s->session.env->head_ms);
}

/* The socket */

static void input_ended(struct h1_session *s)
{
    s->read_closed = true;
    switch (s->state) {
    case SESSION_WAIT_HEAD: session_kill(s, s->in.len > 0 ? ERR_CLOSED : ERR_NONE, STREAM_END); break;
    case SESSION_EXCHANGE:
        if (!s->request_done)
            session_kill(s, ERR_CLOSED, STREAM_RESET);
        else
            sock_keep_probing(s->stream->fd);
        break;
    case SESSION_TUNNEL:
        s->request_done = true;
        s->x->handler->body_end(s->x, &no_trailers);
        break;
    case SESSION_LINGER: session_kill(s, ERR_NONE, STREAM_END); break;
    case SESSION_DEAD: break;
    }
}

static size_t read_room(const struct h1_session *s)
{
    if (s->read_closed)
        return 0;
    switch (s->state) {
    case SESSION_WAIT_HEAD: return READ_HEAD;
    case SESSION_EXCHANGE:
        if (s->request_done || !s->x)
            return s->in.len == 0 ? READ_AHEAD : 0;
        return s->x->state == XCHG_ANSWERED ? READ_HEAD : flow_room(&s->flow);
    case SESSION_TUNNEL: return flow_room(&s->flow);
    case SESSION_LINGER: return LOOP_SCRATCH;
    default: return 0;
    }
}

static void read_some(struct h1_session *s)
{
    uint8_t *scratch = loop_scratch(s->session.env->loop);
    for (int i = 0; i < READS_PER_TURN; i++) {
        size_t room = read_room(s);
        if (room == 0)
            return;
        ssize_t n = s->stream->ops->read(s->stream, scratch, room);
        if (n == STREAM_AGAIN)
            return;
        if (n == 0) {
            input_ended(s);
            return;
        }
        if (n < 0) {
            session_kill(s, s->stream->err, STREAM_RESET);
            return;
        }
        take_input(s, scratch, (size_t)n);
        if ((size_t)n < room && !(s->stream && s->stream->ops->buffered(s->stream)))
            return;
    }
}

static void session_ready(struct watch *w, short events)
{
    struct h1_session *s = LIST_OWNER(w, struct h1_session, watch);
    h1_session_settle_later(s);
    if (events & (POLLIN | POLLHUP | POLLERR))
        read_some(s);
}

/* Settling */

static void settle_output(struct h1_session *s)
{
    bool empty = outbox_flush(&s->out, s->stream);
    size_t gone = outbox_gone(&s->out);
    if (gone > 0) {
        s->moved = true;
        if (s->x)
            s->x->handler->sent(s->x, gone);
    }
    if (s->out.err != ERR_NONE) {
        session_kill(s, s->out.err, STREAM_RESET);
        return;
    }
    if (s->abort != ERR_NONE) {
        session_kill(s, s->abort, STREAM_RESET);
        return;
    }
    if (!empty || !s->answer_done)
        return;
    if (s->state == SESSION_TUNNEL) {
        finish_writing(s);
        if (s->read_closed)
            session_kill(s, ERR_NONE, STREAM_END);
    } else if (s->state == SESSION_EXCHANGE && (s->request_done || !h1_session_small_rest(s))) {
        bool last = s->close_after || !s->request_done || s->session.env->draining;
        end_exchange(s, ERR_NONE);
        if (last || (s->read_closed && s->in.len == 0))
            enter_linger(s);
        else
            enter_wait_head(s);
    }
}

static void arm_timer(struct h1_session *s)
{
    bool awaited = !outbox_empty(&s->out);
    switch (s->state) {
    case SESSION_EXCHANGE:
        awaited = awaited || (!s->request_done && flow_room(&s->flow) > 0);
        if (awaited && (s->moved || s->timer.due == 0))
            set_timer(s, s->x ? s->limits.send : LINGER_UPLOAD_MS);
        else if (!awaited && !s->read_closed)
            set_timer(s, 0);
        else if (!awaited && (s->moved || s->timer.due == 0))
            set_timer(s, HALF_CLOSED_MS);
        break;
    case SESSION_TUNNEL:
        if (s->moved)
            set_timer(s, s->limits.tunnel);
        break;
    default: break;
    }
}

/* What to wait for is a function of the state. */
static void arm(struct h1_session *s)
{
    size_t room = read_room(s);
    short want = (short)((room > 0 ? POLLIN : 0) | (outbox_empty(&s->out) ? 0 : POLLOUT));
    struct loop *loop = s->session.env->loop;
    arm_timer(s);
    if (s->moved)
        flow_adapt(&s->flow);
    s->moved = false;
    loop_want(loop, &s->watch, s->stream->ops->want(s->stream, want));
    if (room > 0 && s->stream->ops->buffered(s->stream))
        loop_again(loop, &s->watch);
}

static void session_settle(struct task *t)
{
    struct h1_session *s = LIST_OWNER(t, struct h1_session, settle);
    if (s->state != SESSION_DEAD)
        settle_output(s);
    /* A request that came with the former one, or bytes that came before the tunnel was open. */
    if (s->in.len > 0 && may_feed(s))
        feed_buffered(s);
    if (s->state == SESSION_WAIT_HEAD && s->in.len > 0 && s->read_closed)
        session_kill(s, ERR_CLOSED, STREAM_END);
    if (s->state == SESSION_DEAD) {
        session_free(s);
        return;
    }
    free_past(s);
    arm(s);
}

/* Time */

/*
 * The kernel holds megabytes for a client that reads slowly, so that no write tells of its progress. What it has acknowledged
 * since the limit came up last does.
 */
static bool still_reads(struct h1_session *s)
{
    uint64_t acked = sock_acked(s->stream->fd);
    bool more = acked != s->acked;
    s->acked = acked;
    return more && !outbox_empty(&s->out);
}

/*
 * Has said all and listens, or has left: TCP sends the same for both, but who has left does not answer probes for long. Under
 * TLS 1.2 close_notify ends both directions (RFC 5246 section 7.2.1), so there it is the latter.
 */
static bool still_listens(const struct h1_session *s)
{
    return s->state == SESSION_EXCHANGE && s->read_closed && s->request_done && outbox_empty(&s->out) &&
           !s->stream->ops->info(s->stream)->tls && sock_stands(s->stream->fd);
}

static void session_expired(struct timer *t)
{
    struct h1_session *s = LIST_OWNER(t, struct h1_session, timer);
    h1_session_settle_later(s);
    if (s->state != SESSION_DEAD && (still_reads(s) || still_listens(s))) {
        s->moved = true;
        return;
    }
    switch (s->state) {
    case SESSION_WAIT_HEAD:
        if (s->in.len > 0)
            refuse(s, ERR_TIMEOUT_HEAD);
        else
            session_kill(s, ERR_TIMEOUT_IDLE, STREAM_END);
        break;
    case SESSION_EXCHANGE:
        if (s->x && s->x->state == XCHG_WAIT_HEAD && !s->request_done) {
            s->close_after = true;
            xchg_reset(s->x, ERR_TIMEOUT_SEND);
        } else {
            session_kill(s, ERR_TIMEOUT_SEND, STREAM_RESET);
        }
        break;
    case SESSION_TUNNEL: session_kill(s, ERR_TIMEOUT_TUNNEL, STREAM_END); break;
    case SESSION_LINGER: session_kill(s, ERR_NONE, STREAM_END); break;
    case SESSION_DEAD: break;
    }
}

static void deadline_expired(struct timer *t)
{
    struct h1_session *s = LIST_OWNER(t, struct h1_session, deadline);
    h1_session_settle_later(s);
    if (s->x)
        s->x->handler->expired(s->x);
}

/* What the worker says */

static void h1_session_drain(struct session *session)
{
    struct h1_session *s = of_session(session);
    s->close_after = true;
    if (s->state == SESSION_WAIT_HEAD && s->in.len == 0)
        session_kill(s, ERR_NONE, STREAM_END);
}

static void h1_session_kill(struct session *session, int why)
{
    session_kill(of_session(session), why, STREAM_RESET);
}

static const struct session_ops session_ops = {
    .drain = h1_session_drain,
    .kill = h1_session_kill,
};

/* In no state yet, and not in the list. */
static struct h1_session *session_new(struct session_env *env, struct stream *stream, uint64_t id)
{
    struct h1_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->session = (struct session){.ops = &session_ops, .env = env};
    s->id = id;
    s->stream = stream;
    s->timer.fire = session_expired;
    s->deadline.fire = deadline_expired;
    s->settle.run = session_settle;
    if (loop_watch(env->loop, &s->watch, stream->fd, session_ready) < 0) {
        free(s);
        return NULL;
    }
    return s;
}

static struct session *session_start(struct h1_session *s)
{
    struct session_env *env = s->session.env;
    list_append(&env->sessions, &s->session.link);
    /* The first request often came with the handshake's last bytes. */
    loop_again(env->loop, &s->watch);
    h1_session_settle_later(s);
    return &s->session;
}

struct session *h1_session_new(struct session_env *env, struct stream *stream, uint64_t id)
{
    struct h1_session *s = session_new(env, stream, id);
    if (!s)
        return NULL;
    enter_wait_head(s);
    return session_start(s);
}

struct session *raw_session_new(struct session_env *env, struct stream *stream, uint64_t id, struct str sni)
{
    struct h1_session *s = session_new(env, stream, id);
    struct exchange *x = s ? new_exchange(s) : NULL;
    if (!x) {
        if (s)
            loop_unwatch(env->loop, &s->watch);
        free(s);
        return NULL;
    }
    s->x = x;
    s->limits = (struct xchg_limits){.send = env->send_ms, .tunnel = env->tunnel_ms};
    h1_session_tunnel(s);
    x->state = XCHG_TUNNEL;
    x->peer.sni = arena_dup(&x->mem, sni);
    x->handler->begin(x);
    return session_start(s);
}
