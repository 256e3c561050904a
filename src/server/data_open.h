/* The database, opened by a command: as the owner of the data directory, never as root, so that the daemon can go on using it. */
#ifndef EDGE_SERVER_DATA_OPEN_H
#define EDGE_SERVER_DATA_OPEN_H

#include "base/buf.h"
#include "config/site.h"
#include "store/store.h"

/* Makes a data directory that is missing, for the configured `user`. What cannot be done is logged. */
void data_make(struct snapshot *s);
/*
 * Opens the store in s->data_dir. If we are root, this process becomes the owner of the directory for good, before the file is
 * touched. NULL, and *why holds a sentence.
 */
struct store *data_open(struct snapshot *s, enum store_mode mode, struct buf *why);

#endif
