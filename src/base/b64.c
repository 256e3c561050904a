#include "base/b64.h"

#include <sodium.h>

enum { VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

bool b64_url_put(struct buf *out, struct str bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.n, VARIANT);
    uint8_t *at = buf_reserve(out, size);
    if (!at)
        return false;
    sodium_bin2base64((char *)at, size, (const uint8_t *)bytes.p, bytes.n, VARIANT);
    buf_added(out, size - 1); /* without the NUL */
    return true;
}

struct str b64_url(struct arena *mem, struct str bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.n, VARIANT);
    char *text = arena_alloc(mem, size);
    if (!text)
        return (struct str){NULL, 0};
    sodium_bin2base64(text, size, (const uint8_t *)bytes.p, bytes.n, VARIANT);
    return (struct str){text, size - 1};
}

struct str b64_url_read(struct arena *mem, struct str text)
{
    size_t n = 0, room = text.n / 4 * 3 + 3;
    uint8_t *bytes = arena_alloc(mem, room);
    if (!bytes || sodium_base642bin(bytes, room, text.p, text.n, NULL, &n, NULL, VARIANT) != 0)
        return (struct str){NULL, 0};
    return str_from(bytes, n);
}

bool b64_is_url(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!ascii_alnum(text.p[i]) && text.p[i] != '-' && text.p[i] != '_')
            return false;
    }
    return text.n > 0;
}
