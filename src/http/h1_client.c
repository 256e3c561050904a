/*
 * HTTP/1.1 toward a backend. As in h1_session.c, what the user says is only written down, and client_settle() at the end of the
 * turn flushes, reports and arms; the user's functions are called from there and from client_ready() alone.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/h1_client_int.h"
#include "net/sock.h"
#include "net/stream_plain.h"

enum { READ_HEAD = 16 * 1024, READS_PER_TURN = 4 };

void h1_client_settle_later(struct client *c)
{
    if (c->state != CLIENT_DEAD)
        loop_task(c->loop, &c->settle);
}

void h1_client_fail(struct client *c, int why)
{
    if (c->err != ERR_NONE)
        return;
    c->err = why;
    h1_client_settle_later(c);
}

/* Nothing may be written around the outbox before the connection stands. */
bool h1_client_connected(const struct client *c)
{
    return c->state == CLIENT_EXCHANGE || c->state == CLIENT_TUNNEL;
}

/* Opening and closing */

static void client_settle(struct task *t);
static void client_ready(struct watch *w, short events);
static void client_expired(struct timer *t);

struct client *client_open(struct loop *loop, const struct client_limits *limits)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->state = CLIENT_WAIT_TARGET;
    c->loop = loop;
    c->limits = *limits;
    c->settle.run = client_settle;
    c->timer.fire = client_expired;
    c->watch.fd = -1;
    h1_reader_init_response(&c->reader);
    return c;
}

/* The only end of a connection. */
static void drop_socket(struct client *c, enum stream_close how)
{
    int fd = c->watch.fd;
    loop_timer_clear(c->loop, &c->timer);
    if (fd >= 0)
        loop_unwatch(c->loop, &c->watch);
    c->watch.fd = -1;
    if (c->stream)
        c->stream->ops->close(c->stream, how);
    else if (fd >= 0)
        sock_reset(fd);
    c->stream = NULL;
}

void client_connect(struct client *c, const struct client_target *target)
{
    drop_socket(c, STREAM_RESET);
    c->state = CLIENT_WAIT_CONNECT;
    c->told = c->stood = c->read_closed = c->write_broken = false;
    c->target = *target;
    buf_done(&c->preface);
    h1_client_settle_later(c);
    /* What was added while it waited may not have found room. */
    c->err = client_unsent(c) ? ERR_NONE : ERR_NOMEM;
    if (c->err != ERR_NONE)
        return;
    int fd = target->unix_path.n > 0 ? sock_connect_unix(target->unix_path) : sock_connect(target->endpoint);
    /* A refusal at once (unix sockets, no route) is told like a late one. */
    if (fd < 0)
        h1_client_fail(c, err_from_errno(errno));
    else if (!buf_add_str(&c->preface, target->preface) ||
             loop_watch(c->loop, &c->watch, fd, client_ready) < 0) {
        sock_reset(fd);
        h1_client_fail(c, ERR_NOMEM);
    } else {
        loop_timer(c->loop, &c->timer, c->limits.connect);
    }
}

void client_close(struct client *c)
{
    if (c->state == CLIENT_DEAD)
        return;
    bool whole = c->answer_done && c->request_done;
    loop_task(c->loop, &c->settle);
    c->state = CLIENT_DEAD;
    c->calls = NULL;
    drop_socket(c, whole ? STREAM_END : STREAM_RESET);
}

static void client_free(struct client *c)
{
    loop_task_cancel(&c->settle);
    arena_done(&c->mem);
    buf_done(&c->in);
    buf_done(&c->preface);
    outbox_done(&c->out);
    free(c);
}

/* The answer */

static void take_head(struct client *c, struct str piece)
{
    struct head h = {0};
    struct str copy = arena_dup(&c->mem, piece);
    int err = copy.p ? h1_parse_response(copy, c->to_head, &h, &c->mem) : ERR_NOMEM;
    if (err == ERR_NONE && h.status == 101 && !c->wants_upgrade)
        err = ERR_HTTP_BACKEND; /* a switch that nobody asked for (RFC 9110 section 15.2.2) */
    if (err != ERR_NONE) {
        h1_client_fail(c, err);
        return;
    }
    c->interim = h.status < 200 && h.status != 101;
    if (h.status == 101) {
        h1_reader_raw(&c->reader);
        c->state = CLIENT_TUNNEL;
        c->request_done = false;
        c->calls->head(c->user, &h);
    } else if (c->interim) {
        h1_reader_body(&c->reader, &h);
        flow_read(&c->flow, c->calls->interim(c->user, &h));
    } else {
        c->keep_alive = h.keep_alive && !c->last;
        h1_reader_body(&c->reader, &h);
        c->calls->head(c->user, &h);
    }
}

static void take_end(struct client *c, struct str raw)
{
    struct head trailers = {0};
    int err = ERR_NONE;
    /* An interim answer ends like any other, but says nothing by it; there may be many of them. */
    if (c->interim) {
        arena_done(&c->mem);
        return;
    }
    if (raw.n > 0) {
        struct str copy = arena_dup(&c->mem, raw);
        err = copy.p ? h1_parse_trailers(copy, &trailers, &c->mem) : ERR_NOMEM;
    }
    if (err != ERR_NONE) {
        h1_client_fail(c, ERR_HTTP_BACKEND);
        return;
    }
    c->answer_done = true;
    c->calls->end(c->user, &trailers);
}

static bool may_feed(const struct client *c)
{
    return c->err == ERR_NONE && c->calls &&
           ((c->state == CLIENT_EXCHANGE && c->started && !c->answer_done) || c->state == CLIENT_TUNNEL);
}

static void take_event(struct client *c, enum h1_event event, struct str piece)
{
    switch (event) {
    case H1_HEAD: take_head(c, piece); break;
    case H1_BODY:
        c->moved = true;
        flow_read(&c->flow, piece.n);
        c->calls->body(c->user, piece);
        break;
    case H1_END: take_end(c, piece); break;
    case H1_FAIL: h1_client_fail(c, ERR_HTTP_BACKEND); break;
    case H1_MORE: break;
    }
}

static size_t feed(struct client *c, const uint8_t *p, size_t n)
{
    size_t total = 0;
    while (may_feed(c)) {
        size_t used = 0;
        struct str piece = {NULL, 0};
        enum h1_event event = h1_read(&c->reader, p + total, n - total, &used, &piece);
        total += used;
        c->surplus = n - total;
        take_event(c, event, piece);
        if (event == H1_MORE)
            break;
    }
    return total;
}

static void take_input(struct client *c, const uint8_t *p, size_t n)
{
    c->answer_begun = true;
    if (c->in.len == 0) {
        size_t used = feed(c, p, n);
        p += used;
        n -= used;
    }
    if (c->state == CLIENT_DEAD || n == 0)
        return;
    if (!buf_add(&c->in, p, n)) {
        h1_client_fail(c, ERR_NOMEM);
        return;
    }
    buf_take(&c->in, feed(c, buf_data(&c->in), c->in.len));
    buf_shrink(&c->in);
}

static void input_ended(struct client *c)
{
    c->read_closed = true;
    if (!may_feed(c)) {
        /* Closed before a request, or after the answer: the pool or the next request will see it. */
        if (!c->answer_done)
            h1_client_fail(c, ERR_CLOSED);
        return;
    }
    enum h1_event event = h1_read_eof(&c->reader, c->in.len);
    if (event == H1_END && (c->answer_begun || c->state == CLIENT_TUNNEL))
        take_event(c, H1_END, (struct str){NULL, 0});
    else
        h1_client_fail(c, ERR_CLOSED);
}

/* The socket */

static size_t read_room(const struct client *c)
{
    if (c->read_closed || c->err != ERR_NONE)
        return 0;
    switch (c->state) {
    case CLIENT_EXCHANGE:
        if (c->answer_done)
            return 0;
        if (c->reader.state == H1_WAIT_HEAD)
            return flow_room(&c->flow) > 0 ? READ_HEAD : 0;
        return flow_room(&c->flow);
    case CLIENT_TUNNEL: return flow_room(&c->flow);
    case CLIENT_REST: return 1;
    default: return 0;
    }
}

static void read_some(struct client *c)
{
    uint8_t *scratch = loop_scratch(c->loop);
    for (int i = 0; i < READS_PER_TURN; i++) {
        size_t room = read_room(c);
        if (room == 0)
            return;
        ssize_t n = c->stream->ops->read(c->stream, scratch, room);
        if (n == STREAM_AGAIN)
            return;
        if (n == 0) {
            input_ended(c);
            return;
        }
        if (n < 0) {
            h1_client_fail(c, c->stream->err);
            return;
        }
        take_input(c, scratch, (size_t)n);
        if ((size_t)n < room && !(c->stream && c->stream->ops->buffered(c->stream)))
            return;
    }
}

static void connection_stands(struct client *c)
{
    loop_timer_clear(c->loop, &c->timer);
    c->state = c->raw ? CLIENT_TUNNEL : CLIENT_EXCHANGE;
    c->stood = true;
    if (c->calls && c->calls->connected)
        c->calls->connected(c->user);
}

static void shake_hands(struct client *c)
{
    ssize_t n = c->stream->ops->read(c->stream, NULL, 0);
    if (n == 0)
        connection_stands(c);
    else if (n == STREAM_FAIL)
        h1_client_fail(c, c->stream->err);
}

/* A new socket has room for this much, always. */
static bool send_preface(struct client *c)
{
    struct str text = buf_str(&c->preface);
    bool sent = text.n == 0 || send(c->watch.fd, text.p, text.n, MSG_NOSIGNAL) == (ssize_t)text.n;
    buf_done(&c->preface);
    return sent;
}

static void connect_ended(struct client *c)
{
    const struct client_target *t = &c->target;
    int fd = c->watch.fd, result = sock_connect_result(fd);
    if (result != 0) {
        h1_client_fail(c, err_from_errno(result));
        return;
    }
    if (!send_preface(c)) {
        h1_client_fail(c, ERR_CLOSED);
        return;
    }
    errno = ENOMEM;
    c->stream = t->wrap ? t->wrap(t->context, fd, t->endpoint) : stream_plain_new(fd, t->endpoint);
    if (!c->stream) {
        h1_client_fail(c, err_from_errno(errno));
        return;
    }
    c->state = CLIENT_WAIT_TLS;
    shake_hands(c);
}

static void rest_ended(struct client *c)
{
    void (*lost)(struct client *, void *) = c->lost;
    c->lost = NULL;
    if (lost)
        lost(c, c->lost_context);
}

static void client_ready(struct watch *w, short events)
{
    struct client *c = LIST_OWNER(w, struct client, watch);
    h1_client_settle_later(c);
    if (c->state == CLIENT_WAIT_CONNECT)
        connect_ended(c);
    else if (c->state == CLIENT_WAIT_TLS)
        shake_hands(c);
    else if (c->state == CLIENT_REST)
        rest_ended(c);
    else if (events & (POLLIN | POLLHUP | POLLERR))
        read_some(c);
}

/* Settling */

static void settle_output(struct client *c)
{
    if (h1_client_connected(c))
        outbox_flush(&c->out, c->stream);
    if (c->out.err != ERR_NONE && (c->out.err == ERR_NOMEM || !c->out.begun))
        h1_client_fail(c, c->out.err);
    else if (c->out.err != ERR_NONE && !c->write_broken) {
        /* The backend hung up on the request; its answer (413, 401 …) may have come before. */
        c->write_broken = true;
        c->out.gone += c->out.payload;
        outbox_clear(&c->out);
    }
    size_t gone = outbox_gone(&c->out);
    if (gone > 0) {
        c->moved = true;
        if (c->calls)
            c->calls->sent(c->user, gone);
    }
    if (c->state == CLIENT_TUNNEL && c->request_done && outbox_empty(&c->out) && !c->write_broken) {
        c->write_broken = true;
        c->stream->ops->close(c->stream, STREAM_FINISH);
    }
}

static void arm_timer(struct client *c)
{
    msec limit = 0;
    if (c->state == CLIENT_WAIT_CONNECT || c->state == CLIENT_WAIT_TLS || c->state == CLIENT_REST)
        return;
    if (c->state == CLIENT_EXCHANGE && !outbox_empty(&c->out))
        limit = c->limits.send;
    else if (c->state == CLIENT_EXCHANGE && c->request_done && !c->answer_done && flow_room(&c->flow) > 0)
        limit = c->limits.response;
    if (limit == 0)
        loop_timer_clear(c->loop, &c->timer);
    else if (c->moved || c->timer.due == 0)
        loop_timer(c->loop, &c->timer, limit);
}

static short wanted(const struct client *c)
{
    if (c->state == CLIENT_WAIT_CONNECT)
        return POLLOUT;
    if (c->state == CLIENT_WAIT_TLS)
        return c->stream->ops->want(c->stream, POLLIN);
    bool writing = h1_client_connected(c) && !c->write_broken && !outbox_empty(&c->out);
    short want = (short)((read_room(c) > 0 ? POLLIN : 0) | (writing ? POLLOUT : 0));
    return c->stream ? c->stream->ops->want(c->stream, want) : want;
}

static void arm(struct client *c)
{
    arm_timer(c);
    if (c->moved)
        flow_adapt(&c->flow);
    c->moved = false;
    if (c->watch.fd < 0)
        return;
    loop_want(c->loop, &c->watch, wanted(c));
    if (c->stream && read_room(c) > 0 && h1_client_connected(c) && c->stream->ops->buffered(c->stream))
        loop_again(c->loop, &c->watch);
}

static void tell_failure(struct client *c)
{
    if (c->told || !c->calls)
        return;
    c->state = CLIENT_FAILED;
    c->told = true;
    if (client_unsent(c)) {
        /* It is kept, and more of it may come: the user may try elsewhere. */
        c->state = CLIENT_WAIT_TARGET;
        c->out.err = ERR_NONE;
        drop_socket(c, STREAM_RESET);
    }
    c->calls->failed(c->user, c->err);
}

static void client_settle(struct task *t)
{
    struct client *c = LIST_OWNER(t, struct client, settle);
    if (c->state != CLIENT_DEAD)
        settle_output(c);
    if (c->state != CLIENT_DEAD && c->in.len > 0 && may_feed(c)) {
        buf_take(&c->in, feed(c, buf_data(&c->in), c->in.len));
        buf_shrink(&c->in);
    }
    if (c->state != CLIENT_DEAD && c->err != ERR_NONE)
        tell_failure(c);
    if (c->state == CLIENT_DEAD)
        client_free(c);
    else
        arm(c);
}

/* As in h1_session.c: a backend that reads slowly shows it only by what it acknowledges. */
static bool still_reads(struct client *c)
{
    uint64_t acked = c->stream && !outbox_empty(&c->out) ? sock_acked(c->stream->fd) : c->acked;
    bool more = acked != c->acked;
    c->acked = acked;
    return more;
}

static void client_expired(struct timer *t)
{
    struct client *c = LIST_OWNER(t, struct client, timer);
    if (h1_client_connected(c) && still_reads(c)) {
        c->moved = true;
        h1_client_settle_later(c);
        return;
    }
    if (c->state == CLIENT_WAIT_CONNECT || c->state == CLIENT_WAIT_TLS)
        h1_client_fail(c, ERR_TIMEOUT_CONNECT);
    else if (c->state == CLIENT_REST)
        rest_ended(c);
    else if (!outbox_empty(&c->out))
        h1_client_fail(c, ERR_TIMEOUT_SEND_BACKEND);
    else
        h1_client_fail(c, ERR_TIMEOUT_RESPONSE);
}
