/*
 * Seam 3: one request and its answer. A session (h1, later h2) makes exchanges out of a client's connection and hands each to
 * a handler: the proxy, or whoever answers. A request is not a connection: the handler never learns what carries it.
 *
 *   session -> handler:  begin, body…, body_end, sent…, expired, gone
 *   handler -> session:  xchg_interim…, xchg_head, xchg_body…, xchg_end  |  xchg_tunnel, xchg_body…, xchg_end  |  xchg_reset
 *
 * Credit: at most XCHG_WINDOW bytes of request body are under way in the handler; it returns credit with xchg_consumed() when
 * they have left. The other way the session tells by sent() when bytes of the answer have left; how many may lie in it
 * is up to the handler's own window.
 *
 * Tunnel: after xchg_tunnel() body() and xchg_body() carry raw bytes, body_end() and xchg_end() are half-closes.
 *
 * No function of the handler is ever called from inside an xchg_ function: the session settles at the end of the loop's turn.
 *
 * Life: the session owns the exchange. gone() is the handler's last call, always made exactly once after begin(), also when
 * all went well. Every xchg_ function may be called in any state; what comes too late is ignored. The memory of the exchange,
 * and what the handler put into x->mem, stays valid until the end of the turn in which gone() was called.
 */
#ifndef EDGE_HTTP_EXCHANGE_H
#define EDGE_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/ip.h"
#include "base/str.h"
#include "http/head.h"

enum { XCHG_WINDOW = 256 * 1024 };

enum xchg_state {
    XCHG_WAIT_HEAD, /* the handler owes a final head */
    XCHG_WAIT_END,  /* the head has gone out, the body is due */
    XCHG_TUNNEL,
    XCHG_ANSWERED, /* the answer is complete; the request's body may still come */
    XCHG_GONE,
};

/* Who the client is and how it came; the strings live as long as the connection. */
struct peer {
    struct endpoint client;
    struct endpoint local;
    bool tls;
    struct str sni; /* lower case; empty when there was none */
};

/* Limits that the handler's site sets, in ms; 0 = the session's default stays. */
struct xchg_limits {
    msec send;   /* no byte in the awaited direction of a body */
    msec tunnel; /* both directions silent */
};

struct exchange;
struct session;

struct handler {
    /* The request's head is complete in x->req. The answer may be given at once or later. */
    void (*begin)(struct exchange *x);
    /* A piece of the request's body, borrowed for the call: the handler takes all of it. */
    void (*body)(struct exchange *x, struct str data);
    /* The body is complete; trailers has no fields unless some came. Without a body it follows begin(). */
    void (*body_end)(struct exchange *x, const struct head *trailers);
    /* n bytes given to xchg_body(), or counted by xchg_interim(), have been handed to the kernel. */
    void (*sent)(struct exchange *x, size_t n);
    /* The time set by xchg_deadline() has come. */
    void (*expired)(struct exchange *x);
    /* The exchange is over: why = ERR_NONE after a complete answer, else what happened to it. */
    void (*gone)(struct exchange *x, int why);
};

struct xchg_ops {
    void (*consumed)(struct exchange *x, size_t n);
    size_t (*interim)(struct exchange *x, const struct head *h);
    void (*head)(struct exchange *x, struct head *h);
    void (*body)(struct exchange *x, struct str data);
    void (*end)(struct exchange *x, const struct head *trailers);
    void (*tunnel)(struct exchange *x, struct head *h);
    void (*reset)(struct exchange *x, int why);
    void (*deadline)(struct exchange *x, msec ms);
    void (*limits)(struct exchange *x, const struct xchg_limits *limits);
};

struct exchange {
    const struct xchg_ops *ops; /* the session's */
    struct session *via;
    const struct handler *handler;
    void *service; /* what the handler belongs to: the same for all exchanges of a worker */
    void *work;    /* the handler's own, for this exchange */

    enum xchg_state state;
    struct arena mem; /* dies with the exchange */
    struct head req;
    struct peer peer;

    uint64_t id;       /* of the connection, for log lines */
    msec began;        /* first byte of the request */
    int status;        /* of the final head, 0 before */
    uint64_t body_in;  /* bytes of body received, tunnel included */
    uint64_t body_out; /* bytes of body sent */
};

void xchg_consumed(struct exchange *x, size_t n);
/*
 * A 1xx response but 101, sent on at once. Dropped for HTTP/1.0 clients. Returns the bytes that sent() will tell of it: a client that
 * does not read has to slow down a backend that sends nothing else.
 */
size_t xchg_interim(struct exchange *x, const struct head *h);
/*
 * The final head. h->framing says what will follow; the session turns it into what the client's version can carry
 * and adds Connection and framing fields itself. h's strings and fields are borrowed for the call, and it may change them.
 * For HEAD, 204 and 304 no body is sent whatever the framing says.
 */
void xchg_head(struct exchange *x, struct head *h);
/* A piece of the answer's body, borrowed for the call; the session takes all of it. */
void xchg_body(struct exchange *x, struct str data);
/* The answer is complete. trailers may be NULL. */
void xchg_end(struct exchange *x, const struct head *trailers);
/* A 101 head with its Upgrade field; raw bytes from here on. */
void xchg_tunnel(struct exchange *x, struct head *h);
/* The answer cannot be completed: before the head an error page with err_status(why), after it a cut connection. */
void xchg_reset(struct exchange *x, int why);
/* Calls expired() in ms; 0 clears. One deadline per exchange. */
void xchg_deadline(struct exchange *x, msec ms);
void xchg_limits(struct exchange *x, const struct xchg_limits *limits);

/*
 * A complete answer in one call: status, one more field (name empty: none) and a body of plain text. For redirects, error
 * pages and challenges. Ends with gone() like any other answer.
 */
void xchg_answer(struct exchange *x, int status, struct field extra, struct str text);
/* The standard short page of a status; `why` becomes its second line unless it is empty. */
void xchg_error_page(struct exchange *x, int status, struct str why);
/* "Not Found"; "Unknown" for a number without a name. */
struct str http_reason(int status);
/* Fills h (all-zero) with such an answer's head, strings borrowed or in mem. Returns -1 when memory is out. */
int http_answer_head(struct head *h, struct arena *mem, int status, size_t length);
/* The text of the standard page, in mem. */
struct str http_error_text(struct arena *mem, int status, struct str why);

#endif
