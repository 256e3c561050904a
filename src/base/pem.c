#include "base/pem.h"

#include <sodium.h>

enum { LINE = 64, LINE_BYTES = LINE / 4 * 3 };

/* The rest of `text` from where `what` begins; empty when it is not there. */
static struct str seek(struct str text, struct str what)
{
    while (text.n >= what.n) {
        if (str_starts(text, what))
            return text;
        size_t at = str_find(str_skip(text, 1), what.p[0]) + 1;
        text = str_skip(text, at);
    }
    return (struct str){NULL, 0};
}

enum pem_verdict pem_next(struct str *text, struct pem_block *block)
{
    static const struct str begin = STR("-----BEGIN "), end = STR("-----END "), dashes = STR("-----");
    struct str at = seek(*text, begin);
    if (at.n == 0)
        return PEM_END;
    at = str_skip(at, begin.n);
    struct str label_end = seek(at, dashes);
    block->label = str_take(at, at.n - label_end.n);
    if (label_end.n == 0 || str_find(block->label, '\n') < block->label.n)
        return PEM_BROKEN;
    at = str_skip(label_end, dashes.n);
    struct str tail = seek(at, end);
    block->base64 = str_take(at, at.n - tail.n);
    block->headers = str_find(block->base64, ':') < block->base64.n;
    tail = str_skip(tail, tail.n > 0 ? end.n : 0);
    if (!str_starts(tail, block->label) || !str_starts(str_skip(tail, block->label.n), dashes))
        return PEM_BROKEN;
    *text = str_skip(tail, block->label.n + dashes.n);
    return PEM_BLOCK;
}

size_t pem_size(const struct pem_block *block)
{
    return block->base64.n / 4 * 3 + 3;
}

bool pem_decode(const struct pem_block *block, uint8_t *out, size_t *n)
{
    return sodium_base642bin(out, pem_size(block), block->base64.p, block->base64.n, " \t\r\n", n, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           *n > 0;
}

bool pem_write(struct buf *out, const char *label, struct str der)
{
    char line[LINE + 1];
    bool good = buf_printf(out, "-----BEGIN %s-----\n", label);
    for (; good && der.n > 0; der = str_skip(der, LINE_BYTES)) {
        struct str part = str_take(der, LINE_BYTES);
        sodium_bin2base64(line, sizeof line, (const uint8_t *)part.p, part.n, sodium_base64_VARIANT_ORIGINAL);
        good = buf_printf(out, "%s\n", line);
    }
    sodium_memzero(line, sizeof line);
    return good && buf_printf(out, "-----END %s-----\n", label);
}
