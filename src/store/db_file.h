/* edge.db as a file: who may have made it, and with which mode. SQLite opens it later, by its path. */
#ifndef EDGE_STORE_DB_FILE_H
#define EDGE_STORE_DB_FILE_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * DIR/edge.db with every symbolic link of DIR resolved, so that SQLite can refuse all links; the caller frees.
 * NULL: *why tells. The directory may be reached over links (its owner made them); the file may not be one.
 */
char *db_file_path(const char *dir, struct buf *why);
/* 1 there is a regular file, 0 there is none, -1 there is something else or it cannot be told: *why tells. */
int db_file_look(const char *path, struct buf *why);
/*
 * Makes it, empty, if it is missing: mode 0600 whatever the umask; root gives it to the owner of the
 * directory. An old one, restored from a backup perhaps, loses the rights of group and others, and so do -wal
 * and -shm.
 */
int db_file_make(const char *path, struct buf *why);

#endif
