/*
 * A socket to a backend under TLS 1.2 as a stream (net/stream.h). What connections can share - the template of the engine, the big
 * buffers, sessions to resume - belongs to a tls_client_worker, one per process.
 */
#ifndef EDGE_TLS_STREAM_TLS_CLIENT_H
#define EDGE_TLS_STREAM_TLS_CLIENT_H

#include "base/ip.h"
#include "base/str.h"
#include "tls/trust.h"

struct stream;
struct tls_worker;
struct tls_client_worker;

/*
 * rand_init() must have run. `share`: the process's worker for its own clients, whose big buffers are used then and which must
 * outlive this one; NULL: buffers of its own. NULL when memory is out.
 */
struct tls_client_worker *tls_client_worker_new(struct tls_worker *share);
/* After the last stream of it was closed. NULL allowed. */
void tls_client_worker_free(struct tls_client_worker *w);

/*
 * Takes fd (non-blocking, connected), which its close() closes. NULL when memory is out: fd stays the caller's.
 *
 * `name` is copied. A host name goes out as SNI and must be in the certificate. An IP address must be among the certificate's
 * (subjectAltName iPAddress, RFC 5280 section 4.2.1.6), unless exactly this certificate is trusted; it is never sent. Without a
 * name only certificates that are trusted themselves are believed. With `tls insecure` nothing is compared.
 *
 * read() with n = 0 drives the handshake, 0 says it is done; a read() with n > 0 drives it as well. write() before that is
 * STREAM_AGAIN. info().sni is the host name.
 *
 * STREAM_FAIL and its err:
 * - ERR_TLS_UNTRUSTED … ERR_TLS_PLAIN: why this backend cannot be spoken to; trying again does not help.
 * - ERR_TLS + alert: the backend broke the protocol. ERR_TLS_PEER + alert: the backend sent it.
 * - ERR_CLOSED: end of the connection without close_notify; ERR_RESET and others of the socket.
 * After a failure read() and write() go on failing.
 */
struct stream *stream_tls_client_new(struct tls_client_worker *w, const struct tls_trust *t, struct str name,
                                     int fd, struct endpoint peer);

#endif
