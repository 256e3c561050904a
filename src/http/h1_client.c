/*
 * HTTP/1.1 toward a backend. As in h1_session.c, what the user says is only written down, and client_settle() at the end of the
 * turn flushes, reports and arms; the user's functions are called from there and from client_ready() alone.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/client.h"
#include "http/flow.h"
#include "http/h1_read.h"
#include "http/h1_write.h"
#include "net/loop.h"
#include "net/outbox.h"
#include "net/sock.h"
#include "net/stream.h"
#include "net/stream_plain.h"

enum { READ_HEAD = 16 * 1024, READS_PER_TURN = 4 };

enum client_state {
    CLIENT_WAIT_CONNECT,
    CLIENT_REST,     /* in a pool */
    CLIENT_EXCHANGE, /* a request is under way, or is about to be */
    CLIENT_TUNNEL,
    CLIENT_FAILED, /* told or about to be told; waits for client_close() */
    CLIENT_DEAD,
};

struct client {
    enum client_state state;
    struct loop *loop;
    struct stream *stream;
    struct watch watch;
    struct task settle;
    struct timer timer;
    struct client_limits limits;
    const struct client_user *calls;
    void *user;
    void (*lost)(struct client *c, void *context); /* while resting */
    void *lost_context;

    struct h1_reader reader;
    struct buf in; /* an incomplete head */
    struct outbox out;
    struct flow flow;     /* of the answer's body */
    struct arena mem;     /* heads of the present answer */
    enum framing framing; /* of the request's body */
    uint32_t requests;
    uint64_t acked; /* bytes the backend had taken when the limit `send` came up last */
    size_t surplus; /* input behind the answer's end, which nobody asked for */
    int err;        /* to be told when the turn settles */
    bool to_head;
    bool interim; /* the head last read was a 1xx */
    bool wants_upgrade;
    bool started; /* client_request() was called for the present exchange */
    bool request_done;
    bool answer_begun; /* a byte of it has come */
    bool answer_done;
    bool keep_alive;
    bool write_broken; /* the backend takes no more; what it has to say is still read */
    bool read_closed;
    bool told;
    bool moved;
};

static void client_settle(struct task *t);

static void settle_later(struct client *c)
{
    if (c->state != CLIENT_DEAD)
        loop_task(c->loop, &c->settle);
}

static void fail(struct client *c, int why)
{
    if (c->err == ERR_NONE)
        c->err = why;
    settle_later(c);
}

/* Opening and closing */

static void client_ready(struct watch *w, short events);
static void client_expired(struct timer *t);

struct client *client_open(struct loop *loop, const struct client_target *target,
                           const struct client_limits *limits)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->state = CLIENT_WAIT_CONNECT;
    c->loop = loop;
    c->limits = *limits;
    c->settle.run = client_settle;
    c->timer.fire = client_expired;
    h1_reader_init_response(&c->reader);
    int fd = target->unix_path.n > 0 ? sock_connect_unix(target->unix_path) : sock_connect(target->endpoint);
    /* A refusal at once (unix sockets, no route) is told like a late one. Without a socket there is nothing to watch. */
    if (fd < 0) {
        c->err = err_from_errno(errno);
        c->watch.fd = -1;
        settle_later(c);
        return c;
    }
    c->stream = stream_plain_new(fd, target->endpoint);
    if (!c->stream || loop_watch(loop, &c->watch, fd, client_ready) < 0) {
        sock_reset(fd);
        free(c->stream);
        free(c);
        errno = ENOMEM;
        return NULL;
    }
    loop_timer(loop, &c->timer, limits->connect);
    settle_later(c);
    return c;
}

void client_close(struct client *c)
{
    if (c->state == CLIENT_DEAD)
        return;
    bool whole = c->answer_done && c->request_done;
    loop_task(c->loop, &c->settle);
    c->state = CLIENT_DEAD;
    c->calls = NULL;
    loop_timer_clear(c->loop, &c->timer);
    if (c->stream) {
        loop_unwatch(c->loop, &c->watch);
        c->stream->ops->close(c->stream, whole ? STREAM_END : STREAM_RESET);
        c->stream = NULL;
    }
}

static void client_free(struct client *c)
{
    loop_task_cancel(&c->settle);
    arena_done(&c->mem);
    buf_done(&c->in);
    outbox_done(&c->out);
    free(c);
}

void client_limit(struct client *c, const struct client_limits *limits)
{
    c->limits = *limits;
}

void client_attach(struct client *c, const struct client_user *calls, void *user)
{
    c->calls = calls;
    c->user = user;
    c->lost = NULL;
    if (c->state == CLIENT_REST) {
        c->state = CLIENT_EXCHANGE;
        loop_timer_clear(c->loop, &c->timer);
    }
    c->started = c->request_done = c->answer_begun = c->answer_done = c->told = false;
    c->wants_upgrade = c->to_head = false;
    c->flow.under_way = 0;
    arena_done(&c->mem);
    settle_later(c);
}

void client_rest(struct client *c, msec idle, void (*lost)(struct client *c, void *context), void *context)
{
    c->state = CLIENT_REST;
    loop_timer(c->loop, &c->timer, idle);
    c->calls = NULL;
    c->lost = lost;
    c->lost_context = context;
    arena_done(&c->mem);
    settle_later(c);
}

bool client_alive(struct client *c)
{
    char byte;
    if (c->state != CLIENT_REST || !c->stream)
        return false;
    return recv(c->stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool client_reusable(const struct client *c)
{
    return c->state == CLIENT_EXCHANGE && c->request_done && c->answer_done && c->keep_alive &&
           !c->write_broken && !c->read_closed && c->err == ERR_NONE && c->surplus == 0 &&
           outbox_empty(&c->out);
}

bool client_untouched(const struct client *c)
{
    return !c->answer_begun;
}

uint32_t client_requests(const struct client *c)
{
    return c->requests;
}

/* The request */

void client_request(struct client *c, const struct head *h)
{
    struct h1_how how = {.framing = h->framing, .length = h->length, .upgrade = h->upgrade};
    how.close = !h->keep_alive && !h->upgrade;
    c->started = true;
    c->requests++;
    c->framing = h->framing;
    c->to_head = method_is(h, STR("HEAD"));
    c->wants_upgrade = h->upgrade;
    if (h1_write_request(&c->out.queue, h, &how) < 0)
        fail(c, ERR_NOMEM);
    settle_later(c);
}

/* Nothing may be written around the outbox before the connection stands. */
static bool connected(const struct client *c)
{
    return c->state == CLIENT_EXCHANGE || c->state == CLIENT_TUNNEL;
}

static void put_payload(struct client *c, struct str data)
{
    if (!connected(c))
        c->out.stuck = true;
    outbox_payload(&c->out, c->stream, data);
}

void client_body(struct client *c, struct str data)
{
    settle_later(c);
    if (c->write_broken || c->state == CLIENT_FAILED || !c->stream) {
        c->out.gone += data.n; /* taken and dropped: what the backend says instead is on its way */
        return;
    }
    if (c->state == CLIENT_TUNNEL || c->framing != FRAME_CHUNKED) {
        put_payload(c, data);
        return;
    }
    if (h1_write_chunk_begin(&c->out.queue, data.n) < 0)
        fail(c, ERR_NOMEM);
    put_payload(c, data);
    if (h1_write_chunk_end(&c->out.queue) < 0)
        fail(c, ERR_NOMEM);
}

void client_end(struct client *c, const struct head *trailers)
{
    c->request_done = true;
    if (c->state != CLIENT_TUNNEL && c->framing == FRAME_CHUNKED &&
        h1_write_last_chunk(&c->out.queue, trailers) < 0)
        fail(c, ERR_NOMEM);
    settle_later(c);
}

void client_consumed(struct client *c, size_t n)
{
    flow_taken(&c->flow, n);
    settle_later(c);
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
        fail(c, err);
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
        c->calls->interim(c->user, &h);
    } else {
        c->keep_alive = h.keep_alive;
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
        fail(c, ERR_HTTP_BACKEND);
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
    case H1_FAIL: fail(c, ERR_HTTP_BACKEND); break;
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
        fail(c, ERR_NOMEM);
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
            fail(c, ERR_CLOSED);
        return;
    }
    enum h1_event event = h1_read_eof(&c->reader, c->in.len);
    if (event == H1_END && (c->answer_begun || c->state == CLIENT_TUNNEL))
        take_event(c, H1_END, (struct str){NULL, 0});
    else
        fail(c, ERR_CLOSED);
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
        return c->reader.state == H1_WAIT_HEAD ? READ_HEAD : flow_room(&c->flow);
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
            fail(c, c->stream->err);
            return;
        }
        take_input(c, scratch, (size_t)n);
        if ((size_t)n < room)
            return;
    }
}

static void connect_ended(struct client *c)
{
    int result = sock_connect_result(c->stream->fd);
    if (result != 0) {
        fail(c, err_from_errno(result));
        return;
    }
    loop_timer_clear(c->loop, &c->timer);
    c->state = CLIENT_EXCHANGE;
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
    settle_later(c);
    if (c->state == CLIENT_WAIT_CONNECT)
        connect_ended(c);
    else if (c->state == CLIENT_REST)
        rest_ended(c);
    else if (events & (POLLIN | POLLHUP | POLLERR))
        read_some(c);
}

/* Settling */

static void settle_output(struct client *c)
{
    if (connected(c))
        outbox_flush(&c->out, c->stream);
    if (c->out.err == ERR_NOMEM)
        fail(c, ERR_NOMEM);
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
    if (c->state == CLIENT_WAIT_CONNECT || c->state == CLIENT_REST)
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

static void arm(struct client *c)
{
    bool connecting = c->state == CLIENT_WAIT_CONNECT;
    bool writing = connecting || (connected(c) && !c->write_broken && !outbox_empty(&c->out));
    short want = (short)((read_room(c) > 0 ? POLLIN : 0) | (writing ? POLLOUT : 0));
    arm_timer(c);
    if (c->moved)
        flow_adapt(&c->flow);
    c->moved = false;
    if (c->stream)
        loop_want(c->loop, &c->watch, c->stream->ops->want(c->stream, want));
}

static void tell_failure(struct client *c)
{
    c->state = CLIENT_FAILED;
    if (c->told || !c->calls)
        return;
    c->told = true;
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
    if (connected(c) && still_reads(c)) {
        c->moved = true;
        settle_later(c);
        return;
    }
    if (c->state == CLIENT_WAIT_CONNECT)
        fail(c, ERR_TIMEOUT_CONNECT);
    else if (c->state == CLIENT_REST)
        rest_ended(c);
    else if (!outbox_empty(&c->out))
        fail(c, ERR_TIMEOUT_SEND_BACKEND);
    else
        fail(c, ERR_TIMEOUT_RESPONSE);
}
