/*
 * A growing queue of bytes with an upper bound: bytes are added at the end and taken from the front.
 * An empty buffer holds no memory after buf_shrink(), so that idle connections cost nothing.
 * Memory that may have held secrets is released with buf_wipe() instead of buf_done().
 */
#ifndef EDGE_BASE_BUF_H
#define EDGE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf {
    uint8_t *mem;
    size_t start; /* the first byte that was not taken */
    size_t len;   /* bytes held */
    size_t cap;
};

/* All-zero is a valid empty buffer. */
void buf_done(struct buf *b);
void buf_wipe(struct buf *b);
/* Gives the memory back if the buffer is empty. */
void buf_shrink(struct buf *b);

uint8_t *buf_data(const struct buf *b);
struct str buf_str(const struct buf *b);

/* Room for n more bytes behind the held ones: where to write them, or NULL when memory is out. Then buf_added(). */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);
/* False when memory is out; nothing was added then. */
bool buf_add(struct buf *b, const void *p, size_t n);
bool buf_add_str(struct buf *b, struct str s);
bool buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops n bytes (at most len) from the front. */
void buf_take(struct buf *b, size_t n);

#endif
