/* A file as a whole, for what a person wrote: the configuration, certificates, keys. */
#ifndef EDGE_SERVER_READ_FILE_H
#define EDGE_SERVER_READ_FILE_H

#include <stddef.h>

#include "base/buf.h"

enum { READ_FILE_CONFIG = 16 * 1024 * 1024, READ_FILE_PEM = 1024 * 1024 };

/* Appends the content to out. Returns -1 with errno: EFBIG if there are more than max bytes; nothing is in out then. */
int read_file(const char *path, size_t max, struct buf *out);

#endif
