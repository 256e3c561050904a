/*
 * A file that a command changes while others may: at any moment, a crash or a full disk included, it is the
 * old one or the new one as a whole. Who opened it first goes first, the others wait.
 */
#ifndef EDGE_CLI_FILE_REPLACE_H
#define EDGE_CLI_FILE_REPLACE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/str.h"

/* Caller's memory. file_replace_done() frees, and lets the next one go on. */
struct file_replace {
    char *path;       /* the file itself: symbolic links are followed, and stay */
    const char *name; /* its part behind the last slash */
    int folder;       /* locked; -1: not open */
    bool there;       /* the file exists, and this is what it is: */
    struct stat before;
    const char *failed; /* after an error: what could not be done, as "cannot ..." */
};

/* Returns -1 with errno and f->failed set; file_replace_done() is due then as well. */
int file_replace_open(struct file_replace *f, const char *path);
/*
 * The text becomes the file, on the disk when this returns; mode and owner stay, those of a new file are 0644
 * and the caller. Returns -1 with errno and f->failed set: the file is the old one then.
 */
int file_replace_write(struct file_replace *f, struct str text);
void file_replace_done(struct file_replace *f);

#endif
