/*
 * The listening sockets of a worker and every connection that came through them: accepted in bounded bursts, greeted where TLS is
 * spoken, given to a session, counted, drained.
 */
#ifndef EDGE_SERVER_LISTENER_H
#define EDGE_SERVER_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include "config/site.h"

struct handler;
struct listener;
struct loop;
struct tls_worker;

/* Borrowed but for the time of the call: what the pointers lead to lives as long as the listener. */
struct listener_setup {
    struct loop *loop;
    const struct snapshot *snapshot;
    struct tls_worker *tls;
    const struct handler *handler;
    void *service;          /* of the handler */
    size_t max_connections; /* of this worker */
    /* After listener_drain(): the last connection has ended. */
    void (*drained)(void *user);
    void *user;
};

/* NULL when memory is out. */
struct listener *listener_new(const struct listener_setup *setup);
/* Accepts on fds first_fd + i for each listen i of the snapshot that is open. Returns how many there are. */
size_t listener_open(struct listener *l, int first_fd);
/* The same on fds[i], where it is not -1. */
size_t listener_take(struct listener *l, const int *fds);
/* Takes one more, for the listen of the snapshot that has its address. Closes it if there is none, or when draining. */
void listener_add(struct listener *l, int fd);
/* Accepts no more, closes what idles, and cuts after limit_ms (0: never) what has not ended. */
void listener_drain(struct listener *l, msec limit_ms);
/* Once it is drained, but not inside drained(). NULL allowed. */
void listener_free(struct listener *l);

#endif
