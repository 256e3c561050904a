/* base64url without padding (RFC 4648 section 5), the way JOSE writes bytes (RFC 7515 section 2). */
#ifndef EDGE_BASE_B64_H
#define EDGE_BASE_B64_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* False when memory is out. */
bool b64_url_put(struct buf *out, struct str bytes);
/* p is NULL when memory is out. */
struct str b64_url(struct arena *mem, struct str bytes);
/* p is NULL when it is not base64url, has padding or bits left over, or memory is out. */
struct str b64_url_read(struct arena *mem, struct str text);
/* Not empty and nothing but letters of the alphabet: what a nonce and a token must be. */
bool b64_is_url(struct str text);

#endif
