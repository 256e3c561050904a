/*
 * The certificates that the keeper found for the host names of a configuration, as an image (server/image.h) that travels from the
 * keeper through the supervisor to the workers: one section per certificate, and one per host name that says which it gets.
 */
#ifndef EDGE_SERVER_CERT_IMAGE_H
#define EDGE_SERVER_CERT_IMAGE_H

#include "base/buf.h"
#include "base/str.h"

struct certs;

/* A certificate under a key of the builder's choice. False when memory is out. The buffer holds a private key: wipe it. */
bool cert_image_add(struct buf *b, struct str key, struct str chain_pem, struct str key_pem);
/* `host` is answered with the certificate of that key, which was added before. */
bool cert_image_name(struct buf *b, struct str host, struct str key);
/* Adds what an image holds to a set that is being filled. Returns how many names got a certificate; -1: it is no such image. */
int cert_image_read(int fd, struct certs *certs);

#endif
