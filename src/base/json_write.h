/* Writing JSON (RFC 8259) into a buffer. */
#ifndef EDGE_BASE_JSON_WRITE_H
#define EDGE_BASE_JSON_WRITE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* A string in its quotes, escaped; bytes from 0x80 on go through as they are. False when memory is out. */
bool json_write_text(struct buf *out, struct str text);

#endif
