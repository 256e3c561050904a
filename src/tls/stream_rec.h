/*
 * What streams under TLS have in common: records to and from a socket once a handshake is done, and the driving of that handshake.
 * stream_tls (a client's connection) and stream_tls_client (one to a backend) bring the handshake. Not for use outside tls/.
 */
#ifndef EDGE_TLS_STREAM_REC_H
#define EDGE_TLS_STREAM_REC_H

#include "base/buf.h"
#include "net/stream.h"
#include "tls/engine.h"
#include "tls/rec.h"

enum { STREAM_REC_BURST = 16 /* records that one send() carries at most: 256 KiB */ };

/* Big buffers that all connections of a process use in turn: nothing stays in them between two calls. */
struct stream_space {
    uint8_t *out; /* sealed, on its way into one send() */
    uint8_t *in;  /* received, being opened */
};

enum stream_rec_state { STREAM_REC_HANDSHAKE, STREAM_REC_OPEN, STREAM_REC_FAILED };

/* The common part is the first member of each kind of stream. */
struct stream_rec {
    struct stream stream;
    const struct stream_rec_kind *kind;
    enum stream_rec_state state;
    bool read_end;  /* close_notify came */
    bool told;      /* a read() gave the end, or the failure, to the owner */
    bool write_end; /* close_notify was sealed; the socket is shut for writing when it is out */
    uint8_t burst;  /* records for the next send(): fewer on a slow connection, whose rest has to be kept */
    const struct stream_space *space;
    struct engine *engine; /* one that outlives its handshake, else NULL */
    struct buf in;         /* received and not opened */
    struct buf plain;      /* opened and not read */
    struct buf out;        /* to be sent: sealed, or of the handshake */
    char *sni;             /* what info.sni points to, or NULL */
    struct link_info info;
    struct rec rec; /* once the handshake is done */
};

/* A kind of stream: its handshake. */
struct stream_rec_kind {
    size_t size; /* of the whole stream */
    /* Goes on with what was received: 0 by stream_rec_open(), STREAM_AGAIN when it wants more, STREAM_FAIL. */
    ssize_t (*shake)(struct stream_rec *c, struct str in);
    /* Frees what the handshake needed; called when it is done or has failed, and when the stream is closed, so more than once. */
    void (*end)(struct stream_rec *c);
};

/* False when memory is out; done() is allowed then as well. */
bool stream_space_init(struct stream_space *s);
void stream_space_done(struct stream_space *s);

/* A new stream in the state of handshake, all else zero. NULL when memory is out. */
struct stream_rec *stream_rec_new(const struct stream_rec_kind *kind, const struct stream_space *space,
                                  int fd, struct endpoint peer);
/* Copies the name into c->info.sni. False when memory is out. */
bool stream_rec_name(struct stream_rec *c, struct str sni);
/* Sends what is kept: 0 when nothing is left, STREAM_AGAIN, STREAM_FAIL. */
ssize_t stream_rec_flush(struct stream_rec *c);
/* Returns STREAM_FAIL; the first error wins. */
ssize_t stream_rec_fail(struct stream_rec *c, int err);
/* The handshake is done, c->rec has the keys; `rest` is input that belongs to the record layer. 0 or STREAM_FAIL. */
ssize_t stream_rec_open(struct stream_rec *c, struct str rest);
/* Frees the stream alone, with no socket closed: for a constructor that failed behind stream_rec_new(). */
void stream_rec_free(struct stream_rec *c);

#endif
