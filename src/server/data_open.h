/* The database, opened by a command: as the owner of the data directory, never as root, so that the daemon can go on using it. */
#ifndef EDGE_SERVER_DATA_OPEN_H
#define EDGE_SERVER_DATA_OPEN_H

#include "base/buf.h"
#include "config/site.h"
#include "store/store.h"

/*
 * Opens the store in s->data_dir. If we are root, this process becomes the owner of the directory for good, before the file is
 * touched; a missing directory is made for `user` first (STORE_WRITE). NULL, and *why holds a sentence.
 */
struct store *data_open(struct snapshot *s, enum store_mode mode, struct buf *why);

#endif
