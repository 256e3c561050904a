/*
 * Shared by the two halves of the HTTP/1.x session: h1_session.c faces the socket, h1_xchg_session.c faces the handler. Nobody
 * else includes this.
 */
#ifndef EDGE_HTTP_H1_SESSION_INT_H
#define EDGE_HTTP_H1_SESSION_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/flow.h"
#include "http/h1_answer.h"
#include "http/h1_read.h"
#include "http/session.h"
#include "net/loop.h"
#include "net/outbox.h"
#include "net/stream.h"

enum session_state {
    SESSION_WAIT_HEAD,
    SESSION_EXCHANGE,
    SESSION_TUNNEL,
    SESSION_LINGER, /* everything was said; the client's rest is read and dropped, so that the answer is not lost */
    SESSION_DEAD,
};

struct h1_session {
    struct session session;
    enum session_state state;
    uint64_t id;
    struct stream *stream;
    struct watch watch;
    struct task settle;
    struct timer timer;    /* the state's limit */
    struct timer deadline; /* the exchange's */
    struct h1_reader reader;
    struct buf in; /* an incomplete head, or bytes of the next request */
    struct outbox out;
    struct flow flow; /* of the request's body */
    uint64_t acked;   /* bytes the client had taken when the limit `send` came up last */

    struct exchange *x;    /* under way, or NULL */
    struct exchange *past; /* over, freed when the turn settles */
    struct xchg_limits limits;
    struct h1_answer answer;
    int abort; /* why the answer cannot be completed */
    bool request_done;
    bool answer_done;
    bool close_after; /* the present exchange is the last one */
    bool read_closed;
    bool write_closed;
    bool moved; /* bytes of a body went through since the last settling */
};

/* What an exchange of this session calls. */
extern const struct xchg_ops h1_xchg_ops;

/* Settles the session at the end of the turn: flush, report, end what is over, arm. */
void h1_session_settle_later(struct h1_session *s);
/* The answer cannot be completed; the first reason stays. The connection is cut when the turn settles. */
void h1_session_abort(struct h1_session *s, int why);
/* From here on bytes go through as they are. */
void h1_session_tunnel(struct h1_session *s);
/* So little of the request's body is still to come that waiting for it is cheaper than a new connection. */
bool h1_session_small_rest(const struct h1_session *s);

#endif
