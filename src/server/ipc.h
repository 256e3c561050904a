/*
 * Seam 5: what the processes of edge say to each other, over a socket pair (SOCK_SEQPACKET) between the supervisor and each
 * role. One type, one struct, checked length, no pointers; an unknown message or a wrong length ends the receiver, but for the
 * supervisor, who ends the sender. Both ends are non-blocking with a bounded queue. No message carries descriptors yet: those
 * that come along are refused like an unknown message.
 */
#ifndef EDGE_SERVER_IPC_H
#define EDGE_SERVER_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct loop;
struct ipc;

enum ipc_type {
    IPC_READY, /* role -> supervisor: open, jailed, about to work */
    IPC_DRAIN, /* supervisor -> role: finish what is under way, then exit */
    IPC_TYPES
};

struct ipc_ready {
    uint32_t listeners;  /* a worker's: on how many it accepts */
    uint32_t jail_lacks; /* enum jail_part of what the kernel could not give */
};

struct ipc_drain {
    uint32_t limit_ms; /* what is not done by then is cut; 0: no limit */
};

union ipc_body {
    struct ipc_ready ready;
    struct ipc_drain drain;
};

enum { IPC_QUEUE = 256 };

struct ipc_user {
    void (*message)(void *user, enum ipc_type type, const union ipc_body *body);
    /* The other end is gone. */
    void (*closed)(void *user);
    /* The other end sent what is no message; nothing more is read from it. NULL: the process ends itself. */
    void (*broken)(void *user);
};

/* A connected pair, non-blocking, close-on-exec. Returns -1 with errno. */
int ipc_pair(int fds[2]);
/* Takes fd. NULL when memory is out. */
struct ipc *ipc_new(struct loop *loop, int fd, const struct ipc_user *calls, void *user);
/* Closes and frees; allowed inside the user's functions. NULL allowed. */
void ipc_free(struct ipc *i);
/*
 * body may be NULL for a message without fields. Returns -1 when the queue (IPC_QUEUE messages) is full or the other end is
 * gone; the caller decides whether to try later or to give up on the other end.
 */
int ipc_send(struct ipc *i, enum ipc_type type, const union ipc_body *body);

#endif
