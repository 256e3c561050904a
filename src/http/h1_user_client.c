/* The HTTP/1.1 client as its user sees it: what the user says is written down here, and done when the turn settles. */
#include <errno.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/h1_client_int.h"
#include "http/h1_write.h"

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
    c->wants_upgrade = c->to_head = c->out.begun = c->spoiled = false;
    c->flow.under_way = 0;
    arena_done(&c->mem);
    h1_client_settle_later(c);
}

void client_rest(struct client *c, msec idle, void (*lost)(struct client *c, void *context), void *context)
{
    c->state = CLIENT_REST;
    loop_timer(c->loop, &c->timer, idle);
    c->calls = NULL;
    c->lost = lost;
    c->lost_context = context;
    arena_done(&c->mem);
    h1_client_settle_later(c);
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
           outbox_empty(&c->out) && !c->stream->ops->buffered(c->stream);
}

bool client_untouched(const struct client *c)
{
    return !c->answer_begun;
}

bool client_unsent(const struct client *c)
{
    return !c->out.begun && !c->answer_begun && !c->spoiled && c->out.err != ERR_NOMEM;
}

bool client_stood(const struct client *c)
{
    return c->stood;
}

uint32_t client_requests(const struct client *c)
{
    return c->requests;
}

/* The request */

static void spoil(struct client *c)
{
    c->spoiled = true;
    h1_client_fail(c, ERR_NOMEM);
}

void client_request(struct client *c, const struct head *h)
{
    struct h1_how how = {.framing = h->framing, .length = h->length, .upgrade = h->upgrade};
    how.close = !h->keep_alive && !h->upgrade;
    c->started = true;
    c->requests++;
    c->framing = h->framing;
    c->to_head = method_is(h, STR("HEAD"));
    c->wants_upgrade = h->upgrade;
    c->last = how.close;
    if (h1_write_request(&c->out.queue, h, &how) < 0)
        spoil(c);
    h1_client_settle_later(c);
}

void client_take_over(struct client *to, struct client *from)
{
    struct outbox queue = from->out;
    client_attach(to, from->calls, from->user);
    from->out = to->out;
    to->out = queue;
    to->out.stuck = false;
    to->framing = from->framing;
    to->to_head = from->to_head;
    to->wants_upgrade = from->wants_upgrade;
    to->last = from->last;
    to->started = from->started;
    to->request_done = from->request_done;
    to->requests++;
    to->spoiled = from->spoiled;
    /* What its user was told is over; that is how it came to this. */
    if (from->err != ERR_NONE && !from->told)
        h1_client_fail(to, from->err);
    client_close(from);
}

void client_tunnel(struct client *c)
{
    c->started = c->raw = true;
    h1_reader_raw(&c->reader);
    if (c->state == CLIENT_EXCHANGE)
        c->state = CLIENT_TUNNEL;
    h1_client_settle_later(c);
}

static void put_payload(struct client *c, struct str data)
{
    if (!h1_client_connected(c))
        c->out.stuck = true;
    outbox_payload(&c->out, c->stream, data);
}

void client_body(struct client *c, struct str data)
{
    h1_client_settle_later(c);
    if (c->write_broken || c->state == CLIENT_FAILED || c->state == CLIENT_DEAD) {
        c->out.gone += data.n; /* taken and dropped: what the backend says instead is on its way */
        return;
    }
    if (c->state == CLIENT_TUNNEL || c->framing != FRAME_CHUNKED) {
        put_payload(c, data);
        return;
    }
    if (h1_write_chunk_begin(&c->out.queue, data.n) < 0)
        spoil(c);
    put_payload(c, data);
    if (h1_write_chunk_end(&c->out.queue) < 0)
        spoil(c);
}

void client_end(struct client *c, const struct head *trailers)
{
    c->request_done = true;
    if (c->state != CLIENT_TUNNEL && c->framing == FRAME_CHUNKED &&
        h1_write_last_chunk(&c->out.queue, trailers) < 0)
        spoil(c);
    h1_client_settle_later(c);
}

void client_consumed(struct client *c, size_t n)
{
    flow_taken(&c->flow, n);
    h1_client_settle_later(c);
}
