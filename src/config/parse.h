/*
 * Text to snapshot. Reads no file and no clock, so that the supervisor can check a configuration and a jailed
 * worker can read the same text again.
 */
#ifndef EDGE_CONFIG_PARSE_H
#define EDGE_CONFIG_PARSE_H

#include "base/buf.h"
#include "base/str.h"
#include "config/site.h"

/*
 * The snapshot, to be freed with snapshot_free(); or NULL, and `errors` holds for each error found a line
 * `FILE:LINE:COLUMN: what is wrong; what to do`, the line itself and a line with a caret under the column.
 * `file` is the name to show. Warnings (same form, `FILE:LINE:COLUMN: warning: …`) may be there with a
 * snapshot as well.
 */
struct snapshot *config_parse(const char *file, struct str text, struct buf *errors);

#endif
