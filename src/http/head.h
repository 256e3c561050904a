/*
 * The head of a message as every HTTP version knows it. All strings are borrowed: from the exchange's arena once a session
 * has taken the head, from the reader's input before.
 */
#ifndef EDGE_HTTP_HEAD_H
#define EDGE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum {
    HEAD_MAX_BYTES = 64 * 1024, /* request or status line and fields */
    HEAD_MAX_TARGET = 16 * 1024,
    HEAD_MAX_FIELDS = 256,
    HEAD_MAX_OPTIONS = 64, /* names in Connection; who walks them for each field stays linear */
};

/* How the body's end is known (RFC 9112 section 6.3). */
enum framing {
    FRAME_NONE,    /* there is no body */
    FRAME_LENGTH,  /* `length` bytes, 0 included */
    FRAME_CHUNKED, /* chunked, or the stream's own framing in HTTP/2 */
    FRAME_CLOSE,   /* a response that lasts until the connection ends */
};

struct field {
    struct str name;  /* as received, never empty */
    struct str value; /* without blanks at its ends */
};

struct head {
    uint8_t minor; /* of HTTP/1.x: 0 or 1 */

    /* of a request */
    struct str method;
    struct str target;    /* as received */
    struct str authority; /* of the target or Host, as received; empty when neither tells one */
    struct str path;      /* origin form with the query: what is forwarded; `*` for OPTIONS * */

    /* of a response */
    int status;
    struct str reason;

    struct field *fields; /* end-to-end and hop-by-hop, in the order received */
    size_t n_fields;
    size_t cap_fields;

    enum framing framing;
    uint64_t length; /* with FRAME_LENGTH; of a response to HEAD: what Content-Length said */
    bool no_body;    /* of a response: nothing follows, whatever framing announces (HEAD, 1xx, 204, 304) */
    bool keep_alive; /* the sender would use the connection again */
    bool expect_continue; /* Expect: 100-continue in an HTTP/1.1 request */
    bool upgrade;         /* Upgrade is there and Connection names it */
};

/* The first field of that name (case does not count), or NULL. */
const struct field *head_find(const struct head *h, struct str name);
/* The next one after `after`; after = NULL gives the first. */
const struct field *head_next(const struct head *h, struct str name, const struct field *after);
/* The value of the only field of that name; false if there is none or more than one. */
bool head_single(const struct head *h, struct str name, struct str *value);
/* Some field of that name has this element in its comma-separated list; case does not count. */
bool head_lists(const struct head *h, struct str name, struct str element);
/* Appends; name and value are borrowed. Returns -1 when memory is out. */
int head_add(struct head *h, struct arena *mem, struct str name, struct str value);
/* Removes all fields of that name; returns how many there were. */
size_t head_remove(struct head *h, struct str name);
/* Removes the fields for which drop() says so, keeping the order of the rest. */
size_t head_remove_if(struct head *h, bool (*drop)(const struct field *f, void *context), void *context);
/* A copy whose strings and fields lie in mem. Returns -1 when memory is out. */
int head_copy(struct head *to, const struct head *from, struct arena *mem);

/*
 * name is `known` (lower case, with `-`) for a server that tells names apart by their letters and digits only: CGI and its heirs
 * take `_`, and some of them any other character, for `-` (RFC 3875 section 4.1.18).
 */
bool head_name_reads_as(struct str name, struct str known);

bool method_is(const struct head *h, struct str method);

#endif
