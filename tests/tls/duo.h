/* A TLS client by BearSSL and our handshake, buffer to buffer: what tests of the engines stand on. Not for use outside tests. */
#ifndef EDGE_TESTS_TLS_DUO_H
#define EDGE_TESTS_TLS_DUO_H

#include <bearssl.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"
#include "tls/handshake.h"

enum { DUO_SUITES = 6, DUO_WIRE = 256 * 1024 };

extern const uint16_t duo_suites[DUO_SUITES];

/* A file of tests/tls/data, in memory that the caller frees with free((void *)s.p). Fails the test when it is not there. */
struct str duo_file(const char *name);
/* Adds the fixture NAME.pem with NAME.key; its id. Fails the test when it is refused. */
int duo_add(struct certs *certs, const char *name);
/* The same with CHAIN.pem and KEY.key. */
int duo_add_chain(struct certs *certs, const char *chain, const char *key);
/* ec.test (with its intermediate), rsa.test, ec384.test and rsa4096.test; `*` is ec.test. */
struct certs *duo_certs(void);

/* A client that believes any certificate, but checks the signature made with its key. */
struct duo_client {
    br_ssl_client_context ssl;
    const br_x509_class *x509;
    br_x509_decoder_context decoder;
    size_t n_certs;
    br_ec_impl ec;
    uint8_t wire[BR_SSL_BUFSIZE_BIDI];
};

/* One suite, or 0 for all; one curve, or 0 for all that BearSSL has. */
void duo_client_init(struct duo_client *c, uint16_t suite, int curve);
/* `resume` goes on with the session of the former connection of this client. NULL: no SNI. */
void duo_client_start(struct duo_client *c, const char *sni, bool resume);

/* Both ends. `piece` bytes at most go to the server at once. */
struct duo {
    struct duo_client *client;
    struct handshake server;
    struct rec rec;
    struct buf to_client, to_server;
    size_t piece;
    enum handshake_verdict verdict;
};

void duo_init(struct duo *d, struct duo_client *client, struct handshake_shared *shared);
/* Until both are done or one has failed. True when both are done. */
bool duo_shake(struct duo *d);
/* `n` bytes from one end to the other and back, through both record layers, then the same from the server. */
void duo_talk(struct duo *d, size_t n);
void duo_done(struct duo *d);

/* Moves what the client has to say into `out`, and `in` into the client. */
void duo_client_pull(struct duo_client *c, struct buf *out);
void duo_client_push(struct duo_client *c, struct buf *in);

#endif
