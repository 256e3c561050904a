/*
 * Writing DER (X.690): elements are added in their order, a constructed one between begin and end. The
 * first failure - memory is out - sticks; der_write_str() tells it. An all-zero writer is ready; its owner
 * releases `out` with buf_done() or buf_wipe().
 */
#ifndef EDGE_BASE_DER_WRITE_H
#define EDGE_BASE_DER_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/der.h"

struct der_write {
    struct buf out;
    bool failed;
};

/* Opens an element; what is written until der_write_end() of the same mark is its content. */
size_t der_write_begin(struct der_write *w, int tag);
void der_write_end(struct der_write *w, size_t mark);
/* A whole element. */
void der_write_put(struct der_write *w, int tag, struct str content);
/* Bytes as they are: DER made before. */
void der_write_raw(struct der_write *w, struct str der);
/* A small INTEGER, 0 … 127. */
void der_write_small(struct der_write *w, uint8_t number);
/* A BIT STRING of whole bytes. */
void der_write_bits(struct der_write *w, struct str bytes);
/* All that was written, borrowed; p is NULL after a failure. */
struct str der_write_str(const struct der_write *w);

#endif
