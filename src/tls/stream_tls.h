/*
 * A client's socket under TLS as a stream (net/stream.h). Everything that connections can share - engine templates, the big buffers
 * records are sealed and opened in, the certificates - belongs to a tls_worker, one per process.
 */
#ifndef EDGE_TLS_STREAM_TLS_H
#define EDGE_TLS_STREAM_TLS_H

#include "base/ip.h"
#include "tls/certs.h"
#include "tls/sessions.h"

struct stream;
struct tls_worker;

/*
 * Sessions are borrowed and may be NULL: then nothing is resumed. rand_init() must have run. No certificate is known at first.
 * NULL when memory is out.
 */
struct tls_worker *tls_worker_new(const struct sessions *sessions);
/* After the last stream of it was closed. NULL allowed. */
void tls_worker_free(struct tls_worker *w);
/* New handshakes use this set from now on; those under way keep theirs. Takes a reference of its own. NULL: none. */
void tls_worker_certs(struct tls_worker *w, struct certs *certs);

/*
 * Takes fd (non-blocking), which its close() closes. NULL when memory is out: fd stays the caller's.
 *
 * read() with n = 0 drives the handshake, 0 says it is done; a read() with n > 0 drives it as well. write() before that is
 * STREAM_AGAIN. info() is complete after it; sni is there as soon as the ClientHello was read.
 *
 * STREAM_FAIL and its err:
 * - ERR_HTTP_TLS_NEEDED: the first byte is that of an HTTP request. Nothing was written, some of it was read; the caller may
 *   answer in clear text on the fd before it closes the stream.
 * - ERR_TLS + alert: that alert was sent, as far as the socket took it at once. A reset right behind it would destroy it on its
 *   way, so the caller should close with STREAM_FINISH and let the peer hang up within a short time, or with STREAM_END.
 * - ERR_TLS_PEER + alert: the peer sent it.
 * - ERR_CLOSED: end of the connection without close_notify.
 * After a failure read() and write() go on failing.
 */
struct stream *stream_tls_new(struct tls_worker *w, int fd, struct endpoint peer);

#endif
