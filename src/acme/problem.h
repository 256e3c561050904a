/* Problem documents (RFC 9457, RFC 8555 section 6.7): what the CA says is wrong, shown word for word. */
#ifndef EDGE_ACME_PROBLEM_H
#define EDGE_ACME_PROBLEM_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"

/* As much of the type as is ever compared: what follows urn:ietf:params:acme:error: */
enum { PROBLEM_TYPE = 48 };

struct problem {
    char type[PROBLEM_TYPE]; /* "badNonce"; empty when it is of no kind that RFC 8555 knows */
};

/*
 * The document at a path ("$", "$.error"): its type into *problem, and if `why` is not NULL all it says as
 * one line added to it. False when there is none: no object with a type or a detail.
 */
bool problem_read(struct json *j, const char *at, struct problem *problem, struct buf *why);
bool problem_is(const struct problem *problem, const char *type);
/*
 * Adds text from outside on one line: control characters become blanks, what is not UTF-8 a question mark,
 * at most `max` bytes.
 */
bool problem_plain(struct buf *out, struct str text, size_t max);

#endif
