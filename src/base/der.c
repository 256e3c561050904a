#include "base/der.h"

enum { LONG_FORM = 0x80, LENGTH_BYTES_MAX = 3 };

int der_peek(struct str in)
{
    return in.n > 0 ? (uint8_t)in.p[0] : -1;
}

/* Splits the first element into the length of its header and that of its content. */
static bool measure(struct str in, size_t *header, size_t *content)
{
    if (in.n < 2)
        return false;
    size_t first = (uint8_t)in.p[1];
    *header = 2;
    *content = first;
    if (first >= LONG_FORM) {
        size_t bytes = first - LONG_FORM;
        if (bytes == 0 || bytes > LENGTH_BYTES_MAX || in.n < 2 + bytes || in.p[2] == 0)
            return false;
        *content = 0;
        for (size_t i = 0; i < bytes; i++)
            *content = *content << 8 | (uint8_t)in.p[2 + i];
        if (*content < LONG_FORM)
            return false;
        *header += bytes;
    }
    return *content <= in.n - *header;
}

bool der_take(struct str *in, int tag, struct str *content)
{
    size_t header = 0, n = 0;
    if (der_peek(*in) != tag || !measure(*in, &header, &n))
        return false;
    *content = (struct str){in->p + header, n};
    *in = str_skip(*in, header + n);
    return true;
}

bool der_take_whole(struct str *in, struct str *element)
{
    size_t header = 0, n = 0;
    if (!measure(*in, &header, &n))
        return false;
    *element = (struct str){in->p, header + n};
    *in = str_skip(*in, header + n);
    return true;
}

bool der_take_unsigned(struct str *in, struct str *number)
{
    if (!der_take(in, DER_INTEGER, number) || number->n == 0 || (uint8_t)number->p[0] >= 0x80)
        return false;
    while (number->n > 0 && number->p[0] == 0)
        *number = (struct str){number->p + 1, number->n - 1};
    return true;
}

bool der_take_bits(struct str *in, struct str *bytes)
{
    /* The first byte tells how many bits of the last one do not count. */
    if (!der_take(in, DER_BIT_STRING, bytes) || bytes->n == 0 || bytes->p[0] != 0)
        return false;
    *bytes = (struct str){bytes->p + 1, bytes->n - 1};
    return true;
}
