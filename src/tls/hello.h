/*
 * The ClientHello (RFC 5246 section 7.4.1.2, RFC 8446 section 4.1.2), read once, strictly, before any engine runs. Bytes in,
 * however records and segments cut them; a parsed message out, whose pieces point into it.
 */
#ifndef EDGE_TLS_HELLO_H
#define EDGE_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum {
    HELLO_MAX = 4 + 0x20100, /* the largest possible lists of suites and extensions fit */
    HELLO_SNI = 253,         /* a host name's length, RFC 1035 section 2.3.4 */
};

/* Extensions that are known by number here: RFC 6066, 7301, 8422, 8446, 5746. */
enum hello_extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_MAX_FRAGMENT_LENGTH = 1,
    EXTENSION_SUPPORTED_GROUPS = 10,
    EXTENSION_EC_POINT_FORMATS = 11,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_SUPPORTED_VERSIONS = 43,
    EXTENSION_RENEGOTIATION_INFO = 0xff01,
};

/* Values that are compared somewhere: suites, signature schemes. */
enum { SUITE_FALLBACK_SCSV = 0x5600 };

struct hello {
    struct str
        message; /* the handshake message with its 4 bytes of header; everything below points into it */
    uint16_t record_version; /* of the first record */
    uint16_t version;        /* legacy_version */
    struct str random, session_id;
    struct str suites;     /* 2 bytes each */
    struct str extensions; /* all of them, well-formed and each at most once */
    /* Bodies of extensions without their length bytes; p is NULL when the client did not send it. */
    struct str versions, groups, signatures; /* 2 bytes each */
    struct str alpn;                         /* length-prefixed names */
    uint16_t max_fragment;                   /* 512 … 4096, 0: not asked for */
    char sni[HELLO_SNI + 1];                 /* lower case, no final dot */
    size_t n_sni;                            /* 0: none was sent */
};

enum hello_verdict {
    HELLO_WAIT, /* all input was taken, more is needed */
    HELLO_DONE, /* the hello is complete; input that was not taken comes after it */
    HELLO_HTTP, /* the first byte is a letter: somebody speaks HTTP */
    HELLO_FAIL, /* reader.err: ERR_TLS + alert, or ERR_NOMEM */
};

/* All-zero is a reader before the first byte. */
struct hello_reader {
    struct buf message;
    uint8_t header[5];
    uint8_t n_header;
    uint16_t left; /* bytes of the record that are still to come */
    uint16_t record_version;
    int err;
};

/* `out` is filled with HELLO_DONE and valid until hello_done(). */
enum hello_verdict hello_feed(struct hello_reader *r, struct str in, size_t *used, struct hello *out);
void hello_done(struct hello_reader *r);

/* Parses a whole handshake message, header included. 0, or the alert to send. */
int hello_parse(struct str message, struct hello *out);

/* A list of 2-byte values holds this one. */
bool hello_lists(struct str list, uint16_t value);
/* The client offers this TLS version (supported_versions, else legacy_version). */
bool hello_offers(const struct hello *h, uint16_t version);
/* The client's ALPN list holds this protocol. */
bool hello_alpn(const struct hello *h, struct str protocol);
/* The body of any extension. False when the client did not send it. */
bool hello_extension(const struct hello *h, uint16_t type, struct str *body);

struct str hello_sni(const struct hello *h);

#endif
