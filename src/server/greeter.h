/*
 * Connections whose TLS handshake is under way, and those whose handshake failed and that stay a moment so that the client can
 * read why. When a handshake is done the stream goes to `greeted`. Where some TLS is not ours the ClientHello is looked at first,
 * without being taken: a connection for such a name goes to `passed` as it came.
 */
#ifndef EDGE_SERVER_GREETER_H
#define EDGE_SERVER_GREETER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/list.h"
#include "base/str.h"

struct loop;
struct stream;
struct tls_worker;

/* What all greeters of a worker share; the calls get it back. */
struct greeter_env {
    struct loop *loop;
    struct tls_worker *tls;
    msec handshake_ms; /* total */
    struct list all;
    /* Whether TLS for that name (empty: the client sent none) is passed through. NULL: none is. */
    bool (*passes)(struct greeter_env *env, struct str sni);
    /* It is: takes the stream, which is plain and unread. sni is borrowed. */
    void (*passed)(struct greeter_env *env, struct stream *stream, uint64_t id, struct str sni);
    /* The handshake is done: takes the stream. */
    void (*greeted)(struct greeter_env *env, struct stream *stream, uint64_t id);
    /* The connection ended without a handshake and is closed. */
    void (*failed)(struct greeter_env *env);
};

/* Takes fd, whose fate is told by one of the calls, never from inside this function. Returns -1 when memory is out: fd stays the caller's. */
int greeter_new(struct greeter_env *env, int fd, struct endpoint peer, uint64_t id);
/* Ends all of them at once; failed() is called for each. */
void greeter_kill_all(struct greeter_env *env);

#endif
