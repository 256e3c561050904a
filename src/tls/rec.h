/*
 * The record layer behind the handshake, for TLS 1.2 (RFC 5246 section 6.2.3.3, RFC 5288, RFC 7905) and 1.3 (RFC 8446 section 5):
 * bytes in, bytes out. It seals straight from the caller's memory and opens in place or straight into the caller's memory.
 */
#ifndef EDGE_TLS_REC_H
#define EDGE_TLS_REC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "tls/aead.h"

enum {
    REC_HEADER = 5,
    REC_PLAIN = 16384, /* plaintext of one record at most */
    REC_OVERHEAD = REC_HEADER + 8 + AEAD_TAG,
    REC_MAX = REC_HEADER + REC_PLAIN + 256, /* the largest record that is not refused by its length */
    REC_EMPTY_MAX = 32,                     /* empty records in a row */
    REC_WARNING_MAX = 4,                    /* warning alerts and refused renegotiations on a connection */
};

/* HandshakeType; a server asks for a new handshake by HelloRequest. */
enum { REC_HELLO_REQUEST = 0, REC_CLIENT_HELLO = 1 };

enum rec_type { REC_CCS = 20, REC_ALERT = 21, REC_HANDSHAKE = 22, REC_DATA = 23 };

enum { TLS_1_0 = 0x0301, TLS_1_2 = 0x0303, TLS_1_3 = 0x0304 };

/* RFC 5246 section 7.2, RFC 8446 section 6, RFC 6066 section 9, RFC 7301 section 3.2. */
enum alert {
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_HANDSHAKE_FAILURE = 40,
    ALERT_BAD_CERTIFICATE = 42,
    ALERT_UNSUPPORTED_CERTIFICATE = 43,
    ALERT_CERTIFICATE_EXPIRED = 45,
    ALERT_ILLEGAL_PARAMETER = 47,
    ALERT_UNKNOWN_CA = 48,
    ALERT_DECODE_ERROR = 50,
    ALERT_DECRYPT_ERROR = 51,
    ALERT_PROTOCOL_VERSION = 70,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_INAPPROPRIATE_FALLBACK = 86,
    ALERT_USER_CANCELED = 90,
    ALERT_NO_RENEGOTIATION = 100,
    ALERT_UNRECOGNIZED_NAME = 112,
    ALERT_NO_APPLICATION_PROTOCOL = 120,
};

enum { ALERT_WARNING = 1, ALERT_FATAL = 2 };

/* The keys of one direction as a handshake computes them. Wipe after use. */
struct rec_keys {
    enum aead_kind kind;
    uint8_t key[AEAD_KEY];
    uint8_t iv[AEAD_NONCE]; /* AES-GCM in TLS 1.2: 4 bytes, the rest of the nonce is in the record */
    uint64_t sequence;      /* of the next record */
};

struct rec_half {
    struct aead aead;
    uint8_t iv[AEAD_NONCE];
    uint64_t sequence;
    bool tls13;
    bool explicit_nonce;
};

/* Both directions of a connection. Wipe with rec_done(). */
struct rec {
    struct rec_half in, out;
    uint16_t max_plain; /* of records that are sent; RFC 6066 section 4 can make it smaller */
    uint8_t empties, warnings;
    uint8_t asks;          /* TLS 1.2: the message by which the peer asks for a new handshake */
    uint8_t n_message;     /* of a handshake message behind the handshake: bytes of its header seen */
    uint32_t message_left; /* and bytes still to be skipped */
    uint8_t message_head[4];
};

enum rec_verdict {
    REC_MORE,      /* the record is not complete */
    REC_PLAINTEXT, /* application data, perhaps none */
    REC_IGNORED,   /* a record without meaning for the user */
    REC_REFUSED, /* TLS 1.2: the peer asked for a renegotiation; send a warning no_renegotiation (RFC 5746 section 4.5) */
    REC_MESSAGE, /* TLS 1.3: bytes of handshake messages, for the engine */
    REC_CLOSED,  /* close_notify */
    REC_FAILED,  /* got.err: ERR_TLS + the alert to send, or ERR_TLS_PEER + the alert that came */
};

/* What rec_open() is given and gives. */
struct rec_got {
    uint8_t *to; /* where plaintext may be put, if it fits; NULL: nowhere */
    size_t room;
    size_t used;   /* bytes of the input this record took */
    uint8_t *data; /* in `to`, or in the input */
    size_t n;
    int err;
};

void rec_half_init(struct rec_half *h, const struct aead_impl *impl, uint16_t version,
                   const struct rec_keys *keys);
/* After both halves were initialised. The peer is taken for a client; toward a server set `asks`. */
void rec_start(struct rec *r);
void rec_done(struct rec *r);

/* Bytes that n bytes of application data take as records. */
size_t rec_size(const struct rec *r, size_t n);
/*
 * One record of at most REC_PLAIN bytes from `in` to `out`, which has room for n + REC_OVERHEAD. Returns its length, or 0 when the
 * sequence numbers are used up: the connection must end.
 */
size_t rec_seal(struct rec_half *h, enum rec_type type, const void *in, size_t n, uint8_t *out);
/* n bytes of application data as records of max_plain: `out` has room for rec_size(). Returns the bytes written, 0 as above. */
size_t rec_seal_data(struct rec *r, const void *in, size_t n, uint8_t *out);

/* rec_open() would not say REC_MORE. */
bool rec_ready(const uint8_t *in, size_t n);
/* Opens the record at the start of `in`, which is overwritten unless the plaintext goes to got->to. */
enum rec_verdict rec_open(struct rec *r, uint8_t *in, size_t n, struct rec_got *got);

/* Appends a sealed alert. False when memory is out or the sequence numbers are used up. */
bool rec_alert(struct rec_half *h, int level, enum alert alert, struct buf *out);
/* Appends an alert in clear, for a handshake without keys. */
bool rec_alert_clear(uint16_t version, int level, enum alert alert, struct buf *out);

#endif
