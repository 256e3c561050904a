/*
 * The mirror of exchange.h toward a backend: one connection, one request at a time. h1_client is the only kind.
 *
 *   user -> client:  client_request, client_body…, client_end, client_consumed
 *   client -> user:  interim…, head, body…, end, sent…, failed
 *
 * Credit as in exchange.h: at most CLIENT_WINDOW bytes of the answer are under way in the user, who returns them by
 * client_consumed(); sent() tells the user that bytes of the request's body have left.
 *
 * The client keeps its own time: connect, send, response (the backend's silence while an answer is due) as client_limits says.
 */
#ifndef EDGE_HTTP_CLIENT_H
#define EDGE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/str.h"
#include "http/head.h"

enum { CLIENT_WINDOW = 256 * 1024 };

struct loop;
struct client;
struct stream;

/* In ms. */
struct client_limits {
    msec connect;
    msec send;
    msec response;
};

/* Where to connect, and what comes before the request. Strings are borrowed for the call. */
struct client_target {
    struct endpoint endpoint; /* if unix_path is empty */
    struct str unix_path;
    struct str preface; /* sent before everything else, TLS included: a PROXY header */
    /* Makes the stream over fd (TLS); NULL: fd stays the caller's, errno says why. Without it the stream is plain. */
    struct stream *(*wrap)(void *context, int fd, struct endpoint peer);
    void *context;
};

struct client_user {
    /* The connection stands, its handshake included. May be NULL. */
    void (*connected)(void *user);
    /* A 1xx but 101. Returns the bytes that it will give back by client_consumed(). */
    size_t (*interim)(void *user, const struct head *h);
    /* The final head, 101 included: after that the connection is a tunnel. Borrowed for the call; may be changed. */
    void (*head)(void *user, struct head *h);
    void (*body)(void *user, struct str data);
    /* The answer is complete (in a tunnel: the backend will send no more). The connection may be returned or closed. */
    void (*end)(void *user, const struct head *trailers);
    void (*sent)(void *user, size_t n);
    /*
     * Broken. The user client_close()s it or, if client_connect() is allowed, may try elsewhere; nothing else is called before
     * that.
     */
    void (*failed)(void *user, int why);
};

/*
 * Without a connection at first: the request is kept until client_connect(). The user's functions are never called from inside
 * client_open(), client_connect(), client_request(), client_body() or client_end(): a failure is told in the next turn. NULL:
 * memory is out.
 */
struct client *client_open(struct loop *loop, const struct client_limits *limits);
/*
 * Starts to connect. Allowed once, and again after each failed() while client_unsent(): the request as far as it was given is still
 * there and goes out on the new connection. The limit `connect` is for one attempt, its TLS handshake included.
 */
void client_connect(struct client *c, const struct client_target *target);
/* The connection stands, or stood. */
bool client_stood(const struct client *c);
/* Not a byte of the present request has left, nor anything of an answer come. */
bool client_unsent(const struct client *c);
/* New limits for what comes. */
void client_limit(struct client *c, const struct client_limits *limits);
/* Who is called from now on. A pooled connection has no user; one that dies then calls lost(). */
void client_attach(struct client *c, const struct client_user *calls, void *user);
/*
 * Puts a reusable connection to rest in a pool. lost(): it broke, spoke out of turn or rested for `idle` ms; the callee
 * closes it.
 */
void client_rest(struct client *c, msec idle, void (*lost)(struct client *c, void *context), void *context);
/* A resting connection has neither ended nor spoken, as far as this machine knows. */
bool client_alive(struct client *c);

/*
 * Writes the request's head. h->framing tells about the body; the client adds Content-Length, Transfer-Encoding and
 * Connection itself: close unless h->keep_alive, Upgrade with h->upgrade (the Upgrade field is the caller's).
 * Borrowed for the call.
 */
void client_request(struct client *c, const struct head *h);
/*
 * What was given to `from`, which has no connection yet, goes out on `to`, which rested. The user of `from` becomes that of `to`;
 * `from` is closed.
 */
void client_take_over(struct client *to, struct client *from);
/* Instead: a tunnel from the first byte on, without HTTP. */
void client_tunnel(struct client *c);
void client_body(struct client *c, struct str data);
/* The request is complete (in a tunnel: half-close). trailers may be NULL. */
void client_end(struct client *c, const struct head *trailers);
void client_consumed(struct client *c, size_t n);

/* The answer is complete with nothing behind it, the request went out whole, and both sides would go on: it may rest. */
bool client_reusable(const struct client *c);
/* Not a byte of the present answer has come. */
bool client_untouched(const struct client *c);
/* Requests it has carried, the present one included. */
uint32_t client_requests(const struct client *c);
/* At any time, also inside one of the user's functions; c is no more the caller's. */
void client_close(struct client *c);

#endif
