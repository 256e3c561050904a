#include "base/der_write.h"

#include <string.h>

enum { HEADER_MAX = 5, SHORT_FORM = 0x7f };

void der_write_raw(struct der_write *w, struct str der)
{
    if (!w->failed && !buf_add(&w->out, der.p, der.n))
        w->failed = true;
}

size_t der_write_begin(struct der_write *w, int tag)
{
    uint8_t byte = (uint8_t)tag;
    der_write_raw(w, str_from(&byte, 1));
    return w->out.len;
}

/* The length is known only now: its bytes go between the tag and the content. */
void der_write_end(struct der_write *w, size_t mark)
{
    uint8_t length[HEADER_MAX];
    size_t n = 0;
    if (w->failed)
        return;
    size_t content = w->out.len - mark;
    if (content > SHORT_FORM) {
        int bytes = content > 0xffffff ? 4 : content > 0xffff ? 3 : content > 0xff ? 2 : 1;
        length[n++] = (uint8_t)(0x80 + bytes);
        for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            length[n++] = (uint8_t)(content >> shift);
    } else {
        length[n++] = (uint8_t)content;
    }
    if (!buf_reserve(&w->out, n)) {
        w->failed = true;
        return;
    }
    uint8_t *at = buf_data(&w->out) + mark;
    memmove(at + n, at, content);
    memcpy(at, length, n);
    buf_added(&w->out, n);
}

void der_write_put(struct der_write *w, int tag, struct str content)
{
    size_t mark = der_write_begin(w, tag);
    der_write_raw(w, content);
    der_write_end(w, mark);
}

void der_write_small(struct der_write *w, uint8_t number)
{
    der_write_put(w, DER_INTEGER, str_from(&number, 1));
}

void der_write_bits(struct der_write *w, struct str bytes)
{
    size_t mark = der_write_begin(w, DER_BIT_STRING);
    der_write_raw(w, STR("\0")); /* no unused bits in the last byte */
    der_write_raw(w, bytes);
    der_write_end(w, mark);
}

struct str der_write_str(const struct der_write *w)
{
    return w->failed ? (struct str){NULL, 0} : buf_str(&w->out);
}
