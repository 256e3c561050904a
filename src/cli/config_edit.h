/* The configuration file while a command changes it: checked before, checked after, written whole. */
#ifndef EDGE_CLI_CONFIG_EDIT_H
#define EDGE_CLI_CONFIG_EDIT_H

#include <stdbool.h>

#include "base/buf.h"
#include "cli/file_replace.h"
#include "cli/options.h"
#include "config/site.h"

struct config_edit {
    const char *command; /* its name, for messages */
    const struct options *options;
    struct file_replace file;
    struct buf text;           /* of the file */
    struct snapshot *snapshot; /* what it says */
};

/*
 * Opens the file for the command, reads and checks it; no other command changes it until config_edit_done().
 * A missing file counts as an empty one if `make`. Returns the exit status, not 0 after telling what is wrong
 * on standard error. With `certificates`, the files that sites name are tried as `edge check` does.
 */
int config_edit_begin(struct config_edit *e, bool make, bool certificates);
/*
 * `text` becomes the file, and the snapshot is its. Returns the exit status, not 0 after telling what is
 * wrong: nothing was written then.
 */
int config_edit_write(struct config_edit *e, struct str text);
void config_edit_done(struct config_edit *e);
/* Tells that there was no memory to make the new text. Returns the exit status. */
int config_edit_nomem(void);

#endif
