/*
 * Seam 5: what the processes of edge say to each other, over a socket pair (SOCK_SEQPACKET) between the supervisor and each
 * role. One type, one struct, checked length, no pointers; an unknown message or a wrong length ends the receiver, but for the
 * supervisor, who ends the sender. Both ends are non-blocking with a bounded queue. A message that carries a descriptor always
 * carries one; a descriptor with any other message is refused like an unknown message.
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
    IPC_READY,   /* role -> supervisor: open, jailed, about to work */
    IPC_DRAIN,   /* supervisor -> role: finish what is under way, then exit */
    IPC_CERTS,   /* keeper -> supervisor -> workers, with a descriptor: server/cert_image.h */
    IPC_ASK,     /* worker -> supervisor -> keeper: is this token one of ours? */
    IPC_TELL,    /* keeper -> supervisor -> the worker that asked */
    IPC_RENEW,   /* keeper -> supervisor: run `edge renew` */
    IPC_RENEWED, /* supervisor -> keeper: it has ended */
    IPC_LISTEN, /* supervisor -> workers, with a descriptor: a listening socket of the configuration that came later */
    IPC_TYPES
};

struct ipc_ready {
    uint32_t listeners;  /* a worker's: on how many it accepts */
    uint32_t jail_lacks; /* enum jail_part of what the kernel could not give */
};

struct ipc_drain {
    uint32_t limit_ms; /* what is not done by then is cut; 0: no limit */
};

/* Set by the supervisor on the way, for the way back. */
struct ipc_ask {
    uint32_t worker;
    uint32_t number; /* the worker's */
    uint32_t len;
    char token[128];
};

struct ipc_tell {
    uint32_t worker;
    uint32_t number;
    uint32_t len; /* 0: no such token */
    char key_authorization[256];
};

union ipc_body {
    struct ipc_ready ready;
    struct ipc_drain drain;
    struct ipc_ask ask;
    struct ipc_tell tell;
};

enum { IPC_QUEUE = 256 };

struct ipc_user {
    /* fd: the descriptor that came along, from now on the callee's; -1 with messages that carry none. */
    void (*message)(void *user, enum ipc_type type, const union ipc_body *body, int fd);
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
/* For IPC_CERTS and IPC_LISTEN. fd stays the caller's. */
int ipc_send_fd(struct ipc *i, enum ipc_type type, int fd);

#endif
