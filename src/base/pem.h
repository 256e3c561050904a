/* PEM (RFC 7468): blocks of base64 between BEGIN and END lines, read from text of any other kind. */
#ifndef EDGE_BASE_PEM_H
#define EDGE_BASE_PEM_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum pem_verdict { PEM_BLOCK, PEM_END, PEM_BROKEN };

struct pem_block {
    struct str label;  /* "CERTIFICATE" */
    struct str base64; /* between the lines, RFC 1421 headers included */
    bool headers;      /* RFC 1421 headers are there: an encrypted key of the old kind */
};

/* Takes the next block off *text. */
enum pem_verdict pem_next(struct str *text, struct pem_block *block);
/* How many bytes a block has at most once decoded. */
size_t pem_size(const struct pem_block *block);
/* Decodes into `out` of pem_size() bytes; false when it is not base64. */
bool pem_decode(const struct pem_block *block, uint8_t *out, size_t *n);
/* Adds a block, its lines of 64 characters. False when memory is out. The caller wipes what it may have of a key. */
bool pem_write(struct buf *out, const char *label, struct str der);

#endif
