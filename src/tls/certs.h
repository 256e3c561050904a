/*
 * The certificates of one snapshot and the host names they answer for. A set is filled once (certs_new, certs_add, certs_name)
 * and read-only from then on. It is counted: certs_free() gives up one reference, so that handshakes under way keep the set they
 * began with when a new one takes its place. Private keys are wiped with the last reference.
 */
#ifndef EDGE_TLS_CERTS_H
#define EDGE_TLS_CERTS_H

#include "base/str.h"

struct cert;
struct certs;

/* An empty set with one reference; NULL when memory is out. */
struct certs *certs_new(void);
struct certs *certs_ref(struct certs *certs);
/* NULL allowed. */
void certs_free(struct certs *certs);

/*
 * Adds a certificate: a chain in PEM and its private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted). Other PEM blocks are
 * skipped, so one file with everything may be given twice. P-256, P-384 and RSA of 2048 to 4096 bits. The chain is sent with the
 * leaf first, whatever its order in the file. Nothing is kept of the arguments.
 * Returns an id >= 0, or -1 with a short English reason (static text) in *why.
 */
int certs_add(struct certs *certs, struct str pem_chain, struct str pem_key, struct str *why);
/*
 * From now on `name` is answered with certificate `id`: a host name, `*.rest` for one label in front of rest, or `*` for clients
 * that send no name or one that is not known here. Case and a final dot do not matter. Naming again replaces.
 * Returns 0, or -1 when the name is no host name, the id unknown, or memory is out.
 */
int certs_name(struct certs *certs, struct str name, int id);

/*
 * The certificate for a client's SNI (lower case, without final dot; empty: none was sent): the exact name, else `*.rest`, else `*`.
 * -1: none; the caller sends unrecognized_name (RFC 6066 section 3). The cost does not depend on the number of names.
 */
int certs_find(const struct certs *certs, struct str sni);
/* Borrowed, as long as the set lives. NULL for an id that is not in the set. */
const struct cert *certs_get(const struct certs *certs, int id);

#endif
