/*
 * Memory that is freed all at once: an exchange or a snapshot owns one and everything it points to lies in it.
 * All-zero is a valid empty arena. Pieces are aligned for any type; nothing can be freed alone.
 */
#ifndef EDGE_BASE_ARENA_H
#define EDGE_BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first */
    size_t total;               /* bytes obtained from malloc, for limits */
};

void arena_done(struct arena *a);
/* The same for an arena that held secrets: all of it is overwritten first. */
void arena_wipe(struct arena *a);
/* Uninitialised; NULL when memory is out. */
void *arena_alloc(struct arena *a, size_t n);
/* Zeroed; NULL when memory is out or count * size overflows. */
void *arena_zalloc(struct arena *a, size_t count, size_t size);
/* A NUL-terminated copy; p is NULL when memory is out. */
struct str arena_dup(struct arena *a, struct str s);
/* The same as a C string; NULL when memory is out. */
char *arena_cstr(struct arena *a, struct str s);
/* p is NULL when memory is out. */
struct str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
