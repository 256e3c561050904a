/*
 * Shared by the two halves of the HTTP/1.1 client: h1_client.c faces the socket, h1_user_client.c faces the user. Nobody else
 * includes this.
 */
#ifndef EDGE_HTTP_H1_CLIENT_INT_H
#define EDGE_HTTP_H1_CLIENT_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "http/client.h"
#include "http/flow.h"
#include "http/h1_read.h"
#include "net/loop.h"
#include "net/outbox.h"
#include "net/stream.h"

enum client_state {
    CLIENT_WAIT_TARGET, /* for client_connect() */
    CLIENT_WAIT_CONNECT,
    CLIENT_WAIT_TLS,
    CLIENT_REST,     /* in a pool */
    CLIENT_EXCHANGE, /* a request is under way, or is about to be */
    CLIENT_TUNNEL,
    CLIENT_FAILED, /* told; waits for client_close() */
    CLIENT_DEAD,
};

struct client {
    enum client_state state;
    struct loop *loop;
    struct stream *stream; /* NULL until the socket is connected; watch.fd is the socket, or -1 */
    struct watch watch;
    struct task settle;
    struct timer timer;
    struct client_limits limits;
    const struct client_user *calls;
    void *user;
    void (*lost)(struct client *c, void *context); /* while resting */
    void *lost_context;

    struct client_target target; /* its strings are not kept */
    struct buf preface;
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
    bool last;    /* the request said that the connection ends with it */
    bool raw;     /* client_tunnel() */
    bool stood;   /* the connection stands, or stood */
    bool started; /* client_request() or client_tunnel() was called for the present exchange */
    bool request_done;
    bool answer_begun; /* a byte of it has come */
    bool answer_done;
    bool keep_alive;
    bool spoiled;      /* memory was out: what is kept of the request is not whole */
    bool write_broken; /* the backend takes no more; what it has to say is still read */
    bool read_closed;
    bool told;
    bool moved;
};

/* Settles the client at the end of the turn: flush, report, arm. */
void h1_client_settle_later(struct client *c);
/* The first reason stays; the user hears it when the turn settles. */
void h1_client_fail(struct client *c, int why);
/* Bytes may be written. */
bool h1_client_connected(const struct client *c);

#endif
