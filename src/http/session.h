/*
 * A client's connection that carries requests. h1_session is one; h2_session will be another. The worker makes one when the
 * handshake has told the protocol, and keeps it in its list until the session reports its end.
 */
#ifndef EDGE_HTTP_SESSION_H
#define EDGE_HTTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/str.h"
#include "http/exchange.h"

struct loop;
struct stream;
struct session;

/* What all sessions of a worker share. */
struct session_env {
    struct loop *loop;
    const struct handler *handler;
    void *service; /* becomes exchange.service */
    msec head_ms;  /* total, from the request's first byte */
    msec idle_ms;  /* between requests */
    msec send_ms;  /* no byte in the awaited direction of a body */
    msec tunnel_ms;
    bool draining;        /* answers say Connection: close, idle connections are closed */
    struct list sessions; /* all of them, by session.link */
    /* Called once for each session, at its very end. */
    void (*ended)(struct session_env *env);
};

struct session {
    const struct session_ops *ops;
    struct session_env *env;
    struct list link;
};

struct session_ops {
    /* Close when what is under way is done; at once if nothing is. */
    void (*drain)(struct session *s);
    /* Close now. */
    void (*kill)(struct session *s, int why);
};

/* Takes the stream. `id` names the connection in logs. NULL when memory is out: the stream stays the caller's. */
struct session *h1_session_new(struct session_env *env, struct stream *stream, uint64_t id);
/*
 * The same for a connection that carries no HTTP, or TLS that is not ours: one exchange, a tunnel from its first byte on, whose
 * request is empty and whose peer.sni is what the caller says (copied).
 */
struct session *raw_session_new(struct session_env *env, struct stream *stream, uint64_t id, struct str sni);

#endif
