/*
 * Whom to believe when a backend shows its certificate: the certificates of a PEM bundle, parsed once and shared by all connections
 * of a process. Immutable.
 */
#ifndef EDGE_TLS_TRUST_H
#define EDGE_TLS_TRUST_H

#include <stdbool.h>

#include "base/str.h"

struct tls_trust;

/*
 * The anchors of a PEM bundle; an empty `pem` makes one that believes every certificate (`tls insecure`). Nothing of `pem` is kept.
 *
 * A certificate is an authority if it says so (basicConstraints), or signed itself without saying anything; it need not be a root.
 * Each one is trusted for itself besides: a backend that shows exactly this certificate is believed, which is how a self-signed
 * one is used. What cannot be used (other keys than RSA of 1024 to 4096 bits, P-256 and P-384, broken DER) is left out.
 *
 * NULL with *err: ERR_TRUST_NONE, ERR_TRUST_BROKEN, ERR_NOMEM.
 */
struct tls_trust *tls_trust_new(struct str pem, int *err);
/* After the last stream made with it was closed. NULL allowed. */
void tls_trust_free(struct tls_trust *t);

#endif
