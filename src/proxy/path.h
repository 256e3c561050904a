/*
 * Paths as patterns see them (reference.md, "Patterns"): decoded once, without `.` segments. A path that two servers could read in
 * two ways is refused.
 */
#ifndef EDGE_PROXY_PATH_H
#define EDGE_PROXY_PATH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * Reads the path of a target in origin form (the query is cut off). Returns 0 and the reading in *out (in mem); ERR_HTTP_TARGET
 * for `..` in any spelling (encoded, encoded twice, with `;params`, with a backslash), for a dot, slash or backslash in overlong
 * UTF-8, for a malformed percent-encoding and for an encoded NUL; or ERR_NOMEM. `*` of OPTIONS stays `*`.
 */
int path_read(struct str target, struct arena *mem, struct str *out);
/*
 * Takes a prefix of whole segments (`/api`) off a target that path_read() took: the rest, as it was written, with one slash at its
 * beginning; in mem where it is not a part of the target. A target whose path, as it is read, does not begin so stays as it is.
 * Returns 0, ERR_NOMEM, or ERR_HTTP_TARGET where the slash behind the prefix is an escape: what is left would be read in two ways.
 */
int path_strip(struct str target, struct str prefix, struct arena *mem, struct str *out);
/* `*` stands for any run of characters, slashes too; case counts. */
bool path_match(struct str pattern, struct str path);

#endif
