#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"

enum { SMALLEST = 256 };

void buf_done(struct buf *b)
{
    free(b->mem);
    *b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
    if (b->mem)
        wipe(b->mem, b->cap);
    buf_done(b);
}

void buf_shrink(struct buf *b)
{
    if (b->len == 0)
        buf_done(b);
}

uint8_t *buf_data(const struct buf *b)
{
    return b->mem ? b->mem + b->start : NULL;
}

struct str buf_str(const struct buf *b)
{
    return b->len > 0 ? str_from(b->mem + b->start, b->len) : (struct str){NULL, 0};
}

static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : SMALLEST;
    while (cap < need) {
        if (cap > SIZE_MAX / 2)
            return false;
        cap *= 2;
    }
    /* Not realloc(): the held bytes move to the front, and a wiping owner must not leave a copy behind. */
    uint8_t *mem = malloc(cap);
    if (!mem)
        return false;
    if (b->len > 0)
        memcpy(mem, b->mem + b->start, b->len);
    if (b->mem)
        wipe(b->mem + b->start, b->len);
    free(b->mem);
    b->mem = mem;
    b->cap = cap;
    b->start = 0;
    return true;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (n > SIZE_MAX / 2 - b->len)
        return NULL;
    if (b->len + n > b->cap) {
        if (!grow(b, b->len + n))
            return NULL;
    } else if (b->start + b->len + n > b->cap) {
        memmove(b->mem, b->mem + b->start, b->len);
        b->start = 0;
    }
    return b->mem + b->start + b->len;
}

void buf_added(struct buf *b, size_t n)
{
    b->len += n;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return true;
    uint8_t *at = buf_reserve(b, n);
    if (!at)
        return false;
    memcpy(at, p, n);
    buf_added(b, n);
    return true;
}

bool buf_add_str(struct buf *b, struct str s)
{
    return buf_add(b, s.p, s.n);
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    char *at = n < 0 ? NULL : (char *)buf_reserve(b, (size_t)n + 1);
    if (!at)
        return false;
    va_start(ap, format);
    (void)vsnprintf(at, (size_t)n + 1, format, ap);
    va_end(ap);
    buf_added(b, (size_t)n);
    return true;
}

void buf_take(struct buf *b, size_t n)
{
    if (n > b->len)
        n = b->len;
    b->start += n;
    b->len -= n;
    if (b->len == 0)
        b->start = 0;
}
