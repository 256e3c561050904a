#include "server/greeter.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/sock.h"
#include "net/stream.h"
#include "net/stream_plain.h"
#include "tls/hello.h"
#include "tls/stream_tls.h"

enum {
    LINGER_MS = 2000,          /* for the client to read why it failed */
    LINGER_BYTES = 256 * 1024, /* of what it still sends meanwhile */
    PEEK_MAX = 16 * 1024, /* of a ClientHello that is looked at; a larger one is for ourselves to refuse */
};

enum greeter_state { GREETER_HELLO, GREETER_HANDSHAKE, GREETER_LINGER, GREETER_DEAD };

struct greeter {
    struct greeter_env *env;
    struct list link;
    enum greeter_state state;
    struct stream *stream; /* NULL before the handshake, and once it was handed over or closed */
    struct watch watch;
    struct timer timer;
    struct task free_task;
    struct endpoint peer;
    uint64_t id;
    size_t drained;
    size_t peeked;
};

#define HTTPS_TEXT "This is the HTTPS port: begin the address with https:// instead\n"
static const char https_page[] = "HTTP/1.1 400 Bad Request\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 64\r\n"
                                 "Connection: close\r\n\r\n" HTTPS_TEXT;
_Static_assert(sizeof HTTPS_TEXT - 1 == 64, "Content-Length of the page");

static void free_now(struct task *t)
{
    free(LIST_OWNER(t, struct greeter, free_task));
}

/* The memory goes at the end of the turn: our callers still hold it. */
static void die_quietly(struct greeter *g)
{
    g->state = GREETER_DEAD;
    list_remove(&g->link);
    loop_unwatch(g->env->loop, &g->watch);
    loop_timer_clear(g->env->loop, &g->timer);
    g->free_task.run = free_now;
    loop_task(g->env->loop, &g->free_task);
}

static void end(struct greeter *g, enum stream_close how)
{
    struct stream *stream = g->stream;
    int fd = g->watch.fd;
    g->stream = NULL;
    die_quietly(g);
    if (stream)
        stream->ops->close(stream, how);
    else
        sock_reset(fd);
    g->env->failed(g->env);
}

static void hand_over(struct greeter *g)
{
    struct stream *stream = g->stream;
    g->stream = NULL;
    die_quietly(g);
    g->env->greeted(g->env, stream, g->id);
}

static void pass(struct greeter *g, struct str sni)
{
    struct stream *stream = stream_plain_new(g->watch.fd, g->peer);
    if (!stream) {
        end(g, STREAM_RESET);
        return;
    }
    die_quietly(g);
    g->env->passed(g->env, stream, g->id, sni);
}

static void tell(const struct greeter *g, int err)
{
    char peer[ENDPOINT_TEXT];
    log_debug("conn %llu %s: TLS: %s", (unsigned long long)g->id, endpoint_format(g->peer, peer),
              err_text(err));
}

/*
 * What was sent last - an alert, the page - reaches the client only if our close does not become a reset, and it does while unread
 * input lies in the socket. So the input is read for a moment.
 */
static void linger(struct greeter *g)
{
    g->state = GREETER_LINGER;
    (void)shutdown(g->stream->fd, SHUT_WR);
    loop_timer(g->env->loop, &g->timer, LINGER_MS);
}

static void drain(struct greeter *g)
{
    ssize_t n = recv(g->stream->fd, loop_scratch(g->env->loop), LOOP_SCRATCH, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    g->drained += n > 0 ? (size_t)n : 0;
    if (n <= 0 || g->drained > LINGER_BYTES)
        end(g, STREAM_END);
}

static void fail(struct greeter *g, int err)
{
    tell(g, err);
    if (err == ERR_HTTP_TLS_NEEDED)
        (void)send(g->stream->fd, https_page, sizeof https_page - 1, MSG_NOSIGNAL);
    if (err == ERR_HTTP_TLS_NEEDED || (err >= ERR_TLS && err < ERR_TLS_PEER))
        linger(g);
    else
        end(g, STREAM_END);
}

static void handshake(struct greeter *g)
{
    ssize_t n = g->stream->ops->read(g->stream, NULL, 0);
    if (n == 0)
        hand_over(g);
    else if (n == STREAM_FAIL)
        fail(g, g->stream->err);
}

/* TLS is ours to speak. */
static void shake(struct greeter *g)
{
    g->stream = stream_tls_new(g->env->tls, g->watch.fd, g->peer);
    if (!g->stream) {
        end(g, STREAM_RESET);
        return;
    }
    g->state = GREETER_HANDSHAKE;
    handshake(g);
}

/* Not ready again before there is more than we have seen: what is only looked at would be readable for ever. */
static void await_more(const struct greeter *g, size_t seen)
{
    int mark = (int)seen + 1;
    (void)setsockopt(g->watch.fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark);
}

/*
 * Whoever is ready without more to read has ended, or has no room: no hello will come that says whose it is. All that is odd is left
 * to the handshake, which knows what to answer.
 */
static void look(struct greeter *g)
{
    struct hello_reader reader = {.err = 0};
    struct hello hello;
    size_t used;
    uint8_t *bytes = loop_scratch(g->env->loop);
    ssize_t n = recv(g->watch.fd, bytes, PEEK_MAX, MSG_PEEK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    enum hello_verdict v = n > 0 ? hello_feed(&reader, str_from(bytes, (size_t)n), &used, &hello)
                                 : HELLO_FAIL;
    if (v == HELLO_WAIT && (size_t)n > g->peeked && n < PEEK_MAX) {
        g->peeked = (size_t)n;
        await_more(g, g->peeked);
    } else {
        await_more(g, 0);
        if (v == HELLO_DONE && g->env->passes(g->env, hello_sni(&hello)))
            pass(g, hello_sni(&hello));
        else
            shake(g);
    }
    hello_done(&reader);
}

static void update(struct greeter *g)
{
    short want = POLLIN;
    if (g->state == GREETER_DEAD)
        return;
    if (g->state == GREETER_HANDSHAKE)
        want = g->stream->ops->want(g->stream, POLLIN);
    loop_want(g->env->loop, &g->watch, want);
}

static void ready(struct watch *w, short events)
{
    struct greeter *g = LIST_OWNER(w, struct greeter, watch);
    (void)events;
    if (g->state == GREETER_HELLO)
        look(g);
    else if (g->state == GREETER_HANDSHAKE)
        handshake(g);
    else if (g->state == GREETER_LINGER)
        drain(g);
    update(g);
}

static void expired(struct timer *t)
{
    struct greeter *g = LIST_OWNER(t, struct greeter, timer);
    if (g->state != GREETER_LINGER)
        tell(g, ERR_TIMEOUT_HANDSHAKE);
    end(g, STREAM_RESET);
}

int greeter_new(struct greeter_env *env, int fd, struct endpoint peer, uint64_t id)
{
    struct greeter *g = calloc(1, sizeof *g);
    if (!g)
        return -1;
    *g = (struct greeter){.env = env, .state = GREETER_HELLO, .peer = peer, .id = id};
    if (loop_watch(env->loop, &g->watch, fd, ready) < 0) {
        free(g);
        return -1;
    }
    if (!env->passes) {
        g->state = GREETER_HANDSHAKE;
        g->stream = stream_tls_new(env->tls, fd, peer);
        if (!g->stream) {
            loop_unwatch(env->loop, &g->watch);
            free(g);
            return -1;
        }
    }
    g->timer.fire = expired;
    loop_timer(env->loop, &g->timer, env->handshake_ms);
    list_append(&env->all, &g->link);
    update(g);
    return 0;
}

void greeter_kill_all(struct greeter_env *env)
{
    while (!list_empty(&env->all))
        end(LIST_OWNER(env->all.next, struct greeter, link), STREAM_RESET);
}
